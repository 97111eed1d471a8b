"""The rows of language-model recipes at full size, on a GPU: prints what `run --json` does.

The recipes' defaults are made for two CPU cores: few blocks of the language model, few users to
learn from. Here all blocks of smollm2 are used, and more users; the data, the split, the test users
and the metrics are those of the recipe, so that the numbers can be put side by side. Needs
RECWEAVE_DATA. Without a GPU it stops, unless --trial asks for a run that only shows that all of it
works: two blocks, one epoch, 20 test users.
"""

import argparse
import json
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from validate import row_name

from recweave.experiment.run import run
from recweave.runs.spec import Experiment

RECIPES = Path(__file__).parents[1] / "recipes"
FULL: dict[str, dict[str, dict[str, Any]]] = {
    "palr-beauty": {
        "identity": {},
        "palr-zero-shot": {},
        "palr-tuned": {"tuning": {"users": 5000}},
        "palr-tuned-blend": {"tuning": {"users": 5000}},
    },
    "cllm4rec-giftcards": {
        "ease": {},
        "cllm4rec": {"layers": 0},
        "cllm4rec-random-backbone": {"layers": 0},
        "llm4rec-edges": {"layers": 0},
    },
    "numbered-ml-100k": {
        "plus-one": {},
        "sequential-plain": {"backbone": "smollm2", "lr": 5e-4},
        "sequential-arithmetic": {"backbone": "smollm2", "lr": 5e-4},
        "random-plain": {"backbone": "smollm2", "lr": 5e-4},
    },
}
"""Rows of each recipe, and what is changed in them (in the stage, where a row has one)."""
TRIAL = {"layers": 2, "epochs": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=FULL, default=list(FULL))
    parser.add_argument("--out", type=Path, help="folder of the runs; a temporary one without")
    parser.add_argument("--trial", action="store_true", help="a small run, without a GPU too")
    asked = parser.parse_args()
    device = _device(trial=asked.trial)
    with tempfile.TemporaryDirectory() as made:
        for name in asked.only:
            start = time.perf_counter()
            experiment = at_full_size(name, device, trial=asked.trial)
            found = run(experiment, (asked.out or Path(made)) / name, base_dir=RECIPES).to_json()
            found["gpu"] = {"device": device, "seconds": round(time.perf_counter() - start, 1)}
            print(json.dumps(found), flush=True)


def _device(*, trial: bool) -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if not trial:
        raise SystemExit("there is no GPU here; run the recipes themselves, or give --trial")
    return "cpu"


def at_full_size(name: str, device: str, *, trial: bool) -> Experiment:
    """A recipe with some of its rows, one seed, and what `FULL` changes."""
    spec = tomllib.loads((RECIPES / f"{name}.toml").read_text(encoding="utf-8"))
    changes = FULL[name]
    spec["models"] = [
        _changed(model, changes[row], trial=trial)
        for model in spec["models"]
        if (row := row_name(model)) in changes
    ]
    spec |= {"seeds": spec.get("seeds", [0])[:1], "device": device, "save": False}
    if device == "cuda":
        spec["precision"] = "bf16"
    if trial:
        spec["test_users"] = 20
    return Experiment.model_validate(spec)


def _changed(model: dict[str, Any], change: dict[str, Any], *, trial: bool) -> dict[str, Any]:
    if trial and change and "stages" not in model:
        change = change | TRIAL
    if "stages" not in model:
        return model | change
    (stage,) = model["stages"]
    if trial:
        change = {"layers": 2, "users": 20} | ({"tuning": {"users": 20}} if change else {})
        change |= {"strength": 0.5} if not stage.get("alone") else {}
    return model | {"stages": [stage | change]}


if __name__ == "__main__":
    main()
