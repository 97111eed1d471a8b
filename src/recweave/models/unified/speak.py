"""How soft prompts are trained and read; imports torch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, layer_norm

from recweave.core.arrays import Array, digest
from recweave.core.errors import BadSetting
from recweave.encode.encoder import fingerprint
from recweave.models.nn.device import choose_device
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.tensors import index_tensor, seeded, to_array
from recweave.models.nn.weights import Weights
from recweave.models.training import Options
from recweave.models.unified.language import Language
from recweave.models.unified.soft_prompt import SoftPrompt, Speaker, TextTargets

IGNORED = -100
"""The label of a place that is not learned, as transformers has it."""


class Source(nn.Module):
    """Vectors, and the virtual words that each becomes."""

    vectors: Tensor

    def __init__(self, vectors: Float[Array, "rows dim"], recipe: SoftPrompt, width: int) -> None:
        super().__init__()
        dim = vectors.shape[1]
        self.tokens, self.link = recipe.tokens, recipe.link
        self.register_buffer("vectors", torch.from_numpy(vectors.copy()), persistent=False)
        self.moved = nn.Parameter(torch.zeros(vectors.shape)) if recipe.link else None
        self.make = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, 4 * dim),
            nn.GELU(),
            nn.Linear(4 * dim, self.tokens * width),
        )

    def now(self) -> Float[Tensor, "rows dim"]:
        """The vectors, moved where they are linked; who has none still has none."""
        if self.moved is None:
            return self.vectors
        return self.vectors + self.link * self.moved * self.vectors.any(1, keepdim=True)

    def forward(self, rows: Int[Tensor, " batch"]) -> Float[Tensor, "batch tokens width"]:
        """The words of some rows."""
        made: Tensor = self.make(embedding(rows, self.now())).view(len(rows), self.tokens, -1)
        return layer_norm(made, made.shape[2:])  # as long as each other, and by `scale` as words


class PromptNet(nn.Module):
    """Virtual words before a language model.

    A language model that is kept stands outside the modules, so that neither optimisers nor
    checkpoints see it.
    """

    def __init__(
        self,
        recipe: SoftPrompt,
        device: str,
        item: Float[Array, "items dim"],
        user: Float[Array, "users dim2"],
    ) -> None:
        super().__init__()
        self.recipe = recipe
        folder = Language(recipe.path)
        self.tokenizer = folder.tokenizer
        network = folder.network(trained=recipe.tune == "all")
        network.requires_grad_(recipe.tune == "all")
        table = network.get_input_embeddings().weight
        self.item = Source(item, recipe, table.shape[1])
        self.user = Source(user, recipe, table.shape[1]) if len(user) else None
        self.scale = nn.Parameter(table.detach().float().std().clone())
        self._kept = () if recipe.tune == "all" else (network.to(choose_device(device)),)
        if recipe.tune == "all":
            self.network = network

    @property
    def language(self) -> Any:
        """The language model, kept or trained."""
        return self._kept[0] if self._kept else self.network

    def prompt(
        self, item: Int[Array, " batch"], user: Int[Array, " batch"] | None
    ) -> Float[Tensor, "batch time width"]:
        """What stands before the text: the start, words for the user and the item, real words."""
        device = self.scale.device
        table = self.language.get_input_embeddings()
        rows = index_tensor(item, device)
        parts = [self.item(rows) * self.scale]
        if self.user is not None and user is not None:
            rows = index_tensor(user, device)
            parts.insert(0, self.user(rows) * self.scale)
        start = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        real = self.tokenizer(self.recipe.words, add_special_tokens=False)["input_ids"]
        for place, ids in ((0, start), (len(parts) + 1, real)):
            if ids:
                words = table(torch.tensor(ids, device=device))
                parts.insert(place, words.expand(len(item), -1, -1))
        return torch.cat([part.to(table.weight.dtype) for part in parts], dim=1)

    def loss(self, told: TextTargets) -> Tensor:
        """Mean negative log-likelihood of a token of the texts."""
        before = self.prompt(told.item, told.user)
        ids, there = self._ids(told.text)
        token, kept = (torch.from_numpy(part).to(before.device) for part in (ids, there))
        table = self.language.get_input_embeddings()
        seen = torch.ones(before.shape[:2], dtype=torch.bool, device=before.device)
        unlearned = torch.full(before.shape[:2], IGNORED, device=before.device)
        labels = torch.cat([unlearned, token.masked_fill(~kept, IGNORED)], 1)
        given = torch.cat([before, table(token)], 1)
        made = self.language(
            inputs_embeds=given, attention_mask=torch.cat([seen, kept], 1).long(), labels=labels
        )
        value: Tensor = made.loss.float()
        return value

    def write(self, item: Int[Array, " n"], user: Int[Array, " n"] | None) -> list[str]:
        """See `Speaker.write`."""
        from transformers import GenerationConfig

        end = self.tokenizer.eos_token_id
        # The folder's own settings of generation may draw at random.
        how = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self.recipe.length, do_sample=False, eos_token_id=end, pad_token_id=end
        )
        with torch.inference_mode():
            before = self.prompt(item, user)
            seen = torch.ones(before.shape[:2], dtype=torch.long, device=before.device)
            made = self.language.generate(
                inputs_embeds=before, attention_mask=seen, generation_config=how
            )
        texts = self.tokenizer.batch_decode(made, skip_special_tokens=True)
        return [text.strip() for text in texts]

    def _ids(
        self, texts: Sequence[str]
    ) -> tuple[Int[Array, "texts time"], Bool[Array, "texts time"]]:
        """Tokens, ended where the whole text is there, and where there are any."""
        made = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        end, most = self.tokenizer.eos_token_id, self.recipe.length
        cut = [[*ids, end][:most] for ids in made]
        time = np.arange(max(map(len, cut)))
        there = time < np.array([len(ids) for ids in cut])[:, None]
        token = np.full(there.shape, end, np.int64)
        token[there] = np.concatenate(cut)
        return token, there


def train_soft_prompt(
    recipe: SoftPrompt,
    told: TextTargets,
    item: Float[Array, "items dim"],
    user: Float[Array, "users dim2"] | None,
    valid: TextTargets | None,
    options: Options,
) -> Speaker:
    """See `SoftPrompt.fit`."""
    users = np.zeros((0, 1), np.float32) if user is None else user
    told = _with_vectors(told, item, users)
    if not len(told):
        raise BadSetting("no text is left to learn: there are none, or all vectors are zero")
    with seeded(options.seed):
        net = PromptNet(recipe, options.device, item, users)
    judged = None if valid is None else _with_vectors(valid, item, users)

    def batches(rng: np.random.Generator) -> list[TextTargets]:
        return _dealt(told, rng.permutation(len(told)), recipe.batch)

    def validate() -> float:
        assert judged is not None
        parts = _dealt(judged, np.arange(len(judged)), recipe.batch)
        return -float(np.mean([float(net.loss(part)) for part in parts]))

    run_loop(
        net,
        batches,
        net.loss,
        recipe,
        options=options,
        validate=validate if judged is not None and len(judged) else None,
        description={
            "texts": [fingerprint(part.text) for part in (told, judged) if part is not None],
            "vectors": digest(*((v * 1e6).astype(np.int64) for v in (item, users))),
            "rows": [
                digest(part.item, part.item if part.user is None else part.user)
                for part in (told, judged)
                if part is not None
            ],
            "language": Language(recipe.path).sha256,
        },
    )
    with torch.inference_mode():
        moved = [users if s is None else to_array(s.now()) for s in (net.item, net.user)]
    weights = Weights.of(net, without=("item.moved", "user.moved"))
    return Speaker(recipe, Language(recipe.path).sha256, weights, *moved)


def restored(speaker: Speaker) -> PromptNet:
    """The network of a trained soft prompt, ready to write."""
    kept = speaker.recipe.model_copy(update={"link": 0.0})  # the vectors have moved already
    net = speaker.weights.restore(lambda: PromptNet(kept, "auto", speaker.item, speaker.user))
    return net.to(choose_device("auto"))


def _with_vectors(told: TextTargets, item: Array, user: Array) -> TextTargets:
    """The texts whose vectors are not zero."""
    if (told.user is None) == bool(len(user)):
        raise BadSetting("texts of users need the users' vectors, and these need such texts")
    kept = item[told.item].any(axis=1)
    if told.user is not None:
        kept &= user[told.user].any(axis=1)
    return _some(told, np.flatnonzero(kept))


def _dealt(told: TextTargets, order: Int[Array, " texts"], size: int) -> list[TextTargets]:
    return [_some(told, order[first : first + size]) for first in range(0, len(order), size)]


def _some(told: TextTargets, rows: Int[Array, " some"]) -> TextTargets:
    user = None if told.user is None else told.user[rows]
    return TextTargets([told.text[row] for row in rows.tolist()], told.item[rows], user)
