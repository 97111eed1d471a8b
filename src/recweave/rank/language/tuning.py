"""Fine-tuning a language model on instructions. Imports torch.

The training loop is that of all our networks (`models.nn.loop`): it has bf16, warmup, checkpoints
that an interrupted run resumes from, and a seed. The loss is over the answer's tokens alone.
"""

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from recweave.core.errors import BadSetting
from recweave.models.language.backbone import BackboneSettings, TrainedBackbone
from recweave.models.nn.loop import train
from recweave.models.training import Options
from recweave.rank.language.lessons import Lesson, Tuning, answer_of
from recweave.rank.language.prompts import Prompts
from recweave.rank.language.reader import chat

log = logging.getLogger(__name__)

Example = tuple[list[int], list[int]]
"""Tokens of a prompt and of its answer."""


def tuned(
    settings: BackboneSettings,
    lessons: Sequence[Lesson],
    prompts: Prompts,
    tuning: Tuning,
    options: Options,
) -> TrainedBackbone:
    """The weights that a language model has after the instructions.

    Args:
        settings: The language model, and which of its weights are trained.
        lessons: The instructions.
        prompts: How they are written.
        tuning: Settings of the training.
        options: Seed, device, precision, checkpoints.

    Raises:
        BadSetting: if there are no instructions, or none fits into the context.
        MissingExtra: without the packages of language models.
    """
    backbone = settings.open(device=options.device, seed=options.seed)
    if options.precision == "bf16":
        for parameter in backbone.network.parameters():
            if not parameter.requires_grad:
                parameter.data = parameter.data.to(torch.bfloat16)
    examples = [_tokens(backbone, lesson, prompts, tuning) for lesson in lessons]
    fitting = [one for one in examples if len(one[0]) + len(one[1]) <= backbone.context]
    if not fitting:
        raise BadSetting(
            f"stage 'language': of {len(lessons):,} instructions none fits into the "
            f"{backbone.context:,} tokens of {settings.backbone}; users need two training items "
            "with a title, and `history` fewer titles"
        )
    if left_out := len(examples) - len(fitting):
        log.warning(
            "language: %d of %d instructions are left out, as they are longer than the %d tokens "
            "that %s reads; set `history`, `candidates` or `title` lower",
            left_out,
            len(examples),
            backbone.context,
            settings.backbone,
        )

    def batches(rng: np.random.Generator) -> list[list[Example]]:
        # Those of a batch are of about one length; batches come in random order.
        order = rng.permutation(len(fitting))
        order = order[np.argsort([-len(fitting[row][0]) // 32 for row in order], kind="stable")]
        parts = [order[at : at + tuning.batch] for at in range(0, len(order), tuning.batch)]
        return [[fitting[row] for row in parts[at]] for at in rng.permutation(len(parts))]

    digest = hashlib.sha256(repr(fitting).encode()).hexdigest()
    described = {"backbone": backbone.sha256, "settings": settings.model_dump(mode="json")}
    train(
        backbone,
        batches,
        lambda batch: answer_loss(backbone, batch),
        tuning,
        options=options,
        validate=None,
        description=described | {"instructions": digest},
    )
    saved: TrainedBackbone = backbone.saved()
    return saved


def answer_loss(backbone: Any, batch: Sequence[Example]) -> Tensor:
    """The mean of −log P over the answers' tokens of a batch; of prompts and padding none."""
    device = backbone.device
    longest = max(len(prompt) + len(answer) for prompt, answer in batch)
    ids = torch.zeros((len(batch), longest), dtype=torch.int64)
    mask = torch.zeros((len(batch), longest), dtype=torch.int64)
    row: list[int] = []
    before: list[int] = []
    target: list[int] = []
    for line, (prompt, answer) in enumerate(batch):
        whole = [*prompt, *answer]
        ids[line, : len(whole)] = torch.tensor(whole)
        mask[line, : len(whole)] = 1
        row += [line] * len(answer)
        before += range(len(prompt) - 1, len(whole) - 1)
        target += answer
    table = backbone.network.get_input_embeddings()
    states = backbone.states(table(ids.to(device)), mask.to(device))
    asked = states[torch.tensor(row, device=device), torch.tensor(before, device=device)]
    logits = backbone.network.get_output_embeddings()(asked).float()
    return cross_entropy(logits, torch.tensor(target, device=device))


def _tokens(backbone: Any, lesson: Lesson, prompts: Prompts, tuning: Tuning) -> Example:
    tokenizer = backbone.tokenizer
    if lesson.format == "title":
        prompt, end = prompts.continuation(lesson.shown, lesson.candidates), []
    else:
        asked = prompts.request(lesson.shown, lesson.candidates, tuning.targets)
        prompt, end = chat(tokenizer, prompts.system, asked), [tokenizer.eos_token_id]
    texts = (prompt, answer_of(lesson, prompts))
    before, answer = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts)
    return before, [*answer, *end]
