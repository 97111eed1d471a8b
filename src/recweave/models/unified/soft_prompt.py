"""A language model that reads learned vectors as virtual words."""

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
from recweave.models.nn.settings import LoopSettings
from recweave.models.nn.weights import Weights
from recweave.models.training import Options
from recweave.models.unified.language import Language
from recweave.models.unified.model import UnifiedNetwork

FORMAT = 1

WRITTEN = 64
"""Texts that are written at a time."""


@dataclass(frozen=True, eq=False)
class TextTargets:
    """Texts to be written, and the vectors they are told from.

    Attributes:
        text: The texts.
        item: Row of each one's item.
        user: Row of each one's user, where texts are of a user and an item; None where of items.
    """

    text: Sequence[str]
    item: Int[Array, " texts"]
    user: Int[Array, " texts"] | None = None

    def __len__(self) -> int:
        return len(self.text)


class SoftPrompt(LoopSettings):
    """Vectors to text: each vector becomes a few virtual words before a causal language model.

    The words are found by a small network; the language model is kept as it is, or trained with
    it. Soft prompts: Lester et al., EMNLP 2021. It trains no `Model`, so it is no row of a run.
    """

    path: Path = Field(description="folder of a causal language model and its tokenizer")
    tokens: int = Field(2, ge=1, le=4, description="virtual words for each vector")
    words: str = Field("", description="real words between these and the text")
    tune: Literal["prompt", "all"] = Field(
        "prompt", description="what is trained: what makes the words, or the language model too"
    )
    link: float = Field(
        0.0,
        ge=0,
        description="how fast the vectors follow, in step sizes; at 0 they stay as they are",
    )
    length: int = Field(48, gt=0, description="tokens of a text at most")
    epochs: int = Field(20, gt=0, description="passes over the texts, at most")
    batch: int = Field(32, gt=0, description="texts in a step")

    def fit(
        self,
        texts: TextTargets,
        item: Float[Array, "items dim"],
        user: Float[Array, "users dim2"] | None = None,
        *,
        valid: TextTargets | None = None,
        options: Options | None = None,
    ) -> "Speaker":
        """Learn to write the texts from the vectors.

        Args:
            texts: To learn; those of items whose vector is zero are left out.
            item: Learned vectors of the items.
            user: Learned vectors of the users, if texts are of both.
            valid: Texts whose likelihood stops the training.
            options: Seed, device, precision, checkpoints.

        Raises:
            BadSetting: if the folder holds no such model, users are given on one side only, no text
                is left, or training diverges.
            MissingExtra: without the packages for local models.
        """
        require("transformers", extra="local")
        made: Speaker = resolve("recweave.models.unified.speak:train_soft_prompt")(
            self, texts, item, user, valid, options or Options()
        )
        return made


@dataclass(frozen=True, eq=False)
class Speaker:
    """A trained soft prompt.

    Attributes:
        recipe: Its settings, with the path of the language model.
        language: SHA-256 of that model's files: another one would not understand the words.
        weights: Of what makes the words; of the language model too where it was trained.
        item: The items' vectors, moved where they were linked.
        user: The users' in the same way; no rows where texts are of items alone.
    """

    recipe: SoftPrompt
    language: str
    weights: Weights
    item: Float[Array, "items dim"]
    user: Float[Array, "users dim2"]

    def write(
        self, item: Int[Array, " texts"], user: Int[Array, " texts"] | None = None
    ) -> list[str]:
        """The likeliest text for each, word by word; "" where a vector is zero.

        Raises:
            BadSetting: if users are given and were not learned from, or the other way round.
        """
        if (user is None) == bool(len(self.user)):
            raise BadSetting("give users if and only if the texts that were learned had users")
        told = self.item[item].any(axis=1)
        if user is not None:
            told &= self.user[user].any(axis=1)
        texts = [""] * len(item)
        asked = np.flatnonzero(told)
        for first in range(0, len(asked), WRITTEN):
            rows = asked[first : first + WRITTEN]
            made = self._net.write(item[rows], None if user is None else user[rows])
            for row, text in zip(rows.tolist(), made, strict=True):
                texts[row] = text
        return texts

    def link_back(self, network: UnifiedNetwork) -> UnifiedNetwork:
        """The network with the items' vectors as writing moved them, of unit length again.

        What that does to its lists is for validation to say.
        """
        if self.item.shape != network.item.shape:
            raise ValueError("these are not the vectors of that network")
        return replace(network, item=unit_rows(self.item))

    def save(self, folder: Path) -> None:
        """Write a folder of arrays and a manifest; a language model that was kept is not copied."""
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
    def load(cls, folder: Path, path: Path | None = None) -> "Speaker":
        """What `save` wrote. Runs no code of the folder.

        Args:
            folder: To read.
            path: Where the language model is now, if it has moved.

        Raises:
            BadArtifact: if the folder is broken, or the language model is not the one it was.
            BadSetting: if there is no language model.
        """
        arrays, manifest = store.read(folder, keys=("format", "kind", "recipe", "language"))
        try:
            if (manifest["format"], manifest["kind"]) != (FORMAT, "soft_prompt"):
                raise ValueError("it is of another kind or format")
            moved = {} if path is None else {"path": str(path)}
            recipe = SoftPrompt.parse(manifest["recipe"] | moved, "the recipe")
            names = tuple(name for name in arrays if name.startswith("net/"))
            weights = Weights(
                tuple(name.removeprefix("net/") for name in names),
                tuple(arrays[name] for name in names),
            )
            made = cls(recipe, manifest["language"], weights, arrays["item"], arrays["user"])
        except (KeyError, TypeError, ValueError, BadSetting) as error:
            raise BadArtifact(
                f"{folder / store.MANIFEST} holds no soft prompt that can be read ({error}); "
                "train and save it again"
            ) from None
        if Language(recipe.path).sha256 != made.language:
            raise BadArtifact(
                f"{recipe.path} is not the language model that {folder} was trained with (its "
                "files differ); give the folder of that one as path=…, or train again"
            )
        return made

    @cached_property
    def _net(self) -> Any:
        require("transformers", extra="local")
        return resolve("recweave.models.unified.speak:restored")(self)
