"""The hyperparameters that the networks of click models share."""

from abc import ABC
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.ctr.class_weights import DESCRIPTION, ClassWeight
from recweave.models.nn.settings import LoopSettings, NetworkRecipe

Upstream = Literal["joint", "cross_fitted", "same_labels"]
StopBy = Literal["log_loss", "auc", "fpr"]


class Reducer(LoopSettings):
    """The network that reduces the features of a group, where it is trained by itself.

    An MLP with a logit as its output, trained on the same labels as the click model. The values of
    its last hidden layer, `dim` numbers, are what the click model reads.
    """

    hidden: tuple[int, ...] = Field((256,), description="hidden layers before the one of dim")
    dropout: float = Field(0.3, ge=0, lt=1, description="dropout rate after each hidden layer")
    folds: int = Field(5, ge=2, description="folds of training rows, if it is cross-fitted")
    epochs: int = Field(50, gt=0, description="passes over the events, at most")
    batch: int = Field(1024, gt=0, description="events in a batch, about")
    lr: Annotated[float, Tune(1e-4, 1e-2, log=True)] = Field(
        1e-3, gt=0, description="peak learning rate of AdamW"
    )


class ClickNetworkRecipe(NetworkRecipe, ABC):
    """What DLRM and DCN-v2 share: their inputs and their training.

    The inputs of a pair of user and item, or of an event, are

    - the standardized columns of the `dense` features, with a flag for each that may be missing;
    - for each group of `reduce`, its features' standardized columns, reduced to `dim` numbers;
    - for each feature of `embed`, the mean of the embeddings of the labels that are present (of
      the columns above 0); zeros if there are none;
    - with `ids`, embeddings of the user and the item. An unknown user or item, and one without
      training events, has the mean of those with training events.

    The loss is the log loss, weighted by class. With validation events it uses early stopping: the
    network that is best by `stop_by` is kept.
    """

    predicts_clicks: ClassVar[bool] = True

    dense: tuple[str, ...] = Field((), description="features of events, items or users: numbers")
    reduce: tuple[tuple[str, ...], ...] = Field(
        (), description="groups of features, such as text vectors, each reduced to dim numbers"
    )
    embed: tuple[str, ...] = Field((), description="features of labels, which are embedded")
    ids: bool = Field(True, description="whether users and items have embeddings of their own")
    dim: Annotated[int, Tune(8, 128, log=True)] = Field(
        32, gt=0, description="embedding dimension, and length of what groups are reduced to"
    )
    dropout: Annotated[float, Tune(0.0, 0.6)] = Field(
        0.3, ge=0, lt=1, description="dropout rate after each hidden layer"
    )
    upstream: Upstream = Field(
        "joint",
        description="how groups are reduced: joint: by layers that are trained with the rest; "
        "cross_fitted, same_labels: by `reducer`, trained before and frozen, where the code of a "
        "training row comes from a network that did not train on it, or from one that did",
    )
    reducer: Reducer = Field(Reducer(), description="the reduction of groups")
    class_weight: ClassWeight = Field("none", description=DESCRIPTION)
    stop_by: StopBy = Field(
        "log_loss",
        description="which network is kept: the least log loss (weighted by class), the highest "
        "auc or the least fpr at .5 on validation",
    )
    calibrate: bool = Field(
        False, description="whether probabilities are corrected on validation (Platt scaling)"
    )
    epochs: int = Field(100, gt=0, description="passes over the events, at most")
    batch: int = Field(1024, gt=0, description="events in a batch, about")
    lr: Annotated[float, Tune(1e-4, 1e-2, log=True)] = Field(
        1e-3, gt=0, description="peak learning rate of AdamW"
    )

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        groups = (name for group in self.reduce for name in group)
        return tuple(dict.fromkeys((*self.dense, *groups, *self.embed)))
