"""Impressions made by hand, of a log, and of readers with planted tastes."""

from collections.abc import Sequence

import numpy as np

from recweave.data.impressions import Impressions, click_history
from recweave.data.interactions import Interactions
from recweave.encode.features import Feature, TextFeature

TOPICS = 4
WORDS = 12
"""Words of a topic."""


def shown(rows, items=9, histories=None, labelled=None, clock="seconds") -> Impressions:
    """From (user, time, shown, clicked) each."""
    start = np.concatenate([[0], np.cumsum([len(s) for _, _, s, _ in rows])])
    read = histories or [[] for _ in rows]
    begins = np.concatenate([[0], np.cumsum([len(one) for one in read])])
    time = np.array([time for _, time, *_ in rows])
    users = np.array([user for user, *_ in rows], np.int32)
    return Impressions(
        user=users,
        time=time,
        start=start,
        item=np.concatenate([s for _, _, s, _ in rows]).astype(np.int32),
        clicked=np.concatenate([[i in c for i in s] for _, _, s, c in rows]).astype(bool),
        history=click_history(begins, np.concatenate([*read, []]).astype(np.int32), time, items),
        shape=(int(users.max()) + 1, items),
        clock=clock,
        labelled=None if labelled is None else np.array(labelled),
    )


def of_log(log: Interactions, others: int = 3) -> Impressions:
    """An impression for each event: its item was clicked, and some others were shown with it."""
    rng = np.random.default_rng(0)
    rows = []
    for user, item, time in zip(log.user, log.item, log.time, strict=True):
        rest = rng.permutation(np.delete(np.arange(log.shape[1]), item))[:others]
        rows.append((int(user), int(time), [*rest.tolist(), int(item)], [int(item)]))
    made = shown(rows, log.shape[1], clock=log.clock)
    return Impressions(**{**vars(made), "shape": log.shape})


def texts(titles: Sequence[str], abstracts: Sequence[str] | None = None) -> TextFeature:
    """Titles and descriptions as a feature; "" is none."""
    kinds = [(0, titles), (1, abstracts or [""] * len(titles))]
    rows = [(text, item, kind) for kind, all in kinds for item, text in enumerate(all) if text]
    item = np.array([item for _, item, _ in rows], np.int32)
    return TextFeature(
        text=[text for text, _, _ in rows],
        item=item,
        user=np.full(len(rows), -1, np.int32),
        kind=np.array([kind for _, _, kind in rows], np.int32),
        kinds=("title", "description"),
        present=np.bincount(item, minlength=len(titles)) > 0,
        encoder="documents/1",
        source="made",
    )


class Planted:
    """Readers who click what is of their topic; titles are words of a topic.

    Attributes:
        titles: Of the articles; the last one has none.
        topic: Of each article.
        impressions: Of readers who have read articles of their topic.
        others: The same of other readers, whom nobody has seen.
    """

    def __init__(self, seed: int = 0, readers: int = 90, articles: int = 120) -> None:
        rng = np.random.default_rng(seed)
        self.topic = np.arange(articles) % TOPICS
        self.titles = [
            " ".join(f"t{topic}w{word}" for word in rng.integers(0, WORDS, rng.integers(3, 7)))
            for topic in self.topic
        ]
        self.titles[-1] = ""
        self.items = articles
        self.impressions = self._drawn(rng, np.arange(readers))
        self.others = self._drawn(rng, np.arange(readers, readers + 40))

    def words(self, folder) -> str:
        """A file of vectors of the words, random ones."""
        rng = np.random.default_rng(9)
        lines = [
            f"t{topic}w{word} " + " ".join(f"{number:.4f}" for number in rng.normal(size=16))
            for topic in range(TOPICS)
            for word in range(WORDS)
        ]
        file = folder / "words.txt"
        file.write_text("\n".join(lines) + "\n")
        return str(file)

    def features(self) -> dict:
        """`documents`, `kinds` (topics) and `vectors`, in which topics are mixed."""
        rng = np.random.default_rng(7)
        of_topic = np.eye(TOPICS, dtype=np.float32)[self.topic]
        mixed = of_topic @ rng.normal(size=(TOPICS, 16)) + rng.normal(size=(self.items, 16)) / 2
        present = np.array([bool(title) for title in self.titles])
        return {
            "documents": texts(self.titles, [f"about {title}" for title in self.titles]),
            "kinds": Feature(of_topic, np.ones(self.items, bool), "test", "test"),
            "vectors": Feature((mixed * present[:, None]).astype(np.float32), present, "t", "t"),
        }

    def _drawn(self, rng, readers) -> Impressions:
        rows, histories = [], []
        for reader in np.repeat(readers, 3):
            likes = reader % TOPICS
            own = np.flatnonzero(self.topic == likes)
            rest = np.flatnonzero(self.topic != likes)
            clicked = int(rng.choice(own))
            listed = rng.permutation([clicked, *rng.choice(rest, 5, replace=False)])
            rows.append((int(reader), int(rng.integers(0, 10**6)), listed.tolist(), [clicked]))
            histories.append(rng.choice(own, rng.integers(1, 6)).tolist())
        return shown(rows, self.items, histories)
