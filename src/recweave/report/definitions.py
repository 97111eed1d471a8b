"""Definitions of metrics for readers: the first paragraph of what computes each of them."""

from collections.abc import Sequence
from inspect import getdoc

from recweave.evaluate import parse_metric


def definition(metric: str) -> str:
    """What a metric is and which way is better, on one line.

    >>> definition("hit@10")
    '1 if any relevant item is in the list, else 0; never falls as k grows. Here k = 10.'
    """
    found = parse_metric(metric)
    text = " ".join((getdoc(found.measure.function) or "").split("\n\n")[0].split())
    if found.k is not None:
        text += f" Here k = {found.k}."
    if found.threshold is not None:
        text += f" Here x = {found.threshold:g}."
    if found.sign < 0 and "lower is" not in text:
        text += " Lower is better."
    return text


def definitions(metrics: Sequence[str]) -> dict[str, str]:
    """The same for several, by name."""
    return {metric: definition(metric) for metric in metrics}
