"""The deep learning recommendation model (DLRM)."""

from typing import ClassVar

from pydantic import Field

from recweave.models.ctr.settings import ClickNetworkRecipe


class DLRM(ClickNetworkRecipe):
    """DLRM: dot products of all pairs of input vectors, then an MLP (Naumov et al. 2019).

    The dense columns go through the bottom MLP to a vector of `dim` numbers. With the reduced
    groups and the embeddings these are F vectors f of equal length. The top MLP reads the bottom
    MLP's vector and the F(F-1)/2 dot products f_a · f_b, a < b, and gives the log-odds. Hidden
    layers have ReLU and dropout, the last of the bottom MLP too. `ClickNetworkRecipe` describes
    inputs and training.
    """

    trainer: ClassVar[str] = "recweave.models.ctr.fit:train_network"

    bottom: tuple[int, ...] = Field((64,), description="hidden layers of the bottom MLP before dim")
    top: tuple[int, ...] = Field((64, 32), description="hidden layers of the top MLP")
