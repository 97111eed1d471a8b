"""Parts of a language model in a folder: no download, no pickle, and no code of it is run."""

from pathlib import Path
from typing import Any

from recweave.core.errors import BadSetting
from recweave.core.extras import require


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer.

    Raises:
        BadSetting: if it cannot be read, or has no end-of-text token.
        MissingExtra: without transformers.
    """
    tokenizer = _load("AutoTokenizer", folder)
    if tokenizer.eos_token_id is None:
        raise BadSetting(f"{folder}: the tokenizer has no end-of-text token")
    return tokenizer


def load_network(folder: Path, dtype: Any = "auto") -> Any:
    """A new copy of the network, in evaluation mode.

    Args:
        folder: With the weights as safetensors; those in a pickle (`.bin`) are not read.
        dtype: Of its numbers; "auto" as they are stored.

    Raises:
        BadSetting: if it cannot be read.
        MissingExtra: without transformers.
    """
    return _load("AutoModelForCausalLM", folder, dtype=dtype, use_safetensors=True).eval()


def _load(kind: str, folder: Path, **settings: Any) -> Any:
    transformers = require("transformers", extra="local")
    try:
        return getattr(transformers, kind).from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **settings
        )
    except (OSError, ValueError) as error:
        raise BadSetting(f"{folder} holds no language model that can be read: {error}") from None
