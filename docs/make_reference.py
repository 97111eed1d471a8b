"""Write docs/reference/ from the code: `python docs/make_reference.py [--check]`.

A test runs it with --check, so the pages cannot fall behind.
"""

import sys
from collections.abc import Iterable
from inspect import getdoc
from pathlib import Path

import typer.main

from recweave.cli import app
from recweave.cli.models import summary, tuned_over
from recweave.core.fields import settings_of
from recweave.data.filters import FILTERS
from recweave.data.readers import READERS
from recweave.data.split import SPLITTERS
from recweave.encode.numeric import CODES
from recweave.evaluate import METRICS, SLICES
from recweave.features import FEATURES
from recweave.models import RECIPES
from recweave.rank import STAGES
from recweave.runs.entry import Entry
from recweave.runs.spec import Experiment

HERE = Path(__file__).parent / "reference"
MADE = "<!-- made by docs/make_reference.py; do not edit -->\n\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return (
            "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
        )

    head = list(head)
    return "\n".join([line(head), line("---" for _ in head), *(line(row) for row in rows)]) + "\n"


def first(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((getdoc(thing) or "").split("\n\n")[0].split())


def settings(kind: type, *, tuned: bool = False) -> str:
    rows = [
        [f"`{s.name}`", s.default, s.takes, *([tuned_over(s)] if tuned else []), s.meaning]
        for s in settings_of(kind)
        if s.name != "kind"
    ]
    head = ["setting", "default", "takes", *(["tuned over"] if tuned else []), "meaning"]
    return table(head, rows) if rows else "No settings.\n"


def models() -> str:
    listed = table(
        ["model", "what it is"], ([f"[`{n}`](#{n})", summary(RECIPES[n])] for n in RECIPES)
    )
    parts = [
        f"## {n}\n\n{getdoc(RECIPES[n])}\n\n{settings(RECIPES[n], tuned=True)}" for n in RECIPES
    ]
    return "# Models and settings\n\n" + "\n".join([listed, *parts])


def metrics() -> str:
    rows = []
    for name, measure in METRICS.items():
        if measure.kind != "sampled":
            rows.append(
                [f"`{name}`", "lower" if measure.lower_is_better else "", first(measure.function)]
            )
    slices = table(
        ["slice", "what it tells apart"], ([f"`{n}`", first(f)] for n, f in SLICES.items())
    )
    return (
        "# Metrics\n\n`k` is the length of the list, `x` the rating from which somebody liked an item. "
        "Accuracy metrics also come as `sampled_…@k`, on lists of a few drawn items: such numbers can "
        "order models wrongly and are never the default.\n\n"
        + table(["metric", "better", "what it is"], rows)
        + "\n## Slices\n\n"
        + slices
    )


def parts() -> str:
    text = "# Readers, filters, splits, features, stages\n\n## Readers\n\n"
    text += table(["source", "what it reads"], ([f"`{n}`", first(READERS[n])] for n in READERS))
    for title, kinds in (
        ("Filters", FILTERS),
        ("Splits", SPLITTERS),
        ("Features", FEATURES),
        ("Number codes", CODES),
        ("Stages", STAGES),
    ):
        text += f"\n## {title}\n"
        for name, kind in kinds.items():
            text += f"\n### {name}\n\n{getdoc(kind)}\n\n{settings(kind)}"
    return text


def recipe() -> str:
    return (
        "# Recipe files\n\nA recipe is a TOML file; one file is one table of a report. An unknown key is "
        "refused with its line.\n\n"
        + settings(Experiment)
        + "\n## [[models]]\n\nOne table for each row. The recipe's own settings stand beside `kind`; "
        "`search = { reg = [10, 100] }` lets validation choose.\n\n" + settings(Entry)
    )


def commands() -> str:
    text = "# Commands\n\nResults go to stdout (`--json` for machines), progress to stderr. "
    text += "Mistakes of the user end with exit code 2.\n"
    for path, command in walk("recweave", typer.main.get_command(app)):
        text += f"\n## {path}\n\n{first_line(command.help)}\n\n"
        rows = []
        for given in command.params:
            if given.name != "help":
                name = " ".join(given.opts) if given.opts[0].startswith("-") else given.name.upper()
                rows.append([f"`{name}`", getattr(given, "help", "") or ""])
        text += table(["argument", "meaning"], rows) if rows else "No arguments.\n"
    return text


def first_line(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


def walk(path: str, command: object) -> Iterable[tuple[str, object]]:
    """Every command below a group, by its whole name."""
    inside = getattr(command, "commands", None)
    if inside is None:
        yield path, command
        return
    for name, one in inside.items():
        yield from walk(f"{path} {name}", one)


PAGES = {
    "models.md": models,
    "metrics.md": metrics,
    "parts.md": parts,
    "recipe.md": recipe,
    "commands.md": commands,
}


def main() -> None:
    stale = []
    for name, make in PAGES.items():
        path, text = HERE / name, MADE + make()
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                stale.append(name)
        else:
            HERE.mkdir(exist_ok=True)
            path.write_text(text)
    if stale:
        sys.exit(f"docs/reference is behind the code ({', '.join(stale)}); run: make reference")


if __name__ == "__main__":
    main()
