"""Hyperparameters that all networks of news share."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from recweave.models.base import Tune
from recweave.models.news.sizes import Sizes
from recweave.models.nn.settings import NetworkRecipe
from recweave.models.popk import PopkSettings


class NewsRecipe(PopkSettings, NetworkRecipe, ABC):
    """A network that learns from impressions which of the shown articles was clicked.

    For each click, K of the articles that were shown with it and not clicked are its negatives, and
    the loss is the softmax over the K + 1 (Wu et al., EMNLP 2019). With `popk`, some of them are
    instead those that were popular at that moment (POPK, arXiv 2407.09939). Training stops, and the
    best weights are kept, by the mean AUC of validation impressions; without any, no earlier.
    """

    trainer: ClassVar[str] = "recweave.models.news.fit:train_news"

    text: str = Field("documents", description="a feature of kind documents: the articles' texts")
    read: Literal["words", "vectors"] = Field(
        "words",
        description="titles word by word, or as the vector of the whole text that `vectors` holds, "
        "which is many times faster",
    )
    vectors: str = Field(
        "vectors", description="with read = vectors: an item feature of their texts"
    )
    words: str = Field(
        "minilm", description="vectors of words: minilm, or the path of a file as GloVe's"
    )
    tune_words: bool = Field(False, description="whether the vectors of words are trained too")
    title: int = Field(30, ge=1, description="words of a title that are read, at most")
    history: int = Field(50, ge=1, description="newest articles of a history that are read")
    query: int = Field(200, ge=1, description="size of the query vector of additive attention")
    dropout: Annotated[float, Tune(0.0, 0.5)] = Field(0.2, ge=0, lt=1, description="dropout rate")
    negatives: int = Field(4, ge=1, description="negatives of each click (K)")
    cold_vector: bool = Field(
        True, description="whether a vector for users without a history is learned; else it is 0"
    )
    epochs: int = Field(10, gt=0, description="passes over the clicks, at most")
    batch: int = Field(64, gt=0, description="clicks in a batch")
    lr: Annotated[float, Tune(1e-5, 1e-2, log=True)] = Field(
        1e-3, gt=0, description="peak learning rate of AdamW; published: 0.0001"
    )
    warmup: float = Field(0.1, ge=0, description="epochs in which the learning rate rises to lr")
    patience: int = Field(
        3, ge=0, description="early stopping: checks without a gain before it stops; 0 never stops"
    )

    @model_validator(mode="after")
    def _fits(self) -> "NewsRecipe":
        if self.popk > self.negatives:
            raise ValueError(
                f"popk ({self.popk}) is the number of popular ones among the negatives "
                f"({self.negatives}); it cannot be larger"
            )
        return self

    @property
    def item_features(self) -> tuple[str, ...]:
        """Features of the items that are read beside texts."""
        return (self.vectors,) if self.read == "vectors" else ()

    def features_used(self) -> tuple[str, ...]:
        """See `Recipe.features_used`."""
        return (*((self.text,) if self.read == "words" else ()), *self.item_features)

    @abstractmethod
    def article_encoder(self, sizes: Sizes) -> Any:
        """The untrained network from an article to its vector."""

    @abstractmethod
    def user_encoder(self, dim: int, users: int) -> Any:
        """The untrained network from the vectors of a history to the reader's.

        Args:
            dim: Length of the vectors.
            users: Users in training.
        """
