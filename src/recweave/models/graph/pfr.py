"""PFR: LightGCN with item profiles (texts written by a language model) as features."""

from typing import Annotated, ClassVar

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.graph.settings import GraphRecipe, Join


class PFR(GraphRecipe):
    """LightGCN with embeddings of item profiles (P4R, arXiv 2409.16674).

    With b the embedding of an item's profile, t = W₂ ReLU(W₁ b). "sum" starts from id + t, "concat"
    from id and t with half the dimensions each, "text" from t alone. "align" starts from id and
    adds InfoNCE between t and the item's embedding after the graph, as RLMRec does (WWW 2024).
    "sum" with W₂ = 0 is LightGCN. Items without events (cold start) are represented by t.
    """

    trainer: ClassVar[str] = "recweave.models.graph.contrast:train_pfr"

    features: tuple[str, ...] = Field(
        ("text",), description="item features: embeddings of their profiles"
    )
    join: Join = Field("sum", description="how t is combined with the id embedding")
    align_weight: Annotated[float, Tune(0.001, 1.0, log=True)] = Field(
        0.01, ge=0, description="weight of InfoNCE, added to the ranking loss; with align"
    )
    align_temperature: Annotated[float, Tune(0.05, 0.5, log=True)] = Field(
        0.2, gt=0, description="temperature of InfoNCE; with align"
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features
