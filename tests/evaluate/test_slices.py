import numpy as np
import pytest

from recweave.data.interactions import Interactions
from recweave.evaluate import SLICES, evaluate
from recweave.evaluate.slices import (
    by_decile,
    by_history,
    by_item_age,
    by_popularity,
    by_tail,
    by_user_age,
)

# Item 0 has 8 train events, 1 has 2, the rest none; user 0 has 9 events, user 1 one, user 2 none.
TRAIN = Interactions.of([0] * 8 + [0, 1], [0] * 8 + [1, 1], shape=(3, 4))
HELD = Interactions.of([0, 0, 1, 2], [1, 2, 0, 3], shape=(3, 4))


def labels(slice):
    return [slice.labels[code] for code in slice.code]


def test_head_and_tail_follow_train_events():
    assert labels(by_popularity(TRAIN, HELD)) == ["tail", "tail", "head", "tail"]
    assert labels(by_popularity(TRAIN, HELD, share=0.5, of="items"))[:3] == ["head", "tail", "head"]


def test_cold_is_without_a_train_event():
    assert labels(by_item_age(TRAIN, HELD)) == ["warm", "cold", "warm", "cold"]
    assert labels(by_user_age(TRAIN, HELD)) == ["warm", "warm", "warm", "cold"]


def test_history_lengths_fall_into_their_groups():
    assert by_history(TRAIN, HELD).labels == ("0", "1-4", "5-9", "10-19", "20-49", "50+")
    assert labels(by_history(TRAIN, HELD)) == ["5-9", "5-9", "1-4", "0"]
    assert labels(by_history(TRAIN, HELD, starts=(0, 1, 9))) == ["9+", "9+", "1-8", "0"]


def test_deciles_are_tenths_of_the_catalogue_from_the_least_popular():
    counts = np.random.default_rng(0).permutation(20)  # item i has counts[i] train events
    train = Interactions.of(np.zeros(190, int), np.repeat(np.arange(20), counts), shape=(1, 20))
    held_out = Interactions.of(np.zeros(20, int), np.arange(20), shape=(1, 20))
    assert labels(by_decile(train, held_out)) == [str(count // 2 + 1) for count in counts]


@pytest.fixture
def report(ranking):
    lists = ranking([[2, 1, 0], [0, 1, 2], [0, 1, 2]], items=4)
    slices = [make(TRAIN, HELD) for make in SLICES.values()]
    return evaluate(lists, HELD, ["recall@3", "mrr@3"], slices=slices)


def test_a_slice_uses_the_same_lists_for_its_own_events_alone(report):
    tail = report.slices["popularity"].to_dicts()
    assert tail == [
        {"label": "head", "user": 1, "relevant": 1, "recall@3": 1.0, "mrr@3": 1.0},
        {"label": "tail", "user": 0, "relevant": 2, "recall@3": 1.0, "mrr@3": 1.0},
        {"label": "tail", "user": 2, "relevant": 1, "recall@3": 0.0, "mrr@3": 0.0},
    ]
    warm = report.slices["item"].filter(label="warm").to_dicts()[0]
    # Item 1 is second, behind a hit of the other label, which is no hit here.
    assert warm == {"label": "warm", "user": 0, "relevant": 1, "recall@3": 1.0, "mrr@3": 0.5}


def test_slices_share_out_the_relevant_items(report):
    for name, table in report.slices.items():
        assert table["relevant"].sum() == len(HELD), name


def test_slices_are_reported_in_json_with_their_sizes(report):
    of_users = report.to_json()["slices"]["user"]
    assert of_users["cold"]["users"] == 1
    assert of_users["warm"]["relevant"] == 3
    assert of_users["cold"]["mrr@3"] == {"mean": 0.0, "low": 0.0, "high": 0.0}


def test_the_tail_is_what_is_left_without_the_most_popular_fifth():
    train = Interactions.of(np.zeros(15, int), np.repeat(np.arange(5), [1, 5, 2, 4, 3]))
    held_out = Interactions.of(np.zeros(5, int), np.arange(5), shape=(1, 5))
    found = labels(by_tail(train, held_out))
    assert found == ["the rest", "top fifth", "the rest", "the rest", "the rest"]
