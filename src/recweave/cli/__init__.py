"""Words on the command line to calls. A command parses, calls one function, prints."""

import sys

import typer

from recweave.core.errors import RecweaveError

app = typer.Typer(
    help="Recommendations woven from behaviour, words and pictures, with proof of what helps.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point: the one place where an error becomes a message and an exit code of 2."""
    try:
        app()
    except RecweaveError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
