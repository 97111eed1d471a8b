"""A captioner in this process: BLIP, BLIP-2 or another Hugging Face captioning model, by path."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from recweave.core.errors import BadSetting
from recweave.core.extras import require
from recweave.encode.images.pretrained import EXTRA, fingerprint_of, load, side_of
from recweave.enrich.prompts import plain

MOST_TOKENS = 30
"""Tokens of a caption, at most."""

BATCH = 8


@dataclass(frozen=True, eq=False)
class Blip:
    """Captions without a prompt, the most probable token each time (greedy decoding).

    BLIP: Li et al., ICML 2022; BLIP-2: Li et al., ICML 2023.

    Attributes:
        path: The folder of the model.
        processor: The model's own processor.
    """

    path: Path
    processor: Any

    @classmethod
    def load(cls, path: Path) -> "Blip":
        """From the folder of a model with its processor; no code of it is run.

        Raises:
            Unavailable: if it cannot be loaded.
            BadSetting: if it is a model of another kind.
        """
        processor = load("AutoProcessor", path)
        if not hasattr(processor, "image_processor"):
            raise BadSetting(f"{path} reads no pictures; give the folder of a captioning model")
        if any(getattr(part, "chat_template", None) for part in (processor, processor.tokenizer)):
            raise BadSetting(
                f"{path} is a model that answers questions; put it behind a server, such as "
                "`transformers serve`, and name that: openai:MODEL@http://localhost:8000/v1"
            )
        return cls(path, processor)

    @cached_property
    def name(self) -> str:
        """See `Captioner.name`; configuration and weights are part of it."""
        return f"{self.path.name}@{fingerprint_of(self.path)} (at most {MOST_TOKENS} tokens)"

    @property
    def side(self) -> int:
        """See `Captioner.side`."""
        return side_of(self.processor.image_processor)

    def prepare(self, picture: Any) -> Any:
        """See `Captioner.prepare`: the pixels as the model's own processor makes them."""
        made = self.processor.image_processor(images=[picture], return_tensors="np")
        return made["pixel_values"][0]

    def caption(self, prepared: Sequence[Any]) -> list[str]:
        """See `Captioner.caption`."""
        torch = require("torch", extra=EXTRA)
        captions: list[str] = []
        with torch.inference_mode():
            for start in range(0, len(prepared), BATCH):
                pixels = torch.from_numpy(np.stack(prepared[start : start + BATCH]))
                ids = self._model.generate(
                    pixel_values=pixels, max_new_tokens=MOST_TOKENS, do_sample=False, num_beams=1
                )
                captions += self.processor.batch_decode(ids, skip_special_tokens=True)
        return [plain(caption) for caption in captions]

    @cached_property
    def _model(self) -> Any:
        return load("AutoModelForImageTextToText", self.path).eval()
