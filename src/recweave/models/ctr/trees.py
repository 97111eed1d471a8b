"""Gradient-boosted trees on features: the strong baseline of click models on tables."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field
from scipy.special import expit

from recweave.core.arrays import Array
from recweave.core.extras import require
from recweave.data.labels import yes_or_no
from recweave.encode.features import Entity
from recweave.models.base import Model, Recipe, Tune
from recweave.models.ctr.class_weights import DESCRIPTION, ClassWeight, class_weights, row_weights
from recweave.models.ctr.design import Block, design
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData

EXTRA = "trees"
PAIRS = 1 << 13
"""Pairs that are computed at a time."""


class BoostedTrees(Recipe):
    """Gradient-boosted decision trees on the same columns as `logistic`, by scikit-learn.

    HistGradientBoostingClassifier: histogram-based trees, as in LightGBM. With validation events it
    uses early stopping, and keeps as many trees as have the least log loss (weighted by class).
    """

    trainer: ClassVar[str] = f"{__name__}:train_boosted_trees"
    predicts_clicks: ClassVar[bool] = True
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = True

    features: tuple[str, ...] = Field(
        (), description="features of events, items or users; none: the share of positives"
    )
    trees: int = Field(300, gt=0, description="number of trees, at most")
    lr: Annotated[float, Tune(0.01, 0.3, log=True)] = Field(
        0.05, gt=0, description="learning rate: what each tree's values are multiplied by"
    )
    leaves: Annotated[int, Tune(4, 63, log=True)] = Field(
        15, gt=1, description="leaves of a tree, at most"
    )
    least: Annotated[int, Tune(5, 100, log=True)] = Field(
        20, gt=0, description="training rows of a leaf, at least"
    )
    reg: Annotated[float, Tune(0.01, 100, log=True)] = Field(
        1.0, ge=0, description="L2 regularization of the leaves' values"
    )
    patience: int = Field(
        20, gt=0, description="early stopping: trees without a gain before it stops"
    )
    class_weight: ClassWeight = Field("none", description=DESCRIPTION)

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features

    def require_extras(self) -> None:
        """See `Recipe.require_extras`: scikit-learn."""
        require("sklearn", extra=EXTRA)


@dataclass(frozen=True, eq=False)
class Trees:
    """Decision trees in one table of nodes.

    Attributes:
        root: Node at which each tree starts.
        column: The column that a node compares.
        threshold: A row goes left if its column is at most this.
        left, right: The next node; a leaf leads to itself.
        value: What a leaf adds to the log-odds.
        depth: Steps from a root to the deepest leaf.
    """

    root: Int[Array, " trees"]
    column: Int[Array, " nodes"]
    threshold: Float[Array, " nodes"]
    left: Int[Array, " nodes"]
    right: Int[Array, " nodes"]
    value: Float[Array, " nodes"]
    depth: int

    def __call__(self, rows: Float[Array, "n columns"]) -> Float[Array, " n"]:
        """The sum over all trees for each row, float64."""
        number = np.arange(len(rows))[:, None]
        node = np.broadcast_to(self.root, (len(rows), len(self.root)))
        for _ in range(self.depth):
            is_left = rows[number, self.column[node]] <= self.threshold[node]
            node = np.where(is_left, self.left[node], self.right[node])
        return np.asarray(self.value[node].sum(axis=1))


@dataclass(frozen=True, eq=False)
class TreeClicks(Model):
    """Trained boosted trees: log-odds(user, item) = bias + the sum over trees.

    Attributes:
        user, item: Columns of users and items, float32; the last row is for unknown ones.
        trees: They read the user's columns, then the item's.
        bias: The log-odds without any tree.
    """

    user: Float[Array, "users columns"]
    item: Float[Array, "items more"]
    trees: Trees
    bias: float

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`: the log-odds."""
        user = np.broadcast_to(query.user[:, None], item.shape)
        odds = self.log_odds(user.reshape(-1), item.reshape(-1)).reshape(item.shape)
        return np.where(item >= 0, odds, -np.inf).astype(np.float32)

    def probability(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """See `ClickModel.probability`."""
        return np.asarray(expit(self.log_odds(user, item)))

    def log_odds(self, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
        """Log-odds of pairs, float64; -1 is an unknown user or item, as it is the last row."""
        odds = np.full(len(user), self.bias)
        for first in range(0, len(user), PAIRS):
            part = slice(first, first + PAIRS)
            odds[part] += self.trees(np.hstack([self.user[user[part]], self.item[item[part]]]))
        return odds


def train_boosted_trees(recipe: BoostedTrees, data: TrainingData, options: Options) -> TreeClicks:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if it is not known which events are positive.
    """
    columns, blocks = design(data, recipe.features)
    users, items = data.train.shape
    user, item = _side(blocks, "user", users), _side(blocks, "item", items)
    positive = data.labels()
    n, ones = len(positive), int(positive.sum())
    if not columns.shape[1] or ones in (0, n):
        bias = float(np.log((ones + 0.5) / (n - ones + 0.5)))
        return TreeClicks(user, item, _flatten([]), bias)
    order = np.argsort([block.source.of == "item" for block in blocks], kind="stable")
    edges = np.cumsum([0, *(block.standardizer.width for block in blocks)])
    ordered = np.concatenate([np.arange(edges[at], edges[at + 1]) for at in order])
    valid = _valid(data, [blocks[at] for at in order])
    bias, predictors = _boost(
        recipe, columns[:, ordered].astype(np.float32), positive, valid, options
    )
    return TreeClicks(user, item, _flatten(predictors), bias)


def _side(blocks: list[Block], of: Entity, count: int) -> Float[Array, "entities columns"]:
    """The columns of all users or all items, and of an unknown one."""
    own = [block for block in blocks if block.source.of == of]
    parts = [np.vstack([b.of_entities(), b.standardizer.unknown()]) for b in own]
    return np.hstack([np.empty((count + 1, 0)), *parts]).astype(np.float32)


Rows = tuple[Float[Array, "valid columns"], Bool[Array, " valid"]]
"""Columns and labels."""


def _valid(data: TrainingData, blocks: list[Block]) -> Rows | None:
    if data.valid is None or not len(data.valid):
        return None
    columns = np.hstack([block.table()[block.source.valid_row] for block in blocks])
    return columns.astype(np.float32), yes_or_no(data.valid.value, data.positive_from)


def _boost(
    recipe: BoostedTrees,
    columns: Float[Array, "n columns"],
    positive: Bool[Array, " n"],
    valid: Rows | None,
    options: Options,
) -> tuple[float, list[Any]]:
    """Train; returns the log-odds before the first tree, and the nodes of each tree."""
    ensemble = require("sklearn.ensemble", extra=EXTRA)
    model = ensemble.HistGradientBoostingClassifier(
        learning_rate=recipe.lr,
        max_iter=recipe.trees,
        max_leaf_nodes=recipe.leaves,
        min_samples_leaf=recipe.least,
        l2_regularization=recipe.reg,
        early_stopping=valid is not None,
        n_iter_no_change=recipe.patience,
        scoring="loss",
        random_state=0,  # of the rows that bins are made from, where there are very many
        categorical_features=None,
    )
    # With weights, even equal ones, scikit-learn takes minutes for the bins of a thousand columns.
    weighted = recipe.class_weight != "none"
    weight = row_weights(positive, recipe.class_weight) if weighted else None
    if valid is None:
        model.fit(columns, positive, weight)
        best = model.n_iter_
    else:
        by_class = class_weights(int(positive.sum()), len(positive), recipe.class_weight)
        model.fit(
            columns,
            positive,
            weight,
            X_val=valid[0],
            y_val=valid[1],
            sample_weight_val=np.where(valid[1], *by_class) if weighted else None,
        )
        best = int(np.argmax(model.validation_score_))  # of 0 trees, of 1, …
    trees = [tree.nodes for (tree,) in model._predictors[:best]]
    return float(model._baseline_prediction.item()), trees


def _flatten(trees: list[Any]) -> Trees:
    """scikit-learn's trees as one table of nodes."""
    sizes = [len(nodes) for nodes in trees]
    root = np.cumsum([0, *sizes], dtype=np.int64)[:-1]
    nodes = np.concatenate(trees) if trees else None
    if nodes is None:
        none, number = np.empty(0, np.int64), np.empty(0)
        return Trees(none, none, number, none, none, number, 0)
    at = np.arange(len(nodes))
    offset, leaf = np.repeat(root, sizes), nodes["is_leaf"].astype(bool)
    return Trees(
        root=root,
        column=np.where(leaf, 0, nodes["feature_idx"]),
        threshold=np.where(leaf, np.inf, nodes["num_threshold"]),
        left=np.where(leaf, at, nodes["left"] + offset),
        right=np.where(leaf, at, nodes["right"] + offset),
        value=np.where(leaf, nodes["value"], 0.0),
        depth=int(nodes["depth"].max()),
    )
