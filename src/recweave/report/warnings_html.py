"""What a reader of the report must know before the table: a doubtful split, rows that failed."""

from html import escape

from recweave.runs.summary import Summary


def html_warnings(run: Summary) -> str:
    """What the run says of its split, rows that leak, stages without effect, rows that failed."""
    said = [_box(line) for line in str(run.data.get("remark") or "").splitlines()]
    for entry in run.experiment.models:
        doubts = dict.fromkeys(recipe.doubt() for recipe in entry.recipes())
        said += [_box(f"row '{entry.row}': {doubt}") for doubt in doubts if doubt]
    said += [_box(line) for row in run.rows for line in row.fallbacks()]
    return "".join([*said, _failed(run)])


def _failed(run: Summary) -> str:
    """The rows that are not in the table, why, and what the others are compared with instead."""
    if not run.failed:
        return ""
    rows = len(run.failed) + len(run.rows)
    head = f"{len(run.failed)} of {rows} rows failed and are not in the table."
    baseline = run.experiment.compared_with()
    if baseline in run.failed:
        head += (
            f" One of them is the baseline, {baseline}: the other rows are compared with "
            f"{run.compared_with()} instead."
        )
    reasons = "".join(
        f"<dt>{escape(row)}</dt><dd>{escape(reason)}</dd>" for row, reason in run.failed.items()
    )
    return _box(f"{head} Run the recipe again to try them.", f"<dl>{reasons}</dl>")


def _box(text: str, more: str = "") -> str:
    return f'<div class="warning"><p>⚠ {escape(text[:1].upper() + text[1:])}</p>{more}</div>'
