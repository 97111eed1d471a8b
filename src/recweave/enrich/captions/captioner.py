"""The interface of captioners, and captioners by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.registry import Registry, is_path
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


CAPTIONERS: Registry[Callable[[CaptionerOptions], Captioner]] = Registry(
    "captioner",
    {LABELS: "recweave.enrich.captions.labels:labels"},
    group="recweave.captioners",
    instance_of="collections.abc:Callable",
)
"""Factories of captioners, by name."""


def captioner(options: CaptionerOptions | str = LABELS) -> Captioner:
    """A captioner.

    Args:
        options: With a name: `labels` (the names of what EfficientNet-Lite0 sees, no sentence) or
            `labels:DETECTOR` (of what another detector finds), the folder of a BLIP or BLIP-2
            model, `openai:MODEL@BASE_URL` (a model that reads pictures, behind an
            OpenAI-compatible server), or `package.module:function`, which is called with the
            options. Or the name alone.

    Raises:
        UnknownName: for a name that is none of these.
        Unavailable: if a folder holds no model that can be loaded.
        BadSetting: for a model of another kind, a `package.module:function` that gives no
            captioner, or a server without its model's name.
        MissingExtra: if its packages are not installed.
    """
    if isinstance(options, str):
        options = CaptionerOptions(options)
    name = options.name
    if name.startswith(f"{LABELS}:"):
        return CAPTIONERS[LABELS](options)
    if name.startswith(SERVER):
        from recweave.enrich.captions.server import server

        return server(options)
    if (options.base_dir / name).is_dir():
        from recweave.enrich.captions.blip import Blip

        return Blip.load(options.base_dir / name)
    if name not in CAPTIONERS and not is_path(name):
        known = [*CAPTIONERS, f"{LABELS}:DETECTOR", f"{SERVER}MODEL@BASE_URL", "a model's folder"]
        raise UnknownName("captioner", name, known)
    made = CAPTIONERS[name](options)
    if not isinstance(made, Captioner):
        raise BadSetting(
            f"'{name}' gives a {type(made).__name__}, which is no captioner; it must have name, "
            "side, prepare and caption"
        )
    return made
