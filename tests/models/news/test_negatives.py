"""Negatives of clicks: what was shown, and what was popular (POPK)."""

import numpy as np
import pytest

pytest.importorskip("torch")

from made_impressions import Planted, shown

from recweave.models.news.negatives import Clicks, known_to_reader, popular_of
from recweave.models.news.nrms import NRMS

HOUR = 3600
LOG = [
    (0, 1 * HOUR, [0, 1, 2], [0]),
    (1, 2 * HOUR, [0, 3, 4, 5, 6], [0]),
    (2, 3 * HOUR, [3, 4], [3]),
    (3, 9 * HOUR, [5, 6, 7, 8, 1, 2], [5, 6]),
]


def drawn(clicks, click, times=200, seed=0):
    rng = np.random.default_rng(seed)
    return clicks.negatives(np.full(times, click), rng)


def test_without_popk_they_were_shown_and_not_clicked():
    clicks = Clicks.of(NRMS(negatives=3), shown(LOG))
    found = drawn(clicks, 1)
    assert set(found.ravel().tolist()) == {3, 4, 5, 6}
    assert all(len(set(row)) == 3 for row in found.tolist())
    counts = np.bincount(found.ravel(), minlength=9)[[3, 4, 5, 6]]
    assert counts.min() > 120  # of 150 each


def test_too_few_are_drawn_again():
    clicks = Clicks.of(NRMS(negatives=4), shown(LOG))
    found = drawn(clicks, 0)
    assert set(found[:, :2].ravel().tolist()) == {1, 2}
    assert all(set(row[:2]) == {1, 2} for row in found.tolist())
    assert set(found[:, 2:].ravel().tolist()) == {1, 2}


@pytest.mark.parametrize("popk", [1, 2, 3, 4])
def test_there_are_always_k_and_none_is_known_to_the_reader(popk):
    impressions = Planted().impressions
    clicks = Clicks.of(NRMS(popk=popk), impressions)
    rows = np.flatnonzero(clicks.usable())
    found = clicks.negatives(rows, np.random.default_rng(0))
    assert found.shape == (len(rows), 4)
    assert (found >= 0).all()
    known = set(zip(*known_to_reader(impressions), strict=True))
    shown_with = {
        (int(row), int(item))
        for row, item in zip(impressions.row_numbers(), impressions.item, strict=True)
    }
    for row, items in zip(clicks.impression[rows].tolist(), found.tolist(), strict=True):
        for item in items[:popk]:
            assert (row, item) not in known
        for item in items[popk:]:
            assert (row, item) in shown_with
        assert len(set(items[:popk])) == popk or -1 in clicks.popular[row, :popk]


def test_the_popular_ones_come_first_and_in_their_order():
    """At nine: 0 twice, 3 once. Reader 3 knows neither."""
    impressions = shown(LOG)
    clicks = Clicks.of(NRMS(popk=2), impressions)
    found = drawn(clicks, 3)
    assert found[:, :2].tolist() == [[0, 3]] * 200
    assert set(found[:, 2:].ravel().tolist()) == {7, 8, 1, 2}
    # At two 0 alone is popular, but it is the click; at three 0, and 3 is the click.
    assert clicks.popular[:, 0].tolist() == [-1, -1, 0, 0]
    assert clicks.fewer() == 3


def test_a_read_article_is_no_popular_negative():
    impressions = shown(LOG, histories=[[], [], [], [0]])
    assert Clicks.of(NRMS(popk=2), impressions).popular[3, 0] == 3


def test_where_nothing_else_was_shown_popular_ones_fill_up():
    log = [*LOG, (4, 10 * HOUR, [1, 2], [1, 2])]
    without = Clicks.of(NRMS(), shown(log))
    assert without.usable().tolist() == [True] * 5 + [False] * 2
    clicks = Clicks.of(NRMS(popk=1), shown(log))
    assert clicks.usable()[5:].all()
    # At ten: 0 twice, 3, 5 and 6 once.
    assert drawn(clicks, 5, 1).tolist() == [[0, 3, 5, 6]]


def test_popk_0_is_plain_sampling_to_the_bit():
    """The oracle is written out: shuffle, take K."""
    impressions = Planted().impressions
    clicks = Clicks.of(NRMS(popk=0, popularity="var", bucket_hours=7.0), impressions)
    rows = np.arange(len(clicks))
    found = clicks.negatives(rows, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    other = ~impressions.clicked
    owner, item = impressions.row_numbers()[other], impressions.item[other]
    key = rng.random(sum((owner == row).sum() for row in clicks.impression))
    at = 0
    for row, of in enumerate(clicks.impression):
        own = item[owner == of]
        order = np.argsort(key[at : at + len(own)])
        at += len(own)
        assert found[row].tolist() == own[order][:4].tolist()


@pytest.mark.parametrize("logic", ["acc", "ptb", "ratio", "var"])
def test_clicks_at_and_after_a_moment_do_not_change_its_negatives(logic):
    impressions = Planted().impressions
    recipe = NRMS(popk=3, popularity=logic, bucket_hours=10.0, popular_hours=200.0)
    before = Clicks.of(recipe, impressions).popular
    order = np.argsort(impressions.time, kind="stable")
    half = impressions.time[order[len(order) // 2]]
    late = np.repeat(impressions.time >= half, impressions.lengths)
    rng = np.random.default_rng(0)
    clicked = impressions.clicked.copy()
    clicked[late] = rng.permutation(clicked[late])
    changed = type(impressions)(**{**vars(impressions), "clicked": clicked})
    early = impressions.time < half
    np.testing.assert_array_equal(Clicks.of(recipe, changed).popular[early], before[early])
    assert popular_of(recipe, impressions).items == 120
