"""Writers by name, as settings and the command line give them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recweave.core.errors import BadSetting
from recweave.core.registry import Registry, is_path
from recweave.encode.text import text_encoder
from recweave.enrich.extractive import Extractive
from recweave.enrich.generative import Generative
from recweave.enrich.writer import Writer
from recweave.llm import LLM, LLMClient, Local, Server
from recweave.llm.packaged import HUB
from recweave.llm.packaged import NAME as PACKAGED


@dataclass(frozen=True)
class WriterOptions:
    """The options of a writer.

    Attributes:
        name: As the user gave it: a name, a URL, a folder or a path `package.module:function`.
        categories: A closed set; empty for an open list.
        encoder: Of the extractive writer; see `text_encoder`.
        model: As the server calls it.
        key_variable: Name of the environment variable that holds the server's key.
        answers: The folder of a language model's answers, ledger and quarantine.
        client: Other arguments of `llm.LLMClient`: budget, limits, prices, …
        local: Other arguments of `llm.Local`: precision, layers, …
    """

    name: str
    categories: Sequence[str] = ()
    encoder: str = "minilm"
    model: str = ""
    key_variable: str | None = None
    answers: Path = Path("answers")
    client: Mapping[str, Any] = field(default_factory=dict)
    local: Mapping[str, Any] = field(default_factory=dict)


WRITERS: Registry[Callable[[WriterOptions], Writer]] = Registry(
    "writer",
    {
        "extractive": "recweave.enrich.choose:extractive",
        "server": "recweave.enrich.choose:server",
        "local": "recweave.enrich.choose:local",
    },
    group="recweave.writers",
    instance_of="collections.abc:Callable",
)
"""Factories of writers, by name. A URL stands for `server`, a folder for `local`."""


def extractive(options: WriterOptions) -> Extractive:
    """The writer that needs no language model."""
    return Extractive(text_encoder(options.encoder), options.categories)


def server(options: WriterOptions) -> Generative:
    """A model behind an OpenAI-compatible server; `name` is its URL up to and including `/v1`."""
    if "://" not in options.name:
        raise BadSetting(f"'{options.name}' is no URL; name the server's own, up to /v1")
    if not options.model:
        raise BadSetting(
            f"which model of {options.name}? name it with --model, as the server calls it"
        )
    return _generative(Server(options.model, options.name, options.key_variable), options)


def local(options: WriterOptions) -> Generative:
    """A local Hugging Face model; `name` is its folder, `owner/model` or smollm2."""
    return _generative(Local(options.name, **options.local), options)


def _generative(llm: LLM, options: WriterOptions) -> Generative:
    return Generative(LLMClient(llm, options.answers, **options.client), options.categories)


def writer_of(
    name: str,
    *,
    categories: Sequence[str] = (),
    encoder: str = "minilm",
    model: str = "",
    key_variable: str | None = None,
    answers: Path = Path("answers"),
    local: Mapping[str, Any] | None = None,
    **client: Any,
) -> Writer:
    """A writer.

    Args:
        name: `extractive`, `smollm2` (a small language model that comes in a package), the URL of
            an OpenAI-compatible server up to and including `/v1`, the folder of a local Hugging
            Face model or its `owner/model` if it was downloaded before, or
            `package.module:function`, which is called with `WriterOptions`.
        categories, encoder, model, key_variable, answers, local, client: See `WriterOptions`.

    Raises:
        BadSetting: if the name is none of these, a server's model is not named, or settings of a
            local model are given for another writer.
    """
    kind = name
    if name not in WRITERS:
        if "://" in name:
            kind = "server"
        elif name == PACKAGED or Path(name).is_dir() or HUB.fullmatch(name):
            kind = "local"
        elif not is_path(name):
            raise BadSetting(
                f"no writer is called '{name}'; it is extractive, smollm2, a server's URL, the "
                "folder of a local model, its owner/model on Hugging Face, or "
                "package.module:function"
            )
    local = local or {}
    if local and kind != "local" and not is_path(kind):
        raise BadSetting(f"{', '.join(local)}: '{name}' is no local model; leave it out")
    writer = WRITERS[kind](
        WriterOptions(name, categories, encoder, model, key_variable, answers, client, local)
    )
    if not isinstance(writer, Writer):
        raise BadSetting(
            f"'{name}' gives a {type(writer).__name__}, which is no writer; it must have name and "
            "write"
        )
    return writer
