"""Evaluation of rankings and predictions on held-out events: metrics, intervals, slices."""

from recweave.evaluate.catalogue import Catalogue, head_items
from recweave.evaluate.clicks import evaluate_clicks
from recweave.evaluate.evaluate import evaluate, evaluate_model, evaluate_predictions
from recweave.evaluate.impressions import evaluate_impressions
from recweave.evaluate.metrics import METRICS, Measure, Metric, parse_metric
from recweave.evaluate.report import Report, differences, means, over_seeds, report_differences
from recweave.evaluate.slices import SLICES, Slice

__all__ = [
    "METRICS",
    "SLICES",
    "Catalogue",
    "Measure",
    "Metric",
    "Report",
    "Slice",
    "differences",
    "evaluate",
    "evaluate_clicks",
    "evaluate_impressions",
    "evaluate_model",
    "evaluate_predictions",
    "head_items",
    "means",
    "over_seeds",
    "parse_metric",
    "report_differences",
]
