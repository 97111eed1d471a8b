"""Training of the unified model; imports torch."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, normalize

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, behavior_code
from recweave.data.schema import BEHAVIORS
from recweave.encode.features import find_user_feature
from recweave.models.base import Model
from recweave.models.blend import Blend
from recweave.models.learn_blend import learn_blend
from recweave.models.nn.checkpoint import data_digests
from recweave.models.nn.items import Content, ItemTable
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.losses import info_nce
from recweave.models.nn.negatives import Negatives
from recweave.models.nn.reading import read_events
from recweave.models.nn.sequences import Batch, Sequences, Windows, new_to_user
from recweave.models.nn.tensors import float_tensor, index_tensor, seeded, to_array
from recweave.models.nn.validation import Validation, validation_check
from recweave.models.nn.weights import Weights
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData
from recweave.models.unified.edges import behavior_graphs
from recweave.models.unified.graph import BehaviorGraphs
from recweave.models.unified.holdout import hold_out
from recweave.models.unified.model import UnifiedNetwork
from recweave.models.unified.net import Reader, Tokens
from recweave.models.unified.numbers import EventNumbers, item_numbers
from recweave.models.unified.recipe import Unified
from recweave.models.unified.standard import fit_scorers

ALIGN_ITEMS = 512
"""Items in the alignment loss of a step."""


class UnifiedNet(nn.Module):
    """Item vectors from content and graphs, and the network that reads histories."""

    def __init__(
        self, table: ItemTable, graphs: BehaviorGraphs | None, reader: Reader, align: bool
    ) -> None:
        super().__init__()
        self.table = table
        self.graphs = graphs
        self.reader = reader
        self.align = align

    def items(self) -> Float[Tensor, "items dim"]:
        """The item vectors that scores use, of unit length."""
        vectors = self.table()
        if self.graphs is not None:
            vectors = self.graphs(vectors)
        return normalize(vectors, dim=1)

    def alignment(self, items: Int[Tensor, " n"]) -> Tensor:
        """InfoNCE between the id embeddings and the content embeddings of some items."""
        table = self.table
        content = table.project(table.text[items])
        return info_nce(embedding(items, table.id), content, 0.2)


def train_unified(recipe: Unified, data: TrainingData, options: Options) -> Blend:
    """See `Recipe.fit`."""
    target = [behavior_code(name) for name in recipe.target]
    train, valid = data.train, data.valid
    if valid is None or not len(valid):
        train, valid = hold_out(train, target, options.seed)
        data = data.replace(train, valid)
        if recipe.scorers and not len(valid):
            raise BadSetting(
                "no user has a target after another event, so the weights of the scorers cannot be "
                "learned; give validation events, or no scorers"
            )
    validation = Validation.of(train, valid)
    # The scorers are fitted first: if their settings are wrong, the error comes early.
    scorers, their_names = fit_scorers(recipe, data, options)
    network = _train_network(recipe, data, options, validation, target)
    members: list[Model] = [network, *scorers]
    names = ("network", *their_names)
    if len(members) == 1:
        return Blend((network,), np.ones(1, np.float32), names)
    query = Query.before(train, valid)  # some scorers know what was popular at that time
    return replace(learn_blend(members, query, valid, pool=options.pool), names=names)


def _target_counts(history: Histories, weight: Float[Array, " n"]) -> Int[Array, " behaviors"]:
    """Number of events of each behaviour that are targets in training."""
    is_target = weight > 0
    is_target[history.start[:-1][history.lengths > 0]] = False  # a first event has no history
    return np.bincount(history.behavior[is_target], minlength=len(BEHAVIORS))


def _predicted_behavior(counts: Int[Array, " behaviors"], target: tuple[str, ...]) -> int:
    """The behaviour that the model predicts: the target with the most training events."""
    codes = [behavior_code(name) for name in target] or list(range(len(BEHAVIORS)))
    if not counts[codes].any():
        raise BadSetting(
            f"no event of the target ({', '.join(target)}) can be learned from: there are none, "
            "their behaviour has a weight of 0, or each has an item that its user had before; "
            'name another target, or set targets = "all"'
        )
    return int(codes[int(counts[codes].argmax())])


def _train_network(
    recipe: Unified,
    data: TrainingData,
    options: Options,
    validation: Validation | None,
    target: list[int],
) -> UnifiedNetwork:
    train, features = data.train, data.features
    items = train.shape[1]
    history = read_events(Histories.of(train), recipe.behaviors.by_code())
    counts = np.bincount(history.item, minlength=items)
    content = Content.of(features, recipe.content_features(), counts)
    profile = np.zeros((train.shape[0], 0), np.float32)
    if recipe.user_feature:
        profile = np.asarray(find_user_feature(features, recipe.user_feature).vectors, np.float32)
    weight = np.ones(len(history.item), np.float32)
    if target:
        weight[~np.isin(history.behavior, target)] = recipe.auxiliary
    if recipe.targets == "new":
        weight *= new_to_user(history)
    popular = recipe.popular_beside(history, train.clock)
    windows = replace(Windows.of(history, recipe.length, weight), popular=popular)
    target_counts = _target_counts(history, weight)
    behavior = _predicted_behavior(target_counts, recipe.target)
    clocked = train.clock == "seconds"
    numbers = EventNumbers.of(recipe, item_numbers(recipe, features, train), clocked=clocked)
    with seeded(options.seed):
        table = ItemTable(counts, recipe.dim, content, recipe.represent)
        graphs = behavior_graphs(recipe, history, content, target) if recipe.graph else None
        reader = Reader(recipe, profile.shape[1], numbers.width)
        net = UnifiedNet(
            table, graphs, reader, recipe.align > 0 and table.has_id and table.has_text
        )
    negatives = Negatives.of(counts, recipe.drawn_by)
    alignable = torch.from_numpy(np.flatnonzero((counts > 0) & content.present))

    def loss(batch: Batch) -> Tensor:
        sequences = batch.read()
        items = net.items()
        profiles = profile[batch.owners()]
        tokens = Tokens.of(sequences, sequences.next_behavior, profiles, numbers, items.device)
        state, target, weight, more = _states(reader, sequences, tokens, items)
        if recipe.loss == "softmax":
            value = negatives.full_softmax_loss(state, items, target, weight)
        else:
            count = recipe.negatives
            value = negatives.sampled_softmax_loss(state, items, target, weight, count, more)
        if net.align and len(alignable):
            sample = alignable[torch.randperm(len(alignable))[:ALIGN_ITEMS]].to(items.device)
            value = value + recipe.align * net.alignment(sample)
        return value

    def trained() -> UnifiedNetwork:
        with torch.inference_mode():
            item = to_array(net.items())
            share = to_array(table.share()[:, 0])
        return UnifiedNetwork(
            item=item,
            share=share,
            weights=Weights.of(reader),
            recipe=_without_scorers(recipe),
            profile=profile,
            numbers=numbers.item,
            clocked=clocked,
            asked=behavior,
            taught=target_counts,
            content=table.content_map(unit=True),
        )

    run_loop(
        net,
        lambda rng: windows.batches(rng, recipe.batch),
        loss,
        _without_scorers(recipe),
        options=options,
        validate=validation_check(validation, trained),
        description=data_digests(data, content.vectors, profile, numbers.item, train.value),
    )
    return trained()


def _without_scorers(recipe: Unified) -> Unified:
    """The recipe of the network alone, so that its checkpoints can be used with any scorers."""
    return recipe.model_copy(update={"scorers": ()})


def _states(
    reader: Reader,
    sequences: Sequences,
    tokens: Tokens,
    items: Float[Tensor, "items dim"],
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """States at positions with a target, the targets, their weights, and negatives of their own."""
    weight = float_tensor(sequences.weight, items.device)
    has_target = weight > 0
    target = index_tensor(sequences.next_item, items.device)[has_target]
    more = None
    if sequences.next_popular is not None:
        more = index_tensor(sequences.next_popular, items.device)[has_target]
    return reader(tokens, items)[has_target], target, weight[has_target], more
