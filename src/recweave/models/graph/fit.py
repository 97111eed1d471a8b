"""Training of graph networks; imports torch."""

import math
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import embedding, softplus

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories
from recweave.models.graph.batches import Pairs, bpr_batches, softmax_batches
from recweave.models.graph.lightgcn import LightGCN
from recweave.models.graph.net import GraphNet, Nodes
from recweave.models.graph.propagate import Graph
from recweave.models.graph.settings import GraphRecipe, Join
from recweave.models.kinds import Factors
from recweave.models.nn.checkpoint import data_digests
from recweave.models.nn.device import choose_device
from recweave.models.nn.items import Content
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.losses import pad_rows
from recweave.models.nn.tensors import float_tensor, index_tensor, seeded
from recweave.models.nn.validation import Validation, validation_check
from recweave.models.training import Options, TrainingData

MASKED = -1e9
"""Score of items that are no negatives; finite, so that gradients are finite without negatives."""


@runtime_checkable
class AuxiliaryLoss(Protocol):
    """A loss that is added to the ranking loss."""

    def begin(self, graph: Graph, rng: np.random.Generator, device: torch.device) -> None:
        """Called at the start of each epoch."""

    def loss(self, net: GraphNet, initial: Tensor, final: Tensor, batch: Pairs) -> Tensor:
        """The loss; `initial` and `final` are all nodes' embeddings before and after the graph."""


def train_lightgcn(recipe: LightGCN, data: TrainingData, options: Options) -> Factors:
    """See `Recipe.fit`."""
    return train_graph(recipe, data, options, names=recipe.features)


def train_graph(
    recipe: GraphRecipe,
    data: TrainingData,
    options: Options,
    *,
    names: tuple[str, ...] = (),
    join: Join = "sum",
    auxiliary: AuxiliaryLoss | None = None,
) -> Factors:
    """Train a graph network.

    Args:
        recipe, data, options: See `Recipe.fit`.
        names: Names of the item features to use.
        join: How features are combined with the learned embedding of each item.
        auxiliary: A loss that is added.
    """
    events = Histories.of(data.train).matrix(weights=recipe.behaviors.by_code())
    counts = np.bincount(events.indices, minlength=data.train.shape[1])
    known = np.diff(events.indptr) > 0, counts > 0
    content = Content.of(data.features, names, counts)
    if join != "sum" and not names:
        raise BadSetting(f'join = "{join}" needs features that describe the items')
    device = choose_device(options.device)
    graph = Graph.of(events)
    with seeded(options.seed):
        nodes = Nodes(known, recipe.dim, content, join if names else None)
    known_items = int(known[1].sum())
    net = GraphNet(nodes, graph.to(device), recipe)

    def batches(rng: np.random.Generator) -> list[Pairs]:
        if auxiliary is not None:
            auxiliary.begin(graph, rng, device)
        if recipe.loss == "bpr":
            return bpr_batches(events, rng, recipe.batch)
        return softmax_batches(events, rng, recipe.batch, recipe.negatives)

    def loss(batch: Pairs) -> Tensor:
        initial = net.nodes()
        final = net.propagate(initial)
        embeddings = net.normalized(gather(final, batch, len(nodes.user)))
        value = _ranking_loss(recipe, embeddings, known_items, batch)
        value = value + recipe.reg * _l2_penalty(gather(initial, batch, len(nodes.user)), batch)
        return value if auxiliary is None else value + auxiliary.loss(net, initial, final, batch)

    validation = Validation.of(data.train, data.valid)
    run_loop(
        net,
        batches,
        loss,
        recipe,
        options=options,
        validate=validation_check(validation, lambda: net.factors(recipe)),
        description=data_digests(data, content.vectors),
    )
    return net.factors(recipe)


def gather(
    nodes: Float[Tensor, "nodes dim"], batch: Pairs, users: int
) -> Float[Tensor, "part dim"]:
    """Rows of the batch's users, then of its items, then of its negatives.

    They are taken in one lookup, because the gradient of each lookup is as large as all nodes.
    """
    part = np.concatenate([batch.user, users + batch.item, users + batch.negative])
    return embedding(index_tensor(part, nodes.device), nodes)


def _parts(gathered: Float[Tensor, "part ..."], batch: Pairs) -> tuple[Tensor, ...]:
    sizes = [len(batch.user), len(batch.item), len(batch.negative)]
    return torch.split(gathered, sizes)


def _ranking_loss(
    recipe: GraphRecipe, embeddings: Float[Tensor, "part dim"], known_items: int, batch: Pairs
) -> Float[Tensor, ""]:
    """The mean over pairs of −ln σ(positive − negative).

    With BPR, `negative` is the score of one sampled item. With the softmax it is ln Σ exp of the
    scores of all items that the user did not have, estimated from the sampled ones; then σ is the
    softmax over the pair's item and these.
    """
    user, item, sampled = _parts(embeddings, batch)
    user_index = index_tensor(batch.user_index, user.device)
    user = user / recipe.temperature if recipe.temperature else user
    # With BPR, `user` has one row for each pair already.
    pair_user = user if recipe.loss == "bpr" else embedding(user_index, user)
    positive = (pair_user * item).sum(1)
    if recipe.loss == "bpr":
        negative = (pair_user * sampled).sum(1)
    else:
        score = pad_rows(user) @ sampled.T  # `user_index` contains no row of the padding
        row, column = (index_tensor(index, item.device) for index in batch.positives)
        score[row, column] = MASKED
        total = score.float().logsumexp(1, keepdim=True) + math.log(known_items / len(sampled))
        negative = embedding(user_index, total)[:, 0]
    weight = float_tensor(batch.weight, user.device)
    return (weight * softplus(negative - positive)).sum() / weight.sum()


def _l2_penalty(gathered: Float[Tensor, "part dim"], batch: Pairs) -> Float[Tensor, ""]:
    """L2 regularization: half the mean over pairs of |e⁰|² of user, item and negatives."""
    user, item, negative = _parts(gathered.square().sum(1), batch)
    total = user[index_tensor(batch.user_index, user.device)].sum() + item.sum() + negative.sum()
    return total / (2 * len(batch.item))
