"""The captions of items: a feature, a file for people, and back."""

import json

import numpy as np
import pytest

from enrich.captions.doubles import Colours, Letters
from recweave.core.errors import BadInput, BadSetting
from recweave.data.vocabulary import Vocabulary
from recweave.enrich.captions import ItemCaptions, caption_items


@pytest.fixture
def found(shop, folder, settings):
    return caption_items(shop, folder, Colours(), settings=settings)


def rows(shop, *ids):
    return [shop.item_ids.row(id) for id in ids]


def test_an_item_s_vector_is_the_mean_of_those_of_its_captions(found, shop):
    feature = found.as_feature(Letters())
    wanted = rows(shop, "both", "blue", "broken", "none")
    np.testing.assert_allclose(feature.vectors[wanted], [[0.5, 0.5], [0, 1], [0, 0], [0, 0]])
    assert feature.present[wanted].tolist() == [True, True, False, False]
    assert feature.encoder == "letters/1/mean"
    assert feature.source.startswith("captions of pictures by colours/1, ")
    assert not feature.used  # of the catalogue alone
    assert found.coverage == 0.5


def test_captions_are_written_by_item_and_read_back(found, shop, tmp_path):
    file = tmp_path / "captions.json"
    found.save(file, shop.item_ids)
    written = json.loads(file.read_text())
    assert written["captions"] == {
        "both": [
            {"picture": "red.png", "caption": "a red thing"},
            {"picture": "blue.png", "caption": "a blue thing"},
        ],
        "blue": [{"picture": "blue.png", "caption": "a blue thing"}],
    }
    assert (written["captioner"], written["coverage"]) == ("colours/1", 0.5)
    again = ItemCaptions.load(file, shop.item_ids)
    before, after = (each.as_feature(Letters()) for each in (found, again))
    np.testing.assert_array_equal(after.vectors, before.vectors)
    assert after.source == before.source


def test_items_that_the_data_no_longer_has_are_left_out(found, shop, tmp_path):
    file = tmp_path / "captions.json"
    found.save(file, shop.item_ids)
    few = ItemCaptions.load(file, Vocabulary("item", ["new", "blue"])).as_feature(Letters())
    np.testing.assert_allclose(few.vectors, [[0, 0], [0, 1]])
    with pytest.raises(BadSetting, match="no caption of any of the 1 items"):
        ItemCaptions.load(file, Vocabulary("item", ["new"]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("[]", "holds no captions"),
        ('{"format": "9", "captioner": "", "source": "", "captions": {}}', "has the format 9"),
    ],
)
def test_a_file_that_holds_no_captions_is_refused(content, words, tmp_path):
    file = tmp_path / "captions.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BadInput, match=words):
        ItemCaptions.load(file, Vocabulary("item", ["blue"]))
