"""Prompts of the two tasks of OpenP5 (sequential, straightforward), in our own words."""

from typing import Literal, NamedTuple

Task = Literal["sequential", "straightforward"]
Wording = Literal["seen", "unseen"]


class Prompt(NamedTuple):
    """A prompt in parts.

    Attributes:
        before: The words before the user's number.
        after: The words between it and the history, or the answer if the prompt has no history.
        question: The words after the history; only encoder-decoders read them, as a causal model
            continues the history itself.
    """

    before: str
    after: str
    question: str = ""


SEQUENTIAL = (
    Prompt("user", " chose these items in order:", "; the next item is"),
    Prompt("the history of user", ", oldest first:", "; what comes next?"),
    Prompt("items of user", " so far:", "; which item will follow?"),
    Prompt("here is what user", " has used:", "; name the next item:"),
    Prompt("first to last, user", " took", "; after that:"),
    Prompt("in order of time, user", " picked", "; the item picked next is"),
    Prompt("after one another, user", " had", "; then comes"),
    Prompt("a list of items by user", ":", "; continue the list:"),
    Prompt("known events of user", " by time:", "; the event to follow is"),
    Prompt("user", " went from item to item:", "; where to next?"),
)
"""The prompts that a model is trained with; the first one is used to recommend."""

SEQUENTIAL_UNSEEN = Prompt("past picks of user", " in sequence:", "; recommend one more:")

STRAIGHTFORWARD = (
    Prompt("an item for user", ":"),
    Prompt("user", " would like"),
    Prompt("what to show to user", ":"),
    Prompt("something that user", " wants:"),
    Prompt("a good item for user", " is"),
    Prompt("recommend to user", ":"),
    Prompt("of all items, user", " will use"),
    Prompt("user", " will enjoy"),
    Prompt("the choice of user", " is"),
    Prompt("find an item that fits user", ":"),
)
STRAIGHTFORWARD_UNSEEN = Prompt("pick one item on behalf of user", ":")


def prompts(task: Task, count: int) -> tuple[Prompt, ...]:
    """The first `count` prompts that a model is trained with, at most ten."""
    return (SEQUENTIAL if task == "sequential" else STRAIGHTFORWARD)[:count]


def words() -> tuple[str, ...]:
    """All texts of prompts, for the vocabulary of a network that is trained from scratch."""
    every = (*SEQUENTIAL, SEQUENTIAL_UNSEEN, *STRAIGHTFORWARD, STRAIGHTFORWARD_UNSEEN)
    return tuple(text for prompt in every for text in prompt)
