from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from recweave.core.errors import BadInput, BadSetting, UnknownName
from recweave.core.settings import Settings
from recweave.data.catalogue import load
from recweave.data.interactions import Histories, Interactions
from recweave.data.split import (
    BETWEEN,
    DROPPED,
    TEST,
    TRAIN,
    VALID,
    AnySplitter,
    Given,
    GlobalTime,
    LeaveLastOut,
    RandomWarm,
    RatioUser,
)

SPLITTERS = [
    LeaveLastOut(),
    LeaveLastOut(n=2, valid=0, keep=0, target=("purchase",)),
    RatioUser(),
    RatioUser(valid=0, test=0.5, by="time"),
    GlobalTime(),
    GlobalTime(target=("purchase",)),
    RandomWarm(valid=0.2, keep=1),
]

events = st.lists(
    st.tuples(
        st.integers(0, 3),  # user
        st.integers(0, 4),  # item
        st.integers(0, 5),  # time: many are equal
        st.sampled_from(["view", "purchase"]),
    ),
    min_size=1,
    max_size=60,
)


def log_of(rows):
    user, item, time, behavior = zip(*rows, strict=True)
    return Interactions.of(user, item, time=time, behavior=behavior, shape=(4, 5))


def parts_of(how, log, seed=0, published=None):
    return how.parts(log, published=published, seed=seed)


def by_hand(user_count, log, cut_user):
    """The parts by a loop over users; `cut_user` gets a user's events in order of time."""
    part = np.full(len(log), TRAIN)
    for user in range(user_count):
        own = sorted(np.flatnonzero(log.user == user), key=lambda row: log.time[row])
        for row, code in zip(own, cut_user(own), strict=True):
            part[row] = code
    return part.tolist()


@pytest.mark.parametrize("how", SPLITTERS, ids=lambda how: how.model_dump_json())
@given(events)
def test_every_event_gets_one_part_and_the_same_one_each_time(how, rows):
    log = log_of(rows)
    part = parts_of(how, log, seed=3)
    assert part.shape == (len(log),)
    assert set(part.tolist()) <= {BETWEEN, DROPPED, TRAIN, VALID, TEST}
    np.testing.assert_array_equal(part, parts_of(how, log, seed=3))


@pytest.mark.parametrize("how", SPLITTERS, ids=lambda how: how.model_dump_json())
def test_the_three_logs_share_no_event_and_hold_all_but_the_dropped(how):
    rng = np.random.default_rng(0)
    behavior = rng.choice(["view", "purchase"], 300).tolist()
    log = Interactions.of(
        rng.integers(0, 9, 300), rng.integers(0, 20, 300), time=np.arange(300), behavior=behavior
    )
    split = how.cut(log, seed=1)
    times = np.concatenate([split.train.time, split.valid.time, split.test.time])
    assert len(set(times.tolist())) == len(times) == len(log) - split.dropped
    assert split.train.shape == split.valid.shape == split.test.shape == log.shape
    for part in (split.train, split.valid, split.test):
        assert (np.diff(part.time) > 0).all()  # the order of the source


@given(
    events,
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(0, 2),
    st.sampled_from([(), ("purchase",)]),
)
def test_leave_last_out_equals_a_loop_over_users(rows, n, valid, keep, target):
    log = log_of(rows)
    names = ["view", "purchase"]

    def cut_user(own):
        aimed = [e for e in own if not target or names[int(log.behavior[e] == 5)] in target]
        if len(aimed) < n + valid + keep:
            return [TRAIN] * len(own)
        tests = set(aimed[len(aimed) - n :])
        valids = set(aimed[len(aimed) - n - valid : len(aimed) - n])
        first = min(own.index(e) for e in tests | valids)
        last = min(own.index(e) for e in tests)
        left = [
            TRAIN if place < first else BETWEEN if place < last else DROPPED
            for place in range(len(own))
        ]
        return [
            TEST if e in tests else VALID if e in valids else rest
            for e, rest in zip(own, left, strict=True)
        ]

    how = LeaveLastOut(n=n, valid=valid, keep=keep, target=target)
    assert parts_of(how, log).tolist() == by_hand(4, log, cut_user)


@given(events, st.sampled_from([0, 0.1, 0.25, 0.57]), st.sampled_from([0.1, 0.34, 0.5]))
def test_ratio_user_by_time_equals_a_loop_over_users(rows, valid, test):
    log = log_of(rows)

    def cut_user(own):
        def share(of):
            return max(1, int(Fraction(str(of)) * len(own))) if of else 0

        tests, valids = share(test), share(valid)
        if len(own) <= tests + valids:
            return [TRAIN] * len(own)
        trains = len(own) - tests - valids
        return [TRAIN] * trains + [VALID] * valids + [TEST] * tests

    how = RatioUser(valid=valid, test=test, by="time")
    assert parts_of(how, log).tolist() == by_hand(4, log, cut_user)


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 0), (2, 0), (3, 1), (9, 1), (10, 1), (19, 1), (20, 2), (57, 5)]
)
def test_ratio_user_holds_out_a_tenth_rounded_down_but_at_least_one(count, expected):
    log = Interactions.of([0] * count, range(count))
    part = parts_of(RatioUser(), log)
    assert (part == TEST).sum() == (part == VALID).sum() == expected


def test_a_share_is_taken_as_on_paper_not_as_floats_multiply():
    assert int(0.57 * 100) == 56  # what floats make of it
    log = Interactions.of([0] * 100, range(100))
    assert (parts_of(RatioUser(valid=0, test=0.57), log) == TEST).sum() == 57
    assert (parts_of(RandomWarm(test=0.57, keep=1), on_a_grid(10)) == TEST).sum() == 57


def test_random_ratio_draws_other_events_with_another_seed():
    log = Interactions.of([0] * 100, range(100))
    first, second = parts_of(RatioUser(), log, seed=0), parts_of(RatioUser(), log, seed=1)
    assert (first != second).any()
    assert (first[-10:] != TEST).any()  # not merely the last ones


def test_equal_times_keep_the_order_of_the_source():
    log = Interactions.of([0, 1, 0, 1, 0, 1], range(6), time=[7] * 6)
    split = LeaveLastOut().cut(log)
    assert split.test.item.tolist() == [4, 5]
    assert split.valid.item.tolist() == [2, 3]
    assert split.train.item.tolist() == [0, 1]


def test_with_a_target_nothing_of_a_users_future_stays_in_train():
    behavior = ["view", "purchase", "view", "purchase", "view", "purchase", "view"]
    log = Interactions.of([0] * 7, range(7), behavior=behavior)
    split = LeaveLastOut(target=("purchase",)).cut(log)
    assert split.train.item.tolist() == [0, 1, 2]
    assert split.valid.item.tolist() == [3]
    assert split.test.item.tolist() == [5]
    assert split.dropped == 2  # the views after the first held-out purchase
    assert split.known.item.tolist() == [0, 1, 2, 3, 4]  # what precedes the purchase of 5


def test_history_at_test_keeps_the_order_of_the_source_within_equal_times():
    behavior = ["view", "purchase", "view", "purchase", "view", "purchase"] * 2
    log = Interactions.of(
        [0] * 6 + [1] * 6, [*range(6), *range(6)], time=[5] * 12, behavior=behavior
    )
    known = LeaveLastOut(target=("purchase",), keep=0).cut(log).known
    assert known.item.tolist() == [0, 1, 2, 3, 4] * 2
    assert Histories.of(known).item.tolist() == [0, 1, 2, 3, 4] * 2


def test_fresh_makes_no_history_of_events_with_a_test_item():
    """Views of what is bought for validation are known at test; of what is bought there, never."""
    log = Interactions.of(
        [0] * 9,
        [9, 1, 2, 2, 9, 1, 3, 9, 4],
        behavior=["view"] * 3 + ["purchase"] + ["view"] * 3 + ["purchase", "view"],
    )
    split = LeaveLastOut(target=("purchase",), fresh=True, keep=0).cut(log)
    assert (split.train.item.tolist(), split.valid.item.tolist()) == ([1], [2])
    assert split.between.item.tolist() == [2, 1, 3]
    assert split.test.item.tolist() == [9]
    assert sorted(split.known.item.tolist()) == [1, 1, 2, 2, 3]


def test_global_time_cuts_at_one_moment_for_everybody():
    log = Interactions.of([0, 1] * 5, range(10), time=range(100, 110))
    split = GlobalTime(valid=0.2, test=0.3).cut(log)
    assert split.train.time.tolist() == [100, 101, 102, 103, 104]
    assert split.valid.time.tolist() == [105, 106]
    assert split.test.time.tolist() == [107, 108, 109]


def test_events_at_the_very_moment_belong_to_the_later_part():
    log = Interactions.of([0] * 6, range(6), time=[1, 2, 5, 5, 5, 9])
    how = GlobalTime(valid=0, test=0.1, test_from=5)
    assert parts_of(how, log).tolist() == [TRAIN, TRAIN, TEST, TEST, TEST, TEST]
    # Half of the events lie in the middle of the tie; the whole tie is held out.
    assert parts_of(GlobalTime(valid=0, test=0.5), log).tolist() == [TRAIN] * 2 + [TEST] * 4


def test_fresh_leaves_no_other_event_of_a_held_out_pair():
    log = Interactions.of(
        [0, 0, 0, 0, 0, 1, 1],
        [1, 2, 1, 3, 2, 1, 2],
        behavior=["view", "view", "purchase", "purchase", "purchase", "view", "purchase"],
        shape=(2, 4),
    )
    how = LeaveLastOut(target=("purchase",), valid=0, keep=0)
    seen = how.model_copy(update={"fresh": True}).cut(log)
    assert list(zip(seen.test.user, seen.test.item, strict=True)) == [(0, 2), (1, 2)]
    # User 0 had viewed what they bought last; user 1 viewed something else.
    assert list(zip(seen.train.user, seen.train.item, strict=True)) == [
        (0, 1),
        (0, 1),
        (0, 3),
        (1, 1),
    ]
    assert seen.dropped == 1
    assert len(how.cut(log).train) == 5


def test_global_time_holds_out_the_target_alone_and_drops_the_rest():
    log = Interactions.of([0] * 3, range(3), time=range(3), behavior=["view", "view", "purchase"])
    how = GlobalTime(valid=0, test_from=1, target=("purchase",))
    assert parts_of(how, log).tolist() == [TRAIN, DROPPED, TEST]
    how = GlobalTime(valid_from=0, test_from=2, target=("purchase",))
    assert parts_of(how, log).tolist() == [BETWEEN, BETWEEN, TEST]


def test_global_time_needs_times():
    with pytest.raises(BadSetting, match="needs times"):
        GlobalTime().cut(Interactions.of([0, 0], [0, 1]))


def test_a_validation_moment_after_the_test_moment_is_refused():
    log = Interactions.of([0] * 6, range(6), time=range(6))
    with pytest.raises(BadSetting, match=r"validation.*4.*test.*2"):
        GlobalTime(valid_from=4, test_from=2).cut(log)


def on_a_grid(side):
    user, item = np.divmod(np.arange(side * side), side)
    return Interactions.of(user, item)


@given(events, st.integers(1, 3), st.integers(0, 5))
def test_random_warm_leaves_each_user_and_item_some_events(rows, keep, seed):
    log = log_of(rows)
    train = log[parts_of(RandomWarm(valid=0.3, test=0.6, keep=keep), log, seed=seed) == TRAIN]
    assert (train.user_counts() >= np.minimum(keep, log.user_counts())).all()
    assert (train.item_counts() >= np.minimum(keep, log.item_counts())).all()


def test_random_warm_fills_its_shares_where_it_can():
    part = parts_of(RandomWarm(valid=0.25, test=0.25, keep=2), on_a_grid(20))
    assert (part == TEST).sum() == (part == VALID).sum() == 100
    other = parts_of(RandomWarm(valid=0.25, test=0.25, keep=2), on_a_grid(20), seed=1)
    assert (part != other).any()


PUBLISHED = np.array([TRAIN, TRAIN, TRAIN, TEST, DROPPED], np.int8)


def test_given_follows_the_publisher():
    log = Interactions.of([0] * 5, range(5))
    split = Given().cut(log, published=PUBLISHED)
    assert split.train.item.tolist() == [0, 1, 2]
    assert split.test.item.tolist() == [3]
    assert split.dropped == 1


def test_given_cuts_validation_from_the_train_part_alone():
    log = Interactions.of([0] * 5, range(5))
    how = Given(valid=LeaveLastOut(n=1, valid=0))
    assert parts_of(how, log, published=PUBLISHED).tolist() == [TRAIN, TRAIN, VALID, TEST, DROPPED]


def test_all_that_was_published_as_train_is_history_at_test():
    log = Interactions.of(
        [0] * 6, range(6), behavior=["view", "purchase", "view", "purchase", "view", "purchase"]
    )
    published = np.array([TRAIN] * 5 + [TEST], np.int8)
    how = Given(valid=LeaveLastOut(valid=0, target=("purchase",)))
    split = how.cut(log, published=published)
    assert (split.train.item.tolist(), split.valid.item.tolist()) == ([0, 1, 2], [3])
    assert split.between.item.tolist() == [4]
    assert split.known.item.tolist() == [0, 1, 2, 3, 4]


def test_given_keeps_a_validation_part_of_the_publisher():
    published = np.array([TRAIN, VALID, TRAIN, TEST], np.int8)
    how = Given(valid=LeaveLastOut(n=1, valid=0))
    log = Interactions.of([0] * 4, range(4))
    assert parts_of(how, log, published=published).tolist() == published.tolist()


@pytest.mark.parametrize("published", [None, np.full(5, DROPPED, np.int8)])
def test_given_without_a_published_cut_is_refused(published):
    with pytest.raises(BadInput, match="not cut by its publisher"):
        Given().cut(Interactions.of([0] * 5, range(5)), published=published)


@pytest.mark.parametrize(
    ("how", "missing"),
    [
        (LeaveLastOut(), "test on"),
        (RatioUser(), "test on"),
        (RandomWarm(), "test on"),
        (GlobalTime(valid=0, test=0.9), "learn from"),
        (GlobalTime(valid=0.6, test=0.6), "learn from"),
    ],
)
def test_a_split_that_leaves_a_part_empty_is_refused(how, missing):
    log = Interactions.of([0, 1], [0, 1], time=[5, 5])
    with pytest.raises(BadSetting, match=f"of 2 events leaves nothing to {missing}"):
        how.cut(log)


def test_an_unknown_target_is_refused_with_the_nearest_behaviour():
    with pytest.raises(UnknownName, match="did you mean 'purchase'"):
        LeaveLastOut(target=("purchases",)).cut(Interactions.of([0] * 9, range(9)))


def test_a_recipe_names_its_splitter_by_kind():
    any_splitter = TypeAdapter(AnySplitter)
    for how in [*SPLITTERS, Given(valid=RatioUser(valid=0, test=0.2))]:
        assert any_splitter.validate_json(how.model_dump_json()) == how
    with pytest.raises(ValidationError, match="leave_last_out"):
        any_splitter.validate_python({"kind": "leave_last"})


def test_a_wrong_key_is_refused_with_the_nearest_one():
    with pytest.raises(BadSetting, match=r"recipe.toml: unknown key 'vald', did you mean 'valid'"):
        LeaveLastOut.parse({"vald": 1}, "recipe.toml")
    with pytest.raises(BadSetting, match="'n' is 0"):
        LeaveLastOut.parse({"n": 0}, "recipe.toml")


def test_known_is_train_and_validation():
    split = LeaveLastOut().cut(Interactions.of([0] * 4, range(4)))
    assert split.known.item.tolist() == [0, 1, 2]


@pytest.mark.realdata
def test_beauty_is_cut_as_its_publishers_cut_it(real_data, tmp_path):
    settings = Settings(data=real_data, home=tmp_path)
    dataset = load("amazon-beauty-2014-seq", settings)
    split = dataset.split(LeaveLastOut())
    sizes = (len(split.train), len(split.valid), len(split.test))
    assert sizes == (198_502 - 2 * 22_363, 22_363, 22_363)
    line = (real_data / "amazon-beauty-2014-seq" / "Beauty.txt").read_text().splitlines()[999]
    user, *items = line.split()
    row = dataset.user_ids.row(user)
    for part, item in ((split.test, items[-1]), (split.valid, items[-2])):
        assert dataset.item_ids.names(part.item[part.user == row]) == [item]
