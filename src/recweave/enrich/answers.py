"""Schemas of a language model's answers: closed sets of labels, bounded lengths, plain text."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from recweave.enrich.catalogue import JOIN
from recweave.enrich.prompts import plain


def worded(text: str) -> str:
    """The text; small models copy the "..." that stands for it in the question.

    Raises:
        ValueError: if it has neither a letter nor a digit.
    """
    if not any(map(str.isalnum, text)):
        raise ValueError("there are no words in it")
    return text


def _text(text: str) -> str:
    return worded(plain(text))


# The lengths are bounded, as a model that is bound to the schema may otherwise never stop.
Sentence = Annotated[
    str, Field(min_length=1, max_length=400), AfterValidator(plain), AfterValidator(worded)
]
Note = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(plain), AfterValidator(worded)
]
Paragraph = Annotated[
    str, Field(min_length=1, max_length=1_200), AfterValidator(plain), AfterValidator(worded)
]
Name = Annotated[
    str, Field(min_length=1, max_length=60), AfterValidator(plain), AfterValidator(worded)
]


class Answer(BaseModel, ABC):
    """An answer with a text form; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def text(self) -> str:
        """The text that is stored; empty if there is none."""


class Summary(Answer):
    """A summary of reviews."""

    summary: Paragraph

    def text(self) -> str:
        """See `Answer.text`."""
        return self.summary


class Profile(Answer):
    """An item for a recommender (P4R, arXiv 2409.16674)."""

    summary: Paragraph
    audience: Paragraph
    reasoning: Paragraph

    def text(self) -> str:
        """See `Answer.text`."""
        return f"Summary: {self.summary}\nAudience: {self.audience}\nReasoning: {self.reasoning}"


class Price(Answer):
    """How reviewers find a price."""

    price: Literal["overpriced", "fair", "cheap", "unclear"]

    def text(self) -> str:
        """See `Answer.text`."""
        return self.price


class Categories(Answer):
    """An open list."""

    categories: list[Name] = Field(max_length=5)

    def text(self) -> str:
        """See `Answer.text`."""
        return JOIN.join(filter(None, dict.fromkeys(name.lower() for name in self.categories)))


class Aspects(Answer):
    """What is liked and disliked."""

    liked: list[Name] = Field(max_length=5)
    disliked: list[Name] = Field(max_length=5)

    def text(self) -> str:
        """See `Answer.text`."""
        parts = {"liked": self.liked, "disliked": self.disliked}
        return "\n".join(f"{how}: {JOIN.join(names)}" for how, names in parts.items() if names)


class Explanation(Answer):
    """Reasons that may be shown."""

    sentences: list[Sentence] = Field(min_length=1, max_length=3)

    def text(self) -> str:
        """See `Answer.text`."""
        return "\n".join(self.sentences)


class Horizon(Answer):
    """How long interest lasts."""

    horizon: Literal["hours", "weeks", "season", "evergreen"]

    def text(self) -> str:
        """See `Answer.text`."""
        return self.horizon


class Notes(BaseModel):
    """Notes on a part of many texts, for a later question about all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notes: list[Note] = Field(max_length=12)


class _Chosen(Answer):
    categories: list[Any]

    def text(self) -> str:
        return JOIN.join(dict.fromkeys(self.categories))


SCHEMAS: dict[str, type[Answer]] = {
    "summary": Summary,
    "profile": Profile,
    "price": Price,
    "categories": Categories,
    "aspects": Aspects,
    "explanation": Explanation,
    "interest": Horizon,
}
"""The answer to each kind of question."""


@cache
def closed_categories(names: tuple[str, ...]) -> type[Answer]:
    """At most three of a given set of categories, and nothing else."""
    allowed: Any = list[Literal[names]]  # type: ignore[valid-type]
    return create_model(
        "ClosedCategories", __base__=_Chosen, categories=(allowed, Field(max_length=3))
    )


def schema(kind: str, categories: Sequence[str]) -> type[Answer]:
    """The answer to a kind of question, with a closed set where there is one."""
    if kind == "categories" and categories:
        return closed_categories(tuple(categories))
    return SCHEMAS[kind]


def choices(kind: str, categories: Sequence[str]) -> tuple[Answer, ...]:
    """All answers to a kind of question with a closed set, one label each; none if it is open."""
    form = schema(kind, categories)
    if kind == "categories" and categories:
        return tuple(form.model_validate({kind: [name]}) for name in categories)
    if kind in ("price", "interest"):
        ((name, field),) = form.model_fields.items()
        return tuple(form.model_validate({name: label}) for label in get_args(field.annotation))
    return ()
