"""The checks of an audit, by name, in the order they are run."""

from collections.abc import Callable, Mapping

from recweave.report.audit.case import Case
from recweave.report.audit.finding import Found
from recweave.report.audit.rows import behind_features, learned, parts_are_apart
from recweave.report.audit.saved import saved_models

Check = Callable[[Case], Found]

CHECKS: Mapping[str, Check] = {
    "parts of the split": parts_are_apart,
    "events behind models": learned,
    "rows behind features": behind_features,
    "saved models": saved_models,
}
"""Each looks at one fold of a run. What it finds depends on the data alone, never on chance: those
that sample or permute do so with a fixed seed."""
