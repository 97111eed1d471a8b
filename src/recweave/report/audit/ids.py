"""Ids of held-out pairs inside texts: an item's text that names who bought it."""

import numpy as np
import polars as pl
from jaxtyping import Int
from scipy.stats import poisson

from recweave.core.arrays import Array
from recweave.data.split import TRAIN
from recweave.report.audit.case import Case, Cut
from recweave.report.audit.finding import CheckResult, Finding
from recweave.report.audit.written import Texts, all_texts

CHECK = "ids in texts"
TOKEN = r"""[^\s,;|"'()\[\]{}<>]+"""
EDGES = ".:!?#@=/&"
"""What may be around an id in a sentence, and is no part of it."""
FEWEST = 3
"""One or two may be there by chance."""
BY_CHANCE = 1e-6
"""A leak is what chance explains with less than this probability."""


def ids_in_texts(case: Case) -> CheckResult:
    """Texts of items that name users who have them held out, and the reverse.

    Every word of a text that is an id makes a (user, item) pair. Held-out pairs are counted that
    are not pairs of train. If ids are in texts by chance, as a number in a title may also be a
    user's id, a pair is held out with the probability that user and item have of meeting:
    held-out events of the user times those of the item, over all held-out events.
    """
    findings, columns = [], 0
    for texts in all_texts(case):
        columns += 1
        findings += named_in(case, texts)
    if not columns:
        return CheckResult()
    return CheckResult(findings, [f"{columns} columns of text: searched for ids of held-out pairs"])


def named_in(cut: Cut, texts: Texts) -> list[Finding]:
    """The finding of one column of texts, if it names more held-out pairs than chance does."""
    pairs = named_pairs(cut, texts)
    if not len(pairs):
        return []
    items = cut.split.train.shape[1]
    leaked = pairs[np.isin(pairs, cut.held_out)]
    expected = _by_chance(cut, np.setdiff1d(pairs, cut.pairs[TRAIN], assume_unique=True))
    if len(leaked) < FEWEST or poisson.sf(len(leaked) - 1, expected) > BY_CHANCE:
        return []
    user, item = divmod(int(leaked[0]), items)
    user_id, item_id = cut.dataset.user_ids.ids[user], cut.dataset.item_ids.ids[item]
    whose, other = (item_id, user_id) if texts.of == "item" else (user_id, item_id)
    named = "users" if texts.of == "item" else "items"
    share = len(leaked) / max(1, len(cut.held_out))
    return [
        Finding(
            check=CHECK,
            level=texts.level,
            where=texts.where,
            what=f"it names {named} by their ids, and {len(leaked):,} of the pairs are held out "
            f"({share:.0%} of all held-out pairs; by chance {expected:.1f} would be)",
            count=len(leaked),
            example=f"the text of {texts.of} {whose} holds the id {other}, and user {user_id} has "
            f"item {item_id} among the held-out events",
            remedy=texts.remedy,
            features=texts.features,
            stages=texts.stages,
            evidence={
                "held_out_pairs": len(leaked),
                "expected_by_chance": expected,
                "share_of_held_out": share,
                "pairs_named": len(pairs),
            },
        )
    ]


def named_pairs(cut: Cut, texts: Texts) -> Int[Array, " pairs"]:
    """Pairs of a text's owner and an id in it, as `user · items + item`, sorted, unique.

    Ids are compared without regard to capitals.
    """
    others = cut.dataset.user_ids if texts.of == "item" else cut.dataset.item_ids
    known = pl.DataFrame({"word": others.ids.str.to_lowercase()}).with_row_index("other")
    found = (
        pl.DataFrame({"row": texts.row, "word": texts.text.str.to_lowercase()})
        .with_columns(pl.col("word").str.extract_all(TOKEN))
        .explode("word")
        .with_columns(pl.col("word").str.strip_chars(EDGES))
        .unique()
        .join(known, on="word")
    )
    row, other = (found[name].to_numpy().astype(np.int64) for name in ("row", "other"))
    user, item = (other, row) if texts.of == "item" else (row, other)
    return np.unique(user * cut.split.train.shape[1] + item)


def _by_chance(cut: Cut, pairs: Int[Array, " pairs"]) -> float:
    """How many of some pairs would be held out if owners and ids met by chance."""
    users, items = cut.split.train.shape
    held_user, held_item = np.divmod(cut.held_out, items)
    of_user = np.bincount(held_user, minlength=users)
    of_item = np.bincount(held_item, minlength=items)
    user, item = np.divmod(pairs, items)
    return float((of_user[user] * of_item[item]).sum() / max(1, len(cut.held_out)))
