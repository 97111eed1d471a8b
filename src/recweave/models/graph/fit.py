"""How graph networks are trained; imports torch."""

import math
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import embedding, softplus

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories
from recweave.models.graph.batches import Pairs, of_pairs, of_users
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

HIDDEN = -1e9
"""The score of what is no rival; finite, so that slopes stay numbers where nobody is one."""


@runtime_checkable
class AuxiliaryLoss(Protocol):
    """A loss that is added to that of the ranking."""

    def begin(self, graph: Graph, rng: np.random.Generator, device: torch.device) -> None:
        """An epoch begins."""

    def loss(self, net: GraphNet, first: Tensor, whole: Tensor, batch: Pairs) -> Tensor:
        """What is added; `first` and `whole` are all nodes' vectors before and after the graph."""


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
        names: Features of the items.
        join: How they are combined with what is learned of each item.
        auxiliary: Another loss.
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
    touched = int(known[1].sum())
    net = GraphNet(nodes, graph.on(device), recipe)

    def batches(rng: np.random.Generator) -> list[Pairs]:
        if auxiliary is not None:
            auxiliary.begin(graph, rng, device)
        if recipe.loss == "bpr":
            return of_pairs(events, rng, recipe.batch)
        return of_users(events, rng, recipe.batch, recipe.negatives)

    def loss(batch: Pairs) -> Tensor:
        first = net.nodes()
        whole = net.smooth(first)
        compared = net.compared(gather(whole, batch, len(nodes.user)))
        value = _rank(recipe, compared, touched, batch)
        value = value + recipe.reg * _length(gather(first, batch, len(nodes.user)), batch)
        return value if auxiliary is None else value + auxiliary.loss(net, first, whole, batch)

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
    """Rows of the batch's users, then of its items, then of rivals.

    Taken at once, as the slope of each taking is as large as all nodes.
    """
    part = np.concatenate([batch.user, users + batch.item, users + batch.rival])
    return embedding(index_tensor(part, nodes.device), nodes)


def _parts(gathered: Float[Tensor, "part ..."], batch: Pairs) -> tuple[Tensor, ...]:
    sizes = [len(batch.user), len(batch.item), len(batch.rival)]
    return torch.split(gathered, sizes)


def _rank(
    recipe: GraphRecipe, compared: Float[Tensor, "part dim"], touched: int, batch: Pairs
) -> Float[Tensor, ""]:
    """The mean over pairs of −ln σ(own − other).

    The other is the rival's score, or ln Σ exp of the scores of all items that the user did not
    have (then σ is the softmax over the pair's item and these), told from those that were drawn.
    """
    user, item, rival = _parts(compared, batch)
    place = index_tensor(batch.place, user.device)
    asker = user / recipe.temperature if recipe.temperature else user
    # Pairs of the pairwise loss stand in the order of their users.
    asking = asker if recipe.loss == "bpr" else embedding(place, asker)
    own = (asking * item).sum(1)
    if recipe.loss == "bpr":
        other = (asking * rival).sum(1)
    else:
        score = pad_rows(asker) @ rival.T  # `place` names no row of the padding
        own_user, own_item = (index_tensor(of, item.device) for of in batch.own)
        score[own_user, own_item] = HIDDEN
        all_of = score.float().logsumexp(1, keepdim=True) + math.log(touched / len(rival))
        other = embedding(place, all_of)[:, 0]
    weight = float_tensor(batch.weight, user.device)
    return (weight * softplus(other - own)).sum() / weight.sum()


def _length(gathered: Float[Tensor, "part dim"], batch: Pairs) -> Float[Tensor, ""]:
    """Half the mean over pairs of |e⁰|² of all who take part."""
    user, item, rival = _parts(gathered.square().sum(1), batch)
    whole = user[index_tensor(batch.place, user.device)].sum() + item.sum() + rival.sum()
    return whole / (2 * len(batch.item))
