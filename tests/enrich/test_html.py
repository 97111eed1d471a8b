"""Tags and entities of HTML reach neither a writer, nor a prompt, nor an encoder."""

import polars as pl
import pytest

from recweave.enrich import Extractive, Material
from recweave.enrich.catalogue import facts
from recweave.enrich.context import WriterContext
from recweave.enrich.generative import question_of


@pytest.fixture
def marked(talk):
    """The same shop as a web page shows it; u2 wrote a line break and nothing else."""
    text = "<p>" + pl.col("text") + "</p><br/>R&amp;B at &lt;5 W"
    only_break = pl.when(pl.col("user_id") == "u2").then(pl.lit("<br>")).otherwise(text)
    items = pl.DataFrame(
        {
            "item_id": ["a", "b"],
            "title": ["<b>Cable</b> A &amp; B", "Lamp B"],
            "brand": ["<i></i>", "Raj"],
            "price": [3.5, None],
            "categories": [["<b>Audio</b>", "R&amp;B"], None],
            "description": ["<style>p {}</style>A <i>fine</i><br>cable", None],
        }
    )
    return talk.replace(items=items, reviews=talk.reviews.with_columns(text=only_break))


@pytest.fixture
def material(marked, cut):
    return Material.of(marked, cut(marked))


MARKER0 = "The cable is great. Marker0 shines. It is very cheap. R&B at <5 W"
MARKER1 = "The cable is great. Marker1 shines. What a bargain. R&B at <5 W"


def test_the_extractive_writer_reads_reviews_without_html(material, encoder):
    context = WriterContext(material, encoder, (), 80)
    rows = material.rows["reviews"]
    said = dict(zip(material.dataset.reviews[rows]["user_id"], context.texts(rows), strict=True))
    assert context.texts(rows[:2]) == [MARKER0, MARKER1]
    assert said["u2"] == ""
    tasks = [task for task in material.tasks(["summary"]) if task.id == "a"]
    ((_, summary),) = Extractive(encoder).write(material, tasks)
    assert "R&B at <5 W" in summary
    assert "Marker1" in summary
    assert not {"<p>", "</p>", "<br/>", "&amp;"} & set(summary.split())
    assert "p>" not in summary


def test_the_catalogue_says_what_it_says_without_html(marked):
    assert facts(marked, "a") == {
        "title": "Cable A & B",
        "price": "3.5",
        "categories": "Audio; R&B",
        "description": "A fine cable",
    }
    assert facts(marked, "b") == {"title": "Lamp B", "brand": "Raj"}


def test_a_prompt_holds_reviews_and_catalogue_without_html(material):
    (task,) = [task for task in material.tasks(["profile"]) if task.id == "a"]
    question = question_of(material, task)
    assert question.texts == [f"5 stars: {MARKER1}", f"5 stars: {MARKER0}"], "a break says nothing"
    assert question.heading == "Reviews, newest first (2, 5.0 stars on average)"
    assert question.shown == [
        "title: Cable A & B",
        "price: 3.5",
        "categories: Audio; R&B",
        "description: A fine cable",
    ]
