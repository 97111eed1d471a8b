"""Whatever is planted is found again by simple means that know nothing of how it was made."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories
from recweave.data.synthetic import SHOPS, Shop, make_shop
from recweave.data.synthetic.truth import DAY, OPENING

SMALL = Shop(users=600, items=200, views=12_000)


@pytest.fixture(scope="module")
def small():
    return make_shop(SMALL)


def shop_of(**changes):
    return make_shop(SMALL.model_copy(update=changes))


def views_of(dataset, truth):
    log = dataset.interactions()
    return log.only(["view"]), truth.noise[log.behavior == 1]


def test_the_same_seed_gives_the_same_shop(small):
    assert make_shop(SMALL)[0].fingerprint == small[0].fingerprint
    assert make_shop(SMALL, seed=1)[0].fingerprint != small[0].fingerprint


def test_a_knob_of_words_does_not_change_what_people_do(small):
    muddled = shop_of(clarity=0)[0]
    assert muddled.events.equals(small[0].events)
    assert not muddled.items["title"].equals(small[0].items["title"])


def test_every_table_is_filled_and_speaks_of_the_same_people_and_things(small):
    dataset, truth = small
    assert all(len(table) for _, table in dataset.tables())
    assert dataset.interactions().shape == (600, 200)
    assert dataset.user_ids.ids.equals(dataset.users["user_id"].alias("user"))
    items = set(dataset.items["item_id"])
    for column in ("item_id", "other_id"):
        assert set(dataset.links[column]) <= items
    assert set(dataset.impressions["shown"].explode()) <= items
    assert len(truth.noise) == len(dataset.events)
    assert len(truth.remark) == len(dataset.reviews)
    assert dataset.events["time"].is_sorted()
    assert dataset.items["title"].str.len_chars().min() > 10


def test_people_look_before_they_buy_and_buy_before_they_judge(small):
    log = small[0].interactions()
    steps = ["view", "cart", "purchase", "rating"]
    seen = [
        {(u, i): t for u, i, t in zip(part.user, part.item, part.time, strict=True)}
        for part in (log.only([step])[::-1] for step in steps)  # the first one is written last
    ]
    for before, after in pairwise(seen):
        assert after and all(before[pair] < time for pair, time in after.items())
    for step in steps[1:]:
        assert log.only([step]).matrix(values=False).nnz == len(log.only([step]))  # never twice


def test_each_review_belongs_to_a_rating(small):
    dataset, _ = small
    ratings = dataset.events.filter(dataset.events["behavior"] == "rating")
    for column in ("user_id", "item_id", "time"):
        assert ratings[column].equals(dataset.reviews[column])
    assert ratings["value"].to_list() == dataset.reviews["rating"].to_list()


@pytest.mark.parametrize("noise", [0.0, 0.2, 0.6])
def test_the_share_of_noise_is_the_knob_and_falls_towards_purchases(noise):
    dataset, truth = shop_of(noise=noise)
    behavior = dataset.events["behavior"]
    for name, share in (("view", noise), ("cart", noise / 3), ("purchase", noise / 10)):
        assert truth.noise[(behavior == name).to_numpy()].mean() == pytest.approx(share, abs=1e-3)


def test_noise_pays_no_heed_to_taste(small):
    dataset, truth = small
    views, noise = views_of(dataset, truth)
    same = truth.user_group[views.user] == truth.item_group[views.item]
    assert same[noise].mean() == pytest.approx(1 / 8, abs=0.03)
    assert same[~noise].mean() > 0.6


def nearest_of_one_group(dataset, truth):
    """How often the item most often bought by the same people is of the same group."""
    bought = dataset.interactions().only(["purchase"]).matrix(values=False)
    together = (bought.T @ bought).toarray()
    count = together.diagonal().copy()
    np.fill_diagonal(together, 0)
    cosine = together / np.sqrt(np.maximum(1, count[:, None] * count))
    known = count >= 8
    return (truth.item_group[cosine.argmax(axis=1)] == truth.item_group)[known].mean()


def test_who_buys_together_shows_the_groups_of_taste(small):
    assert nearest_of_one_group(*small) > 0.8
    assert nearest_of_one_group(*shop_of(taste=0)) < 0.3


def word_counts(texts):
    words = sorted({word for text in texts for word in text.split()})
    place = {word: n for n, word in enumerate(words)}
    counts = np.zeros((len(texts), len(words)), np.float32)
    for row, text in enumerate(texts):
        for word, n in Counter(text.split()).items():
            counts[row, place[word]] = n
    return counts


def unbranded(dataset):
    """Titles and descriptions without the brand, which would tell the group by itself."""
    return [
        f"{title} {description}".replace(brand, "").lower()
        for title, description, brand in dataset.items.select(
            "title", "description", "brand"
        ).rows()
    ]


def cosine_with_taste(dataset, truth):
    """Ridge regression from words to tastes on half of the items, judged on the other half."""
    counts = word_counts(unbranded(dataset))
    half = len(counts) // 2
    known = counts[:half]
    weights = np.linalg.solve(
        known.T @ known + np.eye(known.shape[1]), known.T @ truth.item_taste[:half]
    )
    guess = counts[half:] @ weights
    guess /= np.linalg.norm(guess, axis=1, keepdims=True)
    return (guess * truth.item_taste[half:]).sum(axis=1)


def test_the_taste_of_a_cold_item_can_be_read_from_its_words():
    assert cosine_with_taste(*shop_of(items=600)).mean() > 0.75
    assert abs(cosine_with_taste(*shop_of(items=600, clarity=0)).mean()) < 0.2


def gini(counts):
    ordered = np.sort(counts)
    rank = np.arange(1, len(ordered) + 1)
    return ((2 * rank - len(ordered) - 1) * ordered).sum() / (len(ordered) * ordered.sum())


def test_attention_is_shared_the_less_evenly_the_larger_the_knob():
    found = [
        gini(
            shop_of(popularity=knob, half_life=None)[0].interactions().only(["view"]).item_counts()
        )
        for knob in (0.0, 0.5, 1.0)
    ]
    assert found[0] < 0.2
    assert np.diff(found).min() > 0.1


def test_popular_items_are_those_of_large_weight():
    dataset, truth = shop_of(half_life=None, taste=0, focus=0, price=0)
    count = dataset.interactions().only(["view"]).item_counts()
    assert np.corrcoef(np.log(count), np.log(truth.weight))[0, 1] > 0.95


@pytest.mark.parametrize("half_life", [30.0, 80.0])
def test_attention_halves_in_a_half_life(half_life):
    shop = Shop(users=3000, items=800, views=60_000, days=400, half_life=half_life, taste=0)
    dataset, truth = make_shop(shop)
    views, _ = views_of(dataset, truth)
    age = (views.time - truth.born[views.item]) / DAY
    assert age.min() >= 0  # nothing is seen before it is there
    end = OPENING + shop.days * DAY
    followed = (truth.born >= OPENING) & (truth.born + 3 * half_life * DAY <= end)
    age = age[followed[views.item] & (age < 3 * half_life)]
    count, edges = np.histogram(age, bins=12)
    slope = np.polyfit((edges[1:] + edges[:-1]) / 2, np.log2(count), 1)[0]
    assert -1 / slope == pytest.approx(half_life, rel=0.2)


def test_without_a_half_life_nothing_fades():
    dataset, truth = shop_of(half_life=None, taste=0)
    views, _ = views_of(dataset, truth)
    early = views.time < OPENING + SMALL.days * DAY / 2
    first, second = (views[part].item_counts() for part in (early, ~early))
    assert np.corrcoef(first, second)[0, 1] > 0.9


def dearness_against_sensitivity(dataset, truth):
    bought = dataset.interactions().only(["purchase"])
    count = np.maximum(1, bought.user_counts())
    dear = np.bincount(bought.user, truth.dearness[bought.item], len(count)) / count
    some = bought.user_counts() > 2
    return np.corrcoef(dear[some], truth.sensitivity[some])[0, 1]


def test_those_who_mind_prices_buy_cheaper_things():
    assert dearness_against_sensitivity(*shop_of(price=2.0)) < -0.4
    assert abs(dearness_against_sensitivity(*shop_of(price=0.0))) < 0.15


def test_ratings_follow_taste_and_quality(small):
    dataset, truth = small
    rated = dataset.interactions().only(["rating"])
    taste = (truth.user_taste[rated.user] * truth.item_taste[rated.item]).sum(axis=1)
    assert np.corrcoef(rated.value, taste)[0, 1] > 0.3
    assert np.corrcoef(rated.value, truth.quality[rated.item])[0, 1] > 0.4
    assert set(rated.value.tolist()) <= {1, 2, 3, 4, 5}


def test_a_visit_is_about_one_category_as_far_as_the_knob_says():
    def kept_category(**changes):
        dataset, truth = shop_of(**changes)
        views = Histories.of(dataset.interactions().only(["view"]))
        soon = (np.diff(views.time) < 1800) & (np.diff(views.row_numbers()) == 0)
        category = truth.category[views.item]
        return (category[1:] == category[:-1])[soon].mean()

    # People look again at what they like, so that chance is more than one in ten.
    assert kept_category(focus=9) > 0.4 > 2 * kept_category(focus=0)


def test_links_join_one_taste_or_one_category(small):
    dataset, truth = small
    item, other = (dataset.item_ids.rows(dataset.links[name]) for name in ("item_id", "other_id"))
    bought = (dataset.links["relation"] == "also_buy").to_numpy()
    assert (item != other).all()
    assert (truth.item_group[item] == truth.item_group[other])[bought].all()
    assert (truth.category[item] == truth.category[other])[~bought].all()
    assert not dataset.links.is_duplicated().any()


def test_an_impression_shows_what_was_chosen_from_and_seen_before(small):
    dataset, _ = small
    views = dataset.events.filter(dataset.events["behavior"] == "view")
    by_user = views.group_by("user_id", maintain_order=True).agg("item_id", "time")
    seen = {user: (items, times) for user, items, times in by_user.rows()}
    for row in dataset.impressions.head(200).rows(named=True):
        items, times = seen[row["user_id"]]
        chosen = [item for item, click in zip(row["shown"], row["clicked"], strict=True) if click]
        assert len(chosen) == 1
        at = [
            n
            for n, view in enumerate(zip(items, times, strict=True))
            if view == (*chosen, row["time"])
        ]
        assert any(items[max(0, n - 10) : n] == row["history"] for n in at)
        assert len(set(row["shown"])) == len(row["shown"]) <= SMALL.shown


def test_the_liking_of_the_truth_ranks_what_was_chosen_high(small):
    dataset, truth = small
    views, noise = views_of(dataset, truth)
    liking = truth.liking(views.user)
    above = (liking > liking[np.arange(len(views)), views.item][:, None]).mean(axis=1)
    assert above[~noise].mean() < 0.2
    assert above[noise].mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"users": 10, "views": 19}, "19 views are fewer than two"),
        ({"groups": 9}, "'groups' is 9"),
        ({"groups": 8, "dim": 4}, "8 groups need vectors"),
        ({"days": 1000, "half_life": 1}, "longer than 500 half-lives"),
        ({"noise": 1.5}, "'noise' is 1.5"),
        ({"nois": 0.5}, "did you mean 'noise'"),
    ],
)
def test_a_shop_that_cannot_be_is_refused(settings, message):
    with pytest.raises(BadSetting, match=message):
        Shop.parse(settings, "shop")


@pytest.mark.parametrize(
    "corner",
    [
        {"noise": 1.0},
        {"carts": 0.0},
        {"impressions": 0.0},
        {"reviews": 0.0},
        {"shown": 1},
        {"spread": 0.0},
        {"users": 1, "items": 2, "views": 2},
        {"half_life": 0.8, "days": 400},
    ],
)
def test_the_corners_of_the_settings_can_be_drawn(corner):
    dataset, truth = shop_of(**corner)
    assert len(truth.noise) == len(dataset.events) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOPS)
def test_every_named_shop_can_be_drawn(name):
    assert len(make_shop(SHOPS[name])[0].events) > SHOPS[name].views
