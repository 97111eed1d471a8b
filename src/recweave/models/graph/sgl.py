"""SGL: LightGCN with self-supervised contrastive learning by edge dropout."""

from typing import Annotated, ClassVar

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.graph.settings import GraphRecipe


class SGL(GraphRecipe):
    """LightGCN with self-supervised learning by edge dropout (Wu et al., SIGIR 2021, "SGL-ED").

    Each epoch samples two views of the graph, each without some edges. A contrastive loss (InfoNCE,
    by cosine) makes a node's embeddings in both views more similar than those of different nodes.
    It compares up to 1,024 users and 1,024 items of the batch in each step. Costs three times the
    graph products of LightGCN.
    """

    trainer: ClassVar[str] = "recweave.models.graph.contrast:train_sgl"

    edge_drop: Annotated[float, Tune(0.05, 0.5)] = Field(
        0.1, ge=0, lt=1, description="share of edges left out of each view"
    )
    ssl_temperature: Annotated[float, Tune(0.1, 1.0, log=True)] = Field(
        0.5, gt=0, description="temperature of InfoNCE between the views"
    )
    ssl_weight: Annotated[float, Tune(0.005, 0.5, log=True)] = Field(
        0.05, ge=0, description="weight of InfoNCE, added to the ranking loss"
    )
