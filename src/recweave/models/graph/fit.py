"""How graph networks are trained; imports torch."""

import math
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding, softplus

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.encode.features import Features
from recweave.models.graph.batches import Pairs, of_pairs, of_users
from recweave.models.graph.net import GraphNet, Nodes
from recweave.models.graph.propagate import Graph
from recweave.models.graph.settings import GraphRecipe, Join
from recweave.models.kinds import Factors
from recweave.models.nn.checkpoint import learned_from
from recweave.models.nn.device import choose_device
from recweave.models.nn.items import Content
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.losses import pad_rows
from recweave.models.nn.validation import Validation

HIDDEN = -1e9
"""The score of what is no rival; finite, so that slopes stay numbers where nobody is one."""


@runtime_checkable
class Beside(Protocol):
    """A loss beside that of the ranking."""

    def begin(self, graph: Graph, rng: np.random.Generator, device: torch.device) -> None:
        """An epoch begins."""

    def loss(self, net: GraphNet, first: Tensor, whole: Tensor, batch: Pairs) -> Tensor:
        """What is added; `first` and `whole` are all nodes' vectors before and after the graph."""


def fit(
    recipe: GraphRecipe,
    train: Interactions,
    features: Features | None,
    valid: Interactions | None,
    seed: int,
    *,
    names: tuple[str, ...] = (),
    join: Join = "sum",
    beside: Beside | None = None,
) -> Factors:
    """See `Recipe.fit`.

    Args:
        recipe, train, features, valid, seed: As there.
        names: Features that tell of items.
        join: What is made of them.
        beside: Another loss.
    """
    events = Histories.of(train).matrix(weights=recipe.behaviors.by_code())
    counts = np.bincount(events.indices, minlength=train.shape[1])
    known = np.diff(events.indptr) > 0, counts > 0
    content = Content.of(features, names, counts)
    if join != "sum" and not names:
        raise BadSetting(f'join = "{join}" needs features: name those that tell of the items')
    device = choose_device(recipe.device)
    graph = Graph.of(events)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        nodes = Nodes(known, recipe.dim, content, join if names else None)
    touched = int(known[1].sum())
    net = GraphNet(nodes, graph.on(device), recipe)

    def batches(rng: np.random.Generator) -> list[Pairs]:
        if beside is not None:
            beside.begin(graph, rng, device)
        if recipe.loss == "bpr":
            return of_pairs(events, rng, recipe.batch)
        return of_users(events, rng, recipe.batch, recipe.negatives)

    def loss(batch: Pairs) -> Tensor:
        first = net.nodes()
        whole = net.smooth(first)
        compared = net.compared(gather(whole, batch, len(nodes.user)))
        value = _rank(recipe, compared, touched, batch)
        value = value + recipe.reg * _length(gather(first, batch, len(nodes.user)), batch)
        return value if beside is None else value + beside.loss(net, first, whole, batch)

    validation = Validation.of(train, valid)
    run_loop(
        net,
        batches,
        loss,
        recipe,
        seed=seed,
        look=None if validation is None else lambda: validation.ndcg(net.factors(recipe)),
        what=learned_from(train, valid, content.vectors),
    )
    return net.factors(recipe)


def rows(of: Int[Array, " n"], like: Tensor) -> Int[Tensor, " n"]:
    """Rows as torch wants them, where the tensor is."""
    return torch.from_numpy(of.astype(np.int64)).to(like.device)


def gather(
    nodes: Float[Tensor, "nodes dim"], batch: Pairs, users: int
) -> Float[Tensor, "part dim"]:
    """Rows of the batch's users, then of its items, then of rivals.

    Taken at once, as the slope of each taking is as large as all nodes.
    """
    part = np.concatenate([batch.user, users + batch.item, users + batch.rival])
    return embedding(rows(part, nodes), nodes)


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
    place = rows(batch.place, user)
    asker = user / recipe.temperature if recipe.temperature else user
    # Pairs of the pairwise loss stand in the order of their users.
    asking = asker if recipe.loss == "bpr" else embedding(place, asker)
    own = (asking * item).sum(1)
    if recipe.loss == "bpr":
        other = (asking * rival).sum(1)
    else:
        score = pad_rows(asker) @ rival.T  # `place` names no row of the padding
        score[rows(batch.own[0], item), rows(batch.own[1], item)] = HIDDEN
        all_of = score.float().logsumexp(1, keepdim=True) + math.log(touched / len(rival))
        other = embedding(place, all_of)[:, 0]
    weight = torch.from_numpy(batch.weight).to(user.device)
    return (weight * softplus(other - own)).sum() / weight.sum()


def _length(gathered: Float[Tensor, "part dim"], batch: Pairs) -> Float[Tensor, ""]:
    """Half the mean over pairs of |e⁰|² of all who take part."""
    user, item, rival = _parts(gathered.square().sum(1), batch)
    whole = user[rows(batch.place, user)].sum() + item.sum() + rival.sum()
    return whole / (2 * len(batch.item))
