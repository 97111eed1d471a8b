"""PFR: item profiles into a graph network."""

from typing import Annotated

from pydantic import Field

from recweave.data.interactions import Interactions
from recweave.encode.features import Features
from recweave.models.base import Tune
from recweave.models.graph.settings import GraphRecipe, Join
from recweave.models.kinds import Factors
from recweave.parallel import Pool, Serial


class PFR(GraphRecipe):
    """LightGCN on items that start from their profiles (P4R, arXiv 2409.16674; spec.md 4.4).

    With b the vector of an item's profile, t = W₂ ReLU(W₁ b). "sum" starts from id + t, "concat"
    from id and t of half the length each, "text" from t alone; "align" starts from id and adds
    InfoNCE between what the graph makes of an item and t, as RLMRec does (WWW 2024). With W₂ = 0
    "sum" is LightGCN. Items without events are told by t.
    """

    features: tuple[str, ...] = Field(("text",), description="vectors of the items' profiles")
    join: Join = Field("sum", description="what is made of t: sum, concat, text or align")
    align_weight: Annotated[float, Tune(0.001, 1.0, log=True)] = Field(
        0.01, ge=0, description="of InfoNCE beside the ranking's loss; with align"
    )
    align_temperature: Annotated[float, Tune(0.05, 0.5, log=True)] = Field(
        0.2, gt=0, description="of that InfoNCE"
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
            BadSetting: for a feature that is not there, or if training diverges.
            MissingExtra: without torch.
        """
        self.require_torch()
        from recweave.models.graph.contrast import Aligned
        from recweave.models.graph.fit import fit

        beside = None
        if self.join == "align":
            beside = Aligned(self.align_temperature, self.align_weight)
        return fit(
            self, train, features, valid, seed, names=self.features, join=self.join, beside=beside
        )
