"""`recweave demo`: end to end, then what to look at."""

from pathlib import Path
from typing import Annotated

import typer

from recweave.cli.output import Json, print_json, say
from recweave.cli.runs import show_table
from recweave.runs.folder import REPORT


def demo(
    out: Annotated[Path, typer.Option(help="Where the run folder goes.")] = Path("runs"),
    as_json: Json = False,
) -> None:
    """Compare five models on real data (or the synthetic shop), print a table, write a report."""
    from recweave.experiment.demo import demo as run_demo
    from recweave.report.compare import table_of
    from recweave.report.page import write_report
    from recweave.report.verdict import verdict
    from recweave.runs.answering import open_bundle

    say("comparing five models; settings are chosen on validation, the table is of the test part")
    found = run_demo(out)
    write_report(found.summary, found.summary.path / REPORT)
    say(f"data: {found.data}")
    if as_json:
        print_json(found.summary.to_json())
    else:
        table = table_of(found.summary)
        show_table(table, found.summary.experiment.title)
        print(verdict(table, found.summary.experiment.choose))
    folder = found.summary.path
    user = open_bundle(folder, "ease").dataset.user_ids.ids[0]
    say(f"open:  {(folder / REPORT).resolve()}")
    say(f"then:  recweave explain {folder} --user {user} --row ease")
