"""`recweave show`: what models there are, and their settings."""

from inspect import getdoc
from typing import TYPE_CHECKING, Annotated

import typer

from recweave.cli.output import Json, print_json, print_table

if TYPE_CHECKING:  # a command loads what it needs when it runs
    from recweave.core.fields import Setting
    from recweave.models import Recipe


def show(
    model: Annotated[str, typer.Argument(help="A model; without, all are listed.")] = "",
    as_json: Json = False,
) -> None:
    """List the models, or show one with its settings and defaults."""
    from recweave.core.fields import settings_of
    from recweave.models import RECIPES

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


def summary(recipe: "type[Recipe]") -> str:
    """The first sentence of a recipe's description."""
    return " ".join((getdoc(recipe) or "").split("\n\n")[0].split())


def tuned_over(setting: "Setting") -> str:
    """Where `recweave tune` searches, in words."""
    from recweave.models import Tune

    marks = [mark for mark in setting.marks if isinstance(mark, Tune)]
    if not marks:
        return "–"
    how = marks[0]
    if how.choices:
        return ", ".join("none" if choice is None else str(choice) for choice in how.choices)
    return f"{how.low:g} … {how.high:g}{', log' if how.log else ''}"
