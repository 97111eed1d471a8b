"""`recweave show`, `recommend`, `explain`: models, and what they say to one user."""

from inspect import getdoc
from pathlib import Path
from typing import Annotated

import typer

from recweave.cli.output import Json, print_json, print_table
from recweave.core.errors import BadSetting
from recweave.core.fields import Setting, settings_of
from recweave.models import RECIPES, Recipe, Tune

Run = Annotated[Path, typer.Argument(help="A run folder (made by `recweave run`).")]
User = Annotated[str, typer.Option(help="The user's id, as in the data.")]
Row = Annotated[str, typer.Option(help="The row of the run's table; its best one without.")]
K = Annotated[int, typer.Option("-k", min=1, help="How many items.")]
Where = Annotated[
    list[str] | None, typer.Option(help="A condition on item fields, such as 'price<=20'.")
]


def show(
    model: Annotated[str, typer.Argument(help="A model; without, all are listed.")] = "",
    as_json: Json = False,
) -> None:
    """Say what a model is, its settings, their ranges and defaults; or list all models."""
    if not model:
        listed = {name: summary(RECIPES[name]) for name in RECIPES}
        if as_json:
            print_json(listed)
        else:
            print_table("models", ["name", "what it is"], list(listed.items()))
        return
    recipe = RECIPES[model]
    rows = [
        {"setting": s.name, "default": s.default, "takes": s.takes, "tuned over": tuned_over(s)}
        | {"meaning": s.meaning}
        for s in settings_of(recipe)
    ]
    if as_json:
        print_json({"name": model, "about": getdoc(recipe), "settings": rows})
        return
    print(f"{model}: {getdoc(recipe)}\n")
    if rows:
        print_table("settings", list(rows[0]), [list(row.values()) for row in rows])


def summary(recipe: type[Recipe]) -> str:
    """The first sentence of a recipe's description."""
    return " ".join((getdoc(recipe) or "").split("\n\n")[0].split())


def tuned_over(setting: Setting) -> str:
    """Where `recweave tune` searches, in words."""
    marks = [mark for mark in setting.marks if isinstance(mark, Tune)]
    if not marks:
        return "–"
    how = marks[0]
    if how.choices:
        return ", ".join("none" if choice is None else str(choice) for choice in how.choices)
    return f"{how.low:g} … {how.high:g}{', log' if how.log else ''}"


def recommend(
    run: Run,
    user: User,
    row: Row = "",
    k: K = 10,
    where: Where = None,
    as_json: Json = False,
) -> None:
    """The best items for one user, by a model of a run."""
    from recweave.experiment.ask import ask

    found = ask(run, user, row=row, k=k, where=where or [])
    if as_json:
        print_json(found.to_json())
        return
    print_table(
        f"{found.row} for {user}, after {found.events:,} events",
        ["place", "item", "title", "score"],
        [[str(i + 1), p.item_id, p.title, f"{p.score:.4f}"] for i, p in enumerate(found.picks)],
    )


def explain(
    run: Run,
    user: User,
    row: Row = "",
    k: K = 10,
    where: Where = None,
    as_json: Json = False,
) -> None:
    """Why each item of a user's list is there: what of their history, and which rule moved it."""
    from recweave.experiment.ask import ask

    found = ask(run, user, row=row, k=k, where=where or [], reasons=True)
    if as_json:
        print_json(found.to_json())
        return
    if not found.picks:
        raise BadSetting(f"no item is left to show to {user}; loosen --where")
    for pick in found.picks:
        print(pick.why)
