"""Self-attentive sequential recommendation."""

from typing import Any

from pydantic import Field, model_validator

from recweave.models.sequence.settings import SequenceRecipe


class SASRec(SequenceRecipe):
    """A causal transformer over a user's items (Kang & McAuley, ICDM 2018).

    Norms come first, and one pass scores every place. The paper's loss is binary cross-entropy with
    one negative (`gbce` with `calibration = 0` and `negatives = 1`); over all items it does better
    (Klenitskiy & Vasilev, RecSys 2023). Items may be told by their features, so that new ones are
    scored. An epoch over n events takes O(n · dim · items) with the softmax over all items and
    O(n · dim · negatives) with drawn ones.
    """

    heads: int = Field(2, gt=0, description="attention heads; dim must be a multiple")

    @model_validator(mode="after")
    def _heads_fit(self) -> "SASRec":
        if self.dim % self.heads:
            raise ValueError(f"dim ({self.dim}) must be a multiple of heads ({self.heads})")
        return self

    def encoder(self) -> Any:
        """See `SequenceRecipe.encoder`."""
        from recweave.models.nn.transformer import CausalTransformer

        return CausalTransformer(self.dim, self.heads, self.layers, self.length, self.dropout)
