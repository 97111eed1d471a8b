"""The language model within a recommender: its settings, and what of it is saved. No torch."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from recweave.core.errors import BadArtifact
from recweave.core.extras import require
from recweave.core.registry import resolve
from recweave.core.value import Value
from recweave.llm.pretrained import LanguageModel
from recweave.models.nn.weights import Weights

EXTRA = "lm"


class BackboneSettings(Value):
    """Which language model is used, and which of its weights are trained.

    A base class of recipes: `class Mine(BackboneSettings, NetworkRecipe)`.
    """

    backbone: str = Field(
        "smollm2", description="smollm2, or the folder of a Hugging Face causal language model"
    )
    layers: int = Field(0, ge=0, description="only the first blocks are used; 0: all")
    trained: Literal["frozen", "lora", "full"] = Field(
        "frozen", description="weights of the language model that are trained: none, LoRA, or all"
    )
    lora_rank: int = Field(8, gt=0, description="rank of the matrices that LoRA adds")
    lora_alpha: float = Field(16.0, gt=0, description="LoRA: they are scaled by this over the rank")
    lora_targets: tuple[str, ...] = Field(
        (), description="LoRA: names of the layers; empty: those usual for the architecture"
    )
    pretrained: bool = Field(
        True, description="false: random weights of the same shape, as a control"
    )

    @model_validator(mode="after")
    def _control_is_trained_alike(self) -> "BackboneSettings":
        if self.trained != "lora" and self.lora_targets:
            raise ValueError('lora_targets has no effect; set trained = "lora"')
        return self

    def require_backbone(self) -> None:
        """Fail if packages that the language model needs are not installed.

        Raises:
            MissingExtra: with the command that installs them.
        """
        for module in ("torch", "transformers") + (("peft",) if self.trained == "lora" else ()):
            require(module, extra=EXTRA)

    @property
    def language(self) -> LanguageModel:
        """The language model.

        Raises:
            BadSetting: if there is none in the folder.
            MissingExtra: if the package of `smollm2` is not installed.
        """
        return LanguageModel.named(self.backbone, layers=self.layers)

    def open(self, *, device: str = "auto", seed: int = 0) -> Any:
        """A new `backbone_net.Backbone` of these settings, before any training.

        Args:
            device: Where it computes; see `Options.device`.
            seed: Of the random weights: LoRA's, and all if `pretrained` is false.

        Raises:
            BadSetting: if the folder has no model or tokenizer, fewer blocks than `layers`, or no
                layers of the names in `lora_targets`.
            MissingExtra: see `require_backbone`.
        """
        self.require_backbone()
        return resolve("recweave.models.language.backbone_net:Backbone")(self, device, seed)


@dataclass(frozen=True, eq=False)
class TrainedBackbone:
    """What a trained recommender saves of its language model: only the weights that were trained.

    Attributes:
        sha256: Of the rest: the folder's files and, if they were random, the initial weights.
        seed: Seed of the random weights.
        weights: The weights that were trained: none, those of LoRA, or all.
    """

    sha256: str
    seed: int
    weights: Weights

    def open(self, settings: BackboneSettings, *, device: str = "auto") -> Any:
        """The trained `backbone_net.Backbone`, in evaluation mode.

        Args:
            settings: Those of the training.
            device: Where it computes.

        Raises:
            BadArtifact: if the language model is not the one of the training.
            BadSetting, MissingExtra: see `BackboneSettings.open`.
        """
        backbone = settings.open(device=device, seed=self.seed)
        if backbone.sha256 != self.sha256:
            raise BadArtifact(
                f"{settings.backbone} is not the language model of the training: the sha256 of its "
                f"files is {backbone.sha256[:16]}…, not {self.sha256[:16]}…; put that one in its "
                "place, or train again"
            )
        try:
            self.weights.load_into(backbone)
        except RuntimeError as error:
            raise BadArtifact(
                f"the saved weights do not fit {settings.backbone} ({error}); train again"
            ) from None
        return backbone.eval()
