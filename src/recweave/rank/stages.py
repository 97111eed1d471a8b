"""Stages by name: the settings of one in a recipe file, and how they become a `Stage`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from recweave.core.errors import BadSetting
from recweave.core.registry import Registry
from recweave.core.value import Value
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.llm.base import LLM
from recweave.models.base import Model
from recweave.parallel import Pool, Serial
from recweave.rank.ranking import Stage


@dataclass(frozen=True, eq=False)
class StageContext:
    """What a stage may be made from. Nothing of the test part is in it.

    Attributes:
        dataset: For fields of items and for ids; its events are not looked at.
        train: All that statistics may be made from.
        valid: Held-out events that a weight may be learned on.
        features: Vectors by name.
        model: Trained on `train` alone, so that lists for `valid` are honest.
        llm: The language model, where a run has one.
        pool: Where independent pieces of work are done.
        base_dir: The folder that relative paths start from.
    """

    dataset: Dataset
    train: Interactions
    valid: Interactions | None = None
    features: Features = field(default_factory=dict)
    model: Model | None = None
    llm: LLM | None = None
    pool: Pool = field(default_factory=Serial)
    base_dir: Path = Path()


class StageRecipe(Value, ABC):
    """The settings of a stage: `[[models.stages]] kind = "mmr"` in a recipe file.

    Each has a `kind`, its name in `STAGES`.
    """

    kind: str

    @abstractmethod
    def fit(self, context: StageContext) -> Stage:
        """The stage for one catalogue and model; made once, saved with the model.

        Raises:
            BadSetting: if the data lack what the stage needs.
        """

    def features_used(self) -> tuple[str, ...]:
        """Names of the features that the stage reads."""
        return ()


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
