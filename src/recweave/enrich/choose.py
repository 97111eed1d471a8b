"""Writers by name, as settings and the command line give them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recweave.core.errors import BadSetting
from recweave.encode.text import text_encoder
from recweave.enrich.extractive import Extractive
from recweave.enrich.generative import Generative
from recweave.llm import LLM, Door, Local, Server

EXTRACTIVE = "extractive"


def writer_of(
    name: str,
    *,
    categories: Sequence[str] = (),
    encoder: str = "minilm",
    model: str = "",
    key_variable: str | None = None,
    answers: Path = Path("answers"),
    **door: Any,
) -> Extractive | Generative:
    """A writer.

    Args:
        name: `extractive`, the URL of an OpenAI-compatible server up to and including `/v1`, or the
            folder of a local Hugging Face model.
        categories: A closed set; empty for an open list.
        encoder: Of the extractive writer; see `text_encoder`.
        model: As the server calls it.
        key_variable: Name of the environment variable that holds the server's key.
        answers: Where answers, ledger and quarantine of a language model are kept.
        **door: What else `llm.Door` takes: budget, limits, prices, …

    Raises:
        BadSetting: if the name is none of these, or a server's model is not named.
    """
    if name == EXTRACTIVE:
        return Extractive(text_encoder(encoder), categories)
    llm: LLM
    if "://" in name:
        if not model:
            raise BadSetting(f"which model of {name}? name it with --model, as the server calls it")
        llm = Server(model, name, key_variable)
    elif Path(name).is_dir():
        llm = Local(Path(name))
    else:
        raise BadSetting(
            f"no writer is called '{name}'; it is extractive, a server's URL, or the folder of a "
            "local model"
        )
    return Generative(Door(llm, answers, **door), categories)
