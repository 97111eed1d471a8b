"""LightGCN: vectors smoothed over the graph, and nothing else."""

from pydantic import Field

from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.models.graph.settings import GraphRecipe
from recweave.models.kinds import Factors
from recweave.parallel import Pool, Serial


class LightGCN(GraphRecipe):
    """Vectors smoothed over the graph, without weights or activations (He et al., SIGIR 2020).

    e^(l+1) = D^-½ A D^-½ e^(l) on users and items; a score is the product of two nodes' means over
    the layers. The paper's loss is `bpr`, with `reg` 1e-4; the softmax learns more from each pass
    over the graph and wants a stronger penalty. With `features`, items start from
    e⁰ = id + W₂ ReLU(W₁ b), b being their vectors: items without events are then told by these.

    A step takes 2 · `layers` products of the graph with users and items · dim numbers, whatever the
    batch, so large batches are quicker; the softmax users · items · dim in an epoch.
    """

    features: tuple[str, ...] = Field((), description="vectors that items start from, beside ids")

    def fit(
        self,
        train: Interactions,
        *,
        features: Features | None = None,
        valid: Interactions | None = None,
        seed: int = 0,
        pool: Pool = Serial(),  # noqa: B008
    ) -> Factors:
        """See `Recipe.fit`; with `valid`, stops when NDCG@10 of its real ranking does.

        Raises:
            BadSetting: for a feature that is not there, or if training diverges.
            MissingExtra: without torch.
        """
        self.require_torch()
        from recweave.models.graph.fit import fit

        return fit(self, train, features, valid, seed, names=self.features)
