"""Words on the command line to calls. A command parses, calls one function, prints."""

import os
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from recweave.cli.audit import audit
from recweave.cli.bundles import explain, fit, recommend, similar
from recweave.cli.data import app as data
from recweave.cli.demo import demo
from recweave.cli.doctor import doctor
from recweave.cli.enrich import enrich
from recweave.cli.failures import drop_output, flush_output, in_words, is_panic
from recweave.cli.models import show
from recweave.cli.pictures import pictures
from recweave.cli.runs import auto, compare, run, tune
from recweave.cli.words import probe, words
from recweave.core.errors import RecweaveError
from recweave.core.progress import show_progress

app = typer.Typer(
    help="Recommend items from behaviour, texts and pictures, and test what helps.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # `[1]` in a path is no markup; and help comes twice as fast
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data, name="data")
COMMANDS: tuple[Callable[..., None], ...] = (
    demo,
    doctor,
    show,
    auto,
    run,
    compare,
    tune,
    audit,
    fit,
    recommend,
    similar,
    explain,
    enrich,
    pictures,
    words,
    probe,
)
for command in COMMANDS:
    app.command()(command)

MISTAKE, FAULT, INTERRUPTED = 2, 4, 130
"""Exit codes: a mistake in what was asked or given, a fault of ours, Ctrl-C. What a check found is
1 or 3; see each command."""
TRACEBACK = "RECWEAVE_TRACEBACK"
"""The environment variable that shows where an unexpected error comes from."""


def _version(asked: bool) -> bool:
    if asked:
        from recweave.core.version import VERSION

        print(VERSION)
        raise typer.Exit
    return asked


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: the one place where an error becomes a message and an exit code."""
    try:
        try:
            with show_progress():
                app()
        finally:
            flush_output()
    except SystemExit as stop:
        # typer has caught the Ctrl-C. Scripts see the exit code; a person is told what to do.
        if stop.code == INTERRUPTED and sys.stderr.isatty():
            print("interrupted; run the command again to resume", file=sys.stderr)
        raise
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except RecweaveError as error:
        _fail(str(error), MISTAKE)
    except BrokenPipeError:  # the reader of our output has gone: `recweave show | head`
        drop_output()
        sys.exit(0)
    except OSError as error:
        _fail(in_words(error), MISTAKE)
    except MemoryError as error:
        _fail(f"out of memory ({error or 'no more could be had'}); take less data", MISTAKE)
    except BaseException as error:
        if os.environ.get(TRACEBACK) or not (isinstance(error, Exception) or is_panic(error)):
            raise
        _fail(
            f"unexpected {type(error).__name__}: {error}. This is probably a fault of recweave: "
            f"please report it, with what {TRACEBACK}=1 prints",
            FAULT,
        )


def _fail(message: str, code: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
