"""The made-up shop: truths planted, people let in, and everything written down as tables."""

import numpy as np
import polars as pl
from jaxtyping import Bool, Int

from recweave.core.arrays import Array, order_by
from recweave.data.dataset import Dataset
from recweave.data.schema import BEHAVIORS
from recweave.data.synthetic.lexicon import CATEGORIES
from recweave.data.synthetic.planting import Planted, Rng, plant
from recweave.data.synthetic.truth import Shop, Truth
from recweave.data.synthetic.visits import RATING, Events, Views, act, visit
from recweave.data.synthetic.words import Verdicts, judge, name_items, review
from recweave.data.vocabulary import in_hash_order

LINKS = 3
"""Links of each kind that an item has at most."""

HISTORY = 10
"""Views before an impression that it remembers."""

REGIONS = ("north", "east", "south", "west")


def make_shop(shop: Shop = Shop(), seed: int = 0) -> tuple[Dataset, Truth]:  # noqa: B008
    """Draw a shop; the same settings and seed give the same fingerprint.

    Every table is filled. What people are is told by nothing but what they do: the region and age
    in the users' table are drawn apart, and whoever gains from them is over-fitted. Purchases
    follow views of the same item, so de-duplicate before a split that hides what was seen. Time is
    O(views · shown · dim), a million views take some six seconds; memory goes by blocks.

    >>> make_shop(Shop(users=30, items=20, views=100))[0].events["behavior"].n_unique()
    4
    """
    streams = iter(np.random.default_rng(seed).spawn(8))  # so that no part disturbs another
    planted = plant(shop, next(streams))
    views = visit(shop, planted, next(streams))
    events = act(shop, planted, views, next(streams))
    rated = events.behavior == RATING
    user, item, stars = events.user[rated], events.item[rated], events.value[rated]
    speech = next(streams)
    verdicts = judge(planted, user, item, stars, speech)
    text = review(shop, planted, item, verdicts, speech)
    # In the order of a dataset's rows, so that what was planted has the same rows.
    user_ids = in_hash_order(ids_of("user", shop.users))
    item_ids = in_hash_order(ids_of("item", shop.items))
    dataset = Dataset(
        "synthetic",
        events=event_table(events, user_ids, item_ids),
        reviews=event_table(events, user_ids, item_ids, rated).select(
            "user_id", "item_id", "time", rating="value", text=text
        ),
        items=_items(planted, item_ids, name_items(shop, planted, next(streams))),
        users=_users(user_ids, next(streams)),
        links=_links(planted, item_ids, next(streams)),
        impressions=_impressions(shop, views, user_ids, item_ids, next(streams)),
        source=f"recweave.data.synthetic, seed {seed}",
        licence="CC0",
    )
    return dataset, _truth(shop, planted, events, verdicts)


def _truth(shop: Shop, planted: Planted, events: Events, verdicts: Verdicts) -> Truth:
    return Truth(
        shop=shop,
        **vars(planted),
        noise=events.noise,
        liked=verdicts.liked,
        disliked=verdicts.disliked,
        remark=verdicts.remark,
    )


def ids_of(kind: str, count: int) -> pl.Series:
    """`user-00`, `user-01`, …"""
    digits = len(str(count - 1))
    numbers = pl.Series(np.arange(count)).cast(pl.String).str.zfill(digits)
    return pl.select(pl.format(kind + "-{}", numbers)).to_series()


def event_table(
    events: Events,
    user_ids: pl.Series,
    item_ids: pl.Series,
    chosen: Bool[Array, " events"] | slice = slice(None),
) -> pl.DataFrame:
    """The events, or some of them, as a table of a dataset."""
    return pl.DataFrame(
        {
            "user_id": user_ids.gather(events.user[chosen]),
            "item_id": item_ids.gather(events.item[chosen]),
            "behavior": pl.Series(np.array(BEHAVIORS)[events.behavior[chosen]]),
            "value": events.value[chosen],
            "time": events.time[chosen],
        }
    )


def _items(planted: Planted, ids: pl.Series, words: pl.DataFrame) -> pl.DataFrame:
    names = np.array([(department, kind) for kind, (department, _) in CATEGORIES.items()])
    usual = np.array([price for _, price in CATEGORIES.values()])
    price = usual[planted.category] * np.exp(0.5 * planted.dearness)
    return words.with_columns(
        item_id=ids,
        price=pl.Series(price.round(2)),
        categories=pl.Series(names[planted.category].tolist()),
        images=pl.Series([[]] * len(ids), dtype=pl.List(pl.String)),
    )


def _users(ids: pl.Series, rng: Rng) -> pl.DataFrame:
    age = rng.integers(18, 80, len(ids))
    region = np.array(REGIONS)[rng.integers(len(REGIONS), size=len(ids))]
    return pl.DataFrame({"user_id": ids, "age": age, "region": pl.Series(region)})


def _links(planted: Planted, ids: pl.Series, rng: Rng) -> pl.DataFrame:
    """Items of one taste are bought together, items of one category are viewed together."""
    tables = []
    for relation, kind in (("also_buy", planted.item_group), ("also_view", planted.category)):
        order = order_by(kind, int(kind.max()) + 1)
        total = np.cumsum(planted.weight[order])
        size = np.bincount(kind)
        end = np.cumsum(size)
        low = np.concatenate([[0.0], total[end - 1]])[:-1][kind]
        drawn = (
            low[:, None] + rng.random((len(kind), LINKS)) * (total[end - 1][kind] - low)[:, None]
        )
        place = np.searchsorted(total, drawn, side="right")
        other = order[np.minimum(place, (end[kind] - 1)[:, None])].ravel()
        item = np.repeat(np.arange(len(kind)), LINKS)
        distinct = item != other
        pairs = pl.DataFrame(
            {"item_id": ids.gather(item[distinct]), "other_id": ids.gather(other[distinct])}
        )
        tables.append(pairs.unique(maintain_order=True).with_columns(relation=pl.lit(relation)))
    return pl.concat(tables)


def _impressions(
    shop: Shop, views: Views, user_ids: pl.Series, item_ids: pl.Series, rng: Rng
) -> pl.DataFrame:
    """For some of the views, in order of time: what was shown, and what the person saw before."""
    count = round(shop.impressions * len(views.user))
    chosen = np.sort(rng.permutation(len(views.user))[:count])
    shown = views.shown[chosen]
    once = _first_ones(shown)
    item, size = shown[once], once.sum(axis=1)
    clicked = (shown == views.item[chosen, None])[once]
    return pl.DataFrame(
        {
            "impression_id": ids_of("impression", max(count, 1)).head(count),
            "user_id": user_ids.gather(views.user[chosen]),
            "time": views.time[chosen],
            "history": _histories(views, chosen, item_ids),
            "shown": _lists(item_ids.gather(item), size),
            "clicked": _lists(pl.Series(clicked), size),
        }
    )


def _first_ones(items: Int[Array, "rows shown"]) -> Bool[Array, "rows shown"]:
    """Whether each stands for the first time in its row."""
    order = np.argsort(items, axis=1, kind="stable")
    ordered = np.take_along_axis(items, order, axis=1)
    new = np.ones(items.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.empty_like(new)
    np.put_along_axis(first, order, new, axis=1)
    return first


def _histories(views: Views, chosen: Int[Array, " impressions"], item_ids: pl.Series) -> pl.Series:
    """The last views of the same person before each of these."""
    count = np.bincount(views.user)
    order = order_by(views.user, len(count))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    before = place[chosen] - (np.cumsum(count) - count)[views.user[chosen]]
    size = np.minimum(before, HISTORY)
    step = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    flat = order[np.repeat(place[chosen] - size, size) + step]
    return _lists(item_ids.gather(views.item[flat]), size)


def _lists(values: pl.Series, size: Int[Array, " rows"]) -> pl.Series:
    """The values cut into lists of these sizes."""
    row = np.arange(len(size))
    flat = pl.DataFrame({"row": pl.Series(np.repeat(row, size)).set_sorted(), "values": values})
    lists = flat.group_by("row", maintain_order=True).agg("values")
    every = pl.DataFrame({"row": row}).join(lists, "row", "left", maintain_order="left")
    return every["values"].fill_null(pl.Series([[]], dtype=every.schema["values"]))
