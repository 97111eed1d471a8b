"""LightGCN: vectors smoothed over the graph, and nothing else."""

from typing import ClassVar

from pydantic import Field

from recweave.models.graph.settings import GraphRecipe


class LightGCN(GraphRecipe):
    """Vectors smoothed over the graph, without weights or activations (He et al., SIGIR 2020).

    e^(l+1) = D^-½ A D^-½ e^(l) on users and items; a score is the product of two nodes' means over
    the layers. The paper's loss is `bpr`, with `reg` 1e-4; the softmax learns more from each pass
    over the graph and wants a stronger penalty. With `features`, items start from
    e⁰ = id + W₂ ReLU(W₁ b), b being their vectors: items without events are then told by these.

    A step takes 2 · `layers` products of the graph with users and items · dim numbers, whatever the
    batch, so large batches are quicker; the softmax users · items · dim in an epoch.
    """

    trainer: ClassVar[str] = "recweave.models.graph.fit:train_lightgcn"

    features: tuple[str, ...] = Field((), description="vectors that items start from, beside ids")

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features
