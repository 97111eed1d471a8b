from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from recweave.core.errors import BadSetting
from recweave.core.value import Value


class Shade(Value):
    depth: int = Field(1, ge=0)


class Oil(Value):
    kind: Literal["oil"] = "oil"
    drying: int = 3


class Water(Value):
    kind: Literal["water"] = "water"
    opaque: bool = False


class Paint(Value):
    colour: str
    weight: float = Field(0.5, gt=0)
    shade: Shade = Shade()
    layers: tuple[Annotated[Oil | Water, Field(discriminator="kind")], ...] = ()


def test_a_value_is_frozen_comparable_and_hashable():
    paint = Paint(colour="red")
    assert paint == Paint(colour="red", weight=0.5) != Paint(colour="blue")
    assert len({paint, Paint(colour="red")}) == 1
    with pytest.raises(ValidationError, match="frozen"):
        paint.colour = "blue"


def test_a_value_survives_json():
    paint = Paint(colour="red", shade=Shade(depth=3))
    assert Paint.model_validate_json(paint.model_dump_json()) == paint


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"colour": "red", "wieght": 1}, "unknown key 'wieght', did you mean 'weight'"),
        ({"colour": "red", "zz": 1}, "unknown key 'zz', known are: colour, layers, shade, weight"),
        ({}, "the key 'colour' is missing"),
        ({"colour": "red", "weight": -1}, "'weight' is -1: input should be greater than 0"),
        ({"colour": "red", "weight": float("nan")}, "'weight' is nan"),
        ({"colour": "red", "weight": "much"}, "'weight' is 'much'"),
        ({"colour": "red", "shade": {"depth": -1}}, "'shade.depth' is -1"),
        ("red", "is 'red'"),
    ],
)
def test_a_users_mistake_is_named_with_its_file_and_key(given, said):
    with pytest.raises(BadSetting, match=f"^paint.toml: .*{said}"):
        Paint.parse(given, "paint.toml")


def test_all_mistakes_are_named_at_once():
    with pytest.raises(BadSetting) as error:
        Paint.parse({"weight": 0, "shad": {}}, "paint.toml")
    assert str(error.value).count(";") == 2


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"shade": {"dept": 1}}, "'shade.dept', did you mean 'depth'"),
        ({"layers": [{"kind": "oil"}, {"kind": "water", "x": 1}]}, "known are: kind, opaque"),
        ({"layers": [{"kind": "oil", "dryin": 1}]}, "'layers.0.oil.dryin', did you mean 'drying'"),
    ],
)
def test_an_unknown_key_inside_a_part_is_compared_with_the_keys_of_that_part(part, said):
    with pytest.raises(BadSetting, match=said):
        Paint.parse({"colour": "red"} | part, "paint.toml")
