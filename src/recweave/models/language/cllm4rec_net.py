"""The network of CLLM4Rec: soft tokens, the language model that reads them, and edges."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding, log_softmax

from recweave.core.arrays import Array
from recweave.data.interactions import Histories
from recweave.models.language.backbone_net import Backbone
from recweave.models.language.cllm4rec import CLLM4Rec, SoftTokenModel
from recweave.models.language.cllm4rec_prompts import Prompts
from recweave.models.language.documents import Documents, Ragged
from recweave.models.language.edges import (
    CODES,
    UNRELATED,
    EdgeGraph,
    Relations,
    closed_form,
    damped_form,
)
from recweave.models.language.soft_tokens import SoftTokenizer
from recweave.models.nn.losses import full_softmax
from recweave.models.nn.reading import read_events
from recweave.models.nn.tensors import index_tensor, to_array
from recweave.models.query import Query

STD = 0.02
"""Standard deviation of the initial tokens (CLLM4Rec)."""
BATCH = 4096
"""Tokens read at a time at inference."""


class SoftTokenNet(nn.Module):
    """Tables of soft tokens, users then items, and the language model.

    Attributes:
        collaborative: The tokens that histories are read with and items are scored by.
        content: Those that texts are read with; None without documents.
        bias: What edges add to the attention, by head (or one row for all) and relation: path
            lengths, words (0), same brand, same category.
    """

    bias: Tensor | None
    known: Tensor

    def __init__(
        self,
        recipe: CLLM4Rec,
        backbone: Backbone,
        users: int,
        items: int,
        groups: Int[Array, "items two"] | None = None,
    ) -> None:
        super().__init__()
        self.recipe, self.backbone = recipe, backbone
        self.users, self.items = users, items
        self.size = len(backbone.words)
        self.groups = groups
        table = STD * torch.randn(users + items, backbone.width)
        self.collaborative = nn.Parameter(table)
        self.content = nn.Parameter(table.clone()) if recipe.documents else None
        if recipe.edges == "learned":
            heads = int(backbone.network.config.num_attention_heads)
            self.bias = nn.Parameter(torch.zeros(heads, CODES + 2))
        else:
            self.register_buffer("bias", self._fixed_bias(recipe), persistent=False)

    @staticmethod
    def _fixed_bias(recipe: CLLM4Rec) -> Tensor | None:
        if recipe.edges == "none":
            return None
        form = closed_form() if recipe.edges == "distance" else damped_form(recipe.damping)
        return torch.from_numpy(np.append(form, [0, 0]).astype(np.float32))[None]

    def item_table(self) -> Float[Tensor, "items width"]:
        """The items' collaborative tokens."""
        return self.collaborative[self.users :]

    def embed(
        self, ids: Int[Tensor, "batch time"], table: Float[Tensor, "soft width"]
    ) -> Float[Tensor, "batch time width"]:
        """The embeddings of words, and of users and items by a table."""
        soft = ids >= self.size
        words = embedding(torch.where(soft, 0, ids), self.backbone.words)
        return torch.where(soft[..., None], embedding((ids - self.size).clamp(min=0), table), words)

    def states(
        self,
        ids: Int[Array, "batch time"],
        owner: Int[Array, " batch"],
        table: Float[Tensor, "soft width"],
        relations: Relations | None,
    ) -> Float[Tensor, "batch time width"]:
        """The states at all positions of documents, padded at the end.

        Padding is never read, as it comes after all tokens.

        Args:
            ids: The tokens.
            owner: Row of each document's history in `relations`.
            table: The soft tokens.
            relations: With edges: path lengths.
        """
        embedded = self.embed(index_tensor(ids, table.device), table)
        if relations is None or self.bias is None:
            return self.backbone.states(embedded)
        return self.backbone.states(embedded, self.attention(ids, owner, relations))

    def attention(
        self, ids: Int[Array, "batch time"], owner: Int[Array, " batch"], relations: Relations
    ) -> Float[Tensor, "batch heads time time"]:
        """What is added to the attention scores: the bias of edges; -inf for tokens after."""
        assert self.bias is not None
        item = np.where(ids >= self.size + self.users, ids - self.size - self.users, -1)
        is_user = (ids >= self.size) & (item < 0)
        device = self.bias.device
        codes = index_tensor(relations.codes(item, is_user, owner), device)
        # The bias of words is 0, learned or not.
        usable = (torch.arange(CODES, device=device) != UNRELATED).float()
        added = embedding(codes, (self.bias[:, :CODES] * usable).T).permute(0, 3, 1, 2)
        if self.groups is not None:
            for column in range(2):
                group = np.where(item >= 0, self.groups[item, column], -1)
                same = (group[:, :, None] == group[:, None, :]) & (group >= 0)[:, :, None]
                weight = self.bias[:, CODES + column]
                added = added + weight[:, None, None] * torch.from_numpy(same).to(device)[:, None]
        time = ids.shape[1]
        after = torch.ones(time, time, dtype=torch.bool, device=device).triu(1)
        return added.masked_fill(after, float("-inf"))

    def history_loss(
        self, documents: Documents, relations: Relations | None, known: "KnownItems"
    ) -> Tensor:
        """Mean −log p of the items of histories, plus the mutual regularization.

        Args:
            documents: The histories.
            relations: With edges: path lengths.
            known: The items that the softmax is over.
        """
        ids, present = documents.padded()
        predicted = documents.predicted()
        state = self.states(ids, documents.owner, self.collaborative, relations)
        before = index_tensor(_before(predicted), state.device)
        target = known.index[ids[predicted] - self.size - self.users]
        value = full_softmax(
            self._scaled(state.flatten(0, 1)[before].float()),
            self.item_table()[index_tensor(known.item, state.device)],
            index_tensor(target, state.device),
        )
        return value + self._apart(ids[present], of_content=False)

    def text_loss(
        self,
        documents: Documents,
        relations: Relations | None,
        words: Int[Array, " used"],
        *,
        apart: bool,
    ) -> Tensor:
        """Mean −log p of the words of texts, plus the mutual regularization.

        Args:
            documents: Texts, or groups of items.
            relations: With edges: path lengths.
            words: The words that the softmax is over, ascending.
            apart: Whether the mutual regularization is left out.
        """
        assert self.content is not None
        ids, present = documents.padded()
        predicted = documents.predicted()
        state = self.states(ids, documents.owner, self.content, relations)
        before = index_tensor(_before(predicted), state.device)
        head = self.backbone.head
        if len(words) < len(head):
            head = head[index_tensor(words, state.device)]
        target = index_tensor(np.searchsorted(words, ids[predicted]), state.device)
        value = cross_entropy((state.flatten(0, 1)[before] @ head.T).float(), target)
        return value if apart else value + self._apart(ids[present], of_content=True)

    def recommending_loss(
        self,
        documents: Documents,
        targets: Ragged,
        relations: Relations | None,
        known: "KnownItems",
    ) -> Tensor:
        """Multinomial loss: mean over users of −Σ log softmax of their targets' scores.

        Args:
            documents: The prompts.
            targets: The items to predict for each.
            relations: With edges: path lengths.
            known: The items that the softmax is over.
        """
        state = self.last_states(documents, relations)
        items = self.item_table()[index_tensor(known.item, state.device)]
        likelihood = log_softmax((self._scaled(state) @ items.T).float(), 1)
        row, column = (
            index_tensor(one, state.device) for one in (targets.row, known.index[targets.value])
        )
        value = -likelihood[row, column].sum() / len(documents)
        ids = documents.padded()
        drawn = targets.value + self.size + self.users
        if self.recipe.regularized == "first":
            return value + self._apart(drawn[targets.start[:-1]], of_content=False)
        return value + self._apart(np.append(ids[0][ids[1]], drawn), of_content=False)

    def last_states(
        self, documents: Documents, relations: Relations | None
    ) -> Float[Tensor, "batch width"]:
        """The state after the last token of each document."""
        ids, _ = documents.padded()
        state = self.states(ids, documents.owner, self.collaborative, relations)
        last = index_tensor(documents.token.lengths - 1, state.device)
        return state[torch.arange(len(last), device=state.device), last]

    def _scaled(self, state: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        """States, such that their products with items' tokens are the log-odds of the softmax.

        Words are predicted by the language model's own output embeddings, which fit its states as
        they are. Scores are not scaled, as the order of the items is the same.
        """
        return state / state.shape[1] ** 0.5 if self.recipe.scale else state

    def _apart(self, ids: Int[Array, " n"], *, of_content: bool) -> Tensor | float:
        """λ Σ ‖e − sg(e')‖² over tokens, each as often as it occurs; words add nothing."""
        if self.content is None or not self.recipe.mutual:
            return 0.0
        soft = index_tensor(ids[ids >= self.size] - self.size, self.content.device)
        learned, other = self.collaborative, self.content
        if of_content:
            learned, other = other, learned
        distance = embedding(soft, learned) - embedding(soft, other.detach())
        return self.recipe.mutual * distance.square().sum()


@dataclass(frozen=True, eq=False)
class KnownItems:
    """The items with events in training, which the softmax is over.

    A cold item is not disliked: as a negative its score would be lowered in each step.

    Attributes:
        item: Their rows.
        index: Index of each item in `item`; 0 for others.
    """

    item: Int[Array, " known"]
    index: Int[Array, " items"]

    @classmethod
    def of(cls, counts: Int[Array, " items"]) -> "KnownItems":
        """From the number of events of each item."""
        item = np.flatnonzero(counts)
        index = np.zeros(len(counts), np.int64)
        index[item] = np.arange(len(item))
        return cls(item, index)


@dataclass(frozen=True, eq=False)
class Reader:
    """Computes the vectors of query users.

    Attributes:
        net: The network.
        prompts: Makes the documents.
        graph: With `leave_user_out`: the training graph.
    """

    net: SoftTokenNet
    prompts: Prompts
    graph: EdgeGraph | None

    def vectors(self, query: Query) -> Float[Array, "batch width"]:
        """See `SoftTokenModel.vectors`."""
        recipe = self.net.recipe
        items = distinct_items(query.history, recipe).newest(recipe.length)
        if recipe.order == "fixed":
            items = items.ascending()
        # With dropout of all user tokens none was trained; that of a user without events is zero.
        named = (query.user >= 0) & (recipe.user_dropout < 1)
        table = self.net.collaborative
        token = table[index_tensor(np.maximum(query.user, 0), table.device)]
        named &= to_array(token.any(1))
        vectors = np.zeros((len(query), self.net.backbone.width), np.float32)
        rows = np.flatnonzero(named | (items.lengths > 0))
        items = items.take(rows)
        documents = self.prompts.recommending(items, query.user[rows], named[rows])
        relations = None
        if self.net.bias is not None:
            relations = Relations.of(
                self.graph, items, query.user[rows], leave_user_out=recipe.leave_user_out
            )
        with torch.inference_mode():
            for batch in documents.batches(BATCH, np.random.default_rng(0)):
                states = self.net.last_states(batch, relations)
                vectors[rows[batch.owner]] = to_array(states.float())
        return vectors


def distinct_items(history: Histories, recipe: CLLM4Rec) -> Ragged:
    """The different items of each history, oldest first by their newest event."""
    read = read_events(history, recipe.behaviors.by_code())
    row = read.row_numbers()
    keys = (row * read.items + read.item)[::-1]
    newest = np.sort(len(keys) - 1 - np.unique(keys, return_index=True)[1])
    return Ragged.of(read.item[newest], np.bincount(row[newest], minlength=len(read)))


def make_prompts(recipe: CLLM4Rec, net: SoftTokenNet) -> Prompts:
    """The maker of documents for a network.

    Raises:
        BadSetting: if they do not fit into the context of the language model.
    """
    backbone = net.backbone
    tokens = SoftTokenizer(backbone.tokenizer, net.size, net.users, net.items)
    return Prompts.of(tokens, recipe.length, recipe.max_words, backbone.context)


def restore_reader(model: SoftTokenModel) -> Reader:
    """The reader of a trained model."""
    recipe = model.recipe
    backbone = model.backbone.open(recipe)
    with torch.random.fork_rng(devices=[]):
        net = SoftTokenNet(recipe, backbone, len(model.user), len(model.item), model.groups)
    net.content = None
    net.to(backbone.device)
    with torch.no_grad():
        net.collaborative.copy_(torch.from_numpy(np.concatenate([model.user, model.item])))
        if net.bias is not None:
            net.bias.copy_(torch.from_numpy(model.bias))
    graph = None if model.graph is None else EdgeGraph(model.graph)
    return Reader(net.eval(), make_prompts(recipe, net), graph)


def _before(predicted: Bool[Array, "batch time"]) -> Int[Array, " n"]:
    """Positions in the flat matrix whose states predict the tokens: one before each."""
    return np.flatnonzero(predicted.ravel()) - 1
