"""Captions of pictures: cached, with every fault by name; and their mean vectors."""

import numpy as np
import pytest

from enrich.captions.doubles import Colours, Letters
from recweave.enrich.captions import caption_pictures
from recweave.enrich.captions.pictures import mean_vectors

NAMES = ["red.png", "empty.png", "gone.png", "blue.png"]


def test_every_picture_that_can_be_read_has_a_caption_and_the_others_are_named(folder, settings):
    found = caption_pictures(NAMES, folder, Colours(), settings=settings)
    assert found.captions == ["a red thing", "", "", "a blue thing"]
    assert found.present.tolist() == [True, False, False, True]
    assert [(f.picture, f.what, f.used) for f in found.findings] == [
        ("empty.png", "is empty", False),
        ("gone.png", "is not there", False),
    ]
    assert found.source.startswith("captions of pictures by colours/1, ")


def test_a_picture_is_captioned_once_by_each_captioner(folder, settings):
    first, again, other = Colours(), Colours(), Colours("colours/2")
    (folder / "copy.png").write_bytes((folder / "red.png").read_bytes())
    found = caption_pictures(NAMES, folder, first, settings=settings)
    more = caption_pictures([*NAMES, "copy.png"], folder, again, settings=settings)
    caption_pictures(NAMES, folder, other, settings=settings)
    assert (first.asked, again.asked, other.asked) == (2, 0, 2)
    assert more.captions == [*found.captions, "a red thing"]


def test_a_failure_is_named_and_tried_again_and_silence_is_kept(folder, settings):
    found = caption_pictures(
        NAMES, folder, Colours(fails={"red"}, silent={"blue"}), settings=settings
    )
    assert found.captions == [""] * 4
    assert ("red.png", "got no caption: the model refused", False) in [
        (f.picture, f.what, f.used) for f in found.findings
    ]
    assert "blue.png" not in [f.picture for f in found.findings]
    again = Colours()
    found = caption_pictures(NAMES, folder, again, settings=settings)
    assert found.captions == ["a red thing", "", "", ""]
    assert again.asked == 1


def test_an_interrupted_run_goes_on_where_it_was(folder, settings, monkeypatch):
    monkeypatch.setattr("recweave.enrich.captions.pictures.BATCH", 1)

    class Stops(Colours):
        def caption(self, prepared):
            if self.asked == 1:
                raise KeyboardInterrupt
            return super().caption(prepared)

    with pytest.raises(KeyboardInterrupt):
        caption_pictures(NAMES, folder, Stops(), settings=settings)
    again = Colours()
    assert caption_pictures(NAMES, folder, again, settings=settings).present.sum() == 2
    assert again.asked == 1


def test_the_mean_is_over_captions_that_there_are():
    captions = ["red", "blue", "", "red", "red"]
    vectors, present = mean_vectors(captions, np.array([0, 0, 0, 2, 2]), 4, Letters())
    np.testing.assert_allclose(vectors, [[0.5, 0.5], [0, 0], [1, 0], [0, 0]])
    assert present.tolist() == [True, False, True, False]
