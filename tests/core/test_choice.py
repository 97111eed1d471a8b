from abc import ABC, abstractmethod
from importlib.metadata import EntryPoint
from typing import Annotated, ClassVar

import pytest
from pydantic import BeforeValidator, Field, SerializeAsAny, TypeAdapter, ValidationError

from recweave.core import registry
from recweave.core.choice import Choice, OneOf
from recweave.core.errors import BadSetting
from recweave.core.registry import Registry
from recweave.core.value import Value

PAINTS = Registry(
    "paint",
    {"oil": f"{__name__}:Oil", "mixed": f"{__name__}:Mixed"},
    group="recweave.paints",
    subclass_of=f"{__name__}:Paint",
)


class Paint(Choice, ABC):
    registry: ClassVar = PAINTS

    @abstractmethod
    def dry(self): ...


AnyPaint = Annotated[SerializeAsAny[Paint], BeforeValidator(OneOf(PAINTS))]


class Oil(Paint):
    days: int = Field(3, ge=1)

    def dry(self): ...


class Mixed(Paint):
    parts: tuple[AnyPaint, ...]
    base: AnyPaint | None = None

    def dry(self): ...


class Water(Paint):
    kind: str
    opaque: bool = False

    def dry(self): ...


class Picture(Value):
    paint: AnyPaint = Oil()


@pytest.fixture(autouse=True)
def listed(monkeypatch):
    """The registry as if another package had listed `water`."""
    plugged = [EntryPoint("water", f"{__name__}:Water", "recweave.paints")]
    monkeypatch.setattr(registry, "entry_points", lambda group: plugged)
    monkeypatch.setattr(PAINTS, "_where", None, raising=False)
    del PAINTS.__dict__["_where"]


@pytest.mark.parametrize(
    "paint",
    [
        {"kind": "oil", "days": 4},
        {"kind": "water", "opaque": True},
        {"kind": "mixed", "parts": [{"kind": "oil"}, {"kind": "water"}], "base": {"kind": "oil"}},
        {"kind": "mixed", "parts": [], "base": None},
    ],
)
def test_a_table_reads_back_from_json_as_it_was(paint):
    picture = Picture.parse({"paint": paint}, "here")
    assert Picture.model_validate_json(picture.model_dump_json()) == picture
    written = picture.model_dump(mode="json")["paint"]
    assert next(iter(written.items())) == ("kind", paint["kind"])
    assert type(picture.paint).model_validate(written) == picture.paint


def test_a_kind_that_was_listed_elsewhere_is_written_by_its_listed_name():
    by_path = Picture.parse({"paint": {"kind": f"{__name__}:Water"}}, "here")
    assert by_path.paint == Water(kind="water")
    assert by_path.model_dump()["paint"]["kind"] == "water"


@pytest.mark.parametrize(
    ("paint", "said"),
    [
        ({"kind": "oil", "day": 1}, "unknown key 'paint.oil.day', did you mean 'days'"),
        ({"kind": "oil", "days": 0}, "'paint.oil.days' is 0: input should be greater"),
        ({"kind": "mixed"}, "the key 'paint.mixed.parts' is missing"),
        (
            {"kind": "mixed", "parts": [{"kind": "oil"}, {"kind": "oil", "dys": 1}]},
            "'paint.mixed.parts.1.oil.dys', did you mean 'days'",
        ),
        ({"kind": "mixed", "parts": [], "base": {"kind": "oil", "dys": 1}}, "did you mean 'days'"),
        ({"kind": "oli"}, "here: no paint is called 'oli'; did you mean 'oil'"),
        ({"days": 1}, "a paint is a table with a 'kind'"),
        (3, "'paint' is 3: a paint is a table with a 'kind'"),
    ],
)
def test_a_mistake_is_gathered_with_its_key(paint, said):
    with pytest.raises(BadSetting, match=r"^here: ") as error:
        Picture.parse({"paint": paint, "size": 2}, "here")
    assert said in str(error.value) and "unknown key 'size'" in str(error.value)


def test_pydantic_sees_an_error_of_its_own():
    with pytest.raises(ValidationError, match="no paint is called 'oli'"):
        TypeAdapter(AnyPaint).validate_python({"kind": "oli"})


def test_a_wrong_kind_of_the_class_itself_is_an_unknown_key():
    with pytest.raises(ValidationError, match="kind"):
        Oil.model_validate({"kind": "water"})
    assert Oil.model_validate({"kind": "oil"}) == Oil()
