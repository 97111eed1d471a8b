"""The stage `language` of a recipe file: its settings, and how its strength is chosen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, model_validator

from recweave.core.errors import BadSetting
from recweave.core.processor import Precision
from recweave.core.registry import resolve
from recweave.data.interactions import Interactions
from recweave.models.language.backbone import BackboneSettings, TrainedBackbone
from recweave.models.training import Options
from recweave.rank.language.examples import Examples
from recweave.rank.language.generation import Generation
from recweave.rank.language.keywords import ItemKeywords, keyword_feature
from recweave.rank.language.lessons import Format, Lessons, Tuning
from recweave.rank.language.likelihood import Likelihood
from recweave.rank.language.prompts import Prompts, item_titles
from recweave.rank.language.reader import Reader
from recweave.rank.language.stage import Language, TunedLanguage
from recweave.rank.language.writers import LocalWriter, ServerWriter
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.stages import StageContext, StageRecipe
from recweave.rank.strength import best_strength


class LanguageRecipe(BackboneSettings, StageRecipe):
    """Re-rank by a language model that reads the titles of a history (PALR, arXiv 2305.07622).

    The newest titles of a history, a profile of its keywords and the titles of the candidates are
    read by a language model. A candidate's score is how much likelier the history makes its title;
    its standardized value, times `strength`, is added to the standardized scores of the list.
    """

    kind: Literal["language"] = "language"
    noun: str = Field("product", min_length=1, description="what an item is called in prompts")
    did: str = Field("bought", min_length=1, description="what users did with the items")
    history: int = Field(8, ge=1, description="titles of the history that are shown, the newest")
    title: int = Field(80, ge=8, description="characters of a title, at most")
    profile: int = Field(
        2, ge=0, description="keywords of the history that are shown; 0 shows none"
    )
    keywords: str = Field(
        "categories",
        description="an item feature with a name for each number, that keywords are read from",
    )
    by: Literal["likelihood", "generation"] = Field(
        "likelihood",
        description="likelihood: candidates by the likelihood of their titles; generation: by the "
        "list that the language model writes",
    )
    listed: bool = Field(
        False, description="of likelihood: the prompt lists the candidates; generation does always"
    )
    orders: int = Field(
        1,
        ge=1,
        description="random orders of the listed candidates that scores are averaged over, so that "
        "the position in the prompt cancels out",
    )
    shots: int = Field(
        0, ge=0, description="examples of other users before the prompt (few-shot), from train"
    )
    count: int = Field(10, ge=1, description="of generation: titles that are asked for")
    tokens: int = Field(300, ge=1, description="of generation: tokens of an answer at most")
    server: str = Field(
        "", description="of generation: openai:MODEL@BASE_URL in place of the backbone"
    )
    key_variable: str = Field(
        "", description="environment variable with the key of the server; empty: none is needed"
    )
    timeout: float = Field(60.0, gt=0, description="seconds until a call of the server is given up")
    budget: int = Field(
        0,
        ge=0,
        description="tokens that all calls of the server may take, over all runs; 0: no limit",
    )
    tuning: Tuning = Field(
        Tuning(), description="how the language model is fine-tuned, with trained = lora or full"
    )
    depth: int = Field(20, ge=2, description="items of a list that are re-ranked")
    alone: bool = Field(
        False, description="the language model's scores alone order the items, without the model's"
    )
    strength: float | None = Field(
        None, ge=0, description="of the blend; chosen among `strengths` on validation if not given"
    )
    strengths: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0),
        min_length=1,
        description="tried on validation, by NDCG@10; the first of equals is taken",
    )
    users: int = Field(
        1000, ge=1, description="validation users, drawn by seed, that the strength is chosen on"
    )
    precision: Precision = Field(
        "fp32",
        description="of the language model's numbers: fp32; bf16; or auto, which is bf16 where the "
        "processor multiplies it and is faster so",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "LanguageRecipe":
        if self.trained == "frozen" and self.tuning != Tuning():
            raise ValueError("nothing is fine-tuned; set trained = 'lora', or leave 'tuning' out")
        if self.alone and self.strength is not None:
            raise ValueError("alone = true uses no strength; leave one of them out")
        if self.by == "generation" and self.listed:
            raise ValueError("generation lists the candidates always; leave 'listed' out")
        if self.by == "likelihood" and self.server:
            raise ValueError(
                "a server gives no likelihoods of titles; set by = 'generation', or leave it out"
            )
        if self.by == "likelihood" and not self.listed and self.orders > 1:
            raise ValueError(
                "the prompt lists no candidates, so their order cannot count; set listed = true, "
                "or leave 'orders' out"
            )
        return self

    def features_used(self) -> tuple[str, ...]:
        """See `StageRecipe.features_used`; categories are read from the catalogue."""
        return () if self.keywords == "categories" or not self.profile else (self.keywords,)

    @property
    def learns(self) -> bool:
        """See `StageRecipe.learns`: the strength of a blend, if it is not given."""
        return not self.alone and self.strength is None

    def settled(self, stage: Stage) -> StageRecipe:
        """See `StageRecipe.settled`: with the strength that was chosen."""
        assert isinstance(stage, Language)
        return self.model_copy(update={"strength": stage.strength}) if self.learns else self

    def fit(self, context: StageContext) -> Stage:
        """See `StageRecipe.fit`.

        Raises:
            BadSetting: also if no item has a title, or a strength is to be chosen, and there is no
                validation part.
        """
        prompts = self._prompts(context)
        ranker = self._ranker(prompts, context)
        kind = Language if self.trained == "frozen" else TunedLanguage
        stage = kind(ranker, self.depth, self.strength or 0.0, alone=self.alone)
        if self.learns:
            stage = replace(stage, strength=self._choose(stage, context))
        how = "alone" if self.alone else f"{stage.strength:g}"
        return replace(stage, label=f"language {how}")

    def _ranker(self, prompts: Prompts, context: StageContext) -> Likelihood | Generation:
        seed = context.options.seed
        examples = Examples.drawn(prompts, context.train, self.shots, seed)
        if self.by == "likelihood":
            shots = examples.continuations()
            return Likelihood(
                prompts, self._reader(prompts, context), shots, self.listed, self.orders, seed
            )
        writer: LocalWriter | ServerWriter
        if self.server or context.llm is not None:
            llm = None if self.server else context.llm
            writer = ServerWriter(
                self.server, self.key_variable, self.tokens, self.timeout, self.budget, llm=llm
            )
        else:
            writer = LocalWriter(self._reader(prompts, context), self.tokens)
        ids = tuple(context.dataset.item_ids.ids)
        shots = examples.requests(writer.form)
        return Generation(prompts, writer, ids, self.count, shots, self.orders, seed)

    def _prompts(self, context: StageContext) -> Prompts:
        titles = item_titles(context.dataset, self.title)
        if not any(titles):
            raise BadSetting(
                f"stage 'language': no item of {context.dataset.name} has a title, so there is "
                "nothing that a language model could read; add the column `title` to the table of "
                "items, or leave the stage out"
            )
        feature = (
            keyword_feature(context.dataset, context.features, self.keywords)
            if self.profile
            else None
        )
        keywords = ItemKeywords.of(feature, context.train)
        return Prompts(titles, keywords, self.noun, self.did, self.history, self.profile)

    def _reader(self, prompts: Prompts, context: StageContext) -> Reader:
        self.require_backbone()
        folder = context.base_dir / self.backbone
        name = str(folder.resolve()) if (folder / "config.json").is_file() else self.backbone
        fields = {key: getattr(self, key) for key in BackboneSettings.model_fields}
        settings = BackboneSettings(**fields | {"backbone": name})
        device = context.options.device
        uses_bf16: Callable[..., bool] = resolve("recweave.models.nn.device:uses_bf16")
        bf16 = uses_bf16(self.precision, device)
        options = replace(context.options, precision="bf16" if bf16 else "fp32")
        if self.trained == "frozen":
            trained = settings.open(device=options.device, seed=options.seed).saved()
        else:
            trained = self._tuned(settings, prompts, context.train, options)
        return Reader(settings.model_dump_json(), trained, self.precision, options.device)

    def _tuned(
        self, settings: BackboneSettings, prompts: Prompts, train: Interactions, options: Options
    ) -> TrainedBackbone:
        usual: tuple[Format, ...] = ("title",)
        if self.by == "generation":
            usual = ("recommend", "recommend_retrieval")
        formats = self.tuning.formats or usual
        lessons = Lessons(prompts, train, self.tuning, formats, self.listed, options.seed)
        tuned: Callable[..., TrainedBackbone] = resolve("recweave.rank.language.tuning:tuned")
        return tuned(settings, lessons.made(), prompts, self.tuning, options)

    def _choose(self, stage: Language, context: StageContext) -> float:
        def with_strength(base: Ranking) -> Callable[[float], Ranking]:
            value, usable, tally = stage.values(base)
            if tally.stopped and not usable.any():
                raise BadSetting(f"stage 'language': no list could be re-ranked: {tally.stopped}")
            return lambda strength: stage.ordered(base, value, usable, strength)

        return best_strength(
            context,
            self.strengths,
            with_strength,
            stage=self.kind,
            depth=self.depth,
            users=self.users,
        )
