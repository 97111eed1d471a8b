"""`recweave data`: files to datasets, and what is in them."""

from pathlib import Path
from typing import Annotated

import typer

from recweave.cli.output import Json, print_json, say
from recweave.cli.reader_options import (
    Columns,
    Decimal,
    Encoding,
    Escaped,
    Events,
    Impressions,
    Items,
    Links,
    Names,
    NoHeader,
    NoQuotes,
    Options,
    Reviews,
    Separator,
    SheetName,
    Users,
    key_values,
    reader_options,
)

app = typer.Typer(
    help="Read, check and describe data, or download a dataset.", no_args_is_help=True
)

Source = Annotated[str, typer.Argument(help="A reader: movielens, recbole, amazon, table, …")]
Place = Annotated[Path, typer.Argument(help="The file or folder to read.")]
What = Annotated[str, typer.Argument(help="A known dataset's name or a dataset folder.")]
SkipBad = Annotated[
    Path | None, typer.Option(help="Leave bad rows out and keep them in this file, with reasons.")
]


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="A known dataset; `recweave doctor` lists them.")],
) -> None:
    """Download a known dataset, or say where it is already."""
    from recweave.core.settings import Settings
    from recweave.data.catalogue import DATASETS
    from recweave.data.catalogue import get as fetch

    folder = fetch(name, Settings())
    say(f"licence: {DATASETS[name].licence}")
    print(folder)


@app.command()
def guess(
    path: Place,
    out: Annotated[
        str | None, typer.Option(help="The dataset folder that the command shall make.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at your own file or folder and print the command that reads it."""
    from recweave.data.readers.guess import guess as guess_reader

    found = guess_reader(path, out)
    if as_json:
        print_json(found.to_json())
    else:
        print(found)


@app.command()
def read(
    source: Source,
    path: Place,
    out: Annotated[Path, typer.Argument(help="The dataset folder to make.")],
    column: Columns = None,
    option: Options = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    no_header: NoHeader = False,
    names: Names = None,
    no_quotes: NoQuotes = False,
    backslash_quotes: Escaped = False,
    sheet: SheetName = None,
    events: Events = None,
    items: Items = None,
    users: Users = None,
    reviews: Reviews = None,
    links: Links = None,
    impressions: Impressions = None,
    skip_bad: SkipBad = None,
    name: Annotated[str, typer.Option(help="What the dataset is called; else as its folder.")] = "",
) -> None:
    """Read files into a dataset folder.

    A bad row is an error; --skip-bad FILE writes bad rows to a file and reads the others.
    """
    options = reader_options(locals())
    from recweave.data.readers import examine

    reading = examine(source, path, name=name or out.name, skip_bad=skip_bad, **options)
    for line in reading.notes():
        say(line)
    dataset = reading.taken()
    dataset.save(out)
    for file, rows in reading.problems.rows.items():
        say(f"{file}: {rows:,} rows read")
    for line in reading.messages():
        say(line)
    say(f"{dataset!r} in {out}")


@app.command()
def describe(dataset: What, as_json: Json = False) -> None:
    """Show counts, sparsity, time span, duplicates, head and tail."""
    from recweave.data.catalogue import load
    from recweave.data.describe import describe as describe_dataset

    found = describe_dataset(load(dataset))
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print(found)


@app.command()
def truth(
    out: Annotated[Path, typer.Argument(help="The folder to make.")],
    path: Annotated[Path | None, typer.Argument(help="The photographs; else known data.")] = None,
    option: Options = None,
) -> None:
    """Write what was planted in the photo shop: tastes of each user, looks of each item.

    The options are those that the shop was read with. No model must see this.
    """
    from recweave.data.catalogue import get as fetch
    from recweave.data.readers.photo_shop import planted

    found = planted(path or fetch("photo-shop"), **key_values(option))
    found.save(out)
    say(f"tastes of {len(found.users):,} users and looks of {len(found.items):,} items in {out}")


@app.command()
def check(
    source: Annotated[str, typer.Argument(help="A dataset (name or folder), or a reader.")],
    path: Annotated[Path | None, typer.Argument(help="The reader's file or folder.")] = None,
    column: Columns = None,
    option: Options = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    no_header: NoHeader = False,
    names: Names = None,
    no_quotes: NoQuotes = False,
    backslash_quotes: Escaped = False,
    sheet: SheetName = None,
    events: Events = None,
    items: Items = None,
    users: Users = None,
    reviews: Reviews = None,
    links: Links = None,
    impressions: Impressions = None,
    as_json: Json = False,
) -> None:
    """Count every kind of problem and show the first; ends with 1 if there are errors.

    With --json, the first 100 of each kind are listed.
    """
    options = reader_options(locals())
    from recweave.data.catalogue import load
    from recweave.data.check import check as check_dataset
    from recweave.data.readers import examine

    if path is None:
        problems = check_dataset(load(source))
    else:
        reading = examine(source, path, **options)
        problems = reading.problems
        if reading.dataset is not None:
            problems.extend(check_dataset(reading.dataset))
    if as_json:
        print_json(problems.to_json())
    else:
        for line in problems.lines():
            print(line)
        say(f"{problems.errors.total():,} errors, {problems.notes.total():,} notes")
    if problems.errors:
        raise typer.Exit(1)
