"""GRU4Rec: sequential and session-based recommendation by a recurrent network."""

from typing import Any

from recweave.models.sequence.settings import SequenceRecipe


class GRU4Rec(SequenceRecipe):
    """Gated recurrent units over a user's items (Hidasi et al., ICLR 2016).

    Trained on whole histories instead of session-parallel batches, with any of the losses. The
    authors' later work (CIKM 2018) recommends the softmax over sampled negatives with log-Q
    correction (`loss = "sampled"`).
    """

    def encoder(self) -> Any:
        """See `SequenceRecipe.encoder`."""
        from recweave.models.nn.recurrent import Recurrent

        return Recurrent(self.dim, self.layers, self.dropout)
