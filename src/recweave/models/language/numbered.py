"""Items as numbers: a language model that predicts the next number (OpenP5; arithmetic tasks)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from jaxtyping import Float, Int
from pydantic import Field, model_validator

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.registry import resolve
from recweave.llm.pretrained import LanguageModel
from recweave.models.base import Model, Tune
from recweave.models.behaviors import BehaviorWeights
from recweave.models.language.arithmetic import Corpus
from recweave.models.language.backbone import BackboneSettings, TrainedBackbone
from recweave.models.language.encoder_decoder import EncoderDecoderModel
from recweave.models.language.numbering import LEAK, Index
from recweave.models.language.prompts import Wording
from recweave.models.nn.settings import LoopSettings, NetworkRecipe
from recweave.models.nn.weights import Weights
from recweave.models.query import Query

DECODER = "decoder"


class Pretrain(LoopSettings):
    """A corpus that the language model is trained with before the events of users."""

    corpus: Corpus = Field(
        "arithmetic",
        description="arithmetic over the numbers of the items; permuted: the same questions with "
        "answers of others (control); prompts: prompts with random numbers (control)",
    )
    samples: int = Field(50_000, gt=0, description="texts of the corpus")
    apply: Literal["precondition", "vector_before", "vector_after"] = Field(
        "precondition",
        description="training starts from the weights after the corpus; or the task vector (the "
        "change of the weights by the corpus) is added before or after training",
    )
    scale: Annotated[float | None, Tune(0.1, 1.0)] = Field(
        None,
        ge=0,
        description="factor of the task vector; none: chosen on validation (before training, each "
        "of three factors costs a whole training)",
    )
    part: Literal["all", "embedding"] = Field(
        "all", description="weights in the task vector: all, or those of the token embeddings"
    )
    epochs: int = Field(3, gt=0, description="passes over the corpus")
    batch: int = Field(256, gt=0, description="texts in a batch")
    lr: float = Field(1.5e-3, gt=0, description="peak learning rate of AdamW")
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description="the learning rate after warmup: constant, or falling to 0 (cosine)"
    )
    warmup: float = Field(0.1, ge=0, description="epochs in which the learning rate rises to lr")


class Numbered(BackboneSettings, NetworkRecipe):
    """A language model that reads the items of a history as numbers and predicts the next number.

    After Geng et al. (P5, RecSys 2022) and OpenP5: each item is a number from 1001, written digit
    by digit; prompts have the numbers of the history and, if asked for, the user's. A causal model
    reads a history in one pass and learns each number from all before it; an encoder-decoder (T5)
    learns one random number of each history in an epoch. The score of an item is the
    log-probability of its number; all items that begin with the same digits share the computation.
    With `pretrain` the model first learns arithmetic, so that near numbers get near vectors.

    Cold users are read by their history alone. Items without a training event have a number too.
    """

    trainer: ClassVar[str] = "recweave.models.language.numbered_fit:train_numbered"

    backbone: str = Field(
        DECODER,
        description="decoder: a small causal transformer with random weights and a vocabulary of "
        "digits and prompts; smollm2; or the folder of a causal model or an encoder-decoder",
    )
    trained: Literal["frozen", "lora", "full"] = Field(
        "full", description="weights of the language model that are trained: none, LoRA, or all"
    )
    dim: Annotated[int, Tune(32, 256, log=True)] = Field(
        64, gt=0, description="width of the decoder"
    )
    blocks: Annotated[int, Tune(1, 4)] = Field(2, gt=0, description="blocks of the decoder")
    heads: int = Field(2, gt=0, description="attention heads of the decoder; divide dim")
    index: Index = Field(
        "sequential",
        description="numbers of the items: random, or in the order of their first training event, "
        "user by user",
    )
    paper: bool = Field(
        False,
        description="number validation events as well, as OpenP5 does (sequential): a leak, as "
        "items that are held out together get consecutive numbers",
    )
    length: int = Field(50, gt=0, description="number of newest events of a history that are read")
    users: bool = Field(False, description="whether prompts name the user, by a number")
    wordings: int = Field(
        10, ge=1, le=10, description="prompts of different words that are used in training"
    )
    ask: Wording = Field(
        "seen", description="the prompt that recommends: the first of training, or an unseen one"
    )
    straightforward: bool = Field(
        False,
        description="whether items are also learned from the user's number without a history",
    )
    targets: Literal["new", "all"] = Field(
        "new", description="events to predict: items new to the user, or every next item"
    )
    pieces: bool = Field(
        False, description="write numbers in the tokenizer's pieces, not digit by digit"
    )
    reset: bool = Field(
        False, description="random embeddings of the numbers' tokens before training on events"
    )
    beams: int = Field(
        0,
        ge=0,
        le=100,
        description="beams of the search for items; 0 scores all items, exactly",
    )
    pretrain: Pretrain | None = Field(None, description="a corpus to be learned before the events")
    check_users: int = Field(
        2000, gt=0, description="validation users in a check, at most; the same ones each time"
    )
    epochs: int = Field(20, gt=0, description="passes over the events, at most")
    batch: int = Field(512, gt=0, description="events in a batch, about")
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description="the learning rate after warmup: constant, or falling to 0 (cosine)"
    )
    lr: Annotated[float, Tune(1e-4, 1e-2, log=True)] = Field(
        5e-3, gt=0, description="peak learning rate of AdamW"
    )
    weight_decay: Annotated[float, Tune(1e-6, 0.1, log=True)] = Field(
        0.01, ge=0, description="weight decay of AdamW (decoupled L2 regularization)"
    )
    behaviors: BehaviorWeights = Field(
        BehaviorWeights(),
        description="behaviours of weight 0 are not read; other weights do nothing",
    )

    @model_validator(mode="after")
    def _fits(self) -> "Numbered":
        if self.dim % (2 * self.heads):
            raise ValueError(f"dim ({self.dim}) must be a multiple of 2 · heads ({2 * self.heads})")
        if self.straightforward and not self.users:
            raise ValueError("straightforward prompts name the user; set users = true")
        if self.paper and self.index != "sequential":
            raise ValueError('paper numbers items in sequence; set index = "sequential"')
        if self.backbone == DECODER and (self.trained != "full" or self.layers or self.pieces):
            raise ValueError(
                "the decoder has random weights, which must be trained, and reads digits: leave "
                "trained, layers and pieces as they are; the number of its blocks is `blocks`"
            )
        if self.pretrain and self.pretrain.part == "embedding" and self.trained != "full":
            raise ValueError('the embeddings are not trained; set trained = "full"')
        return self

    @property
    def language(self) -> LanguageModel:
        """See `BackboneSettings.language`; an encoder-decoder too."""
        language = super().language
        if not language.config.is_encoder_decoder:
            return language
        if not self.pretrained or self.trained == "lora":
            raise BadSetting(
                f"{language.folder.name} is an encoder-decoder, which is trained from its own "
                "weights, without LoRA; leave pretrained and trained as they are"
            )
        return EncoderDecoderModel(language.folder, self.layers)

    def doubt(self) -> str:
        """See `Recipe.doubt`."""
        return LEAK if self.paper else ""

    def require_extras(self) -> None:
        """See `Recipe.require_extras`: torch and transformers."""
        self.require_backbone()


@dataclass(frozen=True, eq=False)
class NumberedItems(Model):
    """A trained language model over the numbers of items. Scores are log-probabilities.

    Attributes:
        number: The number of each item.
        recipe: The settings.
        words: Vocabulary of the decoder; empty for other language models.
        weights: The weights of the decoder, or what was trained of another language model.
        scale: Factor of the task vector that was added; 0 without one.
    """

    number: Int[Array, " items"]
    recipe: Numbered
    words: tuple[str, ...]
    weights: Weights | TrainedBackbone
    scale: float = 0.0

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`; -inf for items that a beam search did not find."""
        self.recipe.require_extras()
        scores: Array = self._scorer.scores(query)
        return scores

    @property
    def network(self) -> Any:
        """The trained `number_net.NumberNet`, on the CPU."""
        return self._scorer.net

    @cached_property
    def _scorer(self) -> Any:
        return resolve("recweave.models.language.numbered_net:restore")(self)
