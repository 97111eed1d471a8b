"""A row of a recipe with changed settings, on validation: a JSON line. It never prints test.

    python benchmarks/validate.py recipes/cllm4rec-giftcards.toml cllm4rec-lora lr=0.01 epochs=28

Values are JSON; `pretrain.lr=0.001` reaches into a table, `stages.0.users=200` into a list, and
`each=null` leaves a key out. One model is fitted on train with the recipe's first seed, or that of
--seed; nothing is searched but the first of several settings.
"""

import argparse
import json
import time
import tomllib
from pathlib import Path
from typing import Any

from recweave.experiment.prepare import prepare
from recweave.runs.spec import Experiment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("row")
    parser.add_argument("changes", nargs="*", metavar="KEY=JSON")
    parser.add_argument("--seed", type=int, help="the recipe's first one without")
    asked = parser.parse_args()
    experiment = changed(asked.recipe, asked.row, asked.changes)
    prepared = prepare(experiment, asked.recipe.parent)
    (entry, *_) = experiment.models
    seed = experiment.seeds[0] if asked.seed is None else asked.seed
    start, cpu = time.perf_counter(), time.process_time()
    model, _ = prepared.fit(entry.recipes()[0], seed=seed, final=False)
    stages = prepared.fit_stages(entry, model)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    report = prepared.evaluate(model, stages, on="valid", metrics=experiment.metrics)
    line = {"row": asked.row, "changes": asked.changes, "seed": seed}
    line |= {name: round(report.value(name), 4) for name in experiment.metrics}
    print(json.dumps(line | {"fit_s": round(seconds, 1), "cpu_s": round(cpu, 1)}))


def changed(recipe: Path, row: str, changes: list[str]) -> Experiment:
    """The recipe with one row, changed."""
    spec = tomllib.loads(recipe.read_text(encoding="utf-8"))
    rows = {row_name(model): model for model in spec["models"]}
    if row not in rows:
        raise SystemExit(f"{recipe} has no row '{row}'; it has {', '.join(rows)}")
    for change in changes:
        path, _, value = change.partition("=")
        *above, key = path.split(".")
        place: Any = rows[row]
        for name in above:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        place[key] = json.loads(value)
        if place[key] is None:
            del place[key]
    spec.pop("baseline", None)
    return Experiment.model_validate(spec | {"models": [rows[row]]})


def row_name(model: dict[str, Any]) -> str:
    """The name of a row of a recipe file."""
    named = "-".join(filter(None, [model["kind"], model.get("variant")]))
    return str(model.get("row", named))


if __name__ == "__main__":
    main()
