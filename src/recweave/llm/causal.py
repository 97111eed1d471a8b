"""A causal language model in this process: log-likelihoods of answers, and generated text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput, BadSetting
from recweave.core.extras import require
from recweave.core.processor import Precision, uses_bf16
from recweave.llm.pretrained import DType, LanguageModel

if TYPE_CHECKING:  # they import torch
    from recweave.llm.generation import Continuation, Generation
    from recweave.llm.prefix import PromptReader


@dataclass(frozen=True)
class CausalLM:
    """A causal language model in memory. It is loaded when first needed.

    Attributes:
        language: The model on disk.
        precision: bf16 takes half the memory and changes the numbers slightly; it is faster where
            the processor multiplies it, and many times slower elsewhere. `auto` is the faster one.
    """

    language: LanguageModel
    precision: Precision = "fp32"

    @property
    def tokenizer(self) -> Any:
        """See `LanguageModel.tokenizer`."""
        return self.language.tokenizer

    @cached_property
    def model(self) -> Any:
        """The network; see `LanguageModel.network`."""
        dtype: DType = "bfloat16" if uses_bf16(self.precision) else "float32"
        model = self.language.network(trained=False, dtype=dtype)
        transformers = require("transformers", extra="lm")
        layers = transformers.DynamicCache(config=model.config).layers
        if not all(isinstance(layer, transformers.cache_utils.DynamicLayer) for layer in layers):
            raise BadSetting(
                f"{self.language.folder.name} keeps other states than keys and values "
                f"({model.config.model_type}); put it behind a server, such as `transformers serve`"
            )
        return model

    def log_likelihoods(
        self, prompts: Sequence[str], answers: Sequence[Sequence[str]]
    ) -> list[tuple[Float[Array, " answers"], Int[Array, " answers"]]]:
        """How likely each answer is after its prompt.

        The states of a prompt are computed once for all its answers, and those of a beginning that
        all prompts share once for all. An answer is split into tokens by itself, so begin it with a
        space where a word begins.

        Args:
            prompts: Texts, with the marks of the chat template if there are any; none empty.
            answers: For each prompt the answers to compare; none empty.

        Returns:
            For each prompt the natural logarithm of the probability of each answer, and its number
            of tokens: divide by it, or by its root, to compare answers of different lengths.

        Raises:
            BadInput: if a prompt with an answer is longer than the context, or one is empty.
        """
        tokens = [self.tokens(prompt, "prompt") for prompt in prompts]
        split = [[self.tokens(answer, "answer") for answer in own] for own in answers]
        for prompt, own in zip(tokens, split, strict=True):
            self.check_length(len(prompt) + max(map(len, own), default=0))
        found: list[Any] = [None] * len(prompts)
        with self.inference():
            for row, likelihoods, lengths in self.scored(tokens, split):
                found[row] = likelihoods, lengths
        return found

    def scored(
        self, prompts: Sequence[list[int]], answers: Sequence[Sequence[list[int]]]
    ) -> Iterator[tuple[int, Float[Array, " answers"], Int[Array, " answers"]]]:
        """The same as `log_likelihoods` for tokens, with the row of each prompt, in any order."""
        from recweave.llm.scoring import Tree, split

        for rows, states, after in self.reader.read(prompts):
            for line, row in enumerate(rows):
                likelihoods = np.zeros(len(answers[row]))
                for part in split(answers[row]):
                    tree = Tree.of([answers[row][answer] for answer in part])
                    found = tree.log_likelihoods(self.model, states.row(line), after[line])
                    likelihoods[part] = found.double().cpu().numpy()
                yield row, likelihoods, np.array([len(one) for one in answers[row]], np.int64)

    def generate(self, prompts: Sequence[str], max_tokens: int) -> list[str]:
        """What follows each prompt, the most probable token each time, without special tokens.

        Many prompts are continued at a time; the answers are those of one at a time, except where
        rounding decides between two tokens. A text ends early where the model repeats itself.

        Raises:
            BadInput: if a prompt is longer than the context less `max_tokens`, or empty.
        """
        tokens = [self.tokens(prompt, "prompt") for prompt in prompts]
        self.check_length(max((len(prompt) for prompt in tokens), default=0) + max_tokens)
        texts = [self.continuation(prompt, max_tokens) for prompt in tokens]
        self.continue_all(texts)
        return [self.tokenizer.decode(one.tokens, skip_special_tokens=True) for one in texts]

    def continue_all(self, texts: Sequence["Continuation"]) -> None:
        """Continue prompts to their ends."""
        waiting = sorted(texts, key=lambda one: one.prompt)  # neighbours begin alike
        generation = self.generation()
        with self.inference():
            while waiting or generation.under_way:
                if count := generation.room([len(one.prompt) for one in waiting]):
                    generation.add(waiting[:count])
                    waiting = waiting[count:]
                generation.step()

    def continuation(self, prompt: list[int], most: int, constraint: Any = None) -> "Continuation":
        """A prompt that is continued; see `Continuation`."""
        from recweave.llm.generation import Continuation

        return Continuation(prompt, most, constraint)

    def generation(self) -> "Generation":
        """Continues prompts; see `Generation`."""
        from recweave.llm.generation import Generation

        named = getattr(self.model.generation_config, "eos_token_id", None)
        ends = {self.tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])}
        return Generation(self.model, self.reader, frozenset(ends - {None}))

    @cached_property
    def reader(self) -> "PromptReader":
        """Reads prompts; see `PromptReader`."""
        from recweave.llm.prefix import PromptReader

        return PromptReader(self.model)

    def inference(self) -> Any:
        """A context without gradients."""
        return require("torch", extra="lm").inference_mode()

    def tokens(self, text: str, what: str = "text") -> list[int]:
        """The tokens of a text; `what` it is, for the error.

        Raises:
            BadInput: if there are none.
        """
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        if not ids:
            raise BadInput(f"a language model cannot read an empty {what}; leave it out")
        return ids

    def check_length(self, tokens: int) -> None:
        """Refuse what is longer than the context.

        Raises:
            BadInput: if it is.
        """
        if tokens > self.language.context:
            raise BadInput(
                f"a prompt with its answer has {tokens:,} tokens, and {self.language.folder.name} "
                f"reads {self.language.context:,} at most; shorten the history or the texts"
            )
