"""What language models over item numbers have learned of the numbers: a JSON line for each row.

Give the run folder of a recipe such as recipes/numbered-ml-100k.toml (with save = true). For the
first seed of each row: `number_spearman` and `digit_spearman`, the correlation of the difference of
two numbers, or digits, and the distance of their vectors; `adjacent@1` and `adjacent@10`, the share
of recommended items whose number is at most 5 from that of the newest item of the history, by
sequential numbers; `own_adjacent@10` by the row's own; `scale` of the task vector.
"""

import argparse
import json
from pathlib import Path

from recweave.bundle import Bundle
from recweave.data.interactions import Histories
from recweave.experiment.prepare import prepare
from recweave.models import Query
from recweave.models.language.mechanism import adjacency, digit_correlation, number_correlation
from recweave.models.language.numbered import NumberedItems
from recweave.models.language.numbering import number_items
from recweave.rank import recommend
from recweave.runs.folder import RunFolder
from recweave.runs.summary import read_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder")
    asked = parser.parse_args()
    run, folder = read_run(asked.run), RunFolder(asked.run)
    split = prepare(run.experiment, Path()).split
    query = Query.before(split.known, split.test)
    numbers = number_items("sequential", Histories.of(split.train), run.experiment.seeds[0])
    for row in run.rows:
        model = Bundle.load(folder.bundle(row.name)).model
        item = recommend(model, query, 10, hide=split.known).item
        found = {f"adjacent@{k}": adjacency(numbers, query.history, item[:, :k]) for k in (1, 10)}
        if isinstance(model, NumberedItems):
            found["own_adjacent@10"] = adjacency(model.number, query.history, item)
            found["number_spearman"] = number_correlation(model)
            found["digit_spearman"] = digit_correlation(model)
            found["scale"] = model.scale
        line = {name: round(value, 4) for name, value in found.items()}
        print(json.dumps({"row": row.name, **line}), flush=True)


if __name__ == "__main__":
    main()
