"""Captioners by name, as settings and the command line give them."""

from collections.abc import Callable

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.registry import Registry, is_path
from recweave.enrich.captions.blip import Blip
from recweave.enrich.captions.captioner import LABELS, SERVER, Captioner, CaptionerOptions
from recweave.enrich.captions.server import server

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
        return server(options)
    if (options.base_dir / name).is_dir():
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
