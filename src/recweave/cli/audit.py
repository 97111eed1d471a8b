"""`recweave audit`: whether held-out data are in what a run learned from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recweave.cli.enrich import read_data
from recweave.cli.output import Json, print_json

if TYPE_CHECKING:  # a command loads what it needs when it runs
    from recweave.report.audit.finding import Audit, Level

HEADS: "dict[Level, str]" = {
    "leak": "LEAK",
    "suspicious": "SUSPICIOUS",
    "unverified": "UNVERIFIED",
    "note": "note",
}


def audit(
    folder: Annotated[Path, typer.Argument(help="A finished run, or what `enrich` wrote.")],
    data: Annotated[str, typer.Option(help="Of texts: the dataset or recipe file.")] = "",
    how: Annotated[str, typer.Option("--split", help="Of texts: as given to enrich.")] = "",
    split_seed: Annotated[int, typer.Option(help="Of texts: as given to enrich.")] = 0,
    refit: Annotated[
        bool, typer.Option("--refit", help="Train every row again, and compare.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for data leakage in a run or in generated texts.

    Exit code 0: clean. 1: a leak. 3: no leak is proved, but something is suspicious or cannot be
    verified.
    """
    from recweave.report.audit import audit as audit_run
    from recweave.report.audit import audit_texts

    texts = read_data(data, how, split_seed) if data else None
    found = audit_texts(folder, *texts) if texts else audit_run(folder, refit=refit)
    if as_json:
        print_json(found.to_json())
    else:
        show_audit(found)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def show_audit(found: "Audit") -> None:
    """For people: what was checked, what was found, how much it matters, and the verdict."""
    for line in found.checked:
        print(f"checked: {line}")
    for level, head in HEADS.items():
        for finding in found.of(level):
            print(f"{head}: {finding}")
    for twin, c in found.inflated:
        size = f"{c.difference.mean:+.4f} ({c.difference.low:+.4f} to {c.difference.high:+.4f})"
        sure = "significant" if c.sure else "not significant: the interval includes zero"
        print(f"the leak changes {c.metric} of {c.row} by {size} against {twin}; {sure}")
    print(_verdict(found))


def _verdict(found: "Audit") -> str:
    leaks, doubts = found.of("leak"), found.of("suspicious", "unverified")
    if leaks:
        return f"not clean: {len(leaks)} leaks; do not trust the numbers of this run"
    if doubts:
        return (
            f"not proved clean: nothing leaks for certain, but {len(doubts)} things are suspicious "
            "or cannot be verified"
        )
    return "clean: no held-out data were found in what was learned from"
