"""Real reviews and real kills; slow."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recweave.data.profiles import Profiles
from recweave.data.readers import read
from recweave.data.reviews import train_reviews
from recweave.data.split import LeaveLastOut
from recweave.encode.text import text_encoder
from recweave.enrich import Extractive, enrich
from recweave.enrich.sentences import sentences


@pytest.mark.slow
@pytest.mark.realdata
def test_real_summaries_are_sentences_of_training_reviews_of_the_same_item(real_data, tmp_path):
    shop = read("amazon", real_data / "amazon-musical-instruments-2014")
    few = shop.reviews["item_id"].is_in(shop.item_ids.ids.head(15).implode())
    shop = shop.replace(reviews=shop.reviews.filter(few))
    split = shop.split(LeaveLastOut())
    profiles = enrich(shop, split, Extractive(text_encoder()), tmp_path / "out", folds=3)
    train = set(train_reviews(shop, split).tolist())
    assert 0 < len(train) < len(shop.reviews)
    for row in profiles.table.filter(kind="summary").iter_rows(named=True):
        assert set(row["reviews"]) <= train
        own = shop.reviews[np.array(row["reviews"], int)]
        found = [s for text in own["text"] for s in sentences(text)]
        rest = row["text"] or ""
        for sentence in sorted(found, key=len, reverse=True):
            rest = rest.replace(sentence, "")
        assert not rest.strip() and len((row["text"] or "").split()) <= 80


JOB = """
import sys, time
from pathlib import Path
from recweave import Dataset, LeaveLastOut
from recweave.enrich import enrich, job
from tests_writer import Slow

job.BATCH_TEXTS = 5
shop = Dataset.load(Path("shop"))
enrich(shop, shop.split(LeaveLastOut()), Slow(), Path(sys.argv[1]), folds=2)
"""

SLOW = """
import time

class Slow:
    name = "slow/1"

    def write(self, material, tasks):
        for task in tasks:
            time.sleep(0.02)
            with open("written.txt", "a") as out:
                out.write(f"{task.entity} {task.id} {task.kind} {task.fold}\\n")
            yield task, f"{task.id} from {task.rows.tolist()}"
"""


@pytest.mark.slow
def test_a_job_that_is_killed_again_and_again_ends_as_one_that_was_not(talk, tmp_path):
    talk.save(tmp_path / "shop")
    (tmp_path / "tests_writer.py").write_text(SLOW)
    (tmp_path / "job.py").write_text(JOB)

    def start(folder):
        path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        words = [sys.executable, "job.py", folder]
        return subprocess.Popen(words, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path})

    def parts():
        return len(list(Path(tmp_path / "killed" / "parts").glob("*.parquet")))

    kills = 0
    for _ in range(4):
        before, job = parts(), start("killed")
        while job.poll() is None and parts() < before + 2:
            time.sleep(0.005)
        if job.poll() is None:
            job.send_signal(signal.SIGKILL)
            kills += 1
        job.wait()
    assert start("killed").wait() == 0
    written = (tmp_path / "written.txt").read_text().splitlines()
    assert kills >= 3 and len(written) - len(set(written)) <= 5 * kills
    assert start("whole").wait() == 0
    tables = [Profiles.load(tmp_path / f / "profiles.parquet").table for f in ("killed", "whole")]
    assert tables[0].equals(tables[1])
    assert isinstance(tables[0], pl.DataFrame) and len(tables[0]) > 50
