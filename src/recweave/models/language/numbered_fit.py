"""Training of `Numbered`: a corpus first, then the events of users; imports torch."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recweave.core.arrays import Array, digest
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.models.base import Model
from recweave.models.language.number_batches import EventBatches, corpus_batches
from recweave.models.language.number_net import EncoderDecoder, NumberNet
from recweave.models.language.numbered import DECODER, Numbered, NumberedItems, Pretrain
from recweave.models.language.numbered_net import Scorer, open_net, vocabulary_of_decoder
from recweave.models.language.numbering import number_items
from recweave.models.language.task_vector import add_vector, task_vector
from recweave.models.nn.checkpoint import data_digests
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.reading import read_events
from recweave.models.nn.sequences import Windows, new_to_user
from recweave.models.nn.tensors import seeded, to_array
from recweave.models.nn.validation import Validation, validation_check
from recweave.models.nn.weights import Weights
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData

log = logging.getLogger(__name__)

BEFORE = (0.25, 0.5, 1.0)
"""Factors of a task vector that are tried before training …"""
AFTER = tuple(round(0.1 * step, 1) for step in range(11))
"""… and after it."""

State = dict[str, Tensor]


def train_numbered(recipe: Numbered, data: TrainingData, options: Options) -> NumberedItems:
    """See `Recipe.fit`."""
    training = Training.of(recipe, data, options)
    net, pretrain = training.net, recipe.pretrain
    start = _state(net)
    vector: State | None = None
    if pretrain is not None:
        training.learn_corpus(pretrain)
        if pretrain.apply != "precondition":
            embedding = net.network.get_input_embeddings().weight
            vector = task_vector(net, start, embedding if pretrain.part == "embedding" else None)
            net.load_state_dict(start)
    if pretrain is None or vector is None:
        training.learn_events()
        return training.trained()
    if pretrain.apply == "vector_before":
        return training.learn_from_each(vector, start, pretrain)
    training.learn_events()
    return training.edited(vector, pretrain)


@dataclass(frozen=True, eq=False)
class Training:
    """What one training reads, and the network that is trained."""

    recipe: Numbered
    data: TrainingData
    options: Options
    number: Int[Array, " items"]
    words: tuple[str, ...]
    net: NumberNet
    history: Histories
    windows: Windows
    validation: Validation | None

    @classmethod
    def of(cls, recipe: Numbered, data: TrainingData, options: Options) -> "Training":
        """Number the items, open the network, and cut the histories."""
        codes = recipe.behaviors.by_code()
        history = read_events(Histories.of(data.train), codes)
        weight = (codes[history.behavior] > 0).astype(np.float32)
        if recipe.targets == "new":
            weight = weight * new_to_user(history)
        windows = Windows.of(history, recipe.length, weight)
        later = Histories.of(data.valid) if recipe.paper and data.valid is not None else None
        number = number_items(recipe.index, history, options.seed, later)
        words = vocabulary_of_decoder() if recipe.backbone == DECODER else ()
        net = open_net(recipe, number, words, seed=options.seed, device=options.device)
        longer = int((history.lengths > recipe.length).sum())
        log.info("%d of %d histories are longer than length", longer, len(history))
        valid = _first_users(data.valid, recipe.check_users)
        validation = Validation.of(data.train, valid)
        return cls(recipe, data, options, number, words, net, history, windows, validation)

    def learn_corpus(self, pretrain: Pretrain) -> None:
        """Train on the corpus; rows of a run that differ in what follows share it."""
        text, seed = self.net.text, self.options.seed
        run_loop(
            self.net,
            lambda rng: corpus_batches(pretrain, text, seed, rng),
            lambda batch: self.net.loss(batch()),
            pretrain.model_copy(update={"apply": "precondition", "scale": None, "part": "all"}),
            options=self.options,
            validate=None,
            description={"start": _digest(self.net), "items": len(self.number)},
        )

    def learn_events(self) -> float:
        """Train on the events of users; returns the best validation metric."""
        recipe = self.recipe
        if recipe.reset:
            reset_numbers(self.net, self.options.seed)
        batches = EventBatches(
            recipe, self.net.text, self.windows, packed=not isinstance(self.net, EncoderDecoder)
        )
        description = data_digests(self.data) | {
            "items": digest(self.number),
            "start": _digest(self.net),
        }
        progress = run_loop(
            self.net,
            batches.epoch,
            lambda batch: self.net.loss(batch()),
            # Where training starts from is in the description, so that rows can share a training.
            recipe.model_copy(update={"pretrain": None, "beams": 0}),
            options=self.options,
            validate=self.check,
            description=description,
        )
        return progress.best

    @property
    def check(self) -> Callable[[], float] | None:
        """The validation metric of the current weights; None without validation events."""
        scorer = Scorer(self.recipe.model_copy(update={"beams": 0}), self.net)
        return validation_check(self.validation, lambda: _Current(scorer))

    def learn_from_each(self, vector: State, start: State, pretrain: Pretrain) -> NumberedItems:
        """Train from θ₀ + λτ; without a given λ, the one that validates best is kept."""
        scales = _scales(pretrain, BEFORE, self.check)
        found = []
        for scale in scales:
            self.net.load_state_dict(start)
            add_vector(self.net, vector, scale)
            found.append((self.learn_events(), scale, _state(self.net)))
        _, scale, state = max(found, key=lambda one: one[0])
        self.net.load_state_dict(state)
        return self.trained(scale)

    def edited(self, vector: State, pretrain: Pretrain) -> NumberedItems:
        """Add λτ to the trained weights; without a given λ, the one that validates best."""
        learned, check = _state(self.net), self.check
        scales = _scales(pretrain, AFTER, check)
        values = []
        for scale in scales if len(scales) > 1 else ():
            self.net.load_state_dict(learned)
            add_vector(self.net, vector, scale)
            with torch.inference_mode():
                values.append(check() if check else 0.0)
        scale = scales[int(np.argmax(values))] if values else scales[0]
        self.net.load_state_dict(learned)
        add_vector(self.net, vector, scale)
        return self.trained(scale)

    def trained(self, scale: float = 0.0) -> NumberedItems:
        """The current weights as a model."""
        saved: Any = self.net.backbone
        weights = Weights.of(self.net) if self.recipe.backbone == DECODER else saved.saved()
        return NumberedItems(self.number, self.recipe, self.words, weights, scale)


@dataclass(frozen=True, eq=False)
class _Current(Model):
    """The network as it is now, for validation; scored exactly, whatever the recipe's beams."""

    scorer: Scorer

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return self.scorer.scores(query)


def reset_numbers(net: NumberNet, seed: int) -> None:
    """Give the tokens of numbers random embeddings, as far from zero as those of all tokens."""
    table = net.network.get_input_embeddings().weight
    with seeded(seed), torch.no_grad():
        spread = float(table.float().std())
        table[net.symbols] = spread * torch.randn(len(net.symbols), table.shape[1]).to(table)


def _scales(
    pretrain: Pretrain, tried: tuple[float, ...], check: Callable[[], float] | None
) -> tuple[float, ...]:
    """The factors of a task vector to try.

    Raises:
        BadSetting: if one is to be chosen and there are no validation events.
    """
    if pretrain.scale is not None:
        return (pretrain.scale,)
    if check is None:
        raise BadSetting(
            "the factor of the task vector is chosen on validation events, and there are none; set "
            "pretrain.scale"
        )
    return tried


def _first_users(valid: Interactions | None, most: int) -> Interactions | None:
    """The events of the first users; rows are in the order of a hash, so this is a sample."""
    if valid is None:
        return None
    users = np.unique(valid.user)
    return valid if len(users) <= most else valid[valid.user < users[most]]


def _state(net: NumberNet) -> State:
    """A copy of the weights."""
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def _digest(net: NumberNet) -> str:
    return digest(*(to_array(value).ravel().view(np.int32) for value in net.state_dict().values()))
