"""What a recipe file says: the data, the split, the models, the metrics. One file, one table."""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from recweave.core.errors import BadSetting, RecweaveError, UnknownName, did_you_mean
from recweave.core.value import Value
from recweave.data.filters import AnyFilter
from recweave.data.interactions import Interactions, join
from recweave.data.split import AnySplitter, LeaveLastOut, Split
from recweave.evaluate import SLICES, Metric, parse_metric
from recweave.evaluate.clicks import tpr_of
from recweave.evaluate.impression_slices import IMPRESSION_SLICES
from recweave.evaluate.impressions import FRESH_HOURS
from recweave.features.spec import AnyFeature, in_order
from recweave.models.training import Precision
from recweave.runs.entry import Entry, rows_of
from recweave.runs.lines import key_lines, line_at
from recweave.runs.tasks import TASKS, Task

Seed = Annotated[int, Field(ge=0, lt=2**32)]
ENCODING = "utf-8-sig"
"""UTF-8, with or without the mark that some editors put at the start."""
DEEPEST = 50
"""Levels of lists and tables within each other in a recipe file; those we know have six."""


class Source(Value):
    """Your own folder or file, and the reader for it."""

    source: str = Field(description="a reader's name: table, recbole, amazon, …")
    path: str = Field(description="file or folder, relative to the recipe file; or a known name")
    options: dict[str, Any] = Field(default_factory=dict, description="what the reader takes")


class Experiment(Value):
    """A recipe file."""

    title: str = Field("", description="the title of the report")
    task: Task = Field(
        "lists", description="what is evaluated: lists, ratings, clicks or impressions"
    )
    positive_from: float | None = Field(
        None, description="of clicks: the least value that is a yes; needed unless all are 0 or 1"
    )
    decide_at: Annotated[float, Field(ge=0, le=1)] | str = Field(
        0.5,
        description="of clicks: the least probability that is called a yes; or tpr0.95: the one "
        "that reaches a true-positive rate of .95 on validation",
    )
    data: str | Source = Field(description="a known dataset's name, a dataset folder, or a source")
    protocol: Literal["rigorous", "paper"] = Field(
        "rigorous",
        description="paper: as much published code does it: validation events are not in "
        "histories; click models without validation events stop and are selected on test",
    )
    filters: tuple[AnyFilter, ...] = Field((), description="applied to the log, in order")
    split: AnySplitter = Field(LeaveLastOut(), description="how the log is cut")
    split_seed: Seed = Field(0, description="of random splits")
    test_users: int | None = Field(None, ge=1, description="test users, drawn by split_seed")
    refit: Literal["train", "train+valid"] = Field(
        "train", description="what the reported models are fitted on, once settings are chosen"
    )
    seeds: tuple[Seed, ...] = Field(
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
        default_factory=dict, description="vectors that models may read, by name"
    )
    slices: tuple[str, ...] = Field(
        ("popularity", "decile", "item", "history"),
        description="groups of users or items with numbers of their own; by the task, if unset",
    )
    fresh_hours: float = Field(
        FRESH_HOURS,
        gt=0,
        description="of impressions: metrics named pool_… rank the items that were first shown in "
        "so many hours before, and those that the impression shows; all, where there are no times",
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
        """A task's own metrics and slices, where the file names none."""
        asked = data.get("task") if isinstance(data, dict) else None
        usual = next((one for task, one in TASKS.items() if task == asked), None)
        if usual is None:
            return data
        names = {"metrics": usual.metrics, "choose": usual.choose, "slices": usual.slices}
        return names | data

    @field_validator("models", mode="before")
    @classmethod
    def _row_for_each(cls, models: Any) -> Any:
        if not isinstance(models, list):
            return models
        rows = []
        for entry in models:
            try:
                rows += rows_of(entry)
            except BadSetting as error:
                raise BadSetting(str(error), at=("models", len(rows), *error.at)) from None
        return rows

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        twice = [seed for seed, count in Counter(seeds).items() if count > 1]
        if twice:
            raise ValueError(f"the seed {twice[0]} is listed twice, and would count twice")
        return seeds

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_metric_name(name) for name in names)

    @field_validator("choose")
    @classmethod
    def _choosable(cls, name: str) -> str:
        return _metric_name(name)

    @field_validator("decide_at")
    @classmethod
    def _decidable(cls, decide_at: float | str) -> float | str:
        try:
            tpr_of(decide_at)
        except BadSetting as error:
            raise ValueError(str(error)) from None
        return decide_at

    @field_validator("features")
    @classmethod
    def _made_in_order(cls, features: dict[str, Any]) -> dict[str, Any]:
        in_order(features)
        return features

    @model_validator(mode="after")
    def _fits_the_task(self) -> "Experiment":
        named = [("choose", self.choose), *(("metrics", name) for name in self.metrics)]
        for key, name in named:
            metric = parse_metric(name)
            if not TASKS[self.task].has(metric) and not self._sampled(metric):
                usual = ", ".join(TASKS[self.task].metrics)
                raise BadSetting(
                    f"'{name}' is no metric of the task {self.task}, which has {usual}, …",
                    at=(key,),
                )
        slices = IMPRESSION_SLICES if self.task == "impressions" else SLICES
        for name in self.slices:
            try:
                slices[name]
            except RecweaveError as error:
                raise BadSetting(f"the task {self.task}: {error}", at=("slices",)) from None
        for index, entry in enumerate(self.models):
            if self.task not in ("lists", "impressions") and entry.stages:
                raise BadSetting(
                    f"'{entry.row}' has stages, which change lists, and the task {self.task} "
                    "evaluates no lists; leave the stages out",
                    at=("models", index, "stages"),
                )
        if tpr_of(self.decide_at) is not None and self.refits:
            raise BadSetting(
                f"decide_at = '{self.decide_at}' decides by the validation events, which refit = "
                "'train+valid' trains on; leave one of them out",
                at=("decide_at",),
            )
        if self.positive_from is not None and self.task != "clicks":
            raise BadSetting(
                "'positive_from' is for task = 'clicks'; leave it out", at=("positive_from",)
            )
        return self

    def _sampled(self, metric: Metric) -> bool:
        return self.task == "lists" and metric.measure.kind == "sampled"

    @model_validator(mode="after")
    def _rows_are_distinct(self) -> "Experiment":
        above: dict[str, Entry] = {}
        for index, entry in enumerate(self.models):
            if entry.row in above:
                raise BadSetting(
                    f"two rows are called '{entry.row}'; give each a variant, or a name by `row`",
                    at=("models", index),
                )
            models = [row for row, other in above.items() if not other.members]
            for member in entry.members:
                if member not in models:
                    raise BadSetting(
                        f"'{member}' is no row above its blend; {did_you_mean(member, models)}",
                        at=("models", index, "members"),
                    )
            above[entry.row] = entry
        if self.baseline and self.baseline not in above:
            raise BadSetting(
                f"the baseline '{self.baseline}' is no row; there are {', '.join(above)}",
                at=("baseline",),
            )
        return self

    def folds(self) -> tuple[int | None, ...]:
        """The folds of the split, from 0; one that is called None where it has no folds."""
        return tuple(range(self.split.folds)) if self.split.folds > 1 else (None,)

    def rows(self) -> list[str]:
        """The name of each row."""
        return [entry.row for entry in self.models]

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
    text, content = _read_toml(path)
    try:
        experiment = Experiment.parse(content, str(path))
        for index, entry in enumerate(experiment.models):
            try:
                entry.recipes()
            except BadSetting as error:
                raise BadSetting(str(error), at=("models", index, *error.at)) from None
    except BadSetting as error:
        raise RecipeText(path, text).name_line(error) from None
    return experiment


def _read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a TOML file, and what it says."""
    too_deep = BadSetting(
        f"{path}: lists and tables stand within each other more than {DEEPEST} levels deep; check "
        "its brackets"
    )
    try:
        text = path.read_text(encoding=ENCODING)
        content = tomllib.loads(text)
    except OSError as error:
        raise BadSetting(f"{path}: cannot be read ({error.strerror}); name a recipe file") from None
    except UnicodeDecodeError as error:
        raise BadSetting(
            f"{path}: is no TOML: it is not encoded in UTF-8 ({error}); save it in UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"{path}: is no TOML: {error}") from None
    except RecursionError:
        raise too_deep from None
    level: list[Any] = [content]
    for _ in range(DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return text, content
    raise too_deep


def _inside(value: Any) -> Iterable[Any]:
    """The lists and tables directly inside a list or a table."""
    values = value.values() if isinstance(value, dict) else value
    return (one for one in values if isinstance(one, dict | list))


@dataclass(frozen=True)
class RecipeText:
    """The text of a recipe file, so that later errors name its lines."""

    path: Path
    text: str

    @classmethod
    def of(cls, path: Path) -> "RecipeText":
        """The text of a file that `read_recipe` has read."""
        return cls(path, path.read_text(encoding=ENCODING))

    @contextmanager
    def naming_lines(self) -> Iterator[None]:
        """Name the line of a setting in errors about it that are raised inside."""
        try:
            yield
        except BadSetting as error:
            if not error.at:
                raise
            raise self.name_line(error) from None

    def name_line(self, error: BadSetting) -> BadSetting:
        """The error with the file and the line of the setting it is of, where that is known."""
        message = str(error).removeprefix(f"{self.path}: ")
        line = self._line(error.at) or self._line_of_word(message)
        where = f"{self.path}:{line}" if line else str(self.path)
        return BadSetting(f"{where}: {message}")

    def _line(self, at: tuple[str | int, ...]) -> int | None:
        lines = key_lines(self.text)
        match at:
            case ("models", int(row), *rest):
                at = ("models", self._entry_of(row), *rest)
        return line_at(lines, at)

    def _entry_of(self, row: int) -> int:
        """Which entry of the file makes a row: `each` makes several."""
        entries = tomllib.loads(self.text)["models"]
        made = 0
        for index, entry in enumerate(entries):
            try:
                made += len(rows_of(entry))
            except BadSetting:  # it is what is wrong
                return index
            if row < made:
                return index
        return len(entries)

    def _line_of_word(self, message: str) -> int | None:
        """The first line with a key or a text that the message quotes."""
        named = re.findall(r"(?<!model )'([\w.@:-]+)'", message.partition("did you mean")[0])
        for name in named:
            whole, last = re.escape(name), re.escape(name.rsplit(".", 1)[-1])
            pattern = re.compile(rf"""(^|[\s{{,]){last}\s*=[^=]|["']({last}|{whole})["']""")
            for number, line in enumerate(self.text.splitlines(), 1):
                if pattern.search(line):
                    return number
        return None


def _metric_name(text: str) -> str:
    """The metric's name as reports write it. pydantic gathers ValueErrors; ours would escape it."""
    try:
        return parse_metric(text).name
    except RecweaveError as error:
        raise ValueError(str(error)) from None
