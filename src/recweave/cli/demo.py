"""`recweave demo`: tables, three users, similar items, and the commands to try next."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recweave.cli.output import Json, print_json, say
from recweave.cli.runs import show_table
from recweave.core.program import program

if TYPE_CHECKING:  # a command loads what it needs when it runs
    from recweave.bundle import Bundle
    from recweave.experiment.demo import Demo
    from recweave.report.people import Person


def demo(
    out: Annotated[Path, typer.Option(help="The folder of the run folders.")] = Path("runs"),
    as_json: Json = False,
) -> None:
    """Show what item texts add to behaviour, on a synthetic shop.

    Tables, three users with reasons, similar items, and commands to try next. It needs no network.
    """
    from recweave.experiment.demo import TEXT_ROW
    from recweave.experiment.demo import demo as run_demo
    from recweave.report.page import write_report
    from recweave.report.people import people
    from recweave.runs.answering import open_bundle
    from recweave.runs.layout import REPORT

    say("comparing models; settings are chosen on validation, the tables are of the test part")
    found = []
    for one in run_demo(out):
        write_report(one.summary, one.summary.path / REPORT)
        found.append(one)
        if not as_json:
            _show(one)
    folder = found[-1].summary.path  # the real data, if it is here
    bundle = open_bundle(folder, TEXT_ROW)
    persons = people(bundle)
    commands = _commands(folder, TEXT_ROW, bundle, persons)
    if as_json:
        tables = [{"about": one.about, **one.summary.to_json()} for one in found]
        print_json(
            {"tables": tables, "users": [asdict(p) for p in persons], "next": list(commands)}
        )
        return
    _show_people(persons, bundle.name)
    _show_similar(bundle, persons[0].history[0].item_id)
    print("\nTry next:")
    for command, purpose in commands.items():
        print(f"  # {purpose}\n  {command}")
    reports = ", ".join(str((one.summary.path / REPORT).resolve()) for one in found)
    print(f"\nReports with plots, to open in a browser: {reports}")
    print("Your own data: docs/howto/own-data.md, or `recweave data read --help`")


def _show(one: "Demo") -> None:
    """What the best row's number means, a table, best row first, and what it says."""
    from recweave.experiment.demo import ROWS
    from recweave.report.compare import table_of
    from recweave.report.headline import headline
    from recweave.report.ranking import ordered
    from recweave.report.verdict import verdict

    metric = one.summary.experiment.choose
    table = table_of(one.summary)
    rows = ordered(table, metric)
    print(f"\nData: {one.about}.")
    print(headline(one.summary, table, metric))
    show_table(replace(table, rows=rows), one.summary.experiment.title)
    for row in rows:
        print(f"  {row.name + ':':<14} {ROWS[row.name]}")
    print(f"\n{verdict(table, metric)}")


def _show_people(persons: Sequence["Person"], row: str) -> None:
    print(f"\nThree users, picked by a hash of their ids, and what {row} recommends to them next:")
    for person in persons:
        print(f"\n  User {person.user_id}, {person.events} events, the newest first:")
        for item in person.history[:3]:
            print(f"    {item.text:<16} {item.title}")
        for rank, item in enumerate(person.recommended[:3], 1):
            print(f"    {rank}. {item.title}\n       {item.text}")


def _show_similar(bundle: "Bundle", item_id: str) -> None:
    print(f"\nItems similar to {bundle.title(item_id) or item_id}:")
    for by in ("behaviour", "text"):
        found = bundle.similar(item_id, k=3, by=by).table["similar_id"]
        print(f"  by {by + ':':<11} {' | '.join(bundle.title(one) or one for one in found)}")


def _commands(
    folder: Path, row: str, bundle: "Bundle", persons: Sequence["Person"]
) -> dict[str, str]:
    """Commands that work as printed, in the folder where the demo ran, and what each is for."""
    run, user = shlex.quote(str(folder)), shlex.quote(persons[0].user_id)
    item = shlex.quote(persons[0].history[0].item_id)
    history = shlex.quote(",".join(one.item_id for one in persons[1].history[:2]))
    return {
        f"{program()} explain {run} --row {row} --user {user}": "a longer list, with reasons",
        f"{program()} similar {run} {item} --row {row} --by text": "items with similar texts",
        f"{program()} recommend {run} --row {row} --history {history}": "a list for a new user",
        f"{program()} words {run}": "how much the texts add, compared with controls",
        f"{program()} audit {run}": "a search for data leakage",
        f"{program()} compare {run} --latex": "the table for a paper",
    }
