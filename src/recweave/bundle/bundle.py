"""A trained model that stands alone: saved, loaded, extended, asked for lists and similar items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recweave.bundle.base import BundleBase
from recweave.bundle.lists import Recommendations
from recweave.bundle.saved import load_bundle, save_bundle
from recweave.bundle.similar import similar
from recweave.bundle.update import with_events, with_items
from recweave.encode.features import Feature
from recweave.rank.rules import Rule


@dataclass(frozen=True, eq=False, repr=False)
class Bundle(BundleBase):
    """A trained model that stands alone: it knows its ids, catalogue, histories and stages.

    `recommend` and `explain` come from `BundleBase`, which also documents the fields.
    """

    def save(self, folder: Path | str) -> None:
        """Write a folder that `Bundle.load` reads, on this or another machine.

        Raises:
            BadArtifact: if something else has the name.
            BadSetting: if the model or a stage is of a class that no registry lists.
        """
        save_bundle(self, Path(folder))

    @classmethod
    def load(cls, folder: Path | str) -> "Bundle":
        """Read what `save` wrote. No raw data is needed and no code of the folder is run.

        Raises:
            BadArtifact: naming the file, if one is missing or damaged.
        """
        return load_bundle(Path(folder), cls)

    def with_events(self, events: Any) -> "Bundle":
        """With more events, of known users or new ones; see `bundle.update`."""
        return with_events(self, events)

    def with_items(self, items: Any, features: Mapping[str, Feature] | None = None) -> "Bundle":
        """With more items in the catalogue, placed by their features; see `bundle.update`."""
        return with_items(self, items, features)

    def similar(
        self, item: str, k: int = 10, *, by: str = "behaviour", where: Sequence[Rule | str] = ()
    ) -> Recommendations:
        """Items like one item; see `bundle.similar`."""
        return similar(self, [item], k, by=by, where=where)
