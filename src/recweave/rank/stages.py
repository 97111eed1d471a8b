"""Stages by name: the settings of one in a recipe file, and how they become a `Stage`."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, SerializeAsAny

from recweave.core.choice import Choice, OneOf
from recweave.core.registry import Registry
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.rank.ranking import Stage

STAGES: "Registry[type[StageRecipe]]" = Registry(
    "stage",
    {
        "exclude": "recweave.rank.business:ExcludeRecipe",
        "cap": "recweave.rank.business:CapRecipe",
        "boost": "recweave.rank.business:BoostRecipe",
        "pin": "recweave.rank.business:PinRecipe",
        "mmr": "recweave.rank.diversity:MMRRecipe",
        "popularity": "recweave.rank.popularity:PopularityRecipe",
        "freshness": "recweave.rank.freshness:FreshnessRecipe",
        "interest": "recweave.rank.freshness:InterestRecipe",
    },
    group="recweave.stages",
    subclass_of="recweave.rank.stages:StageRecipe",
)
"""The answer to "what stages are there?"."""


class StageRecipe(Choice, ABC):
    """The settings of a stage: `[[models.stages]] kind = "mmr"` in a recipe file."""

    registry: ClassVar[Registry[Any]] = STAGES

    @abstractmethod
    def build(
        self, dataset: Dataset, train: Interactions, features: Features | None = None
    ) -> Stage:
        """The stage for one catalogue.

        Args:
            dataset: For fields of items and for ids; its events are not looked at.
            train: All that statistics may be made from.
            features: Vectors of the items, by name.

        Raises:
            BadSetting: if the data lack what the stage needs.
        """


ONE_STAGE: OneOf[StageRecipe] = OneOf(STAGES)
AnyStage = Annotated[SerializeAsAny[StageRecipe], BeforeValidator(ONE_STAGE)]
"""Any of the stages in a recipe file, plug-ins included."""


def read_stage(given: Any) -> StageRecipe:
    """The settings of a stage from a table of a recipe file, told apart by `kind`, or themselves.

    Raises:
        UnknownName: for a kind that is not in `STAGES`.
        BadSetting: for a wrong key or value.
    """
    return ONE_STAGE.parse(given)
