"""A causal language model in a local folder: no download, and no code of the folder is run."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from recweave.llm.packaged import model_folder
from recweave.llm.pretrained import load_network, load_tokenizer


@dataclass(frozen=True)
class LanguageModel:
    """The folder of a model and its tokenizer.

    Attributes:
        path: A folder with config.json, tokenizer.json and weights as safetensors.
    """

    path: Path

    @classmethod
    def named(cls, name: str | Path) -> "LanguageModel":
        """By the path of its folder, or `smollm2`: the one that comes in a package.

        Raises:
            BadSetting: if the folder holds no model.
            MissingExtra: if the package of `smollm2` is not installed.
        """
        return cls(model_folder(name))

    @property
    def sha256(self) -> str:
        """SHA-256 of the configuration, the tokenizer and all weights."""
        files = [*sorted(self.path.glob("*.safetensors"))]
        files += [self.path / "config.json", self.path / "tokenizer.json"]
        digests = hashlib.sha256()
        for file in files:
            if file.is_file():
                with file.open("rb") as content:
                    digests.update(hashlib.file_digest(content, "sha256").digest())
        return digests.hexdigest()

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer.

        Raises:
            BadSetting: if it cannot be read, or has no end-of-text token.
        """
        return load_tokenizer(self.path)

    def network(self, *, trained: bool) -> Any:
        """A new copy of the network; in float32 if it is to be trained, else as it is stored."""
        return load_network(self.path, "float32" if trained else "auto")
