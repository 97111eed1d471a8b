"""Language models that read and predict numbers of items; imports torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, log_softmax

from recweave.core.arrays import Array
from recweave.models.language.number_text import NumberText, Packed, Pairs
from recweave.models.language.number_tokens import compact
from recweave.models.nn.tensors import index_tensor


@dataclass(frozen=True, eq=False)
class Read:
    """Prompts that a network has read.

    Attributes:
        first: Log-probabilities of the first token of a number.
        states: What later tokens attend to.
        mask: Which positions of the prompts are tokens.
    """

    first: Float[Tensor, "batch symbols"]
    states: Any
    mask: Bool[Tensor, "batch time"]


class NumberNet(nn.Module, ABC):
    """A language model, and the numbers of a catalogue.

    Probabilities are over `text.symbols`, the tokens that numbers are made of, not over the whole
    vocabulary: a text that goes on with a word is not considered.

    Attributes:
        backbone: Has the model of transformers as `network`.
        text: The texts.
        pad: A token to fill rows with; nothing attends to it.
    """

    def __init__(self, backbone: nn.Module, text: NumberText, pad: int) -> None:
        super().__init__()
        self.backbone, self.text, self.pad = backbone, text, pad
        symbols = torch.from_numpy(text.symbols)
        self.register_buffer("symbols", symbols, persistent=False)
        place = torch.full((int(symbols.max()) + 1,), -1)
        place[symbols] = torch.arange(len(symbols))
        self.register_buffer("place", place, persistent=False)

    front: ClassVar[bool]
    symbols: Tensor
    place: Tensor

    @property
    def network(self) -> Any:
        """The model of transformers."""
        return self.backbone.network

    @abstractmethod
    def loss(self, batch: Packed | Pairs) -> Tensor:
        """Mean negative log-likelihood of the learned tokens."""

    @abstractmethod
    def read(self, prompt: Int[Array, "batch time"]) -> Read:
        """Read prompts, padded with -1 as `front` says."""

    @abstractmethod
    def after(
        self, read: Read, token: Int[Array, "rows nodes"], parent: Int[Array, "rows nodes"]
    ) -> Float[Tensor, "batch nodes symbols"]:
        """Log-probabilities of the token after each node of a tree that goes on from the prompts.

        Args:
            read: The prompts.
            token: The last token of each node; one row for each prompt, or one for all.
            parent: Place of the node before it; -1 where the prompt is before it. Parents come
                before their children.
        """

    @abstractmethod
    def number_states(self, number: Int[Array, " n"]) -> Float[Tensor, "n width"]:
        """A vector of each number: the mean of the states of its tokens, read without context."""

    def _log_probabilities(
        self, states: Float[Tensor, "... width"]
    ) -> Float[Tensor, "... symbols"]:
        return log_softmax(self._logits(states).float(), -1)

    def _logits(self, states: Float[Tensor, "... width"]) -> Float[Tensor, "... symbols"]:
        """As the network's own head gives them, of the symbols alone."""
        head = self.network.get_output_embeddings()
        bias = None if head.bias is None else head.bias[self.symbols]
        return linear(states, head.weight[self.symbols], bias)

    def _tensors(self, ids: Int[Array, "*shape"]) -> tuple[Tensor, Tensor]:
        """Token ids, and which of them are no padding."""
        tokens = index_tensor(ids, self.symbols.device)
        return tokens.masked_fill(tokens < 0, self.pad), tokens >= 0


class Causal(NumberNet):
    """A decoder: prompts are padded in front, and each item of a history is predicted at once."""

    front: ClassVar[bool] = True

    def loss(self, batch: Packed | Pairs) -> Tensor:
        """See `NumberNet.loss`."""
        if isinstance(batch, Pairs):
            learned = np.hstack([np.zeros(batch.source.shape, bool), batch.target >= 0])
            batch = Packed(*compact(np.hstack([batch.source, batch.target]), learned))
        ids, _ = self._tensors(batch.ids)
        learned_at = torch.from_numpy(batch.learned[:, 1:]).to(ids.device)
        # Padding is at the end, and no token attends to later ones: no mask is needed.
        states = self._states(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        target = self.place[ids[:, 1:][learned_at]]
        return cross_entropy(self._logits(states[learned_at]), target)

    def read(self, prompt: Int[Array, "batch time"]) -> Read:
        """See `NumberNet.read`; the padding is in front."""
        ids, mask = self._tensors(prompt)
        padding = {} if mask.all() else {"attention_mask": mask.long()}
        position = (mask.cumsum(1) - 1).clamp(min=0)
        out = self._states(input_ids=ids, position_ids=position, use_cache=True, **padding)
        first = self._log_probabilities(out.last_hidden_state[:, -1])
        return Read(first, out.past_key_values, mask)

    def after(
        self, read: Read, token: Int[Array, "rows nodes"], parent: Int[Array, "rows nodes"]
    ) -> Float[Tensor, "batch nodes symbols"]:
        """See `NumberNet.after`: one pass; each node attends to the prompt and its ancestors."""
        batch = len(read.mask)
        seen, depth = _ancestors(parent)
        device = read.mask.device
        ids = index_tensor(token, device).expand(batch, -1)
        ancestors = torch.from_numpy(seen).to(device).expand(batch, -1, -1)
        history = read.mask[:, None, :].expand(-1, ids.shape[1], -1)
        visible = torch.cat([history, ancestors], 2)[:, None]
        dtype = self.network.dtype
        mask = torch.zeros(visible.shape, dtype=dtype, device=device)
        mask = mask.masked_fill_(~visible, torch.finfo(dtype).min)
        position = read.mask.sum(1, keepdim=True) + index_tensor(depth, device) - 1
        out = self._states(
            input_ids=ids,
            position_ids=position.expand(batch, -1),
            attention_mask=mask,
            past_key_values=read.states,
            use_cache=True,
        )
        read.states.crop(-ids.shape[1])  # the next tree goes on from the prompts again
        return self._log_probabilities(out.last_hidden_state)

    def number_states(self, number: Int[Array, " n"]) -> Float[Tensor, "n width"]:
        """See `NumberNet.number_states`."""
        ids, mask = self._tensors(self.text.tokens.ids(number))
        states = self._states(input_ids=ids, use_cache=False).last_hidden_state
        return _mean(states, mask)

    def _states(self, **inputs: Any) -> Any:
        return self.network.base_model(**inputs)


class EncoderDecoder(NumberNet):
    """An encoder of prompts with their question, and a decoder of one number."""

    front: ClassVar[bool] = False

    def loss(self, batch: Packed | Pairs) -> Tensor:
        """See `NumberNet.loss`."""
        if isinstance(batch, Packed):
            raise TypeError("an encoder-decoder learns one number after each prompt")
        source, mask = self._tensors(batch.source)
        target, learned = self._tensors(batch.target)
        states = self._decode(target[:, :-1], self._encode(source, mask), mask)
        return cross_entropy(self._logits(states[learned]), self.place[target[learned]])

    def read(self, prompt: Int[Array, "batch time"]) -> Read:
        """See `NumberNet.read`; the padding is at the end."""
        source, mask = self._tensors(prompt)
        encoded = self._encode(source, mask)
        none = source[:, :0]
        states = self._decode(none, encoded, mask)
        return Read(self._log_probabilities(states[:, -1]), encoded, mask)

    def after(
        self, read: Read, token: Int[Array, "rows nodes"], parent: Int[Array, "rows nodes"]
    ) -> Float[Tensor, "batch nodes symbols"]:
        """See `NumberNet.after`: each node is a row of its own, with its ancestors before it."""
        batch, nodes = len(read.mask), token.shape[1]
        seen, depth = _ancestors(parent)
        paths = compact(np.where(seen, token[:, None, :], -1).reshape(-1, nodes))[0]
        paths = np.tile(paths, (batch // len(token), 1))  # one tree for each prompt, or for all
        ids, _ = self._tensors(paths)
        encoded, mask = (part.repeat_interleave(nodes, 0) for part in (read.states, read.mask))
        states = self._decode(ids, encoded, mask)
        at = index_tensor(np.broadcast_to(depth, (batch, nodes)).reshape(-1), ids.device)
        last = states[torch.arange(len(ids), device=ids.device), at]
        found = self._log_probabilities(last)
        return found.view(batch, nodes, found.shape[1])

    def number_states(self, number: Int[Array, " n"]) -> Float[Tensor, "n width"]:
        """See `NumberNet.number_states`: states of the encoder."""
        ids, mask = self._tensors(self.text.tokens.ids(number))
        return _mean(self._encode(ids, mask), mask)

    def _encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        encoder = self.network.get_encoder()
        states: Tensor = encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        return states

    def _decode(self, ids: Tensor, encoded: Tensor, mask: Tensor) -> Tensor:
        """The states at the start token and at each of these tokens."""
        config = self.network.config
        ids = torch.cat([ids.new_full((len(ids), 1), config.decoder_start_token_id), ids], 1)
        states: Tensor = self.network.get_decoder()(
            input_ids=ids,
            encoder_hidden_states=encoded,
            encoder_attention_mask=mask.long(),
            use_cache=False,
        ).last_hidden_state
        # T5 divides the states by the root of their width if head and embeddings are tied.
        return states * float(config.d_model**-0.5 if config.tie_word_embeddings else 1)


def _ancestors(
    parent: Int[Array, "rows nodes"],
) -> tuple[Bool[Array, "rows nodes nodes"], Int[Array, "rows nodes"]]:
    """Whether each node is an ancestor of another (itself too), and the number of its ancestors."""
    rows, nodes = parent.shape
    seen = np.broadcast_to(np.eye(nodes, dtype=bool), (rows, nodes, nodes)).copy()
    row, at = np.indices((rows, nodes))
    above = parent
    while (exists := above >= 0).any():
        seen[row[exists], at[exists], above[exists]] = True
        above = np.where(exists, np.take_along_axis(parent, np.maximum(above, 0), 1), -1)
    return seen, seen.sum(axis=2)


def _mean(states: Float[Tensor, "n time width"], mask: Bool[Tensor, "n time"]) -> Tensor:
    weight = mask[:, :, None].to(states.dtype)
    mean: Tensor = (states * weight).sum(1) / weight.sum(1)
    return mean
