"""Seconds and memory of reading a log, beside bare Polars.

Bare is what one would write for the one file at hand and trust blindly: `pl.scan_csv` with the
types of the dataset's columns, collected by the streaming engine; for RetailRocket both of its
files, to the same table. Ours checks every row besides; that both give the same is checked first.
They take turns in one process, warmed up. Memory is the peak of a process of its own that reads the
file once: all of it, with Python and the libraries, and what reading adds to these (Linux).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from recweave.data.readers import read
from recweave.data.schema import COLUMNS

TYPES = COLUMNS["events"]
NAMES = {"user_id": "user", "item_id": "item", "value": "rating", "time": "timestamp"}
BEHAVIORS = {"view": "view", "cart": "cart", "buy": "purchase"}
KAGGLE = {"view": "view", "addtocart": "cart", "transaction": "purchase"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the generated CSV")
    parser.add_argument("--pairs", type=int, default=9, help="turns of each")
    parser.add_argument("--once", nargs=2, metavar=("READER", "PATH"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        reader, path = args.once
        before = peak_here()
        READERS[reader](Path(path))
        print(before, peak_here())
        return
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.csv"
        write_log(log, args.rows)
        compare("generated CSV", "csv", log, log.stat().st_size, args.pairs)
        rocket = Path(folder) / "events.csv"
        write_rocket(rocket)
        name = "RetailRocket's form and size, generated"
        compare(name, "kaggle", rocket, rocket.stat().st_size, args.pairs)
        quoted = Path(folder) / "quoted" / "events.csv"
        quoted.parent.mkdir()
        write_rocket(quoted, empty='""')
        name += ", empty cells quoted"
        compare(name, "kaggle", quoted, quoted.stat().st_size, args.pairs)
    rocket = Path(os.environ.get("RECWEAVE_DATA", ".")) / "retailrocket"
    if rocket.exists():
        size = sum(file.stat().st_size for file in rocket.iterdir())
        compare("RetailRocket", "rocket", rocket, size, 5 * args.pairs)


def compare(data: str, name: str, path: Path, size: int, pairs: int) -> None:
    ours, bare = READERS[f"{name}_ours"], READERS[f"{name}_bare"]
    table = ours(path)
    assert_frame_equal(table.select(bare(path).columns), bare(path))
    rows = len(table)
    del table
    seconds = []
    for turn in range(pairs):
        both = (ours, bare) if turn % 2 else (bare, ours)
        took = {reader: timed(reader, path) for reader in both}
        seconds.append((took[ours], took[bare]))
    ours_before, ours_peak = peak_of(f"{name}_ours", path)
    _, bare_peak = peak_of(f"{name}_bare", path)
    figures = {
        "benchmark": "read",
        "data": data,
        "rows": rows,
        "file_mb": round(size / 1e6, 1),
        "ours_seconds": round(statistics.median(a for a, _ in seconds), 4),
        "bare_seconds": round(statistics.median(b for _, b in seconds), 4),
        "ratio": round(statistics.median(a / b for a, b in seconds), 2),
        "ours_peak_mb": round(ours_peak / 1e6),
        "bare_peak_mb": round(bare_peak / 1e6),
        "ours_peak_to_file": round(ours_peak / size, 2),
        "ours_added_to_file": round((ours_peak - ours_before) / size, 2),
        "pairs": pairs,
        "on": f"{platform.machine()}, {pl.thread_pool_size()} threads",
    }
    print(json.dumps(figures), flush=True)


def peak_of(reader: str, path: Path) -> tuple[int, int]:
    """Bytes at the peak of a fresh process, before it reads and after."""
    command = [sys.executable, __file__, "--once", reader, path]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    before, after = map(int, output.split())
    return before, after


def peak_here() -> int:
    """Bytes that this process has held at most (unlike ru_maxrss, not what its parent held)."""
    status = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def timed(reader: Callable[[Path], pl.DataFrame], path: Path) -> float:
    start = time.perf_counter()
    reader(path)
    return time.perf_counter() - start


def csv_ours(path: Path) -> pl.DataFrame:
    return read("table", path, columns=NAMES).events


def csv_bare(path: Path) -> pl.DataFrame:
    types = {theirs: TYPES[ours] for ours, theirs in NAMES.items()}
    lazy = pl.scan_csv(path, schema=types)
    return lazy.rename({theirs: ours for ours, theirs in NAMES.items()}).collect(engine="streaming")


def rocket_ours(path: Path) -> pl.DataFrame:
    return read("behaviors", path).events


def rocket_bare(path: Path) -> pl.DataFrame:
    kind = TYPES["behavior"]
    types = {"user": pl.String, "item": pl.String, "behaviour": pl.String, "timestamp": pl.Int64}
    log = pl.scan_csv(path / "events.tsv", separator="\t", schema=types).select(
        user_id="user",
        item_id="item",
        behavior=pl.col("behaviour").replace_strict(BEHAVIORS, return_dtype=kind),
        time="timestamp",
        part=pl.lit("train"),
    )
    log = log.collect(engine="streaming")
    last = log.group_by("user_id").agg(pl.col("time").max())
    test = pl.scan_csv(
        path / "test_buy.tsv", separator="\t", schema={"user": pl.String, "item": pl.String}
    ).select(user_id="user", item_id="item", behavior=pl.lit("purchase", kind))
    test = test.join(last.lazy(), on="user_id", how="left", maintain_order="left")
    test = test.with_columns(part=pl.lit("test")).collect(engine="streaming")
    return pl.concat([log, test])


def kaggle_ours(path: Path) -> pl.DataFrame:
    return read("behaviors", path).events


def kaggle_bare(path: Path) -> pl.DataFrame:
    names = ("timestamp", "visitorid", "event", "itemid", "transactionid")
    types = dict.fromkeys(names, pl.String) | {"timestamp": pl.Int64}
    behavior = pl.col("event").replace_strict(KAGGLE, return_dtype=TYPES["behavior"])
    log = pl.scan_csv(path, schema=types).select(
        user_id="visitorid", item_id="itemid", behavior=behavior, time=pl.col("timestamp") // 1000
    )
    return log.collect(engine="streaming")


READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    "csv_ours": csv_ours,
    "csv_bare": csv_bare,
    "kaggle_ours": kaggle_ours,
    "kaggle_bare": kaggle_bare,
    "rocket_ours": rocket_ours,
    "rocket_bare": rocket_bare,
}


def write_log(path: Path, rows: int) -> None:
    """Ratings as MovieLens has them: numbers for ids, halves of stars, seconds."""
    rng = np.random.default_rng(0)
    log = {
        "user": rng.integers(0, 1_000_000, rows),
        "item": rng.integers(0, 100_000, rows),
        "rating": rng.integers(1, 11, rows) / 2,
        "timestamp": np.sort(rng.integers(1_300_000_000, 1_600_000_000, rows)),
    }
    pl.DataFrame(log).write_csv(path)


def write_rocket(path: Path, rows: int = 2_756_101, empty: str = "") -> None:
    """A log with the columns, the number of rows and the shares of behaviours of RetailRocket.

    Kaggle's file has nothing in cells that are empty; Polars would write two quotes.
    """
    rng = np.random.default_rng(0)
    event = rng.choice(list(KAGGLE), rows, p=[0.967, 0.025, 0.008])
    order = rng.integers(0, 17_672, rows).astype(str)
    log = {
        "timestamp": rng.integers(1_430_622_004_384, 1_442_545_187_788, rows),
        "visitorid": rng.integers(0, 1_407_580, rows),
        "event": event,
        "itemid": rng.integers(0, 466_867, rows),
        "transactionid": np.where(event == "transaction", order, empty),
    }
    pl.DataFrame(log).write_csv(path, quote_style="never")


if __name__ == "__main__":
    main()
