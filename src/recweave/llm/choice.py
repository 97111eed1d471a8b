"""To choose among given answers: a model in this process says how likely each of them is."""

from functools import cache
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict

from recweave.core.arrays import Array
from recweave.llm.base import LLM


class Scores(BaseModel):
    """How likely each of some answers is.

    Attributes:
        log_likelihoods: The natural logarithm of each answer's probability after the question.
        tokens: Tokens of each answer, its end included.
    """

    model_config = ConfigDict(frozen=True)

    choices: ClassVar[tuple[str, ...]] = ()
    log_likelihoods: tuple[float, ...]
    tokens: tuple[int, ...]

    @property
    def values(self) -> Float[Array, " choices"]:
        """The log-likelihoods as an array."""
        return np.array(self.log_likelihoods)


@cache
def among(choices: tuple[str, ...]) -> type[Scores]:
    """What to ask for with `LLM.ask` in place of one answer: the `Scores` of whole answers.

    Only for models for which `can_choose` is true.

    >>> among(("yes", "no")).choices
    ('yes', 'no')
    """
    choices_ = choices  # a class body does not see a name that it sets

    class Among(Scores):
        model_config = ConfigDict(json_schema_extra={"choices": list(choices_)})
        choices: ClassVar[tuple[str, ...]] = choices_

    return Among


def can_choose(llm: LLM) -> bool:
    """Whether a model can score given answers; servers cannot."""
    return bool(getattr(llm, "can_choose", False))
