"""Seconds and megabytes of the core install, and seconds of `import recweave`.

The install goes into a fresh virtual environment, with what the package installer has cached.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORT = "import sys, recweave; print(int('torch' in sys.modules))"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        python = install(Path(folder))
        seconds = []
        for _ in range(6):  # the first warms the disk and writes bytecode; it is dropped
            start = time.perf_counter()
            with_torch = subprocess.run([python, "-c", IMPORT], capture_output=True, check=True)
            whole = time.perf_counter() - start
            start = time.perf_counter()
            subprocess.run([python, "-c", "pass"], check=True)
            seconds.append(whole - (time.perf_counter() - start))
        print(
            json.dumps(
                {
                    "benchmark": "import recweave",
                    "seconds": round(statistics.median(seconds[1:]), 3),
                    "imports_torch": with_torch.stdout.strip() == b"1",
                    "on": platform.machine(),
                }
            )
        )


def install(folder: Path) -> Path:
    """A core install, timed; its python."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        sys.exit("error: this needs uv; run: pip install uv")
    subprocess.run([uv, "venv", "-q", folder / "venv", "--python", sys.executable], check=True)
    python = folder / "venv" / "bin" / "python"
    environment = {**os.environ, "UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}
    command = [uv, "pip", "install", "-q", "--python", python, "-c", ROOT / "constraints.txt", ROOT]
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment)
    seconds = time.perf_counter() - start
    files = (f for f in (folder / "venv" / "lib").rglob("*") if f.is_file())
    size = sum(f.stat().st_size for f in files)
    told = {"benchmark": "core install", "seconds": round(seconds, 1), "mb": round(size / 1e6)}
    print(json.dumps(told | {"on": platform.machine()}))
    return python


if __name__ == "__main__":
    main()
