"""A finished run asked for one user's list, with reasons if wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from recweave.core.errors import BadArtifact, UnknownName
from recweave.experiment.bench import prepare
from recweave.experiment.compare import table_of
from recweave.experiment.folder import RunFolder
from recweave.experiment.summary import read_run
from recweave.experiment.verdict import best_row
from recweave.models import Query, load_model
from recweave.rank import recommend
from recweave.rank.explain import explain, tell
from recweave.rank.rules import allowed, item_table


@dataclass(frozen=True)
class Pick:
    """An item of a list, for people.

    Attributes:
        item_id, title: What it is.
        score: What ordered it; only the order means something.
        why: Its place and the reasons in words; empty unless asked for.
    """

    item_id: str
    title: str
    score: float
    why: str = ""


@dataclass(frozen=True)
class Answer:
    """A user's list.

    Attributes:
        row: The row of the run that made it.
        user_id: Who asked.
        events: How many events of theirs it rests on.
        picks: Best first.
    """

    row: str
    user_id: str
    events: int
    picks: tuple[Pick, ...]

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "row": self.row,
            "user_id": self.user_id,
            "events": self.events,
            "items": [vars(pick) for pick in self.picks],
        }


def ask(
    run: Path,
    user_id: str,
    *,
    row: str = "",
    k: int = 10,
    where: Sequence[str] = (),
    reasons: bool = False,
    beside: Path = Path(),
) -> Answer:
    """The list of one user, resting on everything the data says of them.

    Args:
        run: A finished run folder that kept its models.
        user_id: As in the data.
        row: A row of the run; the best by its choosing metric without one.
        k: Length of the list; shorter where fewer items may be shown.
        where: Conditions on item fields, all of which must hold.
        reasons: Whether to say why each item is there.
        beside: The folder that the recipe's relative paths start from.

    Raises:
        UnknownId: for a user who is not in the data.
        UnknownName: for a row that the run does not have.
        BadSetting: for a condition that cannot be read.
        BadArtifact: if the run kept no models.
    """
    summary = read_run(run)
    experiment = summary.experiment
    name = row or best_row(table_of(summary), experiment.choose).name
    if name not in experiment.rows():
        raise UnknownName("row", name, experiment.rows())
    folder = RunFolder(run).cell(name, experiment.seeds[0]) / "model"
    if not folder.exists():
        raise BadArtifact(f"{run} kept no model of '{name}'; run its recipe with save = true")
    model, _ = load_model(folder)
    bench = prepare(experiment, beside)
    dataset, entry = bench.dataset, experiment.models[experiment.rows().index(name)]
    query = Query.of(dataset.interactions(), np.array([dataset.user_ids.row(user_id)]))
    allow = allowed(dataset, where) if where else None
    stages = bench.fit_stages(entry)
    k = min(k, len(dataset.item_ids))
    depth = min(max(k, experiment.depth), len(dataset.item_ids)) if stages else k
    ranking = recommend(model, query, depth, allow=allow)
    shown = reduce(lambda lists, stage: stage(lists), stages, ranking).top(k)
    items = shown.item[0][shown.item[0] >= 0]
    why = [""] * len(items)
    if reasons:
        why = tell(explain(model, ranking, stages=stages, k=k)[0], dataset)
    titles = item_table(dataset)["title"].gather(items.astype(np.uint32)).fill_null("").to_list()
    picks = zip(dataset.item_ids.names(items), titles, shown.score[0].tolist(), why, strict=False)
    return Answer(
        name, user_id, int(query.history.lengths[0]), tuple(Pick(*pick) for pick in picks)
    )
