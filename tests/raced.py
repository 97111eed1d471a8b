"""A made log of news, and the race of some models on it to its end."""

import numpy as np
import polars as pl

from recweave.data.dataset import Dataset
from recweave.experiment.auto import plan
from recweave.experiment.auto.draft import first_recipe
from recweave.experiment.auto.look import Look
from recweave.experiment.auto.race import Clock, Race
from recweave.experiment.prepare import prepare
from recweave.runs.folder import RunFolder

DAY = 86_400


def news(users=110, days=20, seed=0):
    """Articles live for a day; everybody reads those of the day, whatever they read before."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{user}", f"a{day}-{rng.integers(6)}", day * DAY + int(rng.integers(DAY)))
        for user in range(users)
        for day in rng.choice(days, 8, replace=False)
    ]
    user, item, time = zip(*rows, strict=True)
    events = pl.DataFrame({"user_id": user, "item_id": item, "time": time})
    return Dataset.from_frames(events=events, name="news")


def raced(dataset, folder, rows, seconds=60.0, target=""):
    """A race of some of the standard candidates, to its end."""
    look, clock = Look.at(dataset, target), Clock(seconds)
    dataset.save(folder / "data")
    experiment, _ = first_recipe(dataset, look, str(folder / "data"), clock, 0)
    prepared = prepare(experiment, folder)
    train = prepared.split.train
    standard = plan.candidates(look, train.item_counts(), plan.span_of(train.time), 1e18)
    candidates = [one for one in standard if one.row in rows]
    race = Race.of(prepared, RunFolder(folder / "run"), clock, candidates)
    return race, list(race.run(1.0))
