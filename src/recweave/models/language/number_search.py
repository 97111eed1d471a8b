"""Scores of items by their numbers: of the whole catalogue exactly, or by beam search."""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recweave.core.arrays import Array
from recweave.models.language.number_net import NumberNet, Read
from recweave.models.language.trie import Trie
from recweave.models.nn.tensors import index_tensor

PART = 256
"""Nodes of the trie that are read at once, about."""


def score_catalogue(net: NumberNet, read: Read) -> Float[Tensor, "batch items"]:
    """The log-probability of each item after each prompt.

    Each prefix that items share is read once: the nodes of the trie are a tree after the prompt.
    """
    trie, device = net.text.trie, read.first.device
    total = torch.zeros((len(read.first), len(trie.token)), device=device)
    first = np.flatnonzero(trie.parent == 0)
    total[:, first] = read.first[:, trie.token[first]]
    for part, parent, child, above in _plan(trie):
        token = net.text.symbols[trie.token[part]]
        after = net.after(read, token[None], parent[None])
        total[:, child] = after[:, above, trie.token[child]]
    for depth in range(2, int(trie.depth.max()) + 1):
        nodes = np.flatnonzero(trie.depth == depth)
        total[:, nodes] += total[:, trie.parent[nodes]]
    return total[:, trie.leaf]


@lru_cache(maxsize=8)
def _plan(trie: Trie) -> list[tuple[Array, Array, Array, Array]]:
    """For each part of the trie: its nodes, the place of their parents, their children, and the
    place of each child's parent."""
    plan = []
    for part in trie.parts(PART):
        parent = trie.parent[part]
        place = np.full(len(trie.token), -1)
        place[part] = np.arange(len(part))
        child = np.flatnonzero(place[np.maximum(trie.parent, 0)] >= 0)
        child = child[trie.parent[child] > 0]
        plan.append(
            (part, np.where(parent > 0, place[parent], -1), child, place[trie.parent[child]])
        )
    return plan


def search_beams(
    net: NumberNet, read: Read, width: int
) -> tuple[Int[Array, "batch width"], Float[Array, "batch width"]]:
    """The most probable items by beam search in the trie, so only numbers of items are generated.

    Args:
        net: The network.
        read: The prompts.
        width: Beams kept after each token.

    Returns:
        Items, best first, and their log-probabilities; -1 and -inf where fewer were found. With at
        least as many beams as items they are the best items.
    """
    trie, device = net.text.trie, read.first.device
    symbols = read.first.shape[1]
    children = index_tensor(_children(trie, symbols), device)
    item_of = np.full(len(trie.token), -1)
    item_of[trie.leaf] = np.arange(len(trie.leaf))
    batch = len(read.first)
    node = np.zeros((batch, 1), np.int64)
    score = torch.zeros((batch, 1), device=device)
    while (trie.inner[node] & (node >= 0)).any():
        after = _after(net, read, trie, node)
        at = index_tensor(node, device)
        next_node = torch.where(at[:, :, None] >= 0, children[at.clamp(min=0)], -1)
        going = (score[:, :, None] + after).masked_fill(next_node < 0, -torch.inf)
        # A beam that is a whole number stays as it is.
        whole = torch.from_numpy(~trie.inner[node] & (node >= 0)).to(device)
        stays = score.masked_fill(~whole, -torch.inf)
        both = torch.cat([stays, going.flatten(1)], 1)
        nodes = torch.cat([at, next_node.flatten(1)], 1)
        score, best = both.topk(min(width, both.shape[1]), dim=1)
        chosen = nodes.gather(1, best).masked_fill(score == -torch.inf, -1)
        node = chosen.cpu().numpy()
    found = np.where(node >= 0, item_of[node], -1)
    return found, score.cpu().numpy()


def _after(
    net: NumberNet, read: Read, trie: Trie, node: Int[Array, "batch width"]
) -> Float[Tensor, "batch width symbols"]:
    """Log-probabilities after each beam; each brings its own path of nodes."""
    batch, width = node.shape
    if not (node > 0).any():
        return read.first[:, None]
    inner = np.where((node > 0) & trie.inner[node], node, 0)
    path = trie.path(inner)
    steps = int(trie.depth[inner].max())
    path = path[:, :, :steps]
    present = path >= 0
    token = net.text.symbols[np.where(present, trie.token[path], 0)].reshape(batch, -1)
    place = np.arange(width * steps).reshape(width, steps)
    parent = np.where(np.arange(steps) > 0, place - 1, -1)
    parent = np.broadcast_to(parent, (batch, width, steps)).reshape(batch, -1)
    after = net.after(read, token, parent)
    last = place[:, 0] + np.maximum(present.sum(axis=2) - 1, 0)
    at = index_tensor(last, after.device)[:, :, None]
    return after.gather(1, at.expand(-1, -1, after.shape[2]))


@lru_cache(maxsize=8)
def _children(trie: Trie, symbols: int) -> Array:
    return trie.children(symbols)
