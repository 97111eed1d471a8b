"""``python -m recweave`."""

from recweave.cli import main

main()
