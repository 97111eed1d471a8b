"""Metrics by name, such as `ndcg@10`, `mae` and `precision>=4`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.registry import Registry
from recweave.evaluate import accuracy, beyond, classification, rating
from recweave.evaluate.classification import Confusion

Kind = Literal[
    "accuracy",
    "sampled",
    "per_list",
    "per_history",
    "all_lists",
    "pool",
    "pool_all",
    "rating",
    "confusion",
    "curve",
    "click_order",
    "click_order_at",
    "click_probability",
    "click_decision",
    "impression",
]

CUT_OFF: dict[Kind, str] = {
    "accuracy": "@k",
    "sampled": "@k",
    "per_list": "@k",
    "per_history": "@k",
    "pool": "@k",
    "pool_all": "@k",
    "all_lists": "@k",
    "rating": "",
    "confusion": ">=x",
    "curve": ">=x",
    "click_order": "",
    "click_order_at": "@tprx",
    "click_probability": "",
    "click_decision": "",
    "impression": "",
}
"""The suffix of the name of a metric, by kind."""

BUILT_IN_KINDS = (
    "sampled",
    "click_order",
    "click_order_at",
    "click_probability",
    "click_decision",
    "impression",
    "pool",
    "pool_all",
)
"""Kinds that other packages cannot add to, because they need special code here."""
SAMPLED = "sampled_"
"""Prefix of the names of metrics on sampled candidates."""
POOL = "pool_"
"""Prefix of the names of metrics on all items that are fresh at the time of an impression."""


@dataclass(frozen=True)
class Measure:
    """How a metric is computed.

    Attributes:
        function: Computes it; its docstring states the convention.
        kind: accuracy: per user, from hits; sampled: the same on lists of sampled candidates
            (see `sampled`). per_list: per user, from the list and the catalogue; per_history: the
            same with the user's history; all_lists: one number from all lists; pool and pool_all:
            the same on lists over all items that are fresh at an impression. rating: per user, from
            predictions; confusion: one number from all predictions, positive at the threshold or
            above; curve: one number from their order. click_…: one number from P(y) of all held-out
            events: from their order alone (click_order, and click_order_at a true-positive rate),
            from the probabilities, or from the decision at a threshold. impression: the mean over
            impressions.
        lower_is_better: True for errors; for the others higher is better, or neither is.
        weight: The column of the per-user table that a mean over users is weighted by.
        root: Whether a mean is the root of the mean square.
    """

    function: Callable[..., Any]
    kind: Kind
    lower_is_better: bool = False
    weight: str | None = None
    root: bool = False


def _of_pool(measure: Measure) -> Measure:
    """The same on lists over all fresh items."""
    return replace(measure, kind="pool_all" if measure.kind == "all_lists" else "pool")


OF_LISTS: dict[str, Measure] = {
    **{f"{name}@k": Measure(f, "accuracy") for name, f in accuracy.ACCURACY.items()},
    **{f"{name}@k": Measure(f, "per_list") for name, f in beyond.PER_LIST.items()},
    **{f"{name}@k": Measure(f, "per_history") for name, f in beyond.PER_HISTORY.items()},
    **{f"{name}@k": Measure(f, "all_lists") for name, f in beyond.ALL_LISTS.items()},
    "gini@k": Measure(beyond.gini, "all_lists", lower_is_better=True),
}
BUILT_IN: dict[str, Measure] = {
    **OF_LISTS,
    **{f"{SAMPLED}{name}@k": Measure(f, "sampled") for name, f in accuracy.ACCURACY.items()},
    **{f"{POOL}{name}": _of_pool(one) for name, one in OF_LISTS.items()},
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
    "auc": Measure(classification.roc_auc, "click_order"),
    "pr_auc": Measure(classification.pr_auc, "click_order"),
    "pr_auc_negative": Measure(classification.pr_auc_negative, "click_order"),
    "fpr@tprx": Measure(classification.fpr_at_tpr, "click_order_at", lower_is_better=True),
    "log_loss": Measure(classification.log_loss, "click_probability", lower_is_better=True),
    "brier": Measure(classification.brier, "click_probability", lower_is_better=True),
    "ece": Measure(classification.ece, "click_probability", lower_is_better=True),
    "accuracy": Measure(Confusion.accuracy, "click_decision"),
    "fpr": Measure(Confusion.fpr, "click_decision", lower_is_better=True),
    "tpr": Measure(Confusion.tpr, "click_decision"),
    "precision": Measure(Confusion.precision, "click_decision"),
    "balanced_accuracy": Measure(Confusion.balanced_accuracy, "click_decision"),
    "mcc": Measure(Confusion.mcc, "click_decision"),
    "mrr": Measure(accuracy.mean_reciprocal_rank, "impression"),
}
METRICS: Registry[Measure] = Registry(
    "metric",
    BUILT_IN,
    group="recweave.metrics",
    instance_of="recweave.evaluate.metrics:Measure",
)
"""Every metric. `@k` takes a list's length, `>=x` the least rating of a liked item, `@tprx`
a true-positive rate (`fpr@tpr0.95`). `auc`, `mrr` and `ndcg@k` are of each impression where the
task is impressions.

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
        name: The full name, "ndcg@10".
        measure: How it is computed.
        k: Length of the lists; None for metrics that are not of lists.
        threshold: The least rating of a positive; None for metrics without a threshold.
        tpr: The true-positive rate at which the metric is read; None for all others.
    """

    name: str
    measure: Measure
    k: int | None = None
    threshold: float | None = None
    tpr: float | None = None

    @property
    def of_lists(self) -> bool:
        """Whether it is computed from lists over the whole catalogue."""
        return self.measure.kind in ("accuracy", "per_list", "per_history", "all_lists")

    @property
    def of_ratings(self) -> bool:
        """Whether it is computed from predicted ratings."""
        return self.measure.kind in ("rating", "confusion", "curve")

    @property
    def of_clicks(self) -> bool:
        """Whether it is computed from probabilities of held-out events, or from their order."""
        return self.measure.kind.startswith("click_")

    @property
    def of_impressions(self) -> bool:
        """Whether it can be computed from the items that impressions show, or a pool of others."""
        kinds = ("per_list", "per_history", "all_lists", "pool", "pool_all")
        return self.of_shown_scores or self.measure.kind in kinds

    @property
    def of_shown_scores(self) -> bool:
        """Whether it is a mean over impressions, of the scores of the items that are shown."""
        return self.name in ("auc", "mrr") or self.name.startswith("ndcg@")

    @property
    def of_pool(self) -> str:
        """For a metric of the pool, the metric of lists that is taken; else ""."""
        return self.name.removeprefix(POOL) if self.measure.kind.startswith("pool") else ""

    @property
    def per_user(self) -> bool:
        """Whether each user has a value, so that the mean has an interval."""
        kinds = ("accuracy", "sampled", "per_list", "per_history", "pool", "rating")
        return self.measure.kind in kinds

    @property
    def sign(self) -> Literal[1, -1]:
        """-1 if lower is better, else 1: of two values v, the one with the larger sign · v wins."""
        return -1 if self.measure.lower_is_better else 1


def parse_metric(text: str) -> Metric:
    """A metric from its name, or from the path of a `Measure`, with its cut-off.

    >>> parse_metric("ndcg@10").k
    10

    Raises:
        UnknownName: if there is no metric of this name.
        BadSetting: if the cut-off is missing, not allowed or not a valid number; or if a path does
            not lead to a `Measure`.
    """
    shape = SHAPE.fullmatch(text.strip())
    name = shape["name"] if shape else text
    forms = _forms(name) if shape else {}
    if shape is None or not forms:
        raise UnknownName("metric", name, {_bare(form) for form in METRICS})
    sign, number = shape["sign"], shape["number"]
    if sign == "@" and number.startswith("tpr") and f"{name}@tprx" in forms:
        rate = number.removeprefix("tpr")
        if not NUMBER.fullmatch(rate) or not 0 < float(rate) <= 1:
            raise BadSetting(f"'{text}': the true-positive rate must be above 0 and at most 1")
        return Metric(f"{name}@tpr{float(rate):g}", forms[f"{name}@tprx"], tpr=float(rate))
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


def ranked_names(values: Mapping[str, float | None], metric: Metric) -> list[str]:
    """The names that have a finite value of a metric, best first, equals in their order.

    >>> ranked_names({"a": 0.9, "b": 0.8, "c": None}, parse_metric("mae"))
    ['b', 'a']
    """
    known = {name: v for name, v in values.items() if v is not None and isfinite(v)}
    return sorted(known, key=lambda name: -metric.sign * known[name])


def _bare(form: str) -> str:
    """The name of a metric without its cut-off."""
    return re.split("@|>=", form)[0]


def _forms(name: str) -> dict[str, Measure]:
    """The forms of a metric name (with `@k`, `>=x` or without), and the measure of each."""
    listed = [form for form in METRICS if _bare(form) == name] or ([name] if ":" in name else [])
    found = {}
    for form in listed:
        measure = METRICS[form]
        if measure.kind in BUILT_IN_KINDS and form not in BUILT_IN:
            raise BadSetting(
                f"the metric '{name}' is of the kind {measure.kind}, "
                "which is for built-in metrics only"
            )
        found[name + CUT_OFF[measure.kind]] = measure
    return found
