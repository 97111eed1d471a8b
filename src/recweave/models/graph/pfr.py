"""PFR: item profiles into a graph network."""

from typing import Annotated, ClassVar

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.graph.settings import GraphRecipe, Join


class PFR(GraphRecipe):
    """LightGCN on items that start from their profiles (P4R, arXiv 2409.16674).

    With b the vector of an item's profile, t = W₂ ReLU(W₁ b). "sum" starts from id + t, "concat"
    from id and t of half the length each, "text" from t alone; "align" starts from id and adds
    InfoNCE between what the graph makes of an item and t, as RLMRec does (WWW 2024). With W₂ = 0
    "sum" is LightGCN. Items without events are told by t.
    """

    trainer: ClassVar[str] = "recweave.models.graph.contrast:train_pfr"

    features: tuple[str, ...] = Field(("text",), description="vectors of the items' profiles")
    join: Join = Field("sum", description="what is made of t: sum, concat, text or align")
    align_weight: Annotated[float, Tune(0.001, 1.0, log=True)] = Field(
        0.01, ge=0, description="of InfoNCE beside the ranking's loss; with align"
    )
    align_temperature: Annotated[float, Tune(0.05, 0.5, log=True)] = Field(
        0.2, gt=0, description="of that InfoNCE"
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return self.features
