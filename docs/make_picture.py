"""Draw docs/list.svg, the picture of README: `python docs/make_picture.py RUN`.

RUN is the folder of the synthetic shop that `recweave demo` made; a user of it with what they did,
what `ease-text` recommends next, and why. Photographs are drawn from the shop's parameters.
"""

import base64
import sys
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from textwrap import wrap

from PIL import Image

from recweave.data.dataset import Dataset
from recweave.data.synthetic import SHOPS, make_shop
from recweave.data.synthetic.photographs import draw
from recweave.data.synthetic.truth import Truth
from recweave.experiment.demo import SHOP, TEXT_ROW
from recweave.report.people import Shown, people
from recweave.runs.answering import open_bundle

TO = Path(__file__).parent / "list.svg"
SIDE, LINE, WIDE = 48, 66, 880


def photograph(shop: Dataset, truth: Truth, item_id: str) -> str:
    """A small JPEG of an item, as an address that holds it."""
    pixels = draw(truth, shop.item_ids.row(item_id), size=2 * SIDE, seed=0)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def lines(items: Sequence[Shown], x: int, shop: Dataset, truth: Truth) -> str:
    """Items below each other: photograph, title, what was done or why."""
    made = []
    for n, item in enumerate(items):
        y = 58 + n * LINE
        made.append(
            f'<image x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" '
            f'href="{photograph(shop, truth, item.item_id)}"/>'
            f'<text x="{x + SIDE + 12}" y="{y + 14}">{escape(item.title)}</text>'
        )
        for m, part in enumerate(wrap(item.text, 66)):
            below = y + 31 + 15 * m
            made.append(f'<text class="why" x="{x + SIDE + 12}" y="{below}">{escape(part)}</text>')
    return "".join(made)


def picture(run: Path) -> str:
    """The SVG."""
    shop, truth = make_shop(SHOPS[SHOP])
    bundle = open_bundle(run, TEXT_ROW)
    person = people(bundle, 1, recent=4, k=4)[0]
    tall = 58 + LINE * max(len(person.history), len(person.recommended)) + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {tall}" '
        'font-family="system-ui, sans-serif" font-size="15" fill="#1b1f24" role="img">'
        f"<title>What {escape(person.user_id)} did, and what is recommended next</title>"
        "<style>.why { font-size: 12px; fill: #57606a } .head { font-weight: 600 }</style>"
        f'<rect width="{WIDE}" height="{tall}" rx="8" fill="#f6f8fa"/>'
        f'<text class="head" x="20" y="34">{escape(person.user_id)} did</text>'
        f'<text class="head" x="370" y="34">recommended next by {TEXT_ROW}</text>'
        f"{lines(person.history, 20, shop, truth)}{lines(person.recommended, 370, shop, truth)}</svg>\n"
    )


if __name__ == "__main__":
    TO.write_text(picture(Path(sys.argv[1])), encoding="utf-8")
    print(f"{TO}: {TO.stat().st_size:,} bytes")
