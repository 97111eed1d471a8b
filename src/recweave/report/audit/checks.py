"""The checks of an audit, by name, in the order they are run."""

from collections.abc import Callable, Mapping

from recweave.report.audit.case import Case
from recweave.report.audit.finding import CheckResult
from recweave.report.audit.ids import ids_in_texts
from recweave.report.audit.popularity import held_out_popularity
from recweave.report.audit.quotes import quotes
from recweave.report.audit.rows import behind_features, learned, parts_are_apart
from recweave.report.audit.saved import saved_models
from recweave.report.audit.twins import twin_accounts

Check = Callable[[Case], CheckResult]

CHECKS: Mapping[str, Check] = {
    "parts of the split": parts_are_apart,
    "events behind models": learned,
    "rows behind features": behind_features,
    "saved models": saved_models,
    "ids in texts": ids_in_texts,
    "quotes of held-out reviews": quotes,
    "held-out popularity": held_out_popularity,
    "twin accounts": twin_accounts,
}
"""Each looks at one fold of a run. What it finds depends on the data alone, never on chance: those
that sample or permute do so with a fixed seed."""
