"""A language model that reads: how likely answers are after a prompt. Imports torch when used."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.extras import require
from recweave.core.processor import Precision
from recweave.core.registry import resolve
from recweave.llm.causal import CausalLM
from recweave.models.language.backbone import BackboneSettings, TrainedBackbone

KEPT = 200_000
"""Results that a process keeps; rows of a run ask the same of one model."""
OPEN = 2
"""Networks that a process keeps open."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Reader:
    """The language model of a stage.

    Attributes:
        settings: `BackboneSettings` as JSON.
        trained: The weights that were trained, if any, and the sha256 of the rest.
        precision: Of its numbers; `auto` is that of the machine where it is opened.
        device: Where it computes; see `Options.device`.
    """

    settings: str
    trained: TrainedBackbone
    precision: Precision = "fp32"
    device: str = "auto"

    @cached_property
    def name(self) -> str:
        """A hash of all that its numbers depend on."""
        precision = "bf16" if self._bf16 else "fp32"
        digest = hashlib.sha256(f"{self.trained.sha256} {self.settings} {precision}".encode())
        for array in self.trained.weights.arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def backbone(self) -> Any:
        """The network, in evaluation mode; opened once in a process.

        Raises:
            BadArtifact: if the language model is not the one of the training.
            BadSetting, MissingExtra: see `BackboneSettings.open`.
        """
        return self._opened.backbone

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer."""
        return self.backbone.tokenizer

    @property
    def context(self) -> int:
        """Tokens that it reads at most."""
        return int(self.backbone.context)

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def log_likelihoods(
        self, prompt: Sequence[int], answers: Sequence[Sequence[int]]
    ) -> Float[Array, " answers"]:
        """The logarithm of the probability of each answer after a prompt, as tokens; none empty.

        See `CausalLM.log_likelihoods`: the prompt is read once for all answers.
        """
        split = [[list(answer) for answer in answers]]
        with self._opened.inference():
            ((_, found, _),) = self._opened.scored([list(prompt)], split)
        return found

    def chat(self, system: str, question: str) -> str:
        """See `chat`."""
        return chat(self.tokenizer, system, question)

    def write(self, prompts: Sequence[str], most: int) -> list[str]:
        """What follows each prompt, the most probable token each time, of at most `most` tokens."""
        return self._opened.generate(prompts, most)

    @cached_property
    def _bf16(self) -> bool:
        # A bundle may be served on another processor than the one that trained it.
        uses: Callable[..., bool] = resolve("recweave.models.nn.device:uses_bf16")
        return uses(self.precision, self.device)

    @property
    def _opened(self) -> "Opened":
        return _OPENED.get(f"{self.name} {self.device}", self._open)

    def _open(self) -> "Opened":
        torch = require("torch", extra="lm")
        settings = BackboneSettings.model_validate_json(self.settings)
        backbone = self.trained.open(settings, device=self.device)
        for module in backbone.network.modules():
            if hasattr(module, "lora_A") and hasattr(module, "merge"):
                module.merge()
        if self._bf16:
            backbone.network.to(torch.bfloat16)
        backbone.requires_grad_(False)
        return Opened(settings.language, self.precision, backbone)


def chat(tokenizer: Any, system: str, question: str) -> str:
    """A question as the model's chat template has it; a model without one completes a text."""
    if not tokenizer.chat_template:
        return f"{system}\n\n{question}\nAnswer: "
    turns = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return text


@dataclass(frozen=True)
class Opened(CausalLM):
    """A network that is in memory already.

    Attributes:
        backbone: The network, with what it has learned.
    """

    backbone: Any = None

    @property
    def model(self) -> Any:
        """The network of transformers."""
        return self.backbone.network


class Recent:
    """Results by key, the oldest of which are forgotten.

    Args:
        most: Results that are kept.
    """

    def __init__(self, most: int) -> None:
        self.most, self._kept = most, OrderedDict[str, Any]()

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The result of the key; made if it is not there."""
        if key in self._kept:
            self._kept.move_to_end(key)
            found: T = self._kept[key]
            return found
        made = make()
        self.put(key, made)
        return made

    def put(self, key: str, value: Any) -> None:
        """Keep a result."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)

    def find(self, key: str) -> Any:
        """The result of the key; None if it is not there."""
        return self._kept.get(key)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()


_OPENED = Recent(OPEN)
