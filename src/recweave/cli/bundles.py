"""`recweave fit`, `recommend`, `similar`, `explain`: a trained model that answers by itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from recweave.cli.lines import distinct_lines
from recweave.cli.output import Json, print_json, print_table, say
from recweave.core.errors import BadSetting
from recweave.core.program import program

if TYPE_CHECKING:  # a command loads what it needs when it runs
    import polars as pl

    from recweave.bundle import Bundle

Folder = Annotated[Path, typer.Argument(help="A bundle (`recweave fit`) or a run folder.")]
User = Annotated[str, typer.Option(help="The user's id, as in the data.")]
Users = Annotated[Path | None, typer.Option(help="A file of user ids, one per line.")]
Everyone = Annotated[bool, typer.Option("--all", help="Lists for all users.")]
History = Annotated[str, typer.Option(help="A new user: item ids with commas, oldest first.")]
Row = Annotated[str, typer.Option(help="The row of a run's table. Default: the best one.")]
K = Annotated[int, typer.Option("-k", min=1, help="How many items.")]
Where = Annotated[
    list[str] | None,
    typer.Option(help="A condition on items: 'price <= 20 and \"Tea\" in categories'."),
]
HideItems = Annotated[
    Literal["all", "purchases", "none"],
    typer.Option(help="Which items of the history to leave out."),
]
Events = Annotated[Path | None, typer.Option(help="New events: a CSV or Parquet file.")]
Items = Annotated[Path | None, typer.Option(help="New items: a CSV or Parquet file.")]
OutFile = Annotated[Path | None, typer.Option(help="Write lists to this .parquet or .csv file.")]
SHOWN = 10_000
"""Lines that are printed; more go to a file."""
By = Annotated[str, typer.Option(help="behaviour, text, look, text+look or a feature's name.")]


def fit(
    recipe: Annotated[Path, typer.Argument(help="A recipe file (recipes/*.toml).")],
    out: Annotated[Path, typer.Option(help="The bundle's folder.")],
    row: Annotated[str, typer.Option(help="The row. Required if the recipe has several.")] = "",
    run: Annotated[
        Path | None, typer.Option(help="A finished run of the recipe: use the settings it chose.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train one row of a recipe on all data and write a bundle.

    A bundle recommends without the data: it holds the model, ids, catalogue and histories.
    """
    from recweave.experiment.fit import fit as fit_row
    from recweave.runs.spec import RecipeText, read_recipe

    experiment = read_recipe(recipe)
    with RecipeText.of(recipe).naming_lines():
        bundle = fit_row(experiment, row, base_dir=recipe.parent, run=run)
    bundle.save(out)
    if as_json:
        print_json({"bundle": str(out), "name": bundle.name, **bundle.counts()})
        return
    say(f"{bundle!r} in {out}")
    say(f"then: {program()} recommend {out} --all --out lists.parquet")


def recommend(
    folder: Folder,
    user: User = "",
    users: Users = None,
    everyone: Everyone = False,
    history: History = "",
    out: OutFile = None,
    row: Row = "",
    k: K = 10,
    where: Where = None,
    hide: HideItems = "all",
    events: Events = None,
    items: Items = None,
    as_json: Json = False,
) -> None:
    """Recommend items to one user, several, all, or a new user.

    A new user is described by --history: the items they liked.
    """
    _exactly_one(user=user, users=users, all=everyone, history=history)
    bundle = _open(folder, row, items, events)
    if history or user:
        if history:
            found = bundle.recommend(history=_split(history), k=k, where=where or [], hide=hide)
            title = f"{bundle.name} for a history"
        else:
            found = bundle.recommend([user], k, where=where or [], hide=hide)
            title = f"{bundle.name} for {user}, after {bundle.events_of(user):,} events"
        _show_lists(found.table, bundle, title, out, as_json, found.note)
        return
    asked = None if users is None else _say_unknown(_ids(users), bundle)
    parts = bundle.batches(asked, k, where=where or [], hide=hide, unknown="fallback")
    if out is None:
        import polars as pl

        count = len(bundle.dataset.user_ids) if asked is None else len(asked)
        _fits_the_screen(count * min(k, len(bundle.dataset.item_ids)))
        _show_lists(pl.concat(list(parts)), bundle, f"lists of {bundle.name}", None, as_json)
        return
    from recweave.bundle.lists import write_lists

    lines = write_lists(parts, out)
    say(f"{lines:,} lines in {out}")


def similar(
    folder: Folder,
    item: Annotated[str, typer.Argument(help="An item's id; or --all, or --words.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="For all items.")] = False,
    words: Annotated[str, typer.Option(help="Items that fit some words: 'red dress'.")] = "",
    encoder: Annotated[
        str, typer.Option(help="Of words, for pictures: the folder of a CLIP or SigLIP model.")
    ] = "",
    by: By = "behaviour",
    out: OutFile = None,
    row: Row = "",
    k: K = 10,
    where: Where = None,
    items: Items = None,
    as_json: Json = False,
) -> None:
    """Find items similar to an item, by behaviour, by text or by look; or by words.

    Words are looked for in the items' texts, or with --encoder in their pictures.
    """
    from recweave.bundle.lists import write_lists
    from recweave.bundle.similar import similar_batches

    if bool(item) + everything + bool(words) != 1:
        raise BadSetting("name an item, or give --all, or --words; one of the three")
    if encoder and not words:
        raise BadSetting("--encoder is of words; give --words too")
    bundle = _open(folder, row, items, None)
    if words:
        _search(bundle, words, by, encoder, k, where or [], out, as_json)
        return
    parts = similar_batches(bundle, [item] if item else None, k, by=by, where=where or [])
    if out is not None:
        lines = write_lists(parts, out)
        say(f"{lines:,} lines in {out}")
        return
    import polars as pl

    catalogue = len(bundle.dataset.item_ids)
    _fits_the_screen(min(k, catalogue) * (1 if item else catalogue))
    table = pl.concat(list(parts))
    note = "" if len(table) else "no item is like it"
    if note and where:
        note += " among those that fulfil --where; loosen --where"
    _show_lists(table, bundle, f"like {item or 'each item'}, by {by}", None, as_json, note)


def _search(
    bundle: "Bundle",
    words: str,
    by: str,
    encoder: str,
    k: int,
    where: list[str],
    out: Path | None,
    as_json: bool,
) -> None:
    from recweave.bundle.search import search
    from recweave.encode.images import image_encoder

    if by == "behaviour":  # the default: words say nothing of it
        by = "look" if encoder else "text"
    _fits_the_screen(0 if out else min(k, len(bundle.dataset.item_ids)))
    given = image_encoder(encoder) if encoder else None
    found = search(bundle, words, k, by=by, encoder=given, where=where)
    note = "" if len(found.table) else "no item fits"
    _show_lists(found.table, bundle, f"'{words}', by {by}", out, as_json, note)


def explain(
    folder: Folder,
    user: User,
    row: Row = "",
    k: K = 10,
    where: Where = None,
    hide: HideItems = "all",
    events: Events = None,
    as_json: Json = False,
) -> None:
    """Explain why each item is in a user's list.

    It names the items of the history that count most, and each rule that moved the item.
    """
    bundle = _open(folder, row, None, events)
    found = bundle.explanations(user, k, where=where or [], hide=hide)
    if as_json:
        print_json({"row": bundle.name, **found.to_json()})
        return
    if not found:
        raise BadSetting(found.note)
    if found.note:
        say(found.note)
    for line in found.sentences():
        print(line)


def _open(folder: Path, row: str, items: Path | None, events: Path | None) -> "Bundle":
    from recweave.runs.answering import open_bundle

    bundle = open_bundle(folder, row)
    if items is not None:
        bundle = bundle.with_items(items)
    if events is not None:
        bundle = bundle.with_events(events)
    return bundle


def _exactly_one(**given: object) -> None:
    named = [f"--{name}" for name, value in given.items() if value]
    if len(named) != 1:
        asked = ", ".join(f"--{name}" for name in given)
        what = f"not {' and '.join(named)}" if named else "none was given"
        raise BadSetting(f"give exactly one of {asked}; {what}")


def _fits_the_screen(lines: int) -> None:
    """Refuse to print what only a file can hold."""
    if lines > SHOWN:
        raise BadSetting(
            f"these are up to {lines:,} lines, and at most {SHOWN:,} are printed; write them to a "
            "file with --out lists.parquet"
        )


def _show_lists(
    table: "pl.DataFrame",
    bundle: "Bundle",
    title: str,
    out: Path | None,
    as_json: bool,
    note: str = "",
) -> None:
    if out is not None:
        from recweave.bundle.lists import write_lists

        write_lists(iter([table]), out)
        say(f"{len(table):,} lines in {out}")
        if note:
            say(note)
        return
    first, listed = table.columns[:2]
    lines = [line | {"title": bundle.title(line[listed])} for line in table.to_dicts()]
    if as_json:
        print_json({"row": bundle.name, "note": note, "items": lines})
        return
    if not lines:
        raise BadSetting(note or "no item is left to show to any user; loosen --where")
    if note:
        say(note)
    several = table[first].n_unique() > 1
    head = [*([first] if several else []), "rank", "item", "title", "score", "source"]
    rows = [
        [
            *([line[first]] if several else []),
            str(line["rank"]),
            line[listed],
            line["title"],
            f"{line['score']:.4f}",
            line["source"],
        ]
        for line in lines
    ]
    print_table(title, head, rows)


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _say_unknown(users: "pl.Series", bundle: "Bundle") -> "pl.Series":
    """The users, after a message on those that get the list of the fallback."""
    missing = bundle.dataset.user_ids.rows(users) < 0
    if missing.any():
        unknown = users.filter(missing)
        removed = bundle.removed.filter(bundle.removed["user_id"].is_in(unknown.implode()))
        counts = removed.group_by("filter", maintain_order=True).len()
        by = ", ".join(f"{count:,} by the filter {name}" for name, count in counts.iter_rows())
        filters = f" (removed: {by})" if by else ""
        say(
            f"{len(unknown):,} of {len(users):,} users are not known{filters}, the first is "
            f"'{unknown[0]}'; they get the most popular items"
        )
    return users


def _ids(file: Path) -> "pl.Series":
    """The distinct ids of a file, in its order."""
    import polars as pl

    return pl.Series("user_id", distinct_lines(file, "user id"), dtype=pl.String)
