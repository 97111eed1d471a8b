"""Datasets by name: found on this machine, or fetched from their publisher.

load("ml-100k")           a dataset we know, read
load("runs/my-shop")      a folder that `Dataset.save` wrote
load("synthetic:small")   a made-up shop, drawn anew
"""

import logging
import shutil
from pathlib import Path

from recweave.core.atomic import atomic_folder, write_json
from recweave.core.errors import BadInput, Unavailable, UnknownName
from recweave.core.settings import Settings
from recweave.data.dataset import MANIFEST, Dataset
from recweave.data.download import digest, fetch
from recweave.data.known import DATASETS, File, Known
from recweave.data.readers import read
from recweave.data.synthetic import SHOPS, make_shop
from recweave.data.unpack import unpack_into

__all__ = ["DATASETS", "find", "get", "load"]

MOST = 2 * 2**30
"""Bytes that are taken for one file of a known dataset; all are far smaller."""

log = logging.getLogger(__name__)


def load(name: str | Path, settings: Settings | None = None) -> Dataset:
    """A dataset by name, or from the folder it was saved in.

    Args:
        name: A key of `DATASETS`, `synthetic` or `synthetic:SIZE`, or the path of a folder.
        settings: Where data is looked for; from the environment if not given.

    Raises:
        UnknownName: for a name that is none of these.
        Unavailable: if the data is not here and cannot be fetched.
        BadInput, BadArtifact: if what is here cannot be read.
    """
    if name in SHOPS:
        return make_shop(SHOPS[str(name)])[0]
    if name in DATASETS:
        return _read(str(name), get(str(name), settings))
    folder = Path(name)
    if (folder / MANIFEST).is_file():
        return Dataset.load(folder)
    if folder.exists():
        raise BadInput(
            f"{folder} holds no {MANIFEST}, so it is no dataset of ours; "
            f"read it with `recweave data read SOURCE {folder}`"
        )
    raise UnknownName("dataset", str(name), [*DATASETS, *SHOPS])


def find(name: str, settings: Settings) -> Path | None:
    """The folder of a known dataset on this machine, if it is here."""
    name = DATASETS[name].folder or name if name in DATASETS else name
    places = [settings.home / "data" / name]
    if settings.data is not None:
        places.insert(0, settings.data / name)
    return next((place for place in places if place.is_dir()), None)


def get(name: str, settings: Settings | None = None) -> Path:
    """The folder of a known dataset: in `RECWEAVE_DATA`, fetched before, or fetched now.

    What was received is told beside the folder, in `NAME.received.json`.

    Raises:
        UnknownName: if we do not know the dataset.
        Unavailable: if it is not here and has no address, or cannot be fetched.
    """
    if name not in DATASETS:
        raise UnknownName("dataset", name, DATASETS)
    settings = settings or Settings()
    name = DATASETS[name].folder or name
    return find(name, settings) or _fetch(name, DATASETS[name], settings.home / "data" / name)


def _read(name: str, folder: Path) -> Dataset:
    known = DATASETS[name]
    for layout in known.layouts:
        if (folder / layout.mark).is_file():
            dataset = read(layout.source, folder, name=name, **layout.options)
            return dataset.replace(licence=known.licence)
    marks = " or ".join(layout.mark for layout in known.layouts)
    raise BadInput(f"{folder} does not look like {name}: it holds no {marks}")


def _fetch(name: str, known: Known, folder: Path) -> Path:
    by_hand = f"get it from {known.page} and put it into RECWEAVE_DATA as a folder named '{name}'"
    if not known.files:
        raise Unavailable(
            f"{name} is not on this machine and has no address to fetch it from; {by_hand}"
        )
    log.info("%s: %s", name, known.licence)
    parts = folder.with_name(f".{name}.parts")  # stays until all is there, to be resumed
    parts.mkdir(parents=True, exist_ok=True)
    received = []
    with atomic_folder(folder, replace=False) as draft:
        for file in known.files:
            try:
                received.append(_fetch_file(file, parts / file.name))
            except Unavailable as error:
                raise Unavailable(f"{name}: {error}; try again, or {by_hand}") from None
            _lay_out(file, parts / file.name, draft)
        about = {"name": name, "licence": known.licence, "citation": known.citation}
        write_json(folder.with_name(f"{name}.received.json"), about | {"files": received})
    shutil.rmtree(parts)
    return folder


def _lay_out(file: File, part: Path, folder: Path) -> None:
    if not file.unpack:
        shutil.copy2(part, folder)
        return
    try:
        unpack_into(part, folder)
    except BadInput:
        part.unlink()  # so that it is fetched again
        raise


def _fetch_file(file: File, to: Path) -> dict[str, str | int]:
    """Fetch a file, unless an earlier call did, and tell what was received."""
    if not to.exists():
        _fetch_from_any(file, to)
    found, size = digest(to), to.stat().st_size
    if file.sha256 is None:
        message = "%s: checksum not known, this is what was received: %s bytes, sha256 %s"
        log.warning(message, file.addresses[0], f"{size:,}", found)
    return {"name": file.name, "address": file.addresses[0], "bytes": size, "sha256": found}


def _fetch_from_any(file: File, to: Path) -> None:
    refused = []
    for address in file.addresses:
        try:
            fetch(address, to, sha256=file.sha256, limit=MOST)
            return
        except Unavailable as error:
            refused.append(str(error))
    raise Unavailable("; ".join(refused))
