"""Controls keep what a feature rests on and lose what it says."""

import numpy as np
import pytest
from planted import COMMON, T0, T1, EventCounts, planted_shop

from recweave.data.split import LeaveLastOut
from recweave.encode.features import Feature
from recweave.features import FeatureContext
from recweave.features.controls import Permuted, RandomVectors


@pytest.fixture
def context():
    """A feature of three items of eight, each with rows of its own behind it."""
    dataset = planted_shop()
    context = FeatureContext(dataset, dataset.split(LeaveLastOut()))
    feature = EventCounts().build(context)
    present = np.isin(np.arange(8), [T0, T1, COMMON])
    vectors = np.where(present[:, None], np.arange(8, dtype=np.float32)[:, None] + 1, 0)
    known = Feature(vectors.astype(np.float32), present, "e", "s", used=feature.used)
    return FeatureContext(dataset, context.split, {"known": known})


def test_a_permuted_vector_keeps_the_rows_that_it_was_computed_from(context):
    other = context.features["known"]
    moved = False
    for seed in range(5):
        feature = Permuted(feature="known", seed=seed).build(context)
        assert np.array_equal(feature.present, other.present)
        for item in np.flatnonzero(feature.present):
            (source,) = np.flatnonzero((other.vectors == feature.vectors[item]).all(axis=1))
            moved |= source != item
            rows, from_rows = feature.used["events"][[item]], other.used["events"][[source]]
            assert rows.indices.tolist() == from_rows.indices.tolist()
        assert sorted(feature.vectors.ravel()) == sorted(other.vectors.ravel())
    assert moved


def test_random_vectors_use_no_rows_and_are_present_where_the_others_are(context):
    feature = RandomVectors(feature="known", seed=1).build(context)
    other = context.features["known"]
    assert dict(feature.used) == {}
    assert np.array_equal(feature.present, other.present)
    assert np.allclose(np.linalg.norm(feature.vectors, axis=1), feature.present)
