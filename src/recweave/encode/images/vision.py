"""Any Hugging Face vision model as an image encoder: ResNet, ViT, DINOv2, CLIP, SigLIP, …"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadArtifact, BadSetting
from recweave.core.extras import require
from recweave.encode.features import IMAGES
from recweave.encode.images.pretrained import (
    EXTRA,
    fingerprint_loaded,
    in_batches,
    load,
    side_of,
)

BATCH = 16

POOLER = "pooler."
"""Layers above the class token, which are not read; classifiers' files lack them."""


@dataclass(frozen=True, eq=False)
class VisionModel:
    """The vector that a vision model gives a picture, in fp32.

    Of a joint text-image model its projected image embedding; of a convolutional network the mean
    over the last feature map (a ResNet's penultimate layer); of a transformer the class token
    after the last layer norm, or its pooled tokens where it has no class token.

    Attributes:
        model: The name of its folder, or `owner/model`.
        network: The model.
        processor: The model's own image processor, on Pillow's pictures.
    """

    model: str
    network: Any
    processor: Any

    @classmethod
    def load(cls, model: Path | str) -> "VisionModel":
        """From a folder, without any download, or by `owner/model`; no code of it is run.

        A model that also reads words comes as a `JointModel`.

        Raises:
            Unavailable: if it cannot be loaded.
            BadSetting: if it reads no pictures.
            BadArtifact: if its file lacks weights.
        """
        processor = load("AutoImageProcessor", model)
        network, found = load("AutoModel", model, output_loading_info=True)
        lacks = sorted(found["missing_keys"])
        if _class_token(network):
            lacks = [name for name in lacks if not name.startswith(POOLER)]
        if lacks:
            raise BadArtifact(
                f"{model} lacks {len(lacks)} of its weights, the first is {lacks[0]}; get the "
                "model again"
            )
        if network.main_input_name != "pixel_values" and not hasattr(network, "get_image_features"):
            raise BadSetting(f"{model} reads no pictures; give a vision model")
        parts = str(model) if isinstance(model, str) else model.name, network.eval(), processor
        if hasattr(network, "get_text_features"):
            return JointModel(*parts, tokenizer=load("AutoTokenizer", model))
        return cls(*parts)

    @cached_property
    def name(self) -> str:
        """See `ImageEncoder.name`: with a fingerprint of all weights and of the processor."""
        # The pooler is random if the file lacks it.
        unread = POOLER if _class_token(self.network) else None
        marks = fingerprint_loaded(self.network, self.processor, unread)
        return f"{IMAGES}{self.model}@{marks}"

    @cached_property
    def dim(self) -> int:
        """See `ImageEncoder.dim`."""
        grey = require("PIL.Image", extra=EXTRA).new("RGB", (self.side, self.side))
        return int(self.encode([self.prepare(grey)]).shape[1])

    @cached_property
    def side(self) -> int:
        """See `ImageEncoder.side`."""
        return side_of(self.processor)

    def prepare(self, picture: Any) -> Any:
        """See `ImageEncoder.prepare`: the pixels as the model's own processor makes them."""
        return self.processor(images=[picture], return_tensors="np")["pixel_values"][0]

    def encode(self, prepared: Sequence[Any]) -> Float[Array, "pictures dim"]:
        """See `ImageEncoder.encode`."""
        return np.stack(in_batches(prepared, BATCH, lambda x: self._pooled(x).float().numpy()))

    def _pooled(self, pixels: Any) -> Any:
        if hasattr(self.network, "get_image_features"):
            return _tensor(self.network.get_image_features(pixel_values=pixels))
        made = self.network(pixel_values=pixels)
        last = made.last_hidden_state
        pooled = getattr(made, "pooler_output", None)
        if last.ndim == 4:
            return last.mean((2, 3)) if pooled is None else pooled.flatten(1)
        if _class_token(self.network):
            return last[:, 0]
        return last.mean(1) if pooled is None else pooled


@dataclass(frozen=True, eq=False)
class JointModel(VisionModel):
    """A joint text-image model (CLIP, SigLIP): words and pictures in one space.

    Attributes:
        tokenizer: The model's own.
    """

    tokenizer: Any = None

    def encode_words(self, words: Sequence[str]) -> Float[Array, "texts dim"]:
        """See `JointEncoder.encode_words`."""
        torch = require("torch", extra=EXTRA)
        # SigLIP was trained on texts that are filled up to the longest; CLIP skips the filling.
        longest = self.network.config.text_config.max_position_embeddings
        asked = self.tokenizer(
            list(words),
            padding="max_length",
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        )
        read = {name: asked[name] for name in ("input_ids", "attention_mask") if name in asked}
        with torch.inference_mode():
            vectors = _tensor(self.network.get_text_features(**read))
        return unit_rows(vectors.float().numpy())


def _class_token(network: Any) -> bool:
    return any(name.endswith("cls_token") for name, _ in network.named_parameters())


def _tensor(made: Any) -> Any:
    """Features as releases of transformers give them: bare, or beside other things."""
    return getattr(made, "pooler_output", made)
