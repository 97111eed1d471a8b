"""Three users as cards: history and list, with titles, reasons, and pictures that are on disk."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from recweave.report.people import Person, Shown
from recweave.report.pictures import small_picture


def html_people(persons: Sequence[Person], folders: Sequence[Path] = (Path(),)) -> str:
    """The cards; every text of the data is escaped, and nothing is downloaded.

    Args:
        persons: The users.
        folders: That relative paths of pictures may start from.
    """
    cards = "".join(_card(person, folders) for person in persons)
    return f'<div class="people">{cards}</div>'


def _card(person: Person, folders: Sequence[Path]) -> str:
    history = "".join(_item(item, folders) for item in person.history)
    listed = "".join(_item(item, folders) for item in person.recommended)
    return (
        f'<div class="card"><h3>User {escape(person.user_id)}</h3>'
        f"<small>the newest of {person.events:,} events</small><ul>{history}</ul>"
        f"<small>recommended next</small><ol>{listed}</ol></div>"
    )


def _item(item: Shown, folders: Sequence[Path]) -> str:
    address = small_picture(item.image, folders) if item.image else ""
    picture = f'<img alt="" src="{address}">' if address else ""
    words = f"<div>{escape(item.title)}<small>{escape(item.text)}</small></div>"
    return f'<li><div class="item">{picture}{words}</div></li>'
