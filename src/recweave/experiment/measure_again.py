"""Rows of which only what is measured has changed: the kept model is evaluated, not fitted."""

import shutil

from recweave.bundle import Bundle
from recweave.core.errors import BadArtifact
from recweave.experiment.prepare import Prepared
from recweave.experiment.todo import Todo
from recweave.models.artifact import model_hash
from recweave.runs.entry import Entry


def measure_again(prepared: Prepared, todo: Todo, entry: Entry, fold: int | None) -> bool:
    """Evaluate the model in a row's bundle on test, as the recipe now asks, and keep the numbers.

    Bundles hold the model and the stages of the first seed and fold.

    Returns:
        Whether this was done. It is not for other folds, or where the folder keeps no bundle. One
        that is broken, or whose model is not the one that was evaluated before, is removed.
    """
    folder, row, seed = todo.folder, entry.row, todo.seeds[0]
    if fold != todo.folds[0] or not todo.has_model(folder, row):
        return False
    result = folder.result(row, seed, fold)
    try:
        bundle = Bundle.load(folder.bundle(row))
    except BadArtifact:
        bundle = None
    if bundle is None or model_hash(bundle.model) != result.get("model_hash"):
        shutil.rmtree(folder.bundle(row), ignore_errors=True)
        return False
    metrics = prepared.experiment.metrics
    report = prepared.evaluate(bundle.model, bundle.stages, on="test", metrics=metrics)
    folder.keep_cell(row, seed, result | {"key": todo.keys[row].whole}, report, fold)
    return True
