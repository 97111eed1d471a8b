"""Metrics by name: what `ndcg@10`, `mae` and `precision>=4` stand for, and all that there are."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.registry import Registry
from recweave.evaluate import accuracy, beyond, classification, rating
from recweave.evaluate.classification import Confusion

Kind = Literal["accuracy", "sampled", "per_list", "all_lists", "rating", "confusion", "curve"]

CUT_OFF: dict[Kind, str] = {
    "accuracy": "@k",
    "sampled": "@k",
    "per_list": "@k",
    "all_lists": "@k",
    "rating": "",
    "confusion": ">=x",
    "curve": ">=x",
}
"""What is written behind the name of a metric of each kind."""

SAMPLED = "sampled_"
"""What the name of a metric on a few drawn items begins with."""


@dataclass(frozen=True)
class Measure:
    """What a name stands for.

    Attributes:
        function: How it is computed; its docstring states the convention.
        kind: accuracy: per user, from hits; sampled: the same on lists of a few drawn items
            (see `sampled`). per_list: per user, from the list and the catalogue; all_lists: one
            number from all of them. rating: per user, from predictions; confusion: one number
            from all, calling liked what is predicted at the threshold or above; curve: one number
            from their order.
        lower_is_better: So of errors; for the others higher is better or there is no better.
        weight: The column of the per-user table that a mean over users is weighted by.
        root: Whether a mean is the root of the mean square.
    """

    function: Callable[..., Any]
    kind: Kind
    lower_is_better: bool = False
    weight: str | None = None
    root: bool = False


OURS: dict[str, Measure] = {
    **{f"{name}@k": Measure(f, "accuracy") for name, f in accuracy.ACCURACY.items()},
    **{f"{SAMPLED}{name}@k": Measure(f, "sampled") for name, f in accuracy.ACCURACY.items()},
    **{f"{name}@k": Measure(f, "per_list") for name, f in beyond.PER_LIST.items()},
    **{f"{name}@k": Measure(f, "all_lists") for name, f in beyond.ALL_LISTS.items()},
    "gini@k": Measure(beyond.gini, "all_lists", lower_is_better=True),
    "mae": Measure(rating.absolute_error, "rating", lower_is_better=True, weight="predicted"),
    "rmse": Measure(
        rating.squared_error, "rating", lower_is_better=True, weight="predicted", root=True
    ),
    "prediction_coverage": Measure(rating.has_prediction, "rating", weight="rated"),
    "precision>=x": Measure(Confusion.precision, "confusion"),
    "recall>=x": Measure(Confusion.tpr, "confusion"),
    "fpr>=x": Measure(Confusion.fpr, "confusion", lower_is_better=True),
    "accuracy>=x": Measure(Confusion.accuracy, "confusion"),
    "balanced_accuracy>=x": Measure(Confusion.balanced_accuracy, "confusion"),
    "mcc>=x": Measure(Confusion.mcc, "confusion"),
    "roc_auc>=x": Measure(classification.roc_auc, "curve"),
    "pr_auc>=x": Measure(classification.pr_auc, "curve"),
    "pr_auc_negative>=x": Measure(classification.pr_auc_negative, "curve"),
}
METRICS: Registry[Measure] = Registry(
    "metric",
    OURS,
    group="recweave.metrics",
    instance_of="recweave.evaluate.metrics:Measure",
)
"""Every metric. `@k` takes a list's length, `>=x` the rating from which somebody liked it.

Other packages name a `Measure` without its cut-off: the entry point `gain`, or the path
`my_package.metrics:gain`, gives the metric `gain@10` or `my_package.metrics:gain@10`.
"""

SHAPE = re.compile(r"(?P<name>\w+|[\w.]+:[\w.]+)((?P<sign>@|>=)(?P<number>.*))?")
WHOLE = re.compile(r"[1-9][0-9]*")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Metric:
    """A measure with its cut-off.

    Attributes:
        name: As asked, "ndcg@10".
        measure: What it stands for.
        k: Length of the lists; None where it is not of lists.
        threshold: The least rating that is a yes; None where there is no such cut.
    """

    name: str
    measure: Measure
    k: int | None = None
    threshold: float | None = None

    @property
    def of_lists(self) -> bool:
        """Whether it is read from lists over the whole catalogue."""
        return self.measure.kind in ("accuracy", "per_list", "all_lists")

    @property
    def of_ratings(self) -> bool:
        """Whether it is read from predicted ratings."""
        return self.measure.kind in ("rating", "confusion", "curve")

    @property
    def per_user(self) -> bool:
        """Whether each user has a value, so that the mean has an interval."""
        return self.measure.kind in ("accuracy", "sampled", "per_list", "rating")

    @property
    def sign(self) -> Literal[1, -1]:
        """-1 if lower is better, else 1: of two values v, the one with the larger sign · v wins."""
        return -1 if self.measure.lower_is_better else 1


def parse_metric(text: str) -> Metric:
    """A metric from its name, or from the path of a `Measure`, with its cut-off.

    >>> parse_metric("ndcg@10").k
    10

    Raises:
        UnknownName: if no metric is called so.
        BadSetting: if the cut-off is missing, not wanted, or no number that fits; or if a path does
            not lead to a `Measure`.
    """
    shape = SHAPE.fullmatch(text.strip())
    name = shape["name"] if shape else text
    forms = _forms(name) if shape else {}
    if shape is None or not forms:
        raise UnknownName("metric", name, {_bare(form) for form in METRICS})
    sign, number = shape["sign"], shape["number"]
    form = name + {None: "", "@": "@k", ">=": ">=x"}[sign]
    if form not in forms:
        raise BadSetting(f"the metric '{text}' is written {' or '.join(sorted(forms))}")
    if sign == "@":
        if not WHOLE.fullmatch(number):
            raise BadSetting(f"'{text}': k must be a whole number from 1 up")
        return Metric(f"{name}@{number}", forms[form], k=int(number))
    if sign == ">=":
        if not NUMBER.fullmatch(number):
            raise BadSetting(f"'{text}': the threshold must be a number such as 4 or 3.5")
        return Metric(f"{name}>={float(number):g}", forms[form], threshold=float(number))
    return Metric(name, forms[form])


def _bare(form: str) -> str:
    """The name of a metric without its cut-off."""
    return re.split("@|>=", form)[0]


def _forms(name: str) -> dict[str, Measure]:
    """The ways to write a metric of this name, and what each stands for."""
    listed = [form for form in METRICS if _bare(form) == name] or ([name] if ":" in name else [])
    found = {}
    for form in listed:
        measure = METRICS[form]
        if measure.kind == "sampled" and form not in OURS:
            raise BadSetting(f"the metric '{name}' is of the kind sampled, which is for ours alone")
        found[name + CUT_OFF[measure.kind]] = measure
    return found
