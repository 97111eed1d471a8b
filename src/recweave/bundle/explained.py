"""Why each item is in one user's list: in parts for machines, in sentences for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

from recweave.data.dataset import Dataset
from recweave.rank.explain import Because, Explanation, Move, sentences


@dataclass(frozen=True, eq=False)
class ListExplanation(Sequence[Explanation]):
    """The explanations of one list, best item first.

    Attributes:
        user_id: Whose list.
        source: The source of the list, as in a table of recommendations.
        by_model: Whether the list is by the model; else it is by the fallback.
        items: One explanation for each item.
        note: Why the list is the fallback's, or empty; "" if there is nothing to say.
        dataset: Ids and titles.
    """

    user_id: str
    source: str
    by_model: bool
    items: tuple[Explanation, ...]
    note: str
    dataset: Dataset

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, at: int) -> Explanation: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Explanation]: ...
    def __getitem__(self, at: int | slice) -> Explanation | Sequence[Explanation]:
        return self.items[at]

    def sentences(self) -> list[str]:
        """A line for each item; those of the fallback say that they are."""
        lines = sentences(self.items, self.dataset)
        if self.by_model:
            return lines
        return [f"{line} (popular items: the user has no usable history)" for line in lines]

    def to_json(self) -> dict[str, Any]:
        """For machines: every reason in parts, none as a sentence."""
        return {
            "user_id": self.user_id,
            "source": self.source,
            "note": self.note,
            "items": [self._item(one) for one in self.items],
        }

    def _item(self, one: Explanation) -> dict[str, Any]:
        return {
            **self._named(one.item),
            "rank": one.rank,
            "score": one.score,
            "catalogue_rank": one.catalogue_rank,
            "basis": one.basis,
            "because": [self._because(part, one.basis) for part in one.because],
            "moves": [self._move(move) for move in one.moves],
        }

    def _move(self, move: Move) -> dict[str, Any]:
        return {
            "stage": move.stage,
            "before": move.before,
            "after": move.after,
            "reasons": [
                {
                    "text": reason.text,
                    "value": reason.value,
                    "items": [{**self._named(item), "did": did} for item, did in reason.items],
                }
                for reason in move.reasons or ()
            ],
        }

    def _because(self, part: Because, basis: str) -> dict[str, Any]:
        measure = "similarity" if basis == "likeness" else "share"
        return {**self._named(part.item), "behavior": part.behavior, measure: part.share}

    def _named(self, item: int) -> dict[str, Any]:
        line = self.dataset.items.row(item, named=True)
        return {"item_id": line["item_id"], "title": line["title"] or ""}
