"""SASRec: self-attentive sequential recommendation by a causal transformer."""

from typing import Any

from pydantic import Field, model_validator

from recweave.models.sequence.settings import SequenceRecipe


class SASRec(SequenceRecipe):
    """A causal transformer over a user's items (Kang & McAuley, ICDM 2018).

    Pre-norm blocks; one pass predicts the next item at every position. The paper's loss is binary
    cross-entropy with one negative (`gbce` with `calibration = 0` and `negatives = 1`); the softmax
    over all items is better (Klenitskiy & Vasilev, RecSys 2023). Items can be represented by their
    features, so that new items (cold start) get scores. An epoch over n events costs
    O(n · dim · items) with the softmax over all items and O(n · dim · negatives) with sampled ones.
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
