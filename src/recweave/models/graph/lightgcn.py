"""LightGCN: graph convolution of user and item embeddings."""

from typing import ClassVar

from pydantic import Field

from recweave.models.graph.settings import GraphRecipe


class LightGCN(GraphRecipe):
    """Graph convolution without weights or activations (He et al., SIGIR 2020).

    e^(l+1) = D^-½ A D^-½ e^(l) on users and items. A score is the dot product of the user's and the
    item's mean over the layers. The paper's loss is `bpr`, with `reg` 1e-4; the softmax learns more
    from each pass over the graph and needs stronger regularization. With `features`, items start
    from e⁰ = id + W₂ ReLU(W₁ b), b being their feature vectors, so items without events (cold
    start) are represented by their features.

    A step costs 2 · `layers` products of the graph with (users + items) · dim numbers, whatever the
    batch size, so large batches are faster. An epoch of the softmax costs users · items · dim.
    """

    trainer: ClassVar[str] = "recweave.models.graph.fit:train_lightgcn"

    features: tuple[str, ...] = Field((), description="item features, added to the id embeddings")

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features
