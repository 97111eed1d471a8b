"""SGL: LightGCN that also learns to know a node again when edges are missing."""

from typing import Annotated

from pydantic import Field

from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.models.base import Tune
from recweave.models.graph.settings import GraphRecipe
from recweave.models.kinds import Factors
from recweave.parallel import Pool, Serial


class SGL(GraphRecipe):
    """LightGCN beside self-supervision by edge dropout (Wu et al., SIGIR 2021, "SGL-ED").

    For each epoch two graphs are drawn that lack some edges. A node's vectors in both are to be
    more alike, by cosine, than those of others: InfoNCE over up to 1,024 users and as many items of
    the batch in each step. Takes three times LightGCN's products of the graph.
    """

    edge_drop: Annotated[float, Tune(0.05, 0.5)] = Field(
        0.1, ge=0, lt=1, description="share of edges that each view lacks"
    )
    ssl_temperature: Annotated[float, Tune(0.1, 1.0, log=True)] = Field(
        0.5, gt=0, description="of InfoNCE between the views"
    )
    ssl_weight: Annotated[float, Tune(0.005, 0.5, log=True)] = Field(
        0.05, ge=0, description="of InfoNCE beside the ranking's loss"
    )

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
            BadSetting: if training diverges.
            MissingExtra: without torch.
        """
        self.require_torch()
        from recweave.models.graph.contrast import TwoViews
        from recweave.models.graph.fit import fit

        views = TwoViews(self.edge_drop, self.ssl_temperature, self.ssl_weight)
        return fit(self, train, features, valid, seed, beside=views)
