"""The probability of a click model as a stage: it re-ranks candidates of any retrieval model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field, field_validator

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.labels import yes_or_no
from recweave.encode.features import Features
from recweave.models.base import ClickModel, Model, Recipe
from recweave.models.scorer import Scorer
from recweave.models.training import TrainingData
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.reasons import Reasons, beside_mean, one_each
from recweave.rank.stages import StageContext, StageRecipe
from recweave.rank.strength import best_strength

HELD_OUT = 0.1
"""Share of the training events that a model stops by, where it stops early."""


@dataclass(frozen=True, eq=False)
class Clicks:
    """Adds strength · P(click or like) to the standardized scores of each list.

    A user or an item that the click model was not trained with is a cold one for it.

    Attributes:
        model: Trained; also a `ClickModel`.
        shape: Number of users and items that it knows.
        strength: What a certain like is worth, in standard deviations of the scores of a list. At
            0 nothing changes.
        label: What explanations call it.
    """

    model: Model
    shape: tuple[int, int]
    strength: float
    label: str = "clicks"

    def __call__(self, ranking: Ranking) -> Ranking:
        """See `Stage`."""
        if not self.strength:
            return ranking
        added = self.strength * self.probability(ranking, ranking.item)
        return ranking.ordered_by(ranking.standardized() + added)

    def probability(self, ranking: Ranking, item: Int[Array, "users n"]) -> Float[Array, "users n"]:
        """The probability that each query user likes each item; 0 where `item` is -1."""
        users, items = self.shape
        user = np.broadcast_to(ranking.query.user[:, None], item.shape)
        there = item >= 0
        known_user = np.where(user < users, user, -1)[there].astype(np.int32)
        known_item = np.where(item < items, item, -1)[there].astype(np.int32)
        found = np.zeros(item.shape)
        assert isinstance(self.model, ClickModel)
        found[there] = self.model.probability(known_user, known_item)
        return found

    def reasons(self, before: Ranking, item: Int[Array, "users n"]) -> Reasons:
        """See `Reasoned`: the probability, against the mean of the list."""
        found = self.probability(before, item)
        of_list = self.probability(before, before.item)
        value = self.strength * beside_mean(found, of_list, before)
        return one_each(lambda row, at: f"liked with probability {found[row, at]:.2f}", value, item)

    def with_items(self, features: Features, count: int) -> "Clicks":
        """See `Extensible.with_items`; cold items for a model that cannot be extended."""
        extended = self.model.with_items(features, count)
        if extended is None:
            return self
        users, items = self.shape
        return replace(self, model=extended, shape=(users, items + count))


class ClicksRecipe(StageRecipe):
    """Re-rank candidates by the probability of a click model (CTR prediction).

    The model is trained on the training events, of which `positive_from` says which are likes or
    clicks. Its probability, times `strength`, is added to the standardized scores of a list. One
    that stops early holds out a tenth of the training events for that, so the validation events
    choose the strength alone.
    """

    kind: Literal["clicks"] = "clicks"
    model: Scorer = Field(
        description="the click model, a table of its kind (logistic, boosted_trees, dlrm, dcn) and "
        "settings"
    )
    positive_from: float | None = Field(
        None, description="the least value that is a like or click; needed unless all are 0 or 1"
    )
    strength: float | None = Field(
        None,
        ge=0,
        description="what a probability of 1 is worth, in standard deviations of a list's scores; "
        "chosen among `strengths` on validation if not given",
    )
    strengths: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
        min_length=1,
        description="tried on validation, by NDCG@10; the first of equals is taken",
    )
    depth: int = Field(100, ge=1, description="items of a list that the choice re-ranks")

    @field_validator("model")
    @classmethod
    def _is_a_click_model(cls, model: Scorer) -> Scorer:
        if not model.recipe().predicts_clicks:
            raise ValueError(
                f"'{model.name}' gives no probability of a click; name a click model: logistic, "
                "boosted_trees, dlrm or dcn"
            )
        return model

    def features_used(self) -> tuple[str, ...]:
        """See `StageRecipe.features_used`: those of the click model."""
        return self.model.recipe().features_used()

    @property
    def learns(self) -> bool:
        """See `StageRecipe.learns`: the strength, if it is not given."""
        return self.strength is None

    def settled(self, stage: Stage) -> StageRecipe:
        """See `StageRecipe.settled`: with the strength that was chosen."""
        assert isinstance(stage, Clicks)
        return self.model_copy(update={"strength": stage.strength})

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`.

        Raises:
            BadSetting: also if the events are all positive or all negative, or a strength is to be
                chosen, and there is no validation part.
            MissingExtra: if packages that the click model needs are not installed.
        """
        train = context.train
        positive = self._positive(train)
        if positive.all() or not positive.any():
            raise BadSetting(
                f"stage 'clicks': all {len(train):,} training events are "
                f"{'positive' if positive.any() else 'negative'}{self._rule(train)}, so there is "
                "nothing that a click model could learn; set `positive_from` within the values, or "
                "leave the stage out"
            )
        recipe = self.model.recipe()
        model = recipe.fit(self._data(context, recipe), context.options)
        stage = Clicks(model, train.shape, self.strength or 0.0)
        if self.learns:
            stage = replace(stage, strength=self._choose(stage, context))
        return replace(stage, label=f"clicks {stage.strength:g}")

    def _rule(self, events: Interactions) -> str:
        if not len(events):
            return ""
        values = f"values from {events.value.min():g} to {events.value.max():g}"
        rule = f", positive from {self.positive_from:g}" if self.positive_from is not None else ""
        return f" ({values}{rule})"

    def _positive(self, events: Interactions) -> Bool[Array, " n"]:
        try:
            return yes_or_no(events.value, self.positive_from)
        except BadSetting as error:
            raise BadSetting(f"stage 'clicks': {error}") from None

    def _data(self, context: StageContext, recipe: Recipe) -> TrainingData:
        """What the click model may read; validation events of the run are not among it."""
        train = context.train
        data = TrainingData(
            train,
            features=context.features,
            rows=context.rows,
            positive_from=self.positive_from,
        )
        if not recipe.uses_validation:
            return data
        held_out = _some_of_each(self._positive(train), context.options.seed)
        kept, out = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        data = replace(data, train=train[kept], valid=train[out], rows=None)
        if context.rows is None:
            return data
        # Features were computed from the held-out events too.
        return replace(data, rows=context.rows[kept], valid_rows=context.rows[out])

    def _choose(self, stage: Clicks, context: StageContext) -> float:
        def with_strength(base: Ranking) -> Callable[[float], Ranking]:
            level, added = base.standardized(), stage.probability(base, base.item)
            return lambda strength: base.ordered_by(level + strength * added)

        return best_strength(
            context,
            self.strengths,
            with_strength,
            stage=self.kind,
            depth=self.depth,
            liked=self._positive,
        )


def _some_of_each(positive: Bool[Array, " n"], seed: int) -> Bool[Array, " n"]:
    """A tenth of the positive and of the negative events, at least one of each, at random.

    None of a class that has one event alone, as training needs both.
    """
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(positive), bool)
    for label in (True, False):
        rows = np.flatnonzero(positive == label)
        count = min(max(1, round(HELD_OUT * len(rows))), len(rows) - 1)
        held_out[rng.permutation(rows)[:count]] = True
    return held_out
