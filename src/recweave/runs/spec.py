"""What a recipe file says: the data, the split, the models, the metrics. One file, one table."""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from recweave.core.errors import BadSetting, RecweaveError, UnknownName, did_you_mean
from recweave.core.registry import short_name
from recweave.core.value import Value
from recweave.data.filters import AnyFilter
from recweave.data.interactions import Interactions, join
from recweave.data.split import AnySplitter, LeaveLastOut, Split
from recweave.evaluate import SLICES, Metric, parse_metric
from recweave.features.spec import AnyFeature, in_order
from recweave.models import RECIPES, Recipe
from recweave.models.training import Precision
from recweave.rank.stages import AnyStage

RESERVED = ("name", "variant", "search", "stages", "members")
BLEND = "blend"
"""The name of an entry that is no model of its own but a blend of other rows."""


class Source(Value):
    """A folder or file of one's own, read by one of the readers."""

    source: str = Field(description="a reader's name: table, recbole, amazon, …")
    path: str = Field(description="file or folder; relative to the recipe file")
    options: dict[str, Any] = Field(default_factory=dict, description="what the reader takes")


@dataclass(frozen=True)
class Defaults:
    """What a task reports and chooses by if the recipe file does not say, and what it can."""

    metrics: tuple[str, ...]
    choose: str
    has: Callable[[Metric], bool]


class Entry(Value):
    """One model of the table: a recipe by name, its settings, and what may be searched."""

    name: str = Field(description="a name from `recweave show`, package.module:Class, or blend")
    variant: str = Field("", description="tells apart rows of the same model")
    settings: dict[str, Any] = Field(default_factory=dict, description="the recipe's settings")
    search: dict[str, list[Any]] = Field(
        default_factory=dict, description="values to try; validation chooses"
    )
    stages: tuple[AnyStage, ...] = Field((), description="steps after retrieval, in order")
    members: tuple[str, ...] = Field(
        (), description="of a blend: rows above, whose weights are learned on validation"
    )

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, data: Any) -> Any:
        """In the file the recipe's settings stand beside the name, not in a table of their own."""
        if isinstance(data, dict) and "settings" not in data:
            own = {key: data[key] for key in RESERVED if key in data}
            return own | {"settings": {k: v for k, v in data.items() if k not in RESERVED}}
        return data

    def recipes(self) -> list[Recipe]:
        """Every combination of what may be searched; one where nothing is, none of a blend.

        Raises:
            BadSetting, UnknownName: for a model, a key or a value that is not known.
        """
        if self.name == BLEND:
            return []
        kind = RECIPES[self.name]
        where = f"model '{self.name}'"
        both = set(self.search) & set(self.settings)
        if both:
            raise BadSetting(f"{where}: '{min(both)}' is set and searched; keep one of the two")
        tried = [
            dict(zip(self.search, values, strict=True)) for values in product(*self.search.values())
        ]
        return [kind.parse(self.settings | values, where) for values in tried]


Task = Literal["lists", "ratings", "clicks", "impressions"]
TASKS: Mapping[Task, Defaults] = {
    "lists": Defaults(("recall@10", "ndcg@10"), "ndcg@10", lambda m: m.of_lists or m.of_ratings),
    "ratings": Defaults(("rmse", "mae"), "rmse", lambda m: m.of_ratings),
    "clicks": Defaults(("auc", "log_loss"), "auc", lambda m: m.of_clicks),
    "impressions": Defaults(("auc", "mrr", "ndcg@10"), "auc", lambda m: m.of_impressions),
}
"""What is judged: lists over the catalogue (ratings may stand beside them), predicted ratings,
probabilities of held-out events, or the order of what impressions showed."""


class Experiment(Value):
    """A recipe file."""

    title: str = Field("", description="what the report is headed with")
    task: Task = Field("lists", description="what is judged: lists, ratings, clicks or impressions")
    positive_from: float | None = Field(
        None, description="of clicks: the least value that is a yes; needed unless all are 0 or 1"
    )
    decide_at: float = Field(
        0.5, ge=0, le=1, description="of clicks: the least probability that is called a yes"
    )
    data: str | Source = Field(description="a known dataset's name, a dataset folder, or a source")
    protocol: Literal["rigorous", "paper"] = Field(
        "rigorous",
        description="paper: as much published code does it, validation events not in histories",
    )
    filters: tuple[AnyFilter, ...] = Field((), description="applied to the log, in order")
    split: AnySplitter = Field(LeaveLastOut(), description="how the log is cut")
    split_seed: int = Field(0, description="for splits that are drawn at random")
    refit: Literal["train", "train+valid"] = Field(
        "train", description="what the reported models are fitted on, once settings are chosen"
    )
    seeds: tuple[int, ...] = Field(
        (0,), min_length=1, description="of training; values are averaged"
    )
    metrics: tuple[str, ...] = Field(
        ("recall@10", "ndcg@10"),
        min_length=1,
        description="what is reported; as the task has it, if unset",
    )
    choose: str = Field(
        "ndcg@10", description="the metric that chooses on validation; by the task, if unset"
    )
    features: dict[str, AnyFeature] = Field(
        default_factory=dict, description="vectors that models may draw on, by name"
    )
    slices: tuple[str, ...] = Field(
        ("popularity", "decile", "item", "history"), description="what is told apart in reports"
    )
    depth: int = Field(100, ge=1, description="length of the lists that stages are handed")
    precision: Precision = Field(
        "fp32", description="of networks' products: fp32, or bf16 where speed matters more"
    )
    device: str = Field(
        "auto", description="where networks train: cpu, cuda, cuda:1, …; auto takes a GPU if any"
    )
    relevant_from: float | None = Field(
        None, description="held-out events below this value count as not liked"
    )
    baseline: str = Field("", description="the row that others are compared with; else the first")
    save: bool = Field(True, description="whether the run folder keeps the trained models")
    models: tuple[Entry, ...] = Field(min_length=1, description="the rows")

    @model_validator(mode="before")
    @classmethod
    def _of_the_task(cls, data: Any) -> Any:
        """A task's own metrics, where the file names none."""
        asked = data.get("task") if isinstance(data, dict) else None
        usual = next((one for task, one in TASKS.items() if task == asked), None)
        if usual is None:
            return data
        return {"metrics": usual.metrics, "choose": usual.choose} | data

    @field_validator("models", mode="before")
    @classmethod
    def _row_for_each(cls, models: Any) -> Any:
        """`each = { k = [5, 10] }` stands for two rows, k=5 and k=10."""
        if not isinstance(models, list):
            return models
        rows = []
        for entry in models:
            each = entry.get("each") if isinstance(entry, dict) else None
            if not isinstance(each, dict):
                rows.append(entry)
                continue
            rest = {key: value for key, value in entry.items() if key != "each"}
            for values in product(*each.values()):
                told = [f"{key}={value}" for key, value in zip(each, values, strict=True)]
                variant = "-".join(filter(None, [rest.get("variant", ""), *told]))
                rows.append({**rest, **dict(zip(each, values, strict=True)), "variant": variant})
        return rows

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_metric_name(name) for name in names)

    @field_validator("choose")
    @classmethod
    def _choosable(cls, name: str) -> str:
        return _metric_name(name)

    @field_validator("features")
    @classmethod
    def _made_in_order(cls, features: dict[str, Any]) -> dict[str, Any]:
        in_order(features)
        return features

    @field_validator("slices")
    @classmethod
    def _sliced(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for name in names:
                SLICES[name]
        except RecweaveError as error:
            raise ValueError(str(error)) from None
        return names

    @model_validator(mode="after")
    def _fits_the_task(self) -> "Experiment":
        for name in (*self.metrics, self.choose):
            metric = parse_metric(name)
            if not TASKS[self.task].has(metric) and not self._sampled(metric):
                usual = ", ".join(TASKS[self.task].metrics)
                raise ValueError(
                    f"'{name}' is no metric of the task {self.task}, which has {usual}, …"
                )
        staged = [row for row, e in zip(self.rows(), self.models, strict=True) if e.stages]
        if self.task != "lists" and staged:
            raise ValueError(
                f"'{staged[0]}' has stages, which change lists; the task {self.task} judges none"
            )
        if self.positive_from is not None and self.task != "clicks":
            raise ValueError("'positive_from' is for task = 'clicks'")
        return self

    def _sampled(self, metric: Metric) -> bool:
        return self.task == "lists" and metric.measure.kind == "sampled"

    @model_validator(mode="after")
    def _rows_are_told_apart(self) -> "Experiment":
        twice = [row for row, count in Counter(self.rows()).items() if count > 1]
        if twice:
            raise ValueError(f"two rows are called '{twice[0]}'; give each a variant")
        for place, entry in enumerate(self.models):
            above = [
                r for r, e in zip(self.rows()[:place], self.models, strict=False) if not e.members
            ]
            if (entry.name == BLEND) != bool(entry.members):
                raise ValueError(
                    "a blend, and nothing else, has 'members': rows that stand above it"
                )
            for member in entry.members:
                if member not in above:
                    hint = did_you_mean(member, above)
                    raise ValueError(f"'{member}' is no row above its blend; {hint}")
        if self.baseline and self.baseline not in self.rows():
            rows = ", ".join(self.rows())
            raise ValueError(f"the baseline '{self.baseline}' is no row; there are {rows}")
        return self

    def folds(self) -> tuple[int | None, ...]:
        """The folds of the split, from 0; one that is called None where it has no folds."""
        return tuple(range(self.split.folds)) if self.split.folds > 1 else (None,)

    def rows(self) -> list[str]:
        """A name for each entry: its model's (of a path, the class), with any variant."""
        names = [short_name(entry.name) for entry in self.models]
        return [
            f"{name}-{entry.variant}" if entry.variant else name
            for name, entry in zip(names, self.models, strict=True)
        ]

    def entry(self, row: str) -> Entry:
        """The entry of a row.

        Raises:
            UnknownName: if there is no such row.
        """
        if row not in self.rows():
            raise UnknownName("row", row, self.rows())
        return self.models[self.rows().index(row)]

    def compared_with(self) -> str:
        """The row that the others are compared with."""
        return self.baseline or self.rows()[0]

    @property
    def refits(self) -> bool:
        """Whether the reported models are fitted again, with the validation events as well."""
        return self.refit == "train+valid"

    def final_events(self, split: Split) -> Interactions:
        """The events that the reported models are fitted on; train's first."""
        return join(split.train, split.valid) if self.refits else split.train

    def key(self) -> str:
        """A short hash of all that decides the numbers."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def read_recipe(path: Path) -> Experiment:
    """A recipe file, checked whole before anything is run.

    Raises:
        BadSetting: naming the file, the line and the key, and what is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        told = tomllib.loads(text)
    except OSError as error:
        raise BadSetting(f"{path}: cannot be read ({error.strerror}); name a recipe file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path}: is no TOML: {error}") from None
    try:
        experiment = Experiment.parse(told, str(path))
        for entry in experiment.models:
            entry.recipes()
    except RecweaveError as error:
        raise BadSetting(_with_line(str(error), str(path), text)) from None
    return experiment


def _with_line(message: str, path: str, text: str) -> str:
    """The message with the line of the key it names, as far as it can be found."""
    named = re.findall(r"(?<!model )'([\w.@:-]+)'", message.partition("did you mean")[0])
    lines = text.splitlines()
    for name in named:
        whole, last = re.escape(name), re.escape(name.rsplit(".", 1)[-1])
        pattern = re.compile(rf"""(^|[\s{{,]){last}\s*=[^=]|["']({last}|{whole})["']""")
        for number, line in enumerate(lines, 1):
            if pattern.search(line):
                return f"{path}:{number}: {message.removeprefix(f'{path}: ')}"
    return message if message.startswith(path) else f"{path}: {message}"


def _metric_name(text: str) -> str:
    """The metric's name as reports write it. pydantic gathers ValueErrors; ours would escape it."""
    try:
        return parse_metric(text).name
    except RecweaveError as error:
        raise ValueError(str(error)) from None
