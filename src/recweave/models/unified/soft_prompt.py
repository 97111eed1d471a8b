"""Soft prompts: a language model that reads learned vectors as virtual tokens (LLM link-back)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

import recweave.store.arrays as store
from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadArtifact, BadSetting
from recweave.core.extras import require
from recweave.core.registry import resolve
from recweave.llm.pretrained import LanguageModel
from recweave.models.nn.settings import LoopSettings
from recweave.models.nn.weights import Weights
from recweave.models.training import Options
from recweave.models.unified.model import UnifiedNetwork

FORMAT = 1

BATCH = 64
"""Texts generated at a time."""


@dataclass(frozen=True, eq=False)
class TextTargets:
    """Texts to learn, and the rows of the vectors they belong to.

    Attributes:
        text: The texts.
        item: Row of each text's item.
        user: Row of each text's user if texts are about a user and an item; None if about items.
    """

    text: Sequence[str]
    item: Int[Array, " texts"]
    user: Int[Array, " texts"] | None = None

    def __len__(self) -> int:
        return len(self.text)


class SoftPrompt(LoopSettings):
    """Text generation from vectors: each vector becomes virtual tokens for a causal language model.

    A small network computes the virtual tokens. The language model is frozen, or trained with it.
    Soft prompts: Lester et al., EMNLP 2021. It trains no `Model`, so it cannot be a row of a run.
    """

    path: Path = Field(
        description="folder of a causal language model and its tokenizer, owner/model, or smollm2"
    )
    layers: int = Field(
        0, ge=0, description="blocks of the language model that are used, the first ones; 0: all"
    )
    tokens: int = Field(2, ge=1, le=4, description="virtual tokens for each vector")
    words: str = Field("", description="words between the virtual tokens and the text")
    tune: Literal["prompt", "all"] = Field(
        "prompt", description="what is trained: the soft prompt, or the language model too"
    )
    link: float = Field(
        0.0,
        ge=0,
        description="learning rate of the vectors, relative to lr; 0 does not change them",
    )
    length: int = Field(48, gt=0, description="maximum number of tokens of a text")
    epochs: int = Field(20, gt=0, description="passes over the texts, at most")
    batch: int = Field(32, gt=0, description="texts in a batch")

    @property
    def language(self) -> LanguageModel:
        """The language model on disk.

        Raises:
            BadSetting: if there is none.
        """
        return LanguageModel.named(self.path, self.layers)

    def fit(
        self,
        texts: TextTargets,
        item: Float[Array, "items dim"],
        user: Float[Array, "users dim2"] | None = None,
        *,
        valid: TextTargets | None = None,
        options: Options | None = None,
    ) -> "SoftPromptModel":
        """Learn to generate the texts from the vectors.

        Args:
            texts: Texts to learn; texts of items whose vector is zero are left out.
            item: Learned vectors of the items.
            user: Learned vectors of the users, if texts are about users and items.
            valid: Validation texts for early stopping, by their likelihood.
            options: Seed, device, precision, checkpoints.

        Raises:
            BadSetting: if the folder contains no such model, if only one of texts and vectors has
                users, if no text is left, or if training diverges.
            MissingExtra: without the packages for local models.
        """
        require("transformers", extra="local")
        trained: SoftPromptModel = resolve(
            "recweave.models.unified.soft_prompt_net:train_soft_prompt"
        )(self, texts, item, user, valid, options or Options())
        return trained


@dataclass(frozen=True, eq=False)
class SoftPromptModel:
    """A trained soft prompt.

    Attributes:
        recipe: Its settings, with the path of the language model.
        language: SHA-256 of that model's files; the virtual tokens work with no other model.
        weights: Weights of the soft prompt; also of the language model if it was trained.
        item: The item vectors; changed by the training if `link` is above 0.
        user: The user vectors in the same way; no rows if texts are about items only.
    """

    recipe: SoftPrompt
    language: str
    weights: Weights
    item: Float[Array, "items dim"]
    user: Float[Array, "users dim2"]

    def write(
        self, item: Int[Array, " texts"], user: Int[Array, " texts"] | None = None
    ) -> list[str]:
        """Generate the most likely text for each item (greedy decoding); "" where a vector is zero.

        Raises:
            BadSetting: if users are given but were not in the training, or the other way round.
        """
        if (user is None) == bool(len(self.user)):
            raise BadSetting("give users if and only if the training texts had users")
        has_vector = self.item[item].any(axis=1)
        if user is not None:
            has_vector &= self.user[user].any(axis=1)
        texts = [""] * len(item)
        usable = np.flatnonzero(has_vector)
        for first in range(0, len(usable), BATCH):
            rows = usable[first : first + BATCH]
            written = self._net.write(item[rows], None if user is None else user[rows])
            for row, text in zip(rows.tolist(), written, strict=True):
                texts[row] = text
        return texts

    def link_back(self, network: UnifiedNetwork) -> UnifiedNetwork:
        """The network with the item vectors of this model, normalized to unit length.

        Evaluate the new network on validation events: its lists may be better or worse.
        """
        if self.item.shape != network.item.shape:
            raise ValueError("these are not the vectors of that network")
        return replace(network, item=unit_rows(self.item))

    def save(self, folder: Path) -> None:
        """Write a folder of arrays and a manifest. A frozen language model is not copied."""
        arrays = {
            f"net/{n}": a for n, a in zip(self.weights.names, self.weights.arrays, strict=True)
        }
        manifest = {
            "format": FORMAT,
            "kind": "soft_prompt",
            "recipe": self.recipe.model_dump(mode="json"),
            "language": self.language,
        }
        store.write(folder, arrays | {"item": self.item, "user": self.user}, manifest)

    @classmethod
    def load(cls, folder: Path, path: Path | None = None) -> "SoftPromptModel":
        """Load what `save` wrote. Runs no code from the folder.

        Args:
            folder: The folder to read.
            path: Where the language model is now, if it has moved.

        Raises:
            BadArtifact: if the folder is broken, or the language model is not that of the training.
            BadSetting: if there is no language model.
        """
        arrays, manifest = store.read(folder, keys=("format", "kind", "recipe", "language"))
        try:
            if (manifest["format"], manifest["kind"]) != (FORMAT, "soft_prompt"):
                raise ValueError("it is of another kind or format")
            new_path = {} if path is None else {"path": str(path)}
            recipe = SoftPrompt.parse(manifest["recipe"] | new_path, "the recipe")
            names = tuple(name for name in arrays if name.startswith("net/"))
            weights = Weights(
                tuple(name.removeprefix("net/") for name in names),
                tuple(arrays[name] for name in names),
            )
            model = cls(recipe, manifest["language"], weights, arrays["item"], arrays["user"])
        except (KeyError, TypeError, ValueError, BadSetting) as error:
            raise BadArtifact(
                f"{folder / store.MANIFEST} contains no soft prompt that can be read ({error}); "
                "train and save it again"
            ) from None
        if recipe.language.sha256 != model.language:
            raise BadArtifact(
                f"{recipe.path} is not the language model that {folder} was trained with (its "
                "files differ); give the folder of that one as path=…, or train again"
            )
        return model

    @cached_property
    def _net(self) -> Any:
        require("transformers", extra="local")
        return resolve("recweave.models.unified.soft_prompt_net:restore_network")(self)
