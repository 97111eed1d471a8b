"""The benchmark files of LightGCN and NGCF: who took what, cut by the publisher."""

from pathlib import Path

from recweave.data.interactions import behavior_code
from recweave.data.readers.columns import ids
from recweave.data.readers.delimited import Words
from recweave.data.readers.files import files_of, pick, pick_one
from recweave.data.readers.plan import Plan, Sheet

_COLUMNS = {"user_id": ids("user"), "item_id": ids("item")}


def lightgcn(path: Path, *, behavior: str = "click") -> Plan:
    """LightGCN's benchmarks: the folder of `train.txt` and `test.txt`, `user item item …` a line.

    There may be a `valid.txt`. The files say which part an event belongs to; of times there is
    nothing, and the order of items means nothing either.

    Args:
        path: The folder.
        behavior: The behaviour of all events.

    Raises:
        UnknownName: if there is no such behaviour.
    """
    behavior_code(behavior)
    files = files_of(path)
    parts = {
        "train": pick_one(files, path, "train.txt"),
        "valid": pick(files, "valid.txt", "val.txt"),
        "test": pick_one(files, path, "test.txt"),
    }
    sheets = [
        Sheet("events", file, Words(), _COLUMNS, {"behavior": behavior, "part": part})
        for part, file in parts.items()
        if file
    ]
    return Plan(path.name, sheets)
