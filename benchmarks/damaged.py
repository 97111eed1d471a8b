"""Pictures damaged in many ways, and what becomes of them among whole ones; see bench_images.py."""

import struct
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from recweave.core.settings import Settings
from recweave.encode.images.encoder import ImageEncoder
from recweave.encode.images.items import encode_pictures

Rng = np.random.Generator
GONE = "gone"


def flipped(content: bytes, rng: Rng) -> bytes:
    """Twelve bits turned over, anywhere."""
    changed = bytearray(content)
    for place in rng.integers(0, len(changed), 12):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def holed(content: bytes, rng: Rng) -> bytes:
    """A fifth of the file is zeros, as a broken disk leaves it."""
    start = int(rng.integers(0, len(content) * 4 // 5))
    hole = len(content) // 5
    return content[:start] + bytes(hole) + content[start + hole :]


def again(content: bytes, kind: str, mode: str = "RGB", **options: object) -> bytes:
    """The picture saved in another format or mode."""
    file = BytesIO()
    Image.open(BytesIO(content)).convert(mode).save(file, kind, **options)
    return file.getvalue()


def animated(content: bytes, rng: Rng) -> bytes:
    """Two frames of a GIF: the picture and a black one."""
    frame = Image.open(BytesIO(content)).convert("RGB")
    black = Image.new("RGB", frame.size)
    file = BytesIO()
    frame.save(file, "GIF", save_all=True, append_images=[black], duration=80)
    return file.getvalue()


def huge(content: bytes, rng: Rng) -> bytes:
    """A PNG of a few bytes that says it has 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        whole = kind + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def tiny(content: bytes, rng: Rng) -> bytes:
    """Three pixels wide."""
    file = BytesIO()
    Image.open(BytesIO(content)).convert("RGB").resize((3, 4)).save(file, "PNG")
    return file.getvalue()


WAYS: Mapping[str, Callable[[bytes, Rng], bytes]] = {
    "empty": lambda content, rng: b"",
    "zeros": lambda content, rng: bytes(len(content)),
    "noise": lambda content, rng: rng.bytes(len(content)),
    "cut off": lambda content, rng: content[: int(rng.integers(20, len(content) * 9 // 10))],
    "without its head": lambda content, rng: content[200:],
    "a hole": holed,
    "bits flipped": flipped,
    "a web page": lambda content, rng: b"<!DOCTYPE html><title>404</title>",
    "a zip": lambda content, rng: b"PK\x03\x04" + content,
    "huge header": huge,
    GONE: lambda content, rng: b"",
    "CMYK": lambda content, rng: again(content, "JPEG", "CMYK"),
    "PNG called .jpg": lambda content, rng: again(content, "PNG"),
    "grey": lambda content, rng: again(content, "JPEG", "L"),
    "animated": animated,
    "tiny": tiny,
}
"""What becomes of the bytes of a picture; the last five can still be read."""


def readable(file: Path) -> bool:
    """Whether Pillow reads all of it: what the encoder is checked against."""
    try:
        with Image.open(file) as picture:
            if picture.width * picture.height > 80_000_000:
                return False
            picture.load()
    except Exception:
        return False
    return True


def inject(
    pictures: Sequence[bytes], damaged: int, folder: Path, encoder: ImageEncoder, *, seed: int = 0
) -> dict[str, object]:
    """Damage some of the pictures, encode all, and count what was used and what was named.

    Args:
        pictures: JPEG files.
        damaged: How many of them are damaged, each way in turn.
        folder: An empty folder that they are written to.
        encoder: What encodes them.
        seed: Of which are damaged, and how.

    Raises:
        AssertionError: if a picture that cannot be read is used or not named, one that can be read
            is not used, or a whole one has another vector than without the damaged ones.
    """
    rng = np.random.default_rng(seed)
    names = [f"{row:05}.jpg" for row in range(len(pictures))]
    settings = Settings(home=folder / "home")
    for name, content in zip(names, pictures, strict=True):
        (folder / name).write_bytes(content)
    whole = encode_pictures(names, folder, encoder, settings=settings)
    chosen = rng.permutation(len(names))[:damaged]
    way = dict(zip(chosen.tolist(), list(WAYS) * (damaged // len(WAYS) + 1), strict=False))
    for row, how in way.items():
        file = folder / names[row]
        content = WAYS[how](pictures[row], rng)
        if how == GONE:
            file.unlink()
        else:
            file.write_bytes(content)
    found = encode_pictures(names, folder, encoder, settings=Settings(home=folder / "another home"))
    refused = {finding.picture: finding.what for finding in found.findings if not finding.used}
    remarked = {finding.picture for finding in found.findings if finding.used}
    can = np.array([readable(folder / name) for name in names])
    assert (can == found.present).all(), "used what cannot be read, or the reverse"
    assert {names[row] for row in np.flatnonzero(~can)} == set(refused), "not all were named"
    left = np.array([row not in way for row in range(len(names))])
    assert np.array_equal(found.vectors[left], whole.vectors[left]), "another vector"
    by_way: dict[str, Counter[str]] = {how: Counter() for how in WAYS}
    for row, how in way.items():
        used = "remarked" if names[row] in remarked else "used"
        by_way[how]["refused by name" if names[row] in refused else used] += 1
    return {
        "benchmark": "damaged pictures",
        "encoder": encoder.name,
        "pictures": len(names),
        "damaged": damaged,
        "cannot be read": int((~can).sum()),
        "refused by name": len(refused),
        "encoded": int(found.present.sum()),
        "reasons": dict(Counter(refused.values()).most_common()),
        "ways": {how: dict(count) for how, count in by_way.items()},
    }
