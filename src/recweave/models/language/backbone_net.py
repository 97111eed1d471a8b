"""The network of the language model within a recommender; imports torch."""

import hashlib
from copy import deepcopy
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recweave.core.errors import BadSetting
from recweave.core.extras import require
from recweave.llm.pretrained import LanguageModel
from recweave.models.language.backbone import EXTRA, BackboneSettings, TrainedBackbone
from recweave.models.nn.device import choose_device
from recweave.models.nn.tensors import seeded, to_array
from recweave.models.nn.weights import Weights


class Backbone(nn.Module):
    """A causal language model whose parameters are only those that are trained.

    So optimizers, checkpoints and saved models contain these alone. The frozen ones are shared by
    nobody: each `Backbone` has its own copy.

    Attributes:
        settings: Its settings.
        tokenizer: Its tokenizer.
        sha256: Of all that is not saved; see `TrainedBackbone`.
    """

    def __init__(self, settings: BackboneSettings, device: str, seed: int) -> None:
        super().__init__()
        self.settings, self.seed = settings, seed
        self._language = language = settings.language
        self.tokenizer = language.tokenizer
        self.sha256 = language.sha256
        with seeded(seed):
            if settings.pretrained:
                network = language.network(trained=True, dtype="float32")
            else:
                network = random_network(language)
                self.sha256 = _digest(self.sha256, network)
            network.requires_grad_(settings.trained == "full")
            if settings.trained == "lora":
                _add_lora(network, settings)
        # A tuple hides the network from torch, which would register all of its parameters.
        self._hidden = (network.to(choose_device(device)),)
        # Parameters cannot have dots in their names.
        learned = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self.learned = nn.ParameterDict({n.replace(".", "/"): p for n, p in learned.items()})

    @property
    def network(self) -> Any:
        """The model of transformers, with its head: token ids or embeddings to logits."""
        return self._hidden[0]

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        device: torch.device = self.words.device
        return device

    @property
    def width(self) -> int:
        """Length of an embedding and of a state."""
        return int(self.words.shape[1])

    @property
    def context(self) -> int:
        """Maximum number of tokens of an input."""
        return self._language.context

    @property
    def words(self) -> Float[Tensor, "vocabulary width"]:
        """The input embeddings of the tokens."""
        table: Tensor = self.network.get_input_embeddings().weight
        return table

    @property
    def head(self) -> Float[Tensor, "vocabulary width"]:
        """The output embeddings of the tokens; in most models the same as `words`."""
        table: Tensor = self.network.get_output_embeddings().weight
        return table

    def train(self, mode: bool = True) -> "Backbone":
        """Set training or evaluation mode, of the hidden network too."""
        self.network.train(mode)
        return super().train(mode)

    def states(
        self,
        embeddings: Float[Tensor, "batch time width"],
        mask: Tensor | None = None,
        positions: Int[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """The states after the last block, from embeddings.

        Args:
            embeddings: Of words or of other things.
            mask: True or 1 where a token is read (batch × time), or what is added to the attention
                scores (batch × heads or 1 × time × time); None: all are read.
            positions: Position of each token; None counts the tokens of a row that are read.
        """
        if positions is None and mask is not None and mask.ndim == 2:
            positions = (mask.long().cumsum(1) - 1).clamp(min=0)
        body = self.network.base_model
        states: Tensor = body(
            inputs_embeds=embeddings, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state
        return states

    def saved(self) -> TrainedBackbone:
        """What is saved of it: the trained weights, and the hash of the rest."""
        state = {name: to_array(value) for name, value in self.state_dict().items()}
        return TrainedBackbone(self.sha256, self.seed, Weights(tuple(state), tuple(state.values())))


def random_network(language: LanguageModel) -> Any:
    """A network of the same shape with random weights."""
    transformers = require("transformers", extra=EXTRA)
    config = deepcopy(language.config)
    try:
        return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    except ValueError:  # its message names every model there is
        kind = getattr(config, "model_type", "an unknown one")
        raise BadSetting(
            f"{language.folder}: a model of the type {kind} is no causal language model; give the "
            "folder of one that is"
        ) from None


def _add_lora(network: Any, settings: BackboneSettings) -> None:
    peft = require("peft", extra=EXTRA)
    config = peft.LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=list(settings.lora_targets) or None,
    )
    try:
        peft.inject_adapter_in_model(config, network)
    except ValueError as error:
        raise BadSetting(
            f"LoRA cannot be added to {settings.backbone}: {error}; name its layers in lora_targets"
        ) from None


def _digest(folder: str, network: Any) -> str:
    """SHA-256 of the folder's files and of the initial weights, which another torch may draw."""
    digest = hashlib.sha256(folder.encode())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(to_array(value).tobytes())
    return digest.hexdigest()
