"""SGL: LightGCN that also learns to know a node again when edges are missing."""

from typing import Annotated, ClassVar

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.graph.settings import GraphRecipe


class SGL(GraphRecipe):
    """LightGCN beside self-supervision by edge dropout (Wu et al., SIGIR 2021, "SGL-ED").

    For each epoch two graphs are drawn that lack some edges. A node's vectors in both are to be
    more alike, by cosine, than those of others: InfoNCE over up to 1,024 users and as many items of
    the batch in each step. Takes three times LightGCN's products of the graph.
    """

    trainer: ClassVar[str] = "recweave.models.graph.contrast:train_sgl"

    edge_drop: Annotated[float, Tune(0.05, 0.5)] = Field(
        0.1, ge=0, lt=1, description="share of edges that each view lacks"
    )
    ssl_temperature: Annotated[float, Tune(0.1, 1.0, log=True)] = Field(
        0.5, gt=0, description="of InfoNCE between the views"
    )
    ssl_weight: Annotated[float, Tune(0.005, 0.5, log=True)] = Field(
        0.05, ge=0, description="of InfoNCE beside the ranking's loss"
    )
