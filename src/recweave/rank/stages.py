"""Stages by name: the settings of one in a recipe file, and how they become a `Stage`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

from jaxtyping import Int
from pydantic import BeforeValidator, SerializeAsAny

from recweave.core.arrays import Array
from recweave.core.choice import Choice, OneOf
from recweave.core.registry import Registry
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.llm.base import LLM
from recweave.models.base import Model
from recweave.models.training import Options
from recweave.parallel import Pool, Serial
from recweave.rank.ranking import Stage

STAGES: "Registry[type[StageRecipe]]" = Registry(
    "stage",
    {
        "exclude": "recweave.rank.business:ExcludeRecipe",
        "cap": "recweave.rank.business:CapRecipe",
        "boost": "recweave.rank.business:BoostRecipe",
        "pin": "recweave.rank.business:PinRecipe",
        "cold": "recweave.rank.business:ColdRecipe",
        "mmr": "recweave.rank.diversity:MMRRecipe",
        "popularity": "recweave.rank.popularity:PopularityRecipe",
        "freshness": "recweave.rank.freshness:FreshnessRecipe",
        "interest": "recweave.rank.freshness:InterestRecipe",
        "clicks": "recweave.rank.clicks:ClicksRecipe",
        "vision": "recweave.rank.vision.recipe:VisionRecipe",
        "language": "recweave.rank.language.recipe:LanguageRecipe",
    },
    group="recweave.stages",
    subclass_of="recweave.rank.stages:StageRecipe",
)
"""The answer to "what stages are there?"."""

STAGE_KINDS: Registry[type[Any]] = Registry(
    "kind of fitted stage",
    {
        "exclude": "recweave.rank.business:Exclude",
        "cap": "recweave.rank.business:Cap",
        "boost": "recweave.rank.business:Boost",
        "pin": "recweave.rank.business:Pin",
        "mmr": "recweave.rank.diversity:MMR",
        "popularity_weight": "recweave.rank.popularity:PopularityWeight",
        "freshness_weight": "recweave.rank.freshness:FreshnessWeight",
        "clicks": "recweave.rank.clicks:Clicks",
        "vision": "recweave.rank.vision.objects:Vision",
        "vision_looks": "recweave.rank.vision.looks:Looks",
        "vision_evidence": "recweave.rank.vision.evidence:Evidence",
        "language": "recweave.rank.language.stage:Language",
        "language_tuned": "recweave.rank.language.stage:TunedLanguage",
        "language_likelihood": "recweave.rank.language.likelihood:Likelihood",
        "language_generation": "recweave.rank.language.generation:Generation",
        "language_local_writer": "recweave.rank.language.writers:LocalWriter",
        "language_server_writer": "recweave.rank.language.writers:ServerWriter",
        "language_prompts": "recweave.rank.language.prompts:Prompts",
        "language_keywords": "recweave.rank.language.keywords:ItemKeywords",
        "language_reader": "recweave.rank.language.reader:Reader",
    },
    group="recweave.stage_kinds",
    also="recweave.models.artifact:KINDS",
)
"""Fitted stages that can be saved with a model and loaded again; they may hold trained models."""


@dataclass(frozen=True, eq=False)
class StageContext:
    """What a stage may be made from. Nothing of the test part is in it.

    Attributes:
        dataset: For fields of items and for ids; its events are not looked at.
        train: All that statistics may be made from.
        valid: Held-out events that a weight may be learned on.
        features: Vectors by name.
        rows: Row of each event of `train` in the log of the dataset, which features of events are
            aligned to; None if unknown.
        model: Trained on `train` alone, so that lists for `valid` are honest.
        relevant_from: The least value of a held-out event that counts; any value without it.
        llm: The language model, where a run has one.
        options: Seed, device, precision, … of a model that the stage trains.
        pool: Where independent pieces of work are done.
        base_dir: The folder that relative paths start from.
    """

    dataset: Dataset
    train: Interactions
    valid: Interactions | None = None
    features: Features = field(default_factory=dict)
    rows: Int[Array, " n"] | None = None
    model: Model | None = None
    relevant_from: float | None = None
    llm: LLM | None = None
    options: Options = field(default_factory=Options)
    pool: Pool = field(default_factory=Serial)
    base_dir: Path = Path()


class StageRecipe(Choice, ABC):
    """The settings of a stage: `[[models.stages]] kind = "mmr"` in a recipe file."""

    registry: ClassVar[Registry[Any]] = STAGES

    @abstractmethod
    def fit(self, context: StageContext) -> Stage:
        """The stage for one catalogue and model; made once, saved with the model.

        Raises:
            BadSetting: if the data lack what the stage needs.
        """

    def features_used(self) -> tuple[str, ...]:
        """Names of the features that the stage reads."""
        return ()

    @property
    def learns(self) -> bool:
        """Whether `fit` learns something on the validation events of the context."""
        return False

    def settled(self, stage: Stage) -> "StageRecipe":
        """The settings that make the same stage without learning anything on validation.

        Args:
            stage: What `fit` made. Settings that learn nothing give themselves.
        """
        return self


@runtime_checkable
class Extensible(Protocol):
    """A stage that holds a trained model: new items extend it, it is not fitted again."""

    def with_items(self, features: Features, count: int) -> Stage:
        """The stage for the larger catalogue.

        Args:
            features: Vectors of the new items alone, by name; those that are known.
            count: Number of new items; they get the next rows.
        """


def settled(recipes: Sequence[StageRecipe], stages: Sequence[Stage]) -> tuple[StageRecipe, ...]:
    """The same of several, with the stage that each has made."""
    return tuple(recipe.settled(stage) for recipe, stage in zip(recipes, stages, strict=True))


ONE_STAGE: OneOf[StageRecipe] = OneOf(STAGES)
AnyStage = Annotated[SerializeAsAny[StageRecipe], BeforeValidator(ONE_STAGE)]
"""Any of the stages in a recipe file, plug-ins included."""


def read_stage(given: Any) -> StageRecipe:
    """The settings of a stage, from a table of a recipe file with its `kind`, or themselves.

    Raises:
        UnknownName: for a kind that is not in `STAGES`.
        BadSetting: for a wrong key or value.
    """
    return ONE_STAGE.parse(given)
