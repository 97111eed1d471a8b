"""Models that have memorized a catalogue, and models that only write in its style."""

import json
import re

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from recweave.cli import app
from recweave.core.errors import BadInput, RecweaveError
from recweave.data.dataset import Dataset
from recweave.enrich.probe import Rest, likeness, probe, split_titles
from recweave.llm import Failed, LLMClient, Reply

BRANDS = ["Aldo", "Brisa", "Corvo", "Dune", "Elan"]
KINDS = {"nails": "nail polish in", "lips": "lip balm with"}
SHADES = ["ruby", "coral", "mint", "onyx", "pearl", "amber", "olive", "plum"]


@pytest.fixture(scope="module")
def shop():
    """80 titles: a brand and a kind of thing, then a shade and a size that cannot be guessed."""
    rng = np.random.default_rng(0)
    rows = [
        (f"{kind}-{brand}-{shade}", f"{brand} {what} {shade} {rng.integers(100, 999)} ml", [kind])
        for kind, what in KINDS.items()
        for brand in BRANDS
        for shade in SHADES
    ]
    items = pl.DataFrame(rows, schema=["item_id", "title", "categories"], orient="row")
    return Dataset("cosmetics", items=items)


class Model:
    """Completes a title by a function from the beginning to the rest."""

    name = "fake"

    def __init__(self, rest):
        self.rest, self.asked = rest, []

    async def ask(self, messages, schema):
        begins = re.search(r"Beginning:\n- (.*)\n", messages[1].content).group(1)
        self.asked.append(begins)
        rest = self.rest(begins)
        if rest is None:
            raise Failed("it refuses")
        return Reply(schema(rest=rest))


def memorized(shop):
    """Each beginning of this shop has several endings; the model recalls them in turn."""
    endings = {}
    for title in split_titles(shop, 80, 0):
        endings.setdefault(title.begins, []).append(title.ends)
    return lambda begins: endings[begins].pop(0)


@pytest.fixture(scope="module")
def unique():
    """Titles with different beginnings, so that each has one ending that can be memorized."""
    rng = np.random.default_rng(1)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    word = lambda: "".join(rng.choice(letters, 6))  # noqa: E731
    rows = [(str(n), " ".join(word() for _ in range(6)).title(), ["x"]) for n in range(60)]
    items = pl.DataFrame(rows, schema=["item_id", "title", "categories"], orient="row")
    return Dataset("unique", items=items)


def test_a_model_that_has_memorized_the_catalogue_is_detected(unique, tmp_path):
    model = Model(memorized(unique))
    found = probe(unique, LLMClient(model, tmp_path), titles=40)
    assert (found.asked, found.answered, len(model.asked)) == (40, 40, 40)
    assert (found.exact, found.likeness, found.exact_control) == (1.0, 1.0, 0.0)
    assert found.knows
    assert found.verdict.startswith("the model knows this catalogue: it completes 100%")


def test_a_model_that_has_memorized_a_part_is_detected(unique, tmp_path):
    recall = memorized(unique)
    model = Model(lambda begins: recall(begins) if begins < "J" else "sorry no idea")
    found = probe(unique, LLMClient(model, tmp_path), titles=60)
    assert 0.2 < found.exact < 0.5
    assert found.knows


def test_a_model_that_writes_in_the_style_of_the_shop_is_not_detected(shop, tmp_path):
    rng = np.random.default_rng(2)

    def guess(_):
        return f"{rng.choice(SHADES)} {rng.integers(100, 999)} ml"

    found = probe(shop, LLMClient(Model(guess), tmp_path), titles=80)
    assert found.likeness > 0.4
    assert abs(found.excess) < 0.05
    assert not found.knows
    assert found.verdict.startswith("no sign of it")


def test_case_punctuation_and_a_repeated_beginning_do_not_matter(unique, tmp_path):
    recall = memorized(unique)
    model = Model(lambda begins: f"{begins} … {recall(begins).upper()}!")
    assert probe(unique, LLMClient(model, tmp_path), titles=20).exact == 1


def test_the_ending_is_not_in_the_prompt(unique, tmp_path):
    class Listener(Model):
        async def ask(self, messages, schema):
            self.prompts = [message.content.lower() for message in messages]
            return await super().ask(messages, schema)

    model = Listener(lambda _: "x")
    probe(unique, LLMClient(model, tmp_path), titles=1)
    title = split_titles(unique, 1, 0)[0]
    assert title.begins.lower() in model.prompts[1]
    assert not any(word in text for word in title.ends.lower().split() for text in model.prompts)


def test_controls_have_the_category_a_similar_beginning_and_another_ending(shop):
    for title in split_titles(shop, 80, 0):
        kind, brand, _ = title.id.split("-")
        assert len(title.controls) == 5
        assert title.ends not in title.controls
        similar = shop.items.filter(pl.col("item_id").str.starts_with(f"{kind}-{brand}"))["title"]
        assert all(any(other.endswith(end) for other in similar) for end in title.controls)


def test_the_sample_depends_on_the_seed_alone(shop):
    assert split_titles(shop, 10, 1) == split_titles(shop, 10, 1)
    assert split_titles(shop, 10, 1) != split_titles(shop, 10, 2)


def test_short_titles_cannot_be_split():
    titles = ["Three word title", None, "--- --- --- ---"]
    items = pl.DataFrame({"item_id": ["a", "b", "c"], "title": titles})
    with pytest.raises(BadInput, match="has 0 titles of 4 words"):
        split_titles(Dataset("short", items=items), 5, 0)


def test_answers_that_fail_are_left_out_and_counted(unique, tmp_path):
    recall = memorized(unique)
    model = Model(lambda begins: recall(begins) if begins < "N" else None)
    found = probe(unique, LLMClient(model, tmp_path / "part"), titles=30)
    assert 0 < found.answered < found.asked == 30
    assert found.exact == 1
    with pytest.raises(RecweaveError, match="it refuses"):
        probe(unique, LLMClient(Model(lambda _: None), tmp_path / "none"), titles=3)


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("flaw", "lawn", 2), ("a", "a", 0)],
)
def test_likeness_is_by_levenshtein_s_distance(one, other, edits):
    assert likeness(one, other) == pytest.approx(1 - edits / max(len(one), len(other)))
    assert likeness(other, one) == likeness(one, other)


def test_the_command_says_it_plainly(unique, tmp_path, monkeypatch):
    unique.save(tmp_path / "unique")
    recall = memorized(unique)
    llm = Model(recall)
    monkeypatch.setattr("recweave.enrich.choose.Server", lambda *_: llm)
    asked = ["probe", str(tmp_path / "unique"), "--url", "http://localhost/v1", "--model", "m"]
    asked += ["--titles", "20", "--answers", str(tmp_path / "answers")]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert "the model knows this catalogue" in result.stdout
    again = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert (again["knows"], again["answered"], len(llm.asked)) == (True, 20, 20)
    assert CliRunner().invoke(app, ["probe", "x", "--url", "extractive"]).exit_code != 0


def test_an_answer_is_text_of_bounded_length():
    with pytest.raises(ValueError, match="1000"):
        Rest(rest="x" * 1_001)
