"""Settings of popular negatives (POPK), for every network that is trained on sampled ones."""

from jaxtyping import Int
from pydantic import Field

from recweave.core.arrays import Array
from recweave.core.value import Value
from recweave.data.interactions import Clock, Histories
from recweave.models.popular_at import Logic, Occurrences, PopularAt, in_clock


class PopkSettings(Value):
    """What is popular at a moment competes for attention, so it is a negative (POPK).

    arXiv 2407.09939; popularity is that of training events before the moment alone.
    """

    popk: int = Field(
        0, ge=0, description="negatives that are the popular items of that moment (POPK)"
    )
    popularity: Logic = Field(
        "acc",
        description="of popk: acc (clicks until then), ptb (clicks in the last time bucket), ratio "
        "(clicks per time shown), var (variance of the clicks of a bucket)",
    )
    bucket_hours: float = Field(
        1.0, gt=0, description="of popk: length of a time bucket; without times 1/100 of the log"
    )
    popular_hours: float | None = Field(
        None, gt=0, description="of popk: an item is popular so long after it was first shown"
    )

    def popular_at(
        self, clicks: Occurrences, shown: Occurrences, items: int, clock: Clock
    ) -> PopularAt:
        """What is popular at any moment."""
        bucket, fresh = in_clock(clock, shown.time, self.bucket_hours, self.popular_hours)
        return PopularAt(clicks, shown, items, self.popularity, bucket, fresh)

    def popular_beside(self, history: Histories, clock: Clock) -> Int[Array, "n popk"] | None:
        """Of each event, the `popk` most popular items before it that its user never has.

        None without popk; padded with -1 where fewer were popular.
        """
        if not self.popk:
            return None
        events = Occurrences.of(history.item, history.time)
        row = history.row_numbers()
        popular = self.popular_at(events, events, history.items, clock)
        return popular.first(history.time, self.popk, (row, history.item), row)
