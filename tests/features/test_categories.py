import pytest

from recweave.core.errors import BadSetting, UnknownName
from recweave.data.dataset import Dataset
from recweave.data.split import LeaveLastOut
from recweave.encode.features import CategoricalFeature, Feature
from recweave.features import FeatureContext
from recweave.features.categories import Category


@pytest.fixture
def context():
    """Item "last" has only held-out events; its brand and tag are of no training item."""
    dataset = Dataset.from_frames(
        "shop",
        events={
            "user_id": ["u", "u", "v", "v", "u"],
            "item_id": ["a", "b", "a", "c", "last"],
            "time": [1, 2, 3, 2, 9],
        },
        items={
            "item_id": ["last", "a", "b", "c", "never"],
            "brand": ["new", "x", "y", "x", "x"],
            "year": [1990, 1990, 2000, None, 2000],
            "categories": [["new"], ["t", "s"], ["t"], None, []],
        },
        users={"user_id": ["v", "u"], "city": ["Rome", "Oslo"]},
    )
    split = dataset.split(LeaveLastOut(n=1, valid=0))
    return FeatureContext(dataset, split)


def by_item(context, values):
    return dict(zip(context.dataset.item_ids.ids, values, strict=True))


def test_columns_become_codes_with_the_levels_of_training_items(context):
    made = Category(fields=("brand", "year"), min_count=1).build(context)
    assert isinstance(made, CategoricalFeature)
    # v's last event is item a or c; training items have the brands x and y.
    assert made.levels[0] == ("x", "y")
    codes = by_item(context, made.codes.tolist())
    assert codes["last"][0] == -1
    assert codes["a"][0] == codes["never"][0] == 0
    assert codes["b"][0] == 1
    assert codes["c"][1] == -1


def test_columns_of_users(context):
    made = Category(fields=("city",), of="user", min_count=1).build(context)
    assert made.of == "user"
    named = [made.levels[0][code] for code in made.codes[:, 0]]
    expected = {"v": "Rome", "u": "Oslo"}
    assert named == [expected[user] for user in context.dataset.user_ids.ids]


def test_a_column_of_lists_becomes_multi_hot_and_stands_alone(context):
    made = Category(fields=("categories",), min_count=1).build(context)
    assert isinstance(made, Feature)
    assert made.columns == ("s", "t")
    vectors = by_item(context, made.vectors.tolist())
    assert vectors["a"] == [1, 1]
    assert vectors["b"] == [0, 1]
    assert vectors["last"] == vectors["c"] == vectors["never"] == [0, 0]
    with pytest.raises(BadSetting, match="categories"):
        Category(fields=("categories", "brand")).build(context)


def test_a_column_that_is_not_there_is_named(context):
    with pytest.raises(UnknownName, match="brnad"):
        Category(fields=("brnad",)).build(context)
