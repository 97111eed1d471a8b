"""What the race ends with: the network in the time that is left, and the blend of all members."""

import logging
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from recweave.core.errors import BadSetting, RecweaveError
from recweave.data.interactions import some_users
from recweave.experiment.auto.climb import Climb
from recweave.experiment.auto.plan import Candidate
from recweave.experiment.auto.race import Race, Racer
from recweave.experiment.blend import learn_weights
from recweave.experiment.prepare import Prepared
from recweave.models import Model
from recweave.models.blend import Blend
from recweave.models.training import TrainingData

log = logging.getLogger(__name__)

BLEND = "auto"
"""The row of the blend."""
LEAST = 20.0
"""Seconds that must be left for a network; to import torch alone takes some."""
FEWEST_EPOCHS, MOST_EPOCHS = 6, 30
"""A network of fewer epochs has not learned enough to be of use."""
WARM, PROBED = 0.01, 0.05
"""Shares of the users that an epoch is timed on."""
SCORINGS = 4
"""How often learning a blend scores the validation users with each member, about."""
HALF = 0.5
"""Share of the time left that learning a blend may take."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """What validation chose.

    Attributes:
        members: The models that count, the heaviest first; one where a single model is best.
        weights: Of the members.
        model: The blend, or the single model, fitted on train.
        value: The choosing metric on validation.
    """

    members: tuple[Racer, ...]
    weights: tuple[float, ...]
    model: Model
    value: float

    @property
    def several(self) -> bool:
        """Whether it is a blend."""
        return len(self.members) > 1

    @property
    def name(self) -> str:
        """The row of the recipe."""
        return BLEND if self.several else self.members[0].candidate.row


def network_racer(race: Race, candidate: Candidate | None, share: float) -> Racer | None:
    """The network, trained for as many epochs as end before a share of the budget is spent.

    Its `reason` says why it was not trained, if there was no time. It is not in the race: there it
    would be trained again, with other settings.
    """
    if candidate is None:
        return None
    racer = Racer(candidate, Climb({}, race.sign))
    if (left := race.clock.left(share)) < LEAST:
        racer.reason = "no time was left for it"
    else:
        racer.reason = _trained(race, racer, left)
    return racer


def _trained(race: Race, racer: Racer, left: float) -> str:
    """Train it for the seconds that are left; returns why it could not be."""
    end = race.clock.spent + left
    try:
        epoch = _epoch_seconds(race.prepared, racer)
    except RecweaveError as error:
        return str(error)
    epochs = min(MOST_EPOCHS, int((end - race.clock.spent) / epoch))
    if epochs < FEWEST_EPOCHS:
        return f"an epoch takes some {epoch:.0f} s, and {left:.0f} s were left"
    # It is checked at its end alone: a choice among epochs by this sample of validation would be
    # another one when the recipe is run again.
    settings = {**racer.candidate.settings, "epochs": epochs, "every": epochs}
    racer.candidate = replace(racer.candidate, settings=settings)
    log.info(race.attempt(racer))
    return racer.reason


def _epoch_seconds(prepared: Prepared, racer: Racer) -> float:
    """How long an epoch takes, by one on the events of a few users."""
    train = prepared.split.train
    recipe = racer.with_settings({"epochs": 1}).recipes()[0]
    seconds = 0.0
    for share in (WARM, PROBED):  # the first fit of a process imports more
        some = some_users(train, max(2, int(share * train.shape[0])), prepared.experiment.seeds[0])
        start = monotonic()
        recipe.fit(TrainingData(some, features=prepared.features))
        seconds = (monotonic() - start) * len(train) / len(some)
    return seconds


def mixture_of(race: Race) -> Mixture:
    """The best blend on validation, of all members for which there is time; or the best alone.

    A model that is not in memory is fitted again if that fits into the time too.

    Raises:
        BadSetting: if no model could be fitted.
    """
    ranked = race.ranked()
    if not ranked:
        reasons = "; ".join(f"{one.candidate.row}: {one.reason}" for one in race.racers)
        raise BadSetting(f"no model could be fitted: {reasons}")
    users = len(np.unique(race.prepared.split.valid.user))
    left = HALF * race.clock.left()
    members: list[Racer] = []
    for racer in ranked:
        needed = SCORINGS * racer.ask_seconds * users
        needed += 0.0 if racer.fitted else racer.fit_seconds
        if members and needed > left:
            racer.reason = racer.reason or "no time was left to blend it"
            continue
        race.fitted_again(racer)
        members.append(racer)
        left -= needed
    models = [race.fitted_again(one) for one in members]
    alone = Mixture((ranked[0],), (1.0,), models[0], ranked[0].value)
    if len(members) == 1:
        return alone
    blend = learn_weights(race.prepared, models)
    order = [at for at in np.argsort(-blend.weights, kind="stable") if blend.weights[at] > 0]
    if len(order) == 1:
        return alone
    kept = Blend(
        tuple(models[at] for at in order),
        blend.weights[order],
        tuple(members[at].candidate.row for at in order),
    )
    weights = tuple(float(blend.weights[at]) for at in order)
    return Mixture(tuple(members[at] for at in order), weights, kept, race.value_of(kept))
