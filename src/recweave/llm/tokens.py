"""How many tokens a call takes: counted by a tokenizer, or learned from earlier calls."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from pydantic import BaseModel, Field

from recweave.core.errors import BadSetting
from recweave.core.extras import require
from recweave.core.value import Value
from recweave.llm.base import Message, Usage, characters, task_of

PRIOR = 4.0
"""Characters of English a token stands for, where nothing is known."""
PRIOR_COMPLETION = 100.0
"""Tokens of an answer, where nothing is known."""
PRIOR_PICTURE = 1000.0
"""Tokens of a picture, where no call of the task is known; 85 to 1,600 with common models."""
ENOUGH = 5
"""Calls of one task from which it is judged by itself, not with the others."""
CALM = 20
"""Good answers at the first call that are assumed beforehand, as a handful tells no rate."""

Count = Callable[[Sequence[Message]], int]


class Prices(Value):
    """What a model costs, in the user's currency."""

    input: float = Field(ge=0, description="per million tokens of the prompt")
    output: float = Field(ge=0, description="per million tokens of the answer")

    def of(self, prompt: float, completion: float) -> float:
        """The cost of so many tokens."""
        return (prompt * self.input + completion * self.output) / 1e6


@dataclass(frozen=True)
class Sums:
    """Sums over past calls: what a straight line and a mean need.

    Attributes:
        calls: How many.
        answered: How many of them gave a good answer.
        x, y: Characters and tokens of the prompts.
        xx, xy: Of their squares and products.
        completion: Tokens of the answers.
    """

    calls: int = 0
    answered: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    completion: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def prompt(self, chars: int) -> float:
        """Tokens of a prompt: by the least-squares line, or by the ratio where there is none.

        The line's foot is what a server adds to every prompt: its chat template, the schema.
        """
        spread = self.xx - self.x**2 / self.calls
        if spread > 1e-6 * self.xx:
            slope = (self.xy - self.x * self.y / self.calls) / spread
            foot = (self.y - slope * self.x) / self.calls
            if slope > 0 and foot >= 0:
                return foot + slope * chars
        return self.y / self.x * chars if self.x else self.y / self.calls


class Tokens:
    """What calls will take.

    Args:
        seen: Past calls of the model, by task.
        count: Counts a prompt exactly.
    """

    def __init__(self, seen: Iterable[tuple[str, Sums]] = (), count: Count | None = None) -> None:
        self._seen = defaultdict(Sums, seen)
        self._all = sum(self._seen.values(), Sums())
        self._count = count

    def observe(
        self, messages: Sequence[Message], schema: type[BaseModel], usage: Usage, answered: bool
    ) -> None:
        """Learn from one call."""
        x, y = characters(messages), usage.prompt_tokens
        one = Sums(1, int(answered), x, y, x * x, x * y, usage.completion_tokens)
        self._seen[task_of(schema)] += one
        self._all += one

    def expect(self, messages: Sequence[Message], schema: type[BaseModel]) -> tuple[float, float]:
        """Tokens of the prompt and of the answer of one call."""
        sums = self._known(schema)
        completion = sums.completion / sums.calls if sums.calls else PRIOR_COMPLETION
        shown = _tokens_of_pictures(messages)
        if shown and self.knows(schema):  # the straight line has their tokens in it
            return sums.prompt(characters(messages)), completion
        if self._count:
            return self._count(messages) + shown, completion
        if not sums.calls:
            return prior_prompt(messages), completion
        return sums.prompt(characters(messages)) + shown, completion

    def calls_per_answer(self, schema: type[BaseModel]) -> float:
        """1 and more, as bad answers are asked for again; few calls are taken to say little."""
        sums = self._known(schema)
        return (sums.calls + CALM) / (sums.answered + CALM)

    def knows(self, schema: type[BaseModel]) -> bool:
        """Whether calls of this task itself were seen."""
        return self._seen.get(task_of(schema), Sums()).calls >= ENOUGH

    def basis(self, schema: type[BaseModel]) -> str:
        """What `expect` goes by, in words."""
        source = f"{self._known(schema).calls} earlier calls"
        if not self._all.calls:
            source = (
                f"no earlier calls: {PRIOR:g} characters a token, {PRIOR_COMPLETION:g} an answer"
            )
        elif not self.knows(schema):
            source += " of other kinds"
        return f"prompts counted; answers by {source}" if self._count else source

    def _known(self, schema: type[BaseModel]) -> Sums:
        return self._seen[task_of(schema)] if self.knows(schema) else self._all


def prior_prompt(messages: Sequence[Message]) -> float:
    """Tokens of a prompt, where nothing is known."""
    return characters(messages) / PRIOR + _tokens_of_pictures(messages)


def _tokens_of_pictures(messages: Sequence[Message]) -> float:
    return PRIOR_PICTURE * sum(len(message.pictures) for message in messages)


def tokenizer(path: Path) -> Count:
    """Counts prompts with a Hugging Face tokenizer, its chat template included.

    Raises:
        BadSetting: if there is none in the folder.
        MissingExtra: without transformers.
    """
    try:
        found = require("transformers", extra="local").AutoTokenizer.from_pretrained(
            path, local_files_only=True
        )
    except (OSError, ValueError) as error:
        raise BadSetting(f"{path} holds no tokenizer: {error}") from None

    def count(messages: Sequence[Message]) -> int:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        if found.chat_template:
            ids = found.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
            return len(ids)
        return len(found("\n".join(message.content for message in messages))["input_ids"])

    return count
