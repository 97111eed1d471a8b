"""Words on the command line to calls. A command parses, calls one function, prints."""

import sys
from collections.abc import Callable

import typer

from recweave.cli.audit import audit
from recweave.cli.bundles import explain, fit, recommend, similar
from recweave.cli.data import app as data
from recweave.cli.demo import demo
from recweave.cli.doctor import doctor
from recweave.cli.enrich import enrich
from recweave.cli.models import show
from recweave.cli.runs import compare, run, tune
from recweave.cli.words import probe, words
from recweave.core.errors import RecweaveError
from recweave.core.progress import show_progress

app = typer.Typer(
    help="Recommendations woven from behaviour, words and pictures, with proof of what helps.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data, name="data")
COMMANDS: tuple[Callable[..., None], ...] = (
    demo,
    doctor,
    show,
    run,
    compare,
    tune,
    audit,
    fit,
    recommend,
    similar,
    explain,
    enrich,
    words,
    probe,
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Entry point: the one place where an error becomes a message and an exit code of 2."""
    try:
        with show_progress(sys.stderr.isatty()):
            app()
    except RecweaveError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output has gone: `recweave show | head`
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it left off", file=sys.stderr)
        sys.exit(130)
