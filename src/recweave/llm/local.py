"""A Hugging Face causal language model in this process, held to the schema by outlines."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel

from recweave.core.errors import BadSetting
from recweave.core.extras import require
from recweave.llm.answer import parse
from recweave.llm.base import BadAnswer, Message, Reply, T, Usage, canonical, json_schema
from recweave.llm.pretrained import LanguageModel

EDGE = 2**20
"""Bytes at both ends of a weights file by which models are distinguished."""


@dataclass
class Local:
    """A model by path. One question at a time, the most probable token each time; it costs nothing.

    The first question loads the weights; the first of each schema compiles it to an automaton over
    the vocabulary (seconds to half a minute). A model can then leave the schema only by running out
    of tokens, so fields of text should have a `max_length`.

    Attributes:
        path: Folder of the model and its tokenizer, of which no code is run; or `smollm2`, the
            model that comes in a package.
        max_tokens: Where an answer is cut short.

    Raises:
        BadSetting: if the folder holds no model.
        MissingExtra: if the package of `smollm2` is not installed.
    """

    path: Path | str
    max_tokens: int = 512
    _language: LanguageModel = field(init=False, repr=False)
    _generators: dict[type[BaseModel], Any] = field(default_factory=dict, init=False, repr=False)
    _one: Lock = field(default_factory=Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self._language = LanguageModel.named(self.path)

    @cached_property
    def name(self) -> str:
        """See `LLM.name`. Configuration and weights distinguish models of one name."""
        marks = hashlib.sha256()
        for file in self._language.files:
            with file.open("rb") as content:
                marks.update(content.read(EDGE))
                content.seek(max(0, file.stat().st_size - EDGE))
                marks.update(content.read(EDGE))
        parameters = {"max_tokens": self.max_tokens, "sha256": marks.hexdigest()[:16]}
        return f"{self._language.folder.name} {canonical(parameters)}"

    async def ask(self, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
        """See `LLM.ask`.

        Raises:
            BadSetting: if the model cannot be read, or is shown a picture.
            MissingExtra: without the packages for local models.
        """
        return await asyncio.to_thread(self._ask, messages, schema)

    def _ask(self, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
        if any(message.pictures for message in messages):
            raise BadSetting(
                f"{self._language.folder.name} is asked as a model of words alone; put a model "
                "that reads pictures behind a server, such as `transformers serve`"
            )
        with self._one:
            asked = self._encoded(messages)
            processor = self._processor(schema)
            processor.reset()
            answered = self._model.generate(
                **asked,
                max_new_tokens=self.max_tokens,
                do_sample=False,
                logits_processor=[processor],
                pad_token_id=self._tokenizer.pad_token_id,
            )
        start = asked["input_ids"].shape[1]
        ids = answered[0, start:].tolist()
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        usage = Usage(start, len(ids))
        if len(ids) == self.max_tokens and ids[-1] != self._tokenizer.eos_token_id:
            raise BadAnswer(f"the answer was cut short after {len(ids)} tokens", text, usage)
        return Reply(parse(text, schema, usage), usage)

    def _encoded(self, messages: Sequence[Message]) -> Any:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        if self._tokenizer.chat_template:
            return self._tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, return_dict=True, return_tensors="pt"
            ).to(self._model.device)
        said = "\n".join(f"{turn['role']}: {turn['content']}" for turn in turns)
        asked = self._tokenizer(f"{said}\nassistant: ", return_tensors="pt")
        asked.pop("token_type_ids", None)
        return asked.to(self._model.device)

    def _processor(self, schema: type[BaseModel]) -> Any:
        """What forbids every token that would leave the schema."""
        if schema not in self._generators:
            outlines = require("outlines", extra="local")
            held = outlines.from_transformers(self._model, self._tokenizer)
            form = outlines.json_schema(json.dumps(json_schema(schema)))  # fields in their order
            self._generators[schema] = outlines.Generator(held, form)
        return self._generators[schema].logits_processor

    @property
    def _tokenizer(self) -> Any:
        return self._language.tokenizer

    @cached_property
    def _model(self) -> Any:
        return self._language.network(trained=False)
