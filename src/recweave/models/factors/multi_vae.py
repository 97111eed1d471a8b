"""Multi-VAE: a variational autoencoder of histories with a multinomial likelihood."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from recweave.core.arrays import Array, Csr
from recweave.models.base import Basis, Model, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.kinds import dot_products
from recweave.models.nn.settings import NetworkRecipe
from recweave.models.query import Query
from recweave.models.reasons import contributions_by_removal


class MultiVAE(NetworkRecipe):
    """A variational autoencoder of histories (Liang et al., WWW 2018).

    The encoder reads the items of a user, scaled to unit length, with dropout, and gives mean and
    log variance of a code of `dim` numbers. The decoder gives log-probabilities of all items from a
    sample of the code. The loss of a user is −Σ log-probability of their items + β · KL divergence
    from the standard normal distribution; β rises from 0 to `beta` in the first `anneal` epochs.
    Scores are log-odds from the mean of the code, so cold users with a history need no retraining.
    With `beta = 0` and without sampling this is Multi-DAE.

    Each batch of users is a dense matrix: batch · items · 4 bytes, three times.
    """

    trainer: ClassVar[str] = "recweave.models.factors.multi_vae_net:train_multi_vae"

    dim: Annotated[int, Tune(32, 400, log=True)] = Field(200, gt=0, description="length of a code")
    hidden: tuple[int, ...] = Field(
        (600,), description="hidden layers of the encoder; the decoder has them in reverse order"
    )
    dropout: Annotated[float, Tune(0.0, 0.8)] = Field(
        0.5, ge=0, lt=1, description="dropout rate of the items of a history"
    )
    beta: Annotated[float, Tune(0.0, 1.0)] = Field(
        0.2, ge=0, description="weight of the KL divergence"
    )
    anneal: float = Field(30.0, ge=0, description="epochs in which the weight rises to beta")
    sample: bool = Field(True, description="whether codes are sampled in training; else Multi-DAE")
    epochs: int = Field(200, gt=0, description="passes over the users, at most")
    batch: int = Field(500, gt=0, description="users in a batch")
    patience: int = Field(
        20, ge=0, description="early stopping: checks without a gain before it stops; 0 never stops"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(), description="weight of an event by its behaviour; 0 is not read"
    )


@dataclass(frozen=True, eq=False)
class AutoEncoder(Model):
    """Scores are dot products of a vector that is computed from the history and item vectors.

    Attributes:
        item: The decoder's last layer: weights and, as the last number, the bias of each item.
        weights, biases: The layers before it, of encoder and decoder; tanh follows each, except
            that of the code.
        code: The number of the layer that gives the code.
        behaviors: Weight of an event by its behaviour, in the order of `BEHAVIORS`.
    """

    rests_on: ClassVar[Basis] = "history"

    item: Float[Array, "items dim"]
    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    code: int
    behaviors: Float[Array, " behaviors"]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return np.asarray(self.vectors(query) @ self.item.T)

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`."""
        return dot_products(self.vectors(query), self.item, item)

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """See `DotProduct.vectors`."""
        x = histories(query.history.matrix(weights=self.behaviors)) @ self.weights[0]
        for number, bias in enumerate(self.biases):
            if number:
                x = x @ self.weights[number]
            x = x + bias
            if number != self.code:
                x = np.tanh(x)
        return np.hstack([x, np.ones((len(x), 1), np.float32)]).astype(np.float32)

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`: how much lower the score is without each item of the history.

        The effects overlap, so their sum is not the score.
        """
        return contributions_by_removal(self.vectors, self.item, query, item)


def histories(events: Csr) -> Csr:
    """The items of each user, as the network reads them: equal numbers, rows of unit length."""
    read = events.copy()
    read.eliminate_zeros()
    length = np.sqrt(np.diff(read.indptr))
    read.data = np.repeat(1 / np.maximum(length, 1), np.diff(read.indptr)).astype(np.float32)
    return read
