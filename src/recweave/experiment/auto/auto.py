"""From data and a time budget to a recipe with its reasons, a judgement on test, and a bundle."""

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recweave.bundle import Bundle
from recweave.bundle.make import make_bundle
from recweave.bundle.saved import check_free
from recweave.core.atomic import atomic_file
from recweave.core.errors import BadInput, BadSetting
from recweave.core.progress import track
from recweave.core.version import VERSION
from recweave.data.catalogue import DATASETS, load
from recweave.data.dataset import MANIFEST, Dataset
from recweave.data.interactions import some_users
from recweave.data.synthetic import SHOPS
from recweave.experiment.about import about_row
from recweave.experiment.auto import plan
from recweave.experiment.auto.draft import FEWEST_USERS, MOST_USERS, first_recipe, with_rows
from recweave.experiment.auto.look import Look
from recweave.experiment.auto.mixture import Mixture, mixture_of, network_racer
from recweave.experiment.auto.race import Clock, Race, flops_per_second
from recweave.experiment.auto.words import notes, remarks
from recweave.experiment.fit import fit
from recweave.experiment.prepare import Prepared, prepare
from recweave.experiment.run import run
from recweave.runs.environment import environment
from recweave.runs.folder import RunFolder
from recweave.runs.summary import Summary
from recweave.runs.toml import to_toml

log = logging.getLogger(__name__)

RECIPE = "recipe.toml"
SEARCHED, NETWORK, JUDGED = 0.5, 0.68, 0.95
"""Shares of the budget after which the search, the network and the judgement should end."""
FIT_SHARE = 0.12
"""Share of the budget that one fit may take."""
USERS_A_SECOND = 10
"""Validation users for each second of the budget, between `FEWEST_USERS` and `MOST_USERS`."""
LEAST = 5.0
"""Seconds of the least budget."""


@dataclass(frozen=True, eq=False)
class Found:
    """What `auto` found.

    Attributes:
        chosen: The row that validation chose: `auto`, the blend, or one model.
        summary: The judgement on test.
        bundle: What answers for the row.
        recipe: The file of the recipe, with the reasons.
        notes: What is to be known, a sentence each.
    """

    chosen: str
    summary: Summary
    bundle: Bundle
    recipe: Path
    notes: tuple[str, ...]


def auto(
    data: Dataset | str | Path,
    budget: str | float = "10m",
    *,
    target: str = "",
    out: Path | str | None = None,
    seed: int = 0,
) -> Found:
    """Look at the data, compare models under a time budget, judge once on test, and fit a bundle.

    The choice is made on validation alone; test is looked at once, at the end. Settings that were
    tried are kept beside `out` (in `OUT-run`), so that the same call goes on where it ended.

    Args:
        data: A dataset, its folder, or a known name.
        budget: As "90s", "10m" or "1h", or in seconds. It decides how much is tried; a step that
            has begun is not cut.
        target: The behaviour whose next event is asked for; see `Look.at`.
        out: The folder of the bundle; without it, one under runs/.
        seed: Of all that is random.

    Raises:
        BadInput: for a file that is no dataset yet, with the command that makes it one.
        BadSetting: for a budget that cannot be read, or data that leave nothing to choose by.
        BadArtifact: if something else has the name of the folder.
    """
    clock = Clock(seconds_of(budget))
    dataset, name = _dataset(data)
    folder = Path(out) if out is not None else Path("runs") / f"auto-{_slug(dataset.name)}"
    check_free(folder)
    runs = RunFolder(folder.with_name(f"{folder.name}-run"))
    runs.check(dataset.fingerprint)
    look = Look.at(dataset, target)
    name = name or _kept(dataset, folder.with_name(f"{folder.name}-data"))
    experiment, reasons = first_recipe(dataset, look, name, clock, seed)
    prepared = prepare(experiment, Path(), check=runs.check)
    if not len(prepared.split.valid):
        raise BadSetting(
            f"the split {prepared.split.how} of {len(prepared.split.train):,} events leaves no "
            "validation events to choose by; give more events"
        )
    made_from = {"recipe": experiment.model_dump(mode="json"), "data": prepared.identity}
    runs.start(made_from | {"rows": {}, "version": VERSION}, environment())
    race, mixture = _search(prepared, runs, look, clock, seed)
    ready, why = with_rows(prepared, race, mixture, clock.left(JUDGED))
    recipe = runs.path / RECIPE
    text = to_toml(ready.experiment, remarks(look, race, mixture, reasons | why))
    with atomic_file(recipe) as draft:
        draft.write_text(text, encoding="utf-8")
    summary = run(ready.experiment, runs.path, ready=ready)
    whole = sum(one.fit_seconds for one in mixture.members) <= clock.left()
    if whole:
        bundle = fit(ready.experiment, mixture.name, run=runs.path)
    else:
        bundle = _of_train(ready, mixture, runs)
    bundle.save(folder)
    said = notes(summary, race, mixture, recipe, whole=whole)
    return Found(mixture.name, summary, bundle, recipe, said)


def seconds_of(budget: str | float) -> float:
    """A budget in seconds.

    >>> seconds_of("90s"), seconds_of("10m"), seconds_of("1.5h"), seconds_of(30)
    (90.0, 600.0, 5400.0, 30.0)

    Raises:
        BadSetting: if it is no time, or less than 5 seconds.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(budget))
    if not found:
        raise BadSetting(f"the budget '{budget}' is no time; write it as 90s, 10m or 1h")
    seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]
    if seconds < LEAST:
        raise BadSetting(f"a budget of {seconds:g} s is too short; give {LEAST:g} s or more")
    return seconds


def _dataset(data: Dataset | str | Path) -> tuple[Dataset, str]:
    """The dataset, and what a recipe calls it; "" for one that is in memory alone."""
    if isinstance(data, Dataset):
        return data, ""
    if data in DATASETS or data in SHOPS:
        return load(data), str(data)
    path = Path(data)
    try:
        return load(path), str(path.resolve())
    except BadInput:
        from recweave.data.readers.guess import guess

        command = guess(path).command
        raise BadInput(
            f"{path} is no dataset yet; read it first, then give the folder that this makes: "
            f"{command}"
        ) from None


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "data"


def _kept(dataset: Dataset, folder: Path) -> str:
    """The folder that a dataset in memory is saved in, so that the recipe can name it."""
    if not (folder / MANIFEST).is_file() or Dataset.load(folder).fingerprint != dataset.fingerprint:
        dataset.save(folder)
    return str(folder.resolve())


def _search(
    prepared: Prepared, runs: RunFolder, look: Look, clock: Clock, seed: int
) -> tuple[Race, Mixture]:
    """The race, with the network in the time that is left, and the blend; on validation alone."""
    split = prepared.split
    users = int(np.clip(USERS_A_SECOND * clock.seconds, FEWEST_USERS, MOST_USERS))
    sample = replace(split, valid=some_users(split.valid, users, seed))
    standard = plan.candidates(
        look,
        split.train.item_counts(),
        plan.span_of(split.train.time) if look.timed else 0.0,
        FIT_SHARE * clock.seconds * flops_per_second(),
    )
    race = Race.of(replace(prepared, split=sample), runs, clock, list(standard))
    _run(race, SEARCHED)
    network = network_racer(race, plan.network(look), NETWORK)
    if network is None or network.reason:
        _run(race, NETWORK)  # its time is the others'
    if network is not None:
        race.racers.append(network)
    return race, mixture_of(race)


def _run(race: Race, share: float) -> None:
    for line in track(race.run(share), lambda: race.said):
        log.info(line)


def _of_train(ready: Prepared, mixture: Mixture, runs: RunFolder) -> Bundle:
    """The chosen row as it was judged: fitted on the training part, with all histories."""
    experiment = ready.experiment
    result = runs.result(mixture.name, experiment.seeds[0], None)
    return make_bundle(
        ready.shared,
        mixture.model,
        name=mixture.name,
        features=ready.features,
        depth=experiment.depth,
        about=about_row(experiment, result, ready.dataset.fingerprint),
    )
