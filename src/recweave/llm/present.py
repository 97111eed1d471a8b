"""Which language models are on this machine; nothing of them is loaded."""

import json
import os
import time
from pathlib import Path

from recweave.core.settings import Settings
from recweave.llm.packaged import INSTALL, NAME, converted, is_installed

SAMPLE = 2**27
"""Bytes that are read to find out how fast the others are."""


def language_models(settings: Settings | None = None) -> dict[str, str]:
    """The state of `smollm2`, and of each causal language model in Hugging Face's cache."""
    folder = converted(settings)
    if folder is not None:
        found = {NAME: _state(folder)}
    elif is_installed():
        found = {NAME: "ready; its weights are de-quantized at the first use (half a minute)"}
    else:
        found = {NAME: f"missing; run: {INSTALL}"}
    for config in sorted(_cache().glob("models--*--*/snapshots/*/config.json")):
        if _is_causal(config):
            name = config.parents[2].name.removeprefix("models--").replace("--", "/", 1)
            found[name] = _state(config.parent)
    return found


def _cache() -> Path:
    """Where huggingface_hub keeps models."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub"))


def _is_causal(config: Path) -> bool:
    try:
        names = json.loads(config.read_text(encoding="utf-8")).get("architectures")
    except (OSError, ValueError, AttributeError):
        return False
    return any("CausalLM" in str(name) or "LMHead" in str(name) for name in names or ())


def _state(folder: Path) -> str:
    """Size of the weights, and how long reading them takes."""
    files = sorted(folder.glob("*.safetensors"))
    size = sum(file.stat().st_size for file in files)
    if not size:
        return "its weights are not safetensors, so it is not read"
    start, left = time.perf_counter(), SAMPLE
    for file in files:
        with file.open("rb", buffering=0) as content:
            while left > 0 and (part := content.read(2**22)):
                left -= len(part)
    seconds = (time.perf_counter() - start) * size / min(size, SAMPLE - left)
    return f"ready; {size / 1e6:,.0f} MB, read in {seconds:.1f} s"
