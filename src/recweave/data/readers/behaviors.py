"""Logs of what people do in a shop: RetailRocket, Taobao."""

from pathlib import Path

import polars as pl

from recweave.data.problems import Problems
from recweave.data.readers.columns import ids, labels, time
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.derive import items_of
from recweave.data.readers.files import files_of, pick, pick_one
from recweave.data.readers.plan import Plan, Sheet, Tables

ROCKET_LICENCE = "RetailRocket: CC BY-NC-SA 4.0"
TAOBAO_LICENCE = "Alibaba Tianchi: research use, no redistribution"


def behaviors(path: Path) -> Plan:
    """RetailRocket or Taobao: the log, or the folder that it is in.

    RetailRocket as on Kaggle: `events.csv` (timestamp in ms, visitorid, event, itemid); what
    `item_properties` hold is hashed, and not read. RetailRocket as in multi-behaviour papers:
    `events.tsv` (user, item, behaviour, timestamp in s) is the part `train` and `test_buy.tsv`
    (user, item) the part `test`; these purchases have no time, so the time of the user's last
    event stands in, and they come after it. Taobao: `UserBehavior.csv` without a header (user,
    item, category, behaviour, timestamp in s).
    """
    files = files_of(path)
    log = pick_one(files, path, "events.tsv", "events.csv", "UserBehavior*.csv")
    if log.name.startswith("UserBehavior"):
        return Plan("taobao", [_taobao(log)], _categories, TAOBAO_LICENCE)
    if log.name.startswith("events.csv"):
        return Plan("retailrocket", [_kaggle(log)], licence=ROCKET_LICENCE)
    sheets = [_train(log)]
    if held_out := pick(files, "test_buy.tsv"):
        sheets.append(_test(held_out))
    return Plan("retailrocket", sheets, _last, ROCKET_LICENCE)


def _kaggle(log: Path) -> Sheet:
    meanings = {"view": "view", "addtocart": "cart", "transaction": "purchase"}
    columns = {
        "user_id": ids("visitorid"),
        "item_id": ids("itemid"),
        "behavior": labels("event", meanings),
        "time": time("timestamp", "ms"),
    }
    return Sheet("events", log, Delimited(), columns)


def _train(log: Path) -> Sheet:
    meanings = {"view": "view", "cart": "cart", "buy": "purchase"}
    columns = {
        "user_id": ids("user"),
        "item_id": ids("item"),
        "behavior": labels("behaviour", meanings),
        "time": time("timestamp"),
    }
    return Sheet("events", log, Delimited("\t", quoted=False), columns, {"part": "train"})


def _test(held_out: Path) -> Sheet:
    columns = {"user_id": ids("user"), "item_id": ids("item")}
    fixed = {"behavior": "purchase", "part": "test"}
    return Sheet("events", held_out, Delimited("\t", quoted=False), columns, fixed)


def _last(tables: Tables, problems: Problems) -> Tables:
    """Give the purchases held out the time of their user's last event."""
    events = tables["events"]
    n = events["time"].null_count()
    log, held_out = events.head(len(events) - n), events.tail(n)
    if n:
        last = log.group_by("user_id").agg(last=pl.col("time").max())
        held_out = held_out.join(last, on="user_id", how="left", maintain_order="left")
        moment = pl.coalesce("last", pl.lit(log["time"].max())).alias("time")
        held_out = held_out.with_columns(moment).drop("last")
        what = f"{n:,} purchases have no time; that of the user's last event stands in"
        problems.note("test_buy.tsv", None, what, kind="purchase without a time", n=n)
    return tables | {"events": pl.concat([log, held_out])}


def _taobao(log: Path) -> Sheet:
    form = Delimited(",", ("user", "item", "category", "behaviour", "timestamp"), quoted=False)
    columns = {
        "user_id": ids("user"),
        "item_id": ids("item"),
        "category": ids("category"),
        "behavior": labels(
            "behaviour", {"pv": "view", "cart": "cart", "fav": "favorite", "buy": "purchase"}
        ),
        "time": time("timestamp"),
    }
    return Sheet("events", log, form, columns)


def _categories(tables: Tables, problems: Problems) -> Tables:
    items = items_of(tables["events"], {"categories": pl.concat_list("category")})
    return tables | {"items": items}
