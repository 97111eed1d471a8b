from dataclasses import replace

import numpy as np
import pytest

from recweave.data.interactions import Interactions
from recweave.models import Query
from recweave.models.base import Model
from recweave.models.blend import Blend
from recweave.models.kinds import Factors, ItemScores, ItemWeights
from recweave.rank import recommend
from recweave.rank.explain import TRIED, Because, Move, explain, sentences

SENCHA, MATCHA, ASSAM, EARL, MINT, MUG, POT, LID = range(8)


@pytest.fixture
def log() -> Interactions:
    """Ann bought sencha, then viewed mint, having put it in the cart; bob did nothing."""
    return Interactions.of(
        [0, 0, 0],
        [SENCHA, MINT, MINT],
        behavior=["purchase", "cart", "view"],
        shape=(3, 8),
    )


@pytest.fixture
def teas() -> ItemWeights:
    """Sencha speaks for matcha (6) and the pot (2), mint for the pot (3) and against the mug."""
    weights = np.zeros((8, 8), np.float32)
    weights[SENCHA, [MATCHA, POT, MUG]] = 6, 2, 4
    weights[MINT, [POT, MUG, EARL]] = 3, -1, 1
    return ItemWeights(weights)


def said(explanation):
    """Its reasons as plain tuples, shares to four places."""
    return [(b.item, b.behavior, round(b.share, 4)) for b in explanation.because]


def by_item(explanations):
    return {e.item: e for e in explanations}


def test_shares_are_what_each_item_of_the_history_adds(teas, log):
    query = Query.of(log)
    ann, *_ = explain(teas, recommend(teas, query, 4), k=4)
    assert [e.item for e in ann] == [MATCHA, POT, MUG, EARL]
    assert [e.rank for e in ann] == [1, 2, 3, 4]
    assert [e.score for e in ann] == [6, 5, 3, 1]
    assert {e.basis for e in ann} == {"history"}
    assert ann[0].because == (Because(SENCHA, "purchase", 1.0),)
    assert ann[1].because == (Because(MINT, "cart", 0.6), Because(SENCHA, "purchase", 0.4))
    assert ann[3].because == (Because(MINT, "cart", 1.0),)


class Silent(Model):
    """Scores like another model and gives no reasons: each item of the history is left out."""

    def __init__(self, inside):
        self.inside = inside

    def scores(self, query):
        return self.inside.scores(query)


@pytest.mark.parametrize("kind", [lambda model: model, Silent])
def test_shares_are_of_what_supports_an_item_whatever_counts_against_it(log, kind):
    """Of 5 and 4 for it and 8.9 against it, 5 is 56 %; 2 for it and 9 against it are all of 2."""
    weights = np.zeros((8, 8), np.float32)
    weights[SENCHA, [POT, MUG]] = 5, 2
    weights[MINT, [POT, MUG]] = 4, -9
    weights[ASSAM, [POT, EARL]] = -8.9, -1
    events = Interactions.of([0, 0, 0], [SENCHA, MINT, ASSAM], shape=(1, 8))
    model = kind(ItemWeights(weights))
    (found,) = explain(model, recommend(model, Query.of(events), 5))
    assert said(by_item(found)[POT]) == [(SENCHA, "rating", 0.5556), (MINT, "rating", 0.4444)]
    assert said(by_item(found)[MUG]) == [(SENCHA, "rating", 1)]
    assert said(by_item(found)[EARL]) == []


def test_of_a_long_history_the_newest_items_are_left_out_in_turn():
    """Each of 60 items gives 1 to the last; item 0 was used again at the end, so it is new."""
    used = [*range(60), 0]
    weights = np.zeros((61, 61), np.float32)
    weights[:60, 60] = 1
    events = Interactions.of([0] * 61, used, time=np.arange(61), shape=(1, 61))
    model = Silent(ItemWeights(weights))
    ((last, *_),) = explain(model, recommend(model, Query.of(events), 1), most=60)
    assert TRIED == 50
    assert last.item == 60
    assert [because.item for because in last.because] == [0, *range(11, 60)]
    assert {round(because.share, 6) for because in last.because} == {0.02}


def test_only_the_strongest_reasons_are_named(teas, log):
    ann, *_ = explain(teas, recommend(teas, Query.of(log), 4), most=1)
    assert by_item(ann)[POT].because == (Because(MINT, "cart", 0.6),)


def test_an_item_without_support_has_no_reasons(teas, log):
    ann, bob, _ = explain(teas, recommend(teas, Query.of(log), 6))
    assert by_item(ann)[ASSAM].because == ()
    assert all(e.because == () and e.basis == "history" for e in bob)


def test_shares_of_all_that_supports_an_item_sum_to_one():
    rng = np.random.default_rng(0)
    log = Interactions.of(np.zeros(6, int), np.arange(6), shape=(1, 30))
    model = Factors(
        np.zeros((1, 5), np.float32), rng.standard_normal((30, 5)).astype(np.float32), 4.0, 0.1
    )
    (list_,) = explain(model, recommend(model, Query.of(log), 3), most=6)
    lines = model.reasons(Query.of(log), np.array([[e.item for e in list_]])).toarray()
    for line, e in zip(lines, list_, strict=True):
        assert line.sum() == pytest.approx(e.score, rel=1e-4)
        for because in e.because:
            support = line[line > 0].sum()
            assert because.share == pytest.approx(line[because.item] / support, rel=1e-5)
        assert len(e.because) == (line > 0).sum()
        assert sum(because.share for because in e.because) == pytest.approx(1)


def test_a_learned_vector_is_explained_by_likeness():
    """BPR and its kind: user 0 keeps the learned vector; user -1 is known by the history."""
    item = np.array([[1, 0], [0, 2], [3, 3], [4, 0]], np.float32)
    model = Factors(np.array([[1, 1]], np.float32), item)
    log = Interactions.of([0, 0], [0, 1], behavior=["click", "view"], shape=(1, 4))
    known, new = Query.of(log), Query.of(log, np.array([-1], np.int32))
    new = Query(new.user, known.history, known.now)
    (list_,) = explain(model, recommend(model, known, 2))
    assert by_item(list_)[3].basis == "likeness"
    assert said(by_item(list_)[3]) == [(0, "click", 1)]
    assert said(by_item(list_)[2]) == [(0, "click", 0.7071), (1, "view", 0.7071)]
    unlearned = replace(model, user=np.zeros((1, 2), np.float32))  # not in training
    for asked, query in ((model, new), (unlearned, known)):
        (list_,) = explain(asked, recommend(asked, query, 2))
        assert by_item(list_)[3].basis == "history"
        assert said(by_item(list_)[3]) == [(0, "click", 1)]
        assert said(by_item(list_)[2]) == [(1, "view", 0.6667), (0, "click", 0.3333)]


def test_what_is_the_same_for_everybody_is_explained_by_its_rank_in_the_catalogue(log):
    model = ItemScores(np.array([9, 1, 5, 5, 2, 3, 4, 0], np.float32))
    ann, *_ = explain(model, recommend(model, Query.of(log), 3))
    # Sencha, before all others, is seen; assam and earl are equal and go by row.
    assert [(e.item, e.catalogue_rank, e.basis) for e in ann] == [
        (ASSAM, 2, "everybody"),
        (EARL, 3, "everybody"),
        (POT, 4, "everybody"),
    ]


def test_a_model_without_reasons_is_explained_by_leaving_out_each_item_of_the_history(teas, log):
    """What a model that is a sum would say of itself; user bob has no history to leave out."""

    model = Silent(teas)
    ann, bob, _ = explain(model, recommend(model, Query.of(log), 6))
    own, *_ = explain(teas, recommend(teas, Query.of(log), 6))
    assert [(e.item, said(e)) for e in ann] == [(e.item, said(e)) for e in own]
    assert said(by_item(ann)[POT]) == [(MINT, "cart", 0.6), (SENCHA, "purchase", 0.4)]
    assert {e.basis for e in ann} == {"history"}
    assert {e.basis for e in bob} == {"unknown"}


def test_a_model_that_does_not_react_to_the_history_says_so(log):
    fixed = Silent(ItemScores(np.arange(8, dtype=np.float32)))
    for model in (fixed, Blend((fixed, ItemScores(np.ones(8, np.float32))), np.ones(2) / 2)):
        ann, *_ = explain(model, recommend(model, Query.of(log), 2))
        assert {(e.basis, e.because) for e in ann} == {("unknown", ())}


def test_a_blend_is_explained_by_the_members_that_give_reasons(teas, log):
    popular = ItemScores(np.arange(8, dtype=np.float32))
    blend = Blend((teas, popular), np.array([0.8, 0.2], np.float32))
    ann, *_ = explain(blend, recommend(blend, Query.of(log), 4))
    assert said(by_item(ann)[POT]) == [(MINT, "cart", 0.6), (SENCHA, "purchase", 0.4)]


def test_each_stage_that_moved_an_item_is_named_with_the_ranks(teas, log, staged):
    stages = [
        staged(kind="exclude", where="item_id == matcha"),
        staged(kind="pin", pins=[["earl", 1]]),
    ]
    ranking = recommend(teas, Query.of(log), 6)
    ann, *_ = explain(teas, ranking, stages=stages, k=3)
    out, pin = "excluding item_id == matcha", "pin"
    assert [(e.item, e.rank, e.moves) for e in ann] == [
        (EARL, 1, (Move(out, 4, 3), Move(pin, 3, 1))),
        (POT, 2, (Move(out, 2, 1), Move(pin, 1, 2))),
        (MUG, 3, (Move(out, 3, 2), Move(pin, 2, 3))),
    ]
    assert [e.score for e in ann] == [1, 5, 3], "the model's own, whatever the stages made of it"
    final = recommend(teas, Query.of(log), 3, stages=stages, depth=6)
    assert [e.item for e in ann] == final.item[0].tolist()


def test_stages_that_leave_an_item_alone_are_not_named(teas, log, staged):
    ranking = recommend(teas, Query.of(log), 4)
    ann, *_ = explain(teas, ranking, stages=[staged(kind="pin", pins=[["matcha", 1]])])
    assert all(e.moves == () for e in ann)


def test_a_stage_of_ones_own_is_called_by_its_name(teas, log):
    def turned(ranking):
        return replace(ranking, item=ranking.item[:, ::-1])

    class Quiet:
        def __call__(self, ranking):
            return turned(ranking)

    ranking = recommend(teas, Query.of(log, np.array([0], np.int32)), 4)
    (ann,) = explain(teas, ranking, stages=[turned, Quiet()])
    assert ann[0].moves == (Move("turned", 1, 4), Move("Quiet", 4, 1))


def test_explanations_read_well(teas, log, shop, staged):
    stages = [
        staged(kind="exclude", where="item_id == matcha"),
        staged(kind="pin", pins=[["earl", 1]]),
    ]
    ranking = recommend(teas, Query.of(log), 6)
    ann, bob, _ = explain(teas, ranking, stages=stages, k=2)
    assert sentences(ann, shop) == [
        "1. Earl Grey (earl): because you put Mint (mint) in the cart (100%); "
        "moved up from 4 to 3 by excluding item_id == matcha; moved up from 3 to 1 by pin",
        "2. Pot (pot): because you put Mint (mint) in the cart (60%) and bought Sencha (sencha) "
        "(40%); moved up from 2 to 1 by excluding item_id == matcha; moved down from 1 to 2 by pin",
    ]
    assert sentences(bob, shop)[0].startswith(
        "1. Earl Grey (earl): nothing in the history supports it; moved"
    )


def test_every_basis_has_its_words(log, shop):
    query = Query.of(log)
    popular = ItemScores(np.arange(8, dtype=np.float32))
    ann, *_ = explain(popular, recommend(popular, query, 1))
    assert sentences(ann, shop) == ["1. lid: number 1 of 8 for everybody"]
    vectors = np.ones((8, 2), np.float32)
    vectors[SENCHA] = [1, -1]
    bpr = Factors(np.ones((3, 2), np.float32), vectors)
    ann, *_ = explain(bpr, recommend(bpr, query, 1))
    assert sentences(ann, shop) == [
        "1. Matcha (matcha): because it is like Mint (mint) (1.00), which you put in the cart"
    ]
