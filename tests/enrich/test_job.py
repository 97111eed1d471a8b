import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.enrich import Extractive, enrich
from recweave.enrich import job as jobs


class Broken:
    """A writer that stops in the middle, like a killed process; records the texts it wrote."""

    def __init__(self, writer, after):
        self.name, self._writer, self._after = writer.name, writer, after
        self.wrote = []

    def write(self, material, tasks):
        for number, (task, text) in enumerate(self._writer.write(material, tasks)):
            if number == self._after:
                raise KeyboardInterrupt
            self.wrote.append((task.entity, task.id, task.kind, task.fold))
            yield task, text


@pytest.fixture
def parts_of_three(monkeypatch):
    monkeypatch.setattr(jobs, "BATCH_TEXTS", 3)


def test_a_killed_job_resumes_and_gives_the_table_of_an_uninterrupted_one(
    talk, cut, encoder, tmp_path, parts_of_three
):
    split, writer = cut(talk), Extractive(encoder)
    whole = enrich(talk, split, writer, tmp_path / "whole", folds=2)
    broken = Broken(writer, after=20)
    with pytest.raises(KeyboardInterrupt):
        enrich(talk, split, broken, tmp_path / "broken", folds=2)
    again = Broken(writer, after=10**6)
    resumed = enrich(talk, split, again, tmp_path / "broken", folds=2)
    assert resumed.table.equals(whole.table)
    twice = set(broken.wrote) & set(again.wrote)
    assert len(broken.wrote) == 20 and len(twice) <= 2, "texts on disk were written again"
    idle = Broken(writer, after=10**6)
    assert enrich(talk, split, idle, tmp_path / "broken", folds=2).table.equals(whole.table)
    assert not idle.wrote


def test_kinds_may_be_added_later(talk, cut, encoder, tmp_path):
    split, writer = cut(talk), Extractive(encoder)
    enrich(talk, split, writer, tmp_path / "out", kinds=["price"])
    more = enrich(talk, split, writer, tmp_path / "out", kinds=["summary"])
    assert set(more.table["kind"]) == {"price", "summary"}


def test_a_folder_of_another_job_is_refused(talk, cut, encoder, tmp_path):
    split = cut(talk)
    enrich(talk, split, Extractive(encoder), tmp_path / "out", kinds=["price"])
    with pytest.raises(BadSetting, match=r"writer: extractive/1 .*80 words.*now .*20 words"):
        enrich(talk, split, Extractive(encoder, length=20), tmp_path / "out", kinds=["price"])
    other = talk.replace(reviews=talk.reviews.with_columns(text=pl.lit("Other.")))
    with pytest.raises(BadSetting, match="dataset: "):
        enrich(other, split, Extractive(encoder), tmp_path / "out", kinds=["price"])


def test_every_text_names_the_rows_behind_it_all_of_train(talk, cut, encoder, tmp_path):
    table = enrich(talk, cut(talk), Extractive(encoder), tmp_path / "out").table
    shown = {
        (entity, id): set(rows)
        for entity, id, rows in table.filter(kind="summary")
        .select("entity", "id", "reviews")
        .iter_rows()
    }
    assert shown["item", "a"] == {0, 1, 2} and shown["user", "u0"] == {0, 3}
    interest = table.filter(kind="interest", id="a")
    assert set(interest["events"][0]) == {0, 1, 2} and not len(interest["reviews"][0])
