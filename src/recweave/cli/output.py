"""Results to stdout: a table for people, JSON for machines."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from recweave.core.errors import BadSetting

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")]
Latex = Annotated[bool, typer.Option("--latex", help="Print a LaTeX table (booktabs).")]


def choose_one(**forms: bool) -> None:
    """Make sure that at most one form of a table is asked for.

    Args:
        **forms: By the name of the option.

    Raises:
        BadSetting: if several are.
    """
    asked = [f"--{name}" for name, given in forms.items() if given]
    if len(asked) > 1:
        raise BadSetting(
            f"{' and '.join(asked)} cannot be given together; choose one form of the table"
        )


def print_json(value: Any) -> None:
    """One JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as wide as the screen, or as it needs where the output is a file."""
    from rich import box  # a quarter of a second that `--help` need not take
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    for name, cells in zip(head, zip(*rows, strict=True), strict=True):
        figures = all(cell[:1] in "–-+.0123456789" for cell in cells)
        table.add_column(Text(name), justify="right" if figures else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    terminal = Console().is_terminal
    Console(width=None if terminal else 200, soft_wrap=False).print(table)


def print_markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for a README."""
    aligned = [":--", *("--:" for _ in head[1:])]
    for line in (head, aligned, *rows):
        print(f"| {' | '.join(line)} |")


def say(text: str) -> None:
    """A line about what is going on, to stderr."""
    from rich.console import Console

    Console(stderr=True, highlight=False).print(text, soft_wrap=True, markup=False)
