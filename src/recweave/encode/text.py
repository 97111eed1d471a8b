"""Text encoders by name."""

from collections.abc import Callable
from pathlib import Path

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.registry import Registry, is_path
from recweave.core.settings import Settings
from recweave.encode.cache import Cached
from recweave.encode.encoder import TextEncoder

__all__ = ["ENCODERS", "TextEncoder", "text_encoder"]


ENCODERS: Registry[Callable[[Settings], TextEncoder]] = Registry(
    "text encoder",
    {
        "minilm": "recweave.encode.minilm:minilm",
        "minilm-fp32": "recweave.encode.minilm:minilm_fp32",
        "tfidf": "recweave.encode.tfidf:tfidf",
    },
    group="recweave.encoders",
    instance_of="collections.abc:Callable",
)
"""Factories of text encoders for this machine, by name."""


def text_encoder(name: str = "minilm", settings: Settings | None = None) -> TextEncoder:
    """A text encoder by name; all but TF-IDF store their vectors on disk, in `RECWEAVE_HOME`.

    Args:
        name: `minilm` (all-MiniLM-L6-v2 as shipped by a package, offline; `minilm-fp32` for the
            same vectors on every machine), `tfidf` (no weights; fitted on the texts of each
            call), the path of a folder or `owner/model` (both by sentence-transformers, which may
            download the latter), `openai:MODEL@BASE_URL` (an embeddings endpoint; the key is
            taken from `OPENAI_API_KEY`), or `package.module:function` (called with `settings`, it
            gives a `TextEncoder`).
        settings: Threads, and the folder of stored vectors; from the environment if not given.

    Raises:
        UnknownName: for a name that is none of these.
        BadSetting: for a `package.module:function` that is not there or gives no encoder.
        MissingExtra: if the encoder's packages are not installed.
        Unavailable: if there is no such model.
    """
    settings = settings or Settings()
    encoder = _make(name, settings)
    if name == "tfidf":
        return encoder
    return Cached(encoder, settings.home / "vectors.sqlite")


def _make(name: str, settings: Settings) -> TextEncoder:
    if name in ENCODERS:
        return ENCODERS[name](settings)
    if name.startswith("openai:"):
        from recweave.encode.endpoint import Endpoint

        return Endpoint.parse(name)
    if "/" in name or Path(name).is_dir():
        from recweave.encode.sentence import SentenceModel

        return SentenceModel.load(name)
    if is_path(name):
        encoder = ENCODERS[name](settings)
        if not isinstance(encoder, TextEncoder):
            raise BadSetting(
                f"'{name}' gives a {type(encoder).__name__}, which is no text encoder; it must "
                "have name, dim and encode"
            )
        return encoder
    raise UnknownName("text encoder", name, ENCODERS)
