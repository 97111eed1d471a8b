"""Names of colours: known paints get their names, and the background does not count."""

import numpy as np
import pytest

from recweave.encode.images.objects import detector

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("skimage")

PAINTS = {
    "black": (15, 15, 18),
    "white": (250, 250, 250),
    "grey": (125, 125, 128),
    "beige": (225, 205, 170),
    "brown": (100, 62, 35),
    "red": (200, 20, 35),
    "orange": (240, 125, 25),
    "yellow": (245, 220, 40),
    "green": (40, 130, 60),
    "blue": (30, 70, 170),
    "purple": (105, 45, 140),
    "pink": (240, 120, 175),
}


def painted(paint, wall=(255, 255, 255), width=60, height=80):
    """A rectangle of this paint before a wall."""
    picture = Image.new("RGB", (width, height), wall)
    picture.paste(paint, (width // 5, height // 5, 4 * width // 5, 4 * height // 5))
    return picture


def named(*pictures, threshold=0.25):
    found = detector("colours", threshold=threshold)
    shares = found.encode([found.prepare(picture) for picture in pictures])
    return [
        {found.classes[c]: round(float(row[c]), 2) for c in np.flatnonzero(row)} for row in shares
    ]


@pytest.mark.parametrize("name", PAINTS)
def test_a_paint_is_called_by_its_name(name):
    wall = (30, 60, 30) if name in ("white", "grey") else (255, 255, 255)
    assert named(painted(PAINTS[name], wall))[0].keys() == {name}


def test_every_name_can_be_found():
    assert set(detector("colours").classes) == PAINTS.keys()


def test_the_wall_does_not_count_whatever_its_colour():
    for wall in ((255, 255, 255), (20, 20, 20), (240, 200, 60)):
        assert named(painted(PAINTS["blue"], wall))[0].keys() == {"blue"}


def test_a_picture_of_one_colour_alone_is_of_that_colour():
    assert named(Image.new("RGB", (60, 80), PAINTS["red"])) == [{"red": 1.0}]


def test_a_thing_of_two_colours_has_both_by_their_shares():
    picture = painted(PAINTS["red"])
    picture.paste(PAINTS["blue"], (30, 16, 48, 64))
    (found,) = named(picture)
    assert found.keys() == {"red", "blue"}
    assert found["red"] + found["blue"] == pytest.approx(1, abs=0.05)
    assert found["blue"] == pytest.approx(0.5, abs=0.05)


def test_shares_below_the_threshold_do_not_count():
    picture = painted(PAINTS["red"])
    picture.paste(PAINTS["blue"], (24, 34, 34, 44))
    assert named(picture)[0].keys() == {"red"}
    assert named(picture, threshold=0.05)[0].keys() >= {"red", "blue"}


def test_the_vector_does_not_depend_on_the_other_pictures():
    pictures = [painted(paint) for paint in PAINTS.values()]
    assert named(*pictures) == [named(picture)[0] for picture in pictures]
