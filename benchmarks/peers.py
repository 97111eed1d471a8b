"""Peers beside us: a virtual environment each, and workers that take turns on the same input.

A worker is a script `python worker.py FOLDER`. It loads what it needs from the folder, does the
work once to warm up, prints a JSON line, and then does it again for each line that it is sent,
each time printing a JSON line with `seconds` and whatever else is to be compared.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
THREADS = 2
MACHINE = f"{platform.machine()}, {THREADS} threads"


def python_of(peer: str, packages: list[str]) -> Path:
    """The Python of .peers/<peer>, where these packages are; made once."""
    folder = ROOT / ".peers" / peer
    ready = folder / ".ready"
    if not ready.exists() or ready.read_text() != "\n".join(packages):
        beside = Path(sys.executable).parent
        uv = shutil.which("uv", path=f"{beside}{os.pathsep}{os.environ['PATH']}")
        if uv is None:
            sys.exit("error: this needs uv; run: pip install uv")
        print(f"installing {peer}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([uv, "venv", "-q", folder, "--python", sys.executable], check=True)
        subprocess.run(
            [uv, "pip", "install", "-q", "--python", folder / "bin" / "python", *packages],
            check=True,
            env={**os.environ, "UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")},
        )
        ready.write_text("\n".join(packages))
    return folder / "bin" / "python"


class Worker:
    """A process that has loaded and warmed up, and waits for its turn."""

    def __init__(self, python: Path | str, script: Path, folder: Path) -> None:
        limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RECWEAVE_THREADS")
        self._process = subprocess.Popen(
            [python, script, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, **dict.fromkeys(limits, str(THREADS))},
        )
        self._answer()

    def turn(self) -> dict[str, Any]:
        """What the work gave this time."""
        assert self._process.stdin is not None
        print("go", file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"error: {self._process.args} ended early")
        return dict(json.loads(line))


def take_turns(ours: Worker, theirs: Worker, pairs: int) -> tuple[list[Any], list[Any], float]:
    """All answers of both, in turns, and the median of the pairs' ratios, theirs to ours."""
    answers = [(ours.turn(), theirs.turn()) for _ in range(pairs)]
    ratio = statistics.median(b["seconds"] / a["seconds"] for a, b in answers)
    return [a for a, _ in answers], [b for _, b in answers], ratio
