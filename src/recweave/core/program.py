"""What to type for this program, in commands that are printed to be pasted."""

import os
import shlex
import shutil
import sys
from pathlib import Path

NAME = "recweave"


def program() -> str:
    """The program's name, or how it was started where the shell does not find it by name.

    `make` puts it into `.venv/bin`, which is not on the PATH.
    """
    started = Path(sys.argv[0])
    if shutil.which(NAME) or len(started.parts) < 2:
        return NAME
    if started.name == NAME:
        near = os.path.relpath(started)
        # From a folder beside it, the whole path is easier to read than the way there.
        return shlex.quote(os.path.abspath(started) if near.startswith(os.pardir) else near)
    if started.parts[-2:] == (NAME, "__main__.py"):
        return f"{shlex.quote(sys.executable)} -m {NAME}"
    return NAME
