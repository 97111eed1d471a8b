"""Three users as cards: history and list, with titles, reasons, and pictures that are on disk."""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path

from recweave.core.errors import MissingExtra
from recweave.core.extras import require
from recweave.report.people import Person, Shown

SIDE = 88
"""Pixels of a picture's side: twice what is shown, for sharp screens."""


def html_people(persons: Sequence[Person]) -> str:
    """The cards; every text of the data is escaped, and nothing is fetched."""
    return f'<div class="people">{"".join(_card(person) for person in persons)}</div>'


def _card(person: Person) -> str:
    history = "".join(f"<li>{_item(item)}</li>" for item in person.history)
    listed = "".join(f"<li>{_item(item)}</li>" for item in person.recommended)
    return (
        f'<div class="card"><h3>User {escape(person.user_id)}</h3>'
        f"<small>the newest of {person.events:,} events</small><ul>{history}</ul>"
        f"<small>recommended next</small><ol>{listed}</ol></div>"
    )


def _item(item: Shown) -> str:
    return f"{_image(item.image)}{escape(item.title)}<small>{escape(item.text)}</small>"


def _image(place: str) -> str:
    """A small copy inside the page; nothing where it is no file here, or Pillow is missing."""
    if not place or not Path(place).is_file():
        return ""
    try:
        image = require("PIL.Image", extra="photos")
        with image.open(place) as picture:
            small = picture.convert("RGB")
            small.thumbnail((SIDE, SIDE))
            file = BytesIO()
            small.save(file, "JPEG", quality=80)
    except (MissingExtra, OSError):
        return ""
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}">'
