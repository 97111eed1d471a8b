"""Recurrent recommendation."""

from typing import Any

from recweave.models.sequence.settings import SequenceRecipe


class GRU4Rec(SequenceRecipe):
    """Gated recurrent units over a user's items (Hidasi et al., ICLR 2016).

    Trained over whole histories rather than session-parallel batches, with any of the losses; the
    softmax over drawn items, corrected, is what its authors' later work came to (CIKM 2018).
    """

    def encoder(self) -> Any:
        """See `SequenceRecipe.encoder`."""
        from recweave.models.nn.recurrent import Recurrent

        return Recurrent(self.dim, self.layers, self.dropout)
