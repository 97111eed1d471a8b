"""What other packages make is looked at, not believed."""

from planted_shop import audited, examined, honest_shop, only


def staged(kind, **more):
    """A recipe with one stage."""
    stage = {"kind": f"planted_shop:{kind}"} | more
    return {"models": [{"name": "popularity", "stages": [stage]}]}


def test_vectors_that_count_test_events_are_found(tmp_path):
    asked = {"features": {"mine": {"kind": "planted_shop:Oracle"}}}
    leak = only(examined(honest_shop(), **asked))
    assert (leak.where, leak.features) == ("column 1 of the feature 'mine'", ("mine",))
    levels = [finding.level for finding in audited(honest_shop(), tmp_path, **asked).findings]
    assert levels == ["unverified", "leak"]


def test_vectors_that_know_nothing_are_clean():
    assert examined(honest_shop(), features={"m": {"kind": "planted_shop:Silent"}}).findings == []


def test_vectors_made_from_another_feature_are_looked_at_with_it():
    """The other one is of the project itself, and made for nothing else."""
    asked = {
        "title": {"kind": "items", "fields": ["title"], "encoder": "tfidf"},
        "mine": {"kind": "planted_shop:Doubled", "feature": "title"},
    }
    shop = honest_shop()
    more = examined(shop, checks=["held-out popularity"], features=asked)
    assert more.findings == []
    less = examined(shop, checks=["held-out popularity"], features={"title": asked["title"]})
    counts = [int(found.checked[0].split()[0]) for found in (more, less)]
    assert counts[0] - counts[1] == 64


def test_a_feature_made_from_vectors_that_name_no_rows_is_unverified_too(tmp_path):
    features = {
        "mine": {"kind": "planted_shop:Silent"},
        "permuted": {"kind": "shuffled", "feature": "mine"},
    }
    found = audited(honest_shop(), tmp_path, features=features)
    assert {finding.features[0] for finding in found.of("unverified")} == {"mine", "permuted"}
    assert not any("catalogue alone" in line for line in found.checked)


def test_a_stage_that_counts_all_events_is_found():
    leak = only(examined(honest_shop(), **staged("LiftsHot", everything=True)))
    assert leak.stages == (("popularity", 0),)


def test_a_stage_that_counts_train_is_clean():
    assert examined(honest_shop(), **staged("LiftsHot")).findings == []


def test_a_stage_that_cannot_be_looked_at_is_unverified():
    doubt = only(examined(honest_shop(), **staged("Secret")), "unverified")
    assert doubt.where == "stage 1 (planted_shop:Secret) of 'popularity'"


def test_pins_of_the_best_sellers_of_test_are_found():
    from planted_shop import cut

    shop = honest_shop()
    counts = cut(shop).test.item_counts()
    best = shop.item_ids.ids.gather(counts.argsort()[::-1][:30].copy()).to_list()
    pins = [[item, position + 1] for position, item in enumerate(best)]
    asked = {"models": [{"name": "popularity", "stages": [{"kind": "pin", "pins": pins}]}]}
    assert only(examined(shop, **asked)).where == "stage 1 (pin) of 'popularity'"
