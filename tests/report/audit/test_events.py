"""The check that no training event learns from a vector that was made from itself."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from recweave.data.dataset import Dataset
from recweave.data.split import TRAIN, RandomWarm
from recweave.features import FeatureContext
from recweave.features.statistics import Statistics
from recweave.report.audit.rows import own_rows
from recweave.runs.provenance import write_provenance


@pytest.fixture
def shop():
    rng = np.random.default_rng(5)
    events = pl.DataFrame(
        {
            "user_id": [f"u{n}" for n in rng.integers(0, 9, 80)],
            "item_id": [f"i{n}" for n in rng.integers(0, 7, 80)],
            "value": rng.integers(1, 6, 80).astype(np.float32),
            "time": np.arange(80),
        }
    ).unique(["user_id", "item_id"], maintain_order=True)
    return Dataset("shop", events=events, reviews=events.select("user_id", "item_id", text="time"))


@pytest.fixture
def split(shop):
    return shop.split(RandomWarm(test=0.2, keep=1))


@pytest.fixture(params=[0, 3])
def feature(request, shop, split):
    return Statistics(folds=request.param).build(FeatureContext(shop, split))


def circular(feature, shop, split, folder):
    write_provenance({"counts": feature}, folder / "provenance.parquet")
    findings, checked = own_rows(
        "counts", pl.read_parquet(folder / "provenance.parquet"), shop, split
    )
    assert "training events, each without itself" in checked
    return {finding.evidence["table"]: finding.evidence["rows"] for finding in findings}


def test_leave_one_out_and_folds_are_clean(feature, shop, split, tmp_path):
    assert circular(feature, shop, split, tmp_path) == {}


def test_an_event_that_gets_the_whole_vector_is_found(feature, shop, split, tmp_path):
    row = int(np.flatnonzero(split.part == TRAIN)[3])
    variant = feature.variant.copy()
    variant[row] = -1
    assert circular(replace(feature, variant=variant), shop, split, tmp_path) == {"events": [row]}


def test_an_event_that_gets_the_variant_of_another_is_found(shop, split, tmp_path):
    feature = Statistics().build(FeatureContext(shop, split))
    one, other = np.flatnonzero(
        (split.part == TRAIN) & (feature.entity == np.bincount(feature.entity).argmax())
    )[:2]
    variant = feature.variant.copy()
    variant[one] = variant[other]
    found = circular(replace(feature, variant=variant), shop, split, tmp_path)
    assert found == {"events": [int(one)]}


def test_variants_that_say_what_they_were_made_from_are_checked_by_that(shop, split, tmp_path):
    feature = Statistics().build(FeatureContext(shop, split))
    lines = np.flatnonzero(split.part == TRAIN)
    entity_of = np.zeros(len(feature.vectors), np.int64)
    entity_of[feature.variant[lines]] = feature.entity[lines]
    used = feature.whole.used["events"][entity_of] - feature.left_out["events"]
    used.eliminate_zeros()
    stated = replace(feature, used={"events": used}, left_out={})
    assert circular(stated, shop, split, tmp_path) == {}
    leaky = replace(stated, used={"events": feature.whole.used["events"][entity_of]})
    assert circular(leaky, shop, split, tmp_path) == {"events": lines.tolist()}


def test_the_review_of_an_event_belongs_to_it(shop, split, tmp_path):
    """Reviews stand in the order of their events here."""
    feature = Statistics().build(FeatureContext(shop, split))
    whole = replace(feature.whole, used={"reviews": feature.whole.used["events"]})
    clean = replace(feature, whole=whole, left_out={"reviews": feature.left_out["events"]})
    assert circular(clean, shop, split, tmp_path) == {}
    train = np.flatnonzero(split.part == TRAIN).tolist()
    assert circular(replace(clean, left_out={}), shop, split, tmp_path) == {"reviews": train}
