"""A Hugging Face causal language model in this process, held to the schema by outlines-core."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel

from recweave.core.errors import BadSetting
from recweave.core.processor import Precision, uses_bf16
from recweave.llm.answer import parse
from recweave.llm.base import BadAnswer, Failed, Message, Reply, T, Usage, canonical
from recweave.llm.causal import CausalLM
from recweave.llm.choice import Scores
from recweave.llm.constraint import Grammar, TokenTexts
from recweave.llm.local_queue import LocalQueue, Question
from recweave.llm.pretrained import LanguageModel

EDGE = 2**20
"""Bytes at both ends of a weights file by which models are distinguished."""


@dataclass
class Local:
    """A model by path. The most probable token each time; it costs nothing.

    Questions that are asked at the same time are answered together: what their prompts begin with
    alike is read once, and they are continued in one batch, which new ones join. Answers are those
    of one question at a time, except where rounding decides between two tokens.

    The first question loads the weights; the first of each schema compiles it to an automaton over
    the vocabulary (about a second). A model can then leave the schema only by running out of
    tokens, or if it repeats itself.

    Attributes:
        path: Folder of the model and its tokenizer, of which no code is run; `smollm2`, the model
            that comes in a package; or an `owner/model` in Hugging Face's cache.
        max_tokens: Where an answer is cut short.
        precision: bf16 takes half the memory and changes answers slightly; it is faster where the
            processor multiplies it, and many times slower elsewhere. `auto` takes the faster one.
        layers: Only the first blocks are used, for speed; 0 uses all.

    Raises:
        BadSetting: if there is no model.
        MissingExtra: if the package of `smollm2` is not installed.
    """

    path: Path | str
    max_tokens: int = 512
    precision: Precision = "fp32"
    layers: int = 0
    concurrency = 64
    """Questions that are best asked at one time."""
    can_choose = True
    """See `llm.choice`."""
    _lm: CausalLM = field(init=False, repr=False)
    _grammars: dict[type[BaseModel], Grammar] = field(default_factory=dict, init=False, repr=False)
    _queue: LocalQueue = field(init=False, repr=False)
    _one: Lock = field(default_factory=Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self._lm = CausalLM(LanguageModel.named(self.path, self.layers), self.precision)
        self._queue = LocalQueue(self._lm)

    @cached_property
    def name(self) -> str:
        """See `LLM.name`. Configuration and weights distinguish models of one name."""
        marks = hashlib.sha256()
        for file in self._lm.language.files:
            with file.open("rb") as content:
                marks.update(content.read(EDGE))
                content.seek(max(0, file.stat().st_size - EDGE))
                marks.update(content.read(EDGE))
        parameters: dict[str, Any] = {
            "max_tokens": self.max_tokens,
            "sha256": marks.hexdigest()[:16],
        }
        if uses_bf16(self.precision):
            parameters["precision"] = "bf16"
        if self.layers:
            parameters["layers"] = self.layers
        return f"{self._lm.language.folder.name} {canonical(parameters)}"

    async def ask(self, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
        """See `LLM.ask`; of a schema by `llm.choice.among`, the scores of its choices.

        Raises:
            BadSetting: if the model cannot be read, or is shown a picture.
            MissingExtra: without the packages for local models.
        """
        if any(message.pictures for message in messages):
            raise BadSetting(
                f"{self._lm.language.folder.name} is asked as a model of words alone; put a model "
                "that reads pictures behind a server, such as `transformers serve`"
            )
        question = await asyncio.to_thread(self._question, messages, schema)
        await asyncio.wrap_future(self._queue.put(question))
        usage = Usage(len(question.prompt), question.used)
        if question.scores is not None:
            likelihoods, tokens = question.scores
            found = {"log_likelihoods": likelihoods.tolist(), "tokens": tokens.tolist()}
            return Reply(schema.model_validate(found), usage)
        text = self._lm.tokenizer.decode(question.answer, skip_special_tokens=True)
        if question.outcome == "repeats itself":
            raise BadAnswer("the model repeats itself", text, usage)
        if question.outcome != "ended":
            reason = f"the answer was cut short after {len(question.answer)} tokens"
            raise BadAnswer(reason, text, usage)
        return Reply(parse(text, schema, usage), usage)

    def _question(self, messages: Sequence[Message], schema: type[BaseModel]) -> Question:
        """The tokens of a question, and what its answer is held to."""
        with self._one:  # tokenizers and models load once, and not in the queue's thread
            prompt = self._prompt(messages)
            _ = self._lm.model
            if issubclass(schema, Scores):
                end = [self._lm.tokenizer.eos_token_id]
                choices = [[*self._lm.tokens(text, "choice"), *end] for text in schema.choices]
                self._check(len(prompt) + max(map(len, choices)))
                return Question(prompt, choices=choices)
            self._check(len(prompt) + 1)
            most = min(self.max_tokens, self._lm.language.context - len(prompt))
            if schema not in self._grammars:
                self._grammars[schema] = Grammar(schema, self._texts)
            return Question(prompt, most, self._grammars[schema].begin())

    def _check(self, tokens: int) -> None:
        if tokens > (most := self._lm.language.context):
            name = self._lm.language.folder.name
            raise Failed(
                f"the question is too long: with an answer it has {tokens:,} tokens, and {name} "
                f"reads {most:,}"
            )

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        tokenizer = self._lm.tokenizer
        if tokenizer.chat_template:
            said = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            return self._lm.tokens(said)
        said = "\n".join(f"{turn['role']}: {turn['content']}" for turn in turns)
        return list(tokenizer(f"{said}\nassistant: ")["input_ids"])

    @cached_property
    def _texts(self) -> TokenTexts:
        return TokenTexts(self._lm.tokenizer, self._lm.model.get_input_embeddings().num_embeddings)
