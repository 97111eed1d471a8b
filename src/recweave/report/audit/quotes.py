"""Texts that quote held-out reviews: runs of words that only those reviews hold."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.data.reviews import review_parts
from recweave.data.split import TEST, TRAIN, VALID
from recweave.report.audit.case import Case, Cut
from recweave.report.audit.finding import CheckResult, Finding, Level
from recweave.report.audit.written import Texts, all_texts

CHECK = "quotes of held-out reviews"
WORDS = 6
"""Words in a row that are compared; shorter runs occur in many texts."""
FEWEST = 3
LEAKS_FROM, SUSPICIOUS_FROM = 0.05, 0.01
"""Share of the held-out reviews that is quoted. Some people quote a product's description in their
review, but not so many with words that nobody in train quotes."""
MOST = 50_000
"""Held-out reviews that are looked at; of more, every n-th."""
WORD = r"\w+"
FACTOR = np.uint64(0x9E3779B97F4A7C15)


def quotes(case: Case) -> CheckResult:
    """Texts of an item or user that hold a run of six words of its own held-out reviews.

    Only runs that no training review holds count: honest texts are written from those. A quote of
    an item's text by a reviewer looks the same, so a column leaks only from a share of reviews on.
    """
    held_out = HeldOutReviews.of(case)
    if not len(held_out.rows):
        return CheckResult()
    findings, columns = [], 0
    for texts in all_texts(case):
        columns += 1
        findings += quoted_in(case, texts, held_out)
    line = (
        f"{columns} columns of text: searched for words of {len(held_out.rows):,} held-out reviews"
    )
    return CheckResult(findings, [line] if columns else [])


@dataclass(frozen=True, eq=False)
class HeldOutReviews:
    """What held-out reviews say that training reviews do not.

    Attributes:
        rows: Of the reviews, held out for validation or test; every n-th of very many.
        runs: Runs of words that no training review holds: `review`, an index of `rows`, and `run`.
    """

    rows: Int[Array, " reviews"]
    runs: pl.DataFrame

    @classmethod
    def of(cls, cut: Cut) -> "HeldOutReviews":
        """Those of a split."""
        texts, part = cut.dataset.reviews["text"], review_parts(cut.dataset, cut.split)
        rows = np.flatnonzero(np.isin(part, (VALID, TEST)))
        rows = rows[:: max(1, -(-len(rows) // MOST))]
        known = runs_of(texts.gather(np.flatnonzero(part == TRAIN))).select("run")
        fresh = runs_of(texts.gather(rows)).join(known, on="run", how="anti")
        return cls(rows, fresh.rename({"text": "review"}))


def quoted_in(cut: Cut, texts: Texts, held_out: HeldOutReviews) -> list[Finding]:
    """The finding of one column of texts, if it quotes reviews held out of its items or users."""
    rows, runs = held_out.rows, held_out.runs
    reviews = cut.dataset.reviews
    ids = cut.dataset.item_ids if texts.of == "item" else cut.dataset.user_ids
    owner = ids.rows(reviews[f"{texts.of}_id"].gather(rows)).astype(np.int64)
    own = runs_of(texts.text)
    in_texts = own.select("run", owner=pl.Series(texts.row[own["text"].to_numpy()]))
    in_reviews = runs.with_columns(owner=pl.Series(owner[runs["review"].to_numpy()]))
    hits = in_reviews.join(in_texts, on=["owner", "run"], how="semi")
    found = np.unique(hits["review"].to_numpy())
    could = np.isin(owner, texts.row) & np.isin(np.arange(len(rows)), runs["review"].to_numpy())
    share = len(found) / max(1, int(could.sum()))
    if len(found) < FEWEST or share < SUSPICIOUS_FROM:
        return []
    level: Level = texts.level
    if level == "leak" and share < LEAKS_FROM:
        level = "suspicious"
    row = int(rows[found[0]])
    one = reviews.row(row, named=True)
    return [
        Finding(
            check=CHECK,
            level=level,
            where=texts.where,
            what=f"it holds words of {len(found):,} held-out reviews of the same {texts.of} "
            f"({share:.0%} of those it could hold), six in a row, that no training review holds",
            count=len(found),
            example=f"the text of {texts.of} {one[f'{texts.of}_id']} quotes review row {row} by "
            f"user {one['user_id']} of item {one['item_id']}: "
            f"“{_first_quote(texts, int(owner[found[0]]), one['text'])}”",
            remedy=texts.remedy,
            features=texts.features,
            stages=texts.stages,
            evidence={"held_out_reviews_quoted": len(found), "share": share},
        )
    ]


def _first_quote(texts: Texts, owner: int, review: str) -> str:
    """The first words that a review shares with its owner's text."""
    own = runs_of(texts.text.gather(np.flatnonzero(texts.row == owner)))["run"]
    at = runs_of(pl.Series([review]))["run"].is_in(own.implode()).arg_max()
    words = pl.Series([review]).str.to_lowercase().str.extract_all(WORD).to_list()[0]
    return " ".join(words[at or 0 :][:WORDS])


def runs_of(texts: pl.Series) -> pl.DataFrame:
    """All runs of `WORDS` words in a row, in lower case, without what is between words.

    Returns:
        Two columns: `text`, the position of the text that holds it, and `run`, its hash.
    """
    words = texts.fill_null("").str.to_lowercase().str.extract_all(WORD)
    count = words.list.len().to_numpy().astype(np.int64)
    text = np.repeat(np.arange(len(texts)), count)
    word = words.explode().drop_nulls().hash(seed=0).to_numpy()
    size = max(0, len(word) - WORDS + 1)
    made = np.zeros(size, np.uint64)
    for step in range(WORDS):
        made = made * FACTOR + word[step : step + size]
    whole = text[:size] == text[len(text) - size :]
    return pl.DataFrame({"text": text[:size][whole], "run": made[whole]})
