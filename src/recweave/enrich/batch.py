"""A batch of tasks: their reviews as sentences, and the texts of the extractive writer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.enrich.aspects import aspects, keyphrases
from recweave.enrich.catalogue import JOIN, facts
from recweave.enrich.central import MOST, central, centre
from recweave.enrich.context import WriterContext
from recweave.enrich.interest import horizon
from recweave.enrich.labels import Labels, mentions, verdict
from recweave.enrich.lexicon import SPEAKS_OF_PRICE
from recweave.enrich.material import KINDS, Task
from recweave.enrich.sentences import Sentences, encode_quietly

UNCLEAR = "unclear"

EXPLAINS = range(4, 26)
"""Words of a sentence that is shown by itself as an explanation."""

ABOUT = ("title", "brand", "price", "description")
"""Fields of the catalogue that a profile begins with."""

CLOSED_FROM = ("title", "categories", "description")
"""Fields of the catalogue that categories of a closed set are chosen from."""

MOST_CATEGORIES = 5
NAMED, NEAR = 0.2, 0.1
"""Weights of categories in a closed set; see `closest`."""


@dataclass(frozen=True, eq=False)
class TaskReviews:
    """The reviews of one task.

    Attributes:
        text, vectors: Their sentences.
        row: The position of each sentence's review among the task's rows.
        position: The position of each sentence among those of the batch.
        review: The position of each review among those of the training part.
        pleased: Whether each review's writer is pleased.
        stars: The ratings of the reviews that have one.
    """

    text: Sequence[str]
    vectors: Float[Array, "sentences dim"]
    row: Int[Array, " sentences"]
    position: Int[Array, " sentences"]
    review: Int[Array, " reviews"]
    pleased: Bool[Array, " reviews"]
    stars: Float[Array, " rated"]


class TaskBatch:
    """Some tasks with the sentences of all their reviews."""

    def __init__(self, context: WriterContext, tasks: Sequence[Task]) -> None:
        self.context = context
        self.tasks = tasks
        read = [task.rows for task in tasks if KINDS[task.kind].reads == "reviews"]
        self.rows = np.unique(np.concatenate([*read, np.empty(0, np.int64)]))
        self.sentences = Sentences.of(context.texts(self.rows), context.encoder)
        self._open: tuple[object, TaskReviews] | None = None
        self._writers: Mapping[str, Callable[[Task, TaskReviews], str]] = {
            "summary": self._summary,
            "profile": self._profile,
            "price": self._price,
            "categories": self._categories,
            "aspects": self._aspects,
            "explanation": self._explanation,
        }

    def texts(self) -> Iterator[tuple[Task, str | None]]:
        """The text of each task; None where there is nothing to write."""
        for task in self.tasks:
            if task.kind == "interest":
                yield task, self._interest(task)
            else:
                yield task, self._writers[task.kind](task, self._reviews_of(task)) or None

    def _reviews_of(self, task: Task) -> TaskReviews:
        """The reviews of a task; its kinds of text follow each other and share them."""
        key = task.entity, task.id, task.fold
        if self._open is None or self._open[0] != key:
            self._open = key, self._read(task)
        return self._open[1]

    def _read(self, task: Task) -> TaskReviews:
        text = np.searchsorted(self.rows, task.rows)
        position, row = self.sentences.of_texts(text)
        review = self.context.reviews(task.rows)
        rating = self.context.rating[review]
        unrated = np.isnan(rating)
        pleased = rating > self.context.statistics(task.entity, task.fold).midpoint
        if unrated.any():
            pleased = np.where(unrated, self._sounds_pleased[text], pleased)
        return TaskReviews(
            text=[self.sentences.text[p] for p in position],
            vectors=self.sentences.vectors[position],
            row=row,
            position=position,
            review=review,
            pleased=pleased,
            stars=rating[~unrated],
        )

    @cached_property
    def _price_votes(self) -> Float[Array, "sentences labels"]:
        votes = self.context.price.votes(self.sentences.vectors)
        votes[[not SPEAKS_OF_PRICE.search(text) for text in self.sentences.text]] = 0
        return votes

    @cached_property
    def _sounds_pleased(self) -> Bool[Array, " reviews"]:
        cosine = self.context.mood.cosines(self.sentences.vectors)
        total = np.concatenate([[0.0], np.cumsum(cosine[:, 0] - cosine[:, 1])])
        return np.asarray(np.diff(total[self.sentences.start]) > 0)

    def _summary(self, task: Task, reviews: TaskReviews) -> str:
        return " ".join(_central_sentences(reviews, self.context.length))

    def _explanation(self, task: Task, reviews: TaskReviews) -> str:
        fits = np.array([len(text.split()) in EXPLAINS for text in reviews.text], bool)
        pleased = fits & reviews.pleased[reviews.row]
        return "\n".join(_central_sentences(reviews, 3 * max(EXPLAINS), most=3, among=pleased))

    def _price(self, task: Task, reviews: TaskReviews) -> str:
        return verdict(self._price_votes[reviews.position], self.context.price.names, UNCLEAR)

    def _aspects(self, task: Task, reviews: TaskReviews) -> str:
        liked, disliked = self._liked_and_disliked(task, reviews)
        parts = {"liked": liked, "disliked": disliked}
        return "\n".join(f"{how}: {JOIN.join(names)}" for how, names in parts.items() if names)

    def _liked_and_disliked(self, task: Task, reviews: TaskReviews) -> tuple[list[str], list[str]]:
        corpus = self.context.statistics(task.entity, task.fold)
        return aspects(self.context.phrases, reviews.review, reviews.pleased, corpus)

    def _categories(self, task: Task, reviews: TaskReviews) -> str:
        fields = facts(self.context.material.dataset, task.id)
        if self.context.categories:
            return JOIN.join(closest(self.context.closed, *self._shown[task.id], reviews.vectors))
        corpus = self.context.statistics(task.entity, task.fold)
        found = keyphrases(self.context.phrases, reviews.review, corpus, MOST_CATEGORIES)
        return fields.get("categories") or JOIN.join(found)

    def _profile(self, task: Task, reviews: TaskReviews) -> str:
        """Summary, audience and reasoning; each part names its source, catalogue or reviewers."""
        fields = facts(self.context.material.dataset, task.id)
        liked, disliked = (JOIN.join(names) for names in self._liked_and_disliked(task, reviews))
        shown = [fields[name] for name in ABOUT if name in fields]
        quoted = _central_sentences(reviews, self.context.length // 2)
        stars = f", {reviews.stars.mean():.1f} stars on average" if len(reviews.stars) else ""
        sections = {
            "Summary": (
                ("catalogue: ", ". ".join(shown)),
                ("reviewers say: ", " ".join(quoted)),
            ),
            "Audience": (
                ("those who look for ", self._categories(task, reviews)),
                ("those who care about ", liked),
            ),
            "Reasoning": (
                ("", f"{len(task.rows):,} reviews{stars}" if len(task.rows) else ""),
                ("praised for ", liked),
                ("blamed for ", disliked),
            ),
        }
        lines = {
            name: "; ".join(how + what for how, what in parts if what)
            for name, parts in sections.items()
        }
        return "\n".join(f"{name}: {line.rstrip('.')}." for name, line in lines.items() if line)

    def _interest(self, task: Task) -> str | None:
        if not len(task.rows) or self.context.material.dataset.clock == "order":
            return None
        row = self.context.material.dataset.item_ids.row(task.id)
        days = float(self.context.interest(task.fold).half_life[row])
        return f"{horizon(days)} (half-life {days:.3g} days)"

    @cached_property
    def _shown(self) -> Mapping[str, tuple[str, Float[Array, "one dim"]]]:
        """The catalogue's text of each item of the tasks, with its vector."""
        texts = {}
        for id in dict.fromkeys(task.id for task in self.tasks if task.entity == "item"):
            fields = facts(self.context.material.dataset, id)
            texts[id] = ". ".join(fields[name] for name in CLOSED_FROM if name in fields)
        vectors = encode_quietly(self.context.encoder, list(texts.values()))
        return {id: (text, vectors[n : n + 1]) for n, (id, text) in enumerate(texts.items())}


def _central_sentences(
    reviews: TaskReviews,
    words: int,
    most: int = MOST,
    among: Bool[Array, " sentences"] | None = None,
) -> list[str]:
    """Central sentences of a task's reviews, with `words` words in all; `among` is a mask."""
    position = np.arange(len(reviews.text)) if among is None else np.flatnonzero(among)
    if not len(position):
        return []
    vectors = reviews.vectors[position]
    review = np.unique(reviews.row[position], return_inverse=True)[1]
    sizes = np.array([len(reviews.text[p].split()) for p in position.tolist()])
    return [
        reviews.text[position[p]]
        for p in central(vectors, centre(vectors, review), sizes, words, most)
    ]


def closest(
    labels: Labels,
    shown: str,
    vector: Float[Array, "texts dim"],
    sentences: Float[Array, "sentences dim"],
) -> list[str]:
    """The labels nearest to catalogue and reviews of an item, nearest first; three at most.

    A label's score is the larger of two, as one of them is often uninformative: its margin for the
    catalogue's text, plus `NAMED` for each of its words if the text has them all; and the mean of
    its three largest margins for sentences. Labels without a positive score, or more than `NEAR`
    below the best, are left out. Ties by position.
    """
    evidence = [labels.margins(vector)[0] + NAMED * mentions(labels.names, shown)] if shown else []
    if len(sentences):
        evidence.append(np.sort(labels.margins(sentences), axis=0)[-3:].mean(axis=0))
    if not evidence:
        return []
    score = np.max(evidence, axis=0)
    best = np.argsort(-score, kind="stable")[:3]
    near = score[best] >= score[best[0]] - NEAR
    return [labels.names[position] for position in best[near & (score[best] > 0)]]
