"""A causal language model of Hugging Face's format, by folder or name: no download, no pickle."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import Any, ClassVar, Literal

from recweave.core.errors import BadSetting
from recweave.core.extras import require
from recweave.core.settings import Settings
from recweave.llm.packaged import model_folder

DType = Literal["auto", "float32", "bfloat16"]
UNLIMITED = 2**20
"""Tokens read at most by a model that names no limit."""


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model on disk, with its tokenizer. No code of the folder is run.

    Attributes:
        folder: With config.json, tokenizer.json and weights as safetensors; others
            (`.bin`, a pickle) are not read.
        layers: Only the first blocks are used, for speed; 0 uses all.
    """

    kind: ClassVar[str] = "AutoModelForCausalLM"
    """The class of transformers that opens it."""

    folder: Path
    layers: int = 0

    @classmethod
    def named(
        cls, name_or_path: str | Path, layers: int = 0, settings: Settings | None = None
    ) -> "LanguageModel":
        """By the path of its folder, `smollm2` (the one that comes in a package), or `owner/model`.

        Args:
            name_or_path: An `owner/model` must be in Hugging Face's cache: nothing is downloaded.
            layers: See the class.
            settings: Of the machine; from the environment if not given.

        Raises:
            BadSetting: if there is no model.
            MissingExtra: if the package of `smollm2` is not installed.
        """
        return cls(model_folder(name_or_path, settings), layers)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the configuration, the tokenizer and all weights; about a second per GB."""
        digests = hashlib.sha256()
        for file in self.files:
            with file.open("rb") as content:
                digests.update(hashlib.file_digest(content, "sha256").digest())
        return digests.hexdigest()

    @property
    def files(self) -> list[Path]:
        """What distinguishes models: weights, configuration, tokenizer."""
        names = (self.folder / name for name in ("config.json", "tokenizer.json"))
        return [*sorted(self.folder.glob("*.safetensors")), *filter(Path.is_file, names)]

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer.

        Raises:
            BadSetting: if it cannot be read, or has no end-of-text token.
            MissingExtra: without transformers.
        """
        tokenizer = self._load("AutoTokenizer", "tokenizer")
        if tokenizer.eos_token_id is None:
            raise BadSetting(f"{self.folder}: the tokenizer has no end-of-text token")
        return tokenizer

    @cached_property
    def config(self) -> Any:
        """The configuration, cut to `layers` blocks; not to be changed.

        Raises:
            BadSetting: if it cannot be read, or has fewer blocks.
            MissingExtra: without transformers.
        """
        config = self._load("AutoConfig", "language model")
        if self.layers:
            blocks = getattr(config, "num_hidden_layers", 0)
            if not 0 < self.layers <= blocks:
                raise BadSetting(f"{self.folder.name} has {blocks} blocks, not {self.layers}")
            config.num_hidden_layers = self.layers
            if getattr(config, "layer_types", None):  # the kind of each block
                config.layer_types = config.layer_types[: self.layers]
        return config

    @property
    def context(self) -> int:
        """Tokens that it can read at most."""
        named = getattr(self.config, "max_position_embeddings", None)
        return int(named or min(self.tokenizer.model_max_length, UNLIMITED))

    def network(self, *, trained: bool, dtype: DType | None = None) -> Any:
        """A new copy of the network, in evaluation mode.

        Args:
            trained: Whether its weights need a gradient.
            dtype: Of its numbers; "auto" as they are stored. Left out, float32 if it is trained,
                else "auto".

        Raises:
            BadSetting: if it cannot be read, its files lack weights, or it has fewer blocks than
                `layers`.
            MissingExtra: without transformers.
        """
        require("torch", extra="lm")
        network, loaded = self._load(
            self.kind,
            "language model",
            config=self.config,
            dtype=dtype or ("float32" if trained else "auto"),
            use_safetensors=True,
            output_loading_info=True,
        )
        if missing := sorted(loaded["missing_keys"]):
            raise BadSetting(
                f"{self.folder} holds no whole language model: {len(missing)} weights are missing "
                f"({missing[0]}, …); copy its files again"
            )
        return network.eval().requires_grad_(trained)

    def _load(self, kind: str, what: str, **settings: Any) -> Any:
        transformers = require("transformers", extra="lm")
        try:
            with _silent(transformers):
                return getattr(transformers, kind).from_pretrained(
                    self.folder, local_files_only=True, trust_remote_code=False, **settings
                )
        except Exception as error:  # of a foreign file: any kind, as transformers checks little
            reason = shorten(str(error), 300, placeholder=" …")  # in one line
            raise BadSetting(
                f"{self.folder} holds no {what} that can be read: {reason}; {self._advice(what)}"
            ) from None

    def _advice(self, what: str) -> str:
        if what == "tokenizer" and not (self.folder / "tokenizer.json").is_file():
            return "tokenizer.json is missing: copy it from the same model"
        unsafe = sorted(self.folder.glob("*.bin"))
        if what == "language model" and unsafe and not any(self.folder.glob("*.safetensors")):
            return (
                f"{unsafe[0].name} is of a format that can run code: save the model again as "
                "safetensors (save_pretrained of transformers does)"
            )
        return "copy its files again"


@contextmanager
def _silent(transformers: Any) -> Iterator[None]:
    """No progress bar of a second, and no list of the blocks that `layers` leaves out."""
    log = transformers.utils.logging
    verbosity, bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bar:
            log.enable_progress_bar()
