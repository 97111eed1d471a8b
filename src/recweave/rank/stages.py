"""Stages by name: the settings of one in a recipe file, and how they become a `Stage`."""

from abc import ABC, abstractmethod
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from recweave.core.errors import BadSetting
from recweave.core.registry import Registry
from recweave.core.value import Value
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.rank.ranking import Stage


class StageRecipe(Value, ABC):
    """The settings of a stage: `[[models.stages]] kind = "mmr"` in a recipe file.

    Each has a `kind`, its name in `STAGES`.
    """

    kind: str

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


STAGES: Registry[type[StageRecipe]] = Registry(
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
)
"""The answer to "what stages are there?"."""


def read_stage(given: Any) -> StageRecipe:
    """The settings of a stage from a table of a recipe file, told apart by `kind`, or themselves.

    Raises:
        UnknownName: for a kind that is not in `STAGES`.
        BadSetting: for a wrong key or value.
    """
    if isinstance(given, StageRecipe):
        return given
    if not isinstance(given, dict) or "kind" not in given:
        raise BadSetting(f"a stage is a table with a 'kind' ({', '.join(STAGES)}), not {given!r}")
    return STAGES[given["kind"]].parse(given, f"stage '{given['kind']}'")


AnyStage = Annotated[SerializeAsAny[StageRecipe], BeforeValidator(read_stage)]
"""Any of the stages in a recipe file, plug-ins included."""
