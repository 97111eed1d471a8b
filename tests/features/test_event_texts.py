"""Cross-fitted texts as features of events."""

import re
import zlib

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadInput, BadSetting
from recweave.data.dataset import Dataset
from recweave.data.split import TRAIN, LeaveLastOut
from recweave.features import FeatureContext
from recweave.features.profiles import ProfileText

SPEC = ProfileText(kinds=("summary",), folds=2, for_events=True)


class WordCounts:
    """An encoder whose vectors are of one text alone."""

    name = "word-counts/1"
    dim = 64

    def encode(self, texts):
        counts = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text or ""):
                counts[row, zlib.crc32(word.lower().encode()) % self.dim] += 1
        return counts


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("recweave.features.profiles.text_encoder", lambda name: WordCounts())


def shop(changed=None):
    """Eight users review four items each of six; the last two of each are held out."""
    rows = [
        (f"u{user}", f"i{(user + step) % 6}", 10 * user + step, f"Word{user} wrote thing{step}.")
        for user in range(8)
        for step in range(4)
    ]
    if changed is not None:
        rows[changed] = (*rows[changed][:3], "Something else entirely.")
    log = pl.DataFrame(rows, schema=["user_id", "item_id", "time", "text"], orient="row")
    events = log.select("user_id", "item_id", "time")
    return Dataset("shop", events=events, reviews=log.with_columns(rating=5.0))


def build(data, spec=SPEC):
    split = data.split(LeaveLastOut())
    return spec.build(FeatureContext(data, split)), split


def test_the_text_of_an_event_never_changes_its_own_vector():
    before, split = build(shop())
    changed_whole = 0
    for row in np.flatnonzero(split.part == TRAIN):
        after, _ = build(shop(changed=int(row)))
        np.testing.assert_array_equal(after.at(np.array([row]))[0], before.at(np.array([row]))[0])
        changed_whole += not np.array_equal(after.whole.vectors, before.whole.vectors)
    assert changed_whole == (split.part == TRAIN).sum()


def test_the_text_of_a_held_out_event_changes_nothing():
    before, split = build(shop())
    row = int(np.flatnonzero(split.part != TRAIN)[0])
    after, _ = build(shop(changed=row))
    np.testing.assert_array_equal(after.at(np.arange(32))[0], before.at(np.arange(32))[0])


def test_held_out_events_get_the_text_of_all_of_train():
    feature, split = build(shop())
    held_out = np.flatnonzero(split.part != TRAIN)
    assert (feature.variant[held_out] == -1).all()
    assert (feature.variant[split.part == TRAIN] >= 0).all()


def test_texts_that_are_not_cross_fitted_and_encoders_of_all_texts_are_refused():
    with pytest.raises(BadInput, match="--folds"):
        build(shop(), ProfileText(kinds=("summary",), for_events=True))
    with pytest.raises(BadSetting, match="depend on all texts"):
        build(shop(), SPEC.model_copy(update={"encoder": "tfidf"}))


def test_labels_are_numbers_with_names_and_cross_fitted_as_texts_are(monkeypatch):
    spec = ProfileText(kinds=("categories",), folds=2, for_events=True, encoder="labels")
    written = {None: "Wood; Tin", 0: "Wood", 1: "Tin; Stone"}
    monkeypatch.setattr(
        "recweave.features.profiles.Extractive.write",
        lambda self, material, tasks: ((task, written[task.fold]) for task in tasks),
    )
    feature, split = build(shop(), spec)
    assert tuple(feature.whole.columns) == ("tin", "wood")
    np.testing.assert_array_equal(np.unique(feature.whole.vectors, axis=0), [[1, 1]])
    own = feature.at(np.flatnonzero(split.part == TRAIN))[0]
    np.testing.assert_array_equal(np.unique(own, axis=0), [[0, 1], [1, 0]])
