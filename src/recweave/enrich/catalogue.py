"""The catalogue's fields of an item, as text."""

from collections.abc import Mapping

from recweave.data.dataset import Dataset
from recweave.data.html import strip_html

JOIN = "; "
"""Between the members of a list within a text."""

FIELDS = ("title", "brand", "price", "categories", "description")


def facts(dataset: Dataset, item_id: str) -> Mapping[str, str]:
    """The catalogue's fields of an item that hold text; none for an item it does not list."""
    if item_id not in dataset.listed_items:
        return {}
    line = dataset.items.row(dataset.listed_items.row(item_id), named=True)
    fields = {}
    for name in FIELDS:
        value = line[name]
        if isinstance(value, list):
            text = JOIN.join(filter(None, (strip_html(part or "") for part in value)))
        else:
            text = f"{value:g}" if isinstance(value, float) else strip_html(value or "")
        if text:
            fields[name] = text
    return fields
