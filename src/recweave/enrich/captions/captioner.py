"""The interface of captioners, and their options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from recweave.core.settings import Settings
from recweave.enrich.writer import Failure

LABELS, SERVER = "labels", "openai:"

CACHE = "captions.sqlite"
"""The file in the home of the settings that captions are kept in."""


@runtime_checkable
class Captioner(Protocol):
    """Pictures to captions, in two steps: one picture at a time in threads, then in batches."""

    @property
    def name(self) -> str:
        """The captioner with its version: equal names give equal captions for equal pictures."""

    @property
    def side(self) -> int:
        """Pixels of a picture's shorter side that it needs."""

    def prepare(self, picture: Any) -> Any:
        """What it reads of one picture, Pillow's RGB image."""

    def caption(self, prepared: Sequence[Any]) -> Sequence[str | Failure]:
        """A caption on one line for each of some prepared pictures.

        Empty where it sees nothing that it can name; a `Failure` where it should be asked again by
        the next run.
        """


@dataclass(frozen=True)
class CaptionerOptions:
    """The options of a captioner.

    Attributes:
        name: As the user gave it.
        settings: Threads, and where weights and caches are.
        base_dir: The folder that relative paths start from.
        key_variable: Name of the environment variable that holds a server's key.
        answers: The folder of a server's answers, ledger and quarantine; in the home of the
            settings if not given.
        client: Other arguments of `llm.LLMClient`: budget, limits, prices, …
    """

    name: str = LABELS
    settings: Settings = field(default_factory=Settings)
    base_dir: Path = Path()
    key_variable: str | None = None
    answers: Path | None = None
    client: Mapping[str, Any] = field(default_factory=dict)
