"""Text encoders by name."""

from collections.abc import Callable
from pathlib import Path

from recweave.core.errors import UnknownName
from recweave.core.registry import Registry
from recweave.core.settings import Settings
from recweave.encode.cache import Cached
from recweave.encode.encoder import TextEncoder

__all__ = ["ENCODERS", "TextEncoder", "text_encoder"]


ENCODERS: Registry[Callable[[], TextEncoder]] = Registry(
    "text encoder",
    {
        "minilm": "recweave.encode.minilm:MiniLM",
        "tfidf": "recweave.encode.tfidf:TfIdf",
    },
    group="recweave.encoders",
)


def text_encoder(name: str = "minilm", settings: Settings | None = None) -> TextEncoder:
    """A text encoder by name; all but TF-IDF keep their vectors on disk, in `RECWEAVE_HOME`.

    Args:
        name: `minilm` (all-MiniLM-L6-v2 as shipped by a package, offline), `tfidf` (no weights;
            fitted on the texts of each call), the path of a folder or `owner/model` (both by
            sentence-transformers, which may download the latter), or `openai:MODEL@BASE_URL` (an
            embeddings endpoint; the key is taken from `OPENAI_API_KEY`).
        settings: Where vectors are kept; from the environment if not given.

    Raises:
        UnknownName: for a name that is none of these.
        MissingExtra: if the encoder's packages are not installed.
    """
    made = _make(name)
    if name == "tfidf":
        return made
    return Cached(made, (settings or Settings()).home / "vectors.sqlite")


def _make(name: str) -> TextEncoder:
    if name in ENCODERS:
        return ENCODERS[name]()
    if name.startswith("openai:"):
        from recweave.encode.endpoint import Endpoint

        return Endpoint.parse(name)
    if "/" in name or Path(name).is_dir():
        from recweave.encode.sentence import SentenceModel

        return SentenceModel(name)
    raise UnknownName("text encoder", name, ENCODERS)
