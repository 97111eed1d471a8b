import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting, UnknownName
from recweave.data.dataset import Dataset
from recweave.rank import allowed
from recweave.rank.rules import AllOf, AnyOf, Not, Where, read_rule

GREEN = {"sencha", "matcha"}
BLACK = {"assam", "earl"}
ALL = GREEN | BLACK | {"mint", "mug", "pot", "lid"}


@pytest.fixture
def shown(shop):
    """The ids that the rules leave."""

    def ids(*rules, deny=()):
        return {shop.item_ids.ids[int(i)] for i in np.flatnonzero(allowed(shop, rules, deny=deny))}

    return ids


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("price<=8", {"assam", "earl", "mint"}),
        ("price < 8", {"earl", "mint"}),
        ("price >= 30", {"matcha", "pot"}),
        ("price > 30.0", {"pot"}),
        ("price = 4", {"mint"}),
        ("price != 4", {"sencha", "matcha", "assam", "earl", "pot"}),
        ("price in 4, 8", {"mint", "assam"}),
        ("brand == Uji", GREEN),
        ("brand != Uji", BLACK | {"pot"}),
        ("brand in Uji,Raj", GREEN | BLACK | {"pot"}),
        ("categories contains Tea", GREEN | BLACK | {"mint"}),
        ("categories contains Te", set()),
        ("title contains ch", GREEN),
        ("title contains .", set()),
        ("title = Earl Grey", {"earl"}),
        ("title == 'Earl Grey'", {"earl"}),
        ('title = "Earl Grey"', {"earl"}),
        ("brand in 'Uji', \"Raj\"", GREEN | BLACK | {"pot"}),
        ("organic = true", {"sencha", "mint"}),
        ("organic != true", {"matcha", "assam"}),
        ("stock == 1", {"sencha"}),
        ("stock <= 0", {"matcha"}),
        ("brand is null", {"mint", "mug", "lid"}),
        ("brand is not null", GREEN | BLACK | {"pot"}),
        ("categories is null", {"pot", "lid"}),
        ("not price <= 8", {"sencha", "matcha", "pot"}),
        ("not brand in Uji", BLACK | {"pot"}),
        ("not not price <= 8", {"assam", "earl", "mint"}),
        ("  not   price is null ", GREEN | BLACK | {"mint", "pot"}),
        ("item_id in lid, mug", {"lid", "mug"}),
    ],
)
def test_a_rule_finds_its_items(shown, rule, found):
    assert shown(rule) == found


def test_what_an_item_lacks_matches_neither_a_rule_nor_its_opposite(shown):
    assert shown("price <= 8") | shown("not price <= 8") == ALL - {"mug", "lid"}
    assert shown("categories contains Tea") | shown("not categories contains Tea") == ALL - {
        "pot",
        "lid",
    }


def test_rules_can_be_joined(shown):
    cheap, green = read_rule("price <= 12"), read_rule("categories contains Green")
    assert shown(AllOf(all=(cheap, green))) == {"sencha"}
    assert shown(AnyOf(any=(cheap, green))) == GREEN | BLACK | {"mint"}
    assert shown(Not(no=AnyOf(any=(cheap, green)))) == set()  # the pot's categories are not known
    assert shown(AllOf(all=(cheap, Not(no=green)))) == BLACK | {"mint"}
    assert shown("price <= 12", "categories contains Green") == {"sencha"}


def test_tables_say_the_same_as_texts(shown):
    table = {
        "any": [
            {"all": ["price <= 12", {"field": "categories", "op": "contains", "value": "Green"}]},
            {"field": "brand", "op": "in", "value": ["Raj"]},
            {"no": {"field": "price", "op": "<", "value": 45}},
        ]
    }
    rule = read_rule(table)
    assert shown(rule) == {"sencha", "assam", "earl", "pot"}
    assert read_rule(rule.model_dump()) == read_rule(rule.model_dump(mode="json")) == rule


def test_a_denial_spares_what_is_not_known(shown):
    assert shown(deny=["price > 10", "brand == Raj"]) == {"mint", "mug", "lid"}
    assert shown("price > 0", deny=["brand == Raj"]) == GREEN | {"mint"}


def test_no_rules_allow_everything(shown):
    assert shown() == ALL


def test_values_with_commas_stand_in_quotes():
    rule = read_rule('brand in "Fortnum, Mason", Uji')
    assert rule == Where(field="brand", op="in", value=("Fortnum, Mason", "Uji"))


def test_a_mask_has_a_place_for_every_item_row(shop):
    """Also for the lid, which is in the log alone."""
    assert len(shop.items) == 7
    assert allowed(shop, ["price is null"]).tolist() == [False] * 5 + [True, False, True]


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (
            "prise <= 20",
            UnknownName,
            "no field of the items is called 'prise'; did you mean 'price",
        ),
        ("prise is null", UnknownName, "did you mean 'price'"),
        ("qqqq == 1", UnknownName, "known are: brand, categories, description, images, item_id,"),
        ("price <= cheap", BadSetting, "'price <=' needs numbers, not 'cheap'"),
        ("price in 3, dear", BadSetting, "'price in' needs numbers, not 'dear'"),
        ("price contains 3", BadSetting, r"'price' holds numbers and takes ==, .*not 'contains'"),
        ("brand < Uji", BadSetting, r"'brand' holds text and takes ==, !=, in, contains, is_null"),
        ("categories == Tea", BadSetting, r"'categories' holds lists and takes contains, is_null"),
        ("organic == yes", BadSetting, r"'organic ==' needs true or false, not 'yes'"),
        ("description contains x", BadSetting, "no item has a 'description'"),
        ("since == 2020", BadSetting, r"'since' holds Date and takes is_null; not '=='"),
        ("price 20", BadSetting, "'price 20' is no rule; write FIELD OP VALUE"),
        ("price <=", BadSetting, "'price <=' is no rule"),
        ("not", BadSetting, "'not' is no rule"),
        ("", BadSetting, "'' is no rule"),
        (7, BadSetting, "a rule is a text such as 'price <= 20' or a table, not 7"),
        ({"field": "brand", "value": 7}, BadSetting, "'brand ==' needs text, not 7"),
        ({"field": "price", "value": True}, BadSetting, "'price ==' needs numbers, not True"),
        ({"field": "price", "value": [1, 2]}, BadSetting, r"'price ==' needs numbers, not \(1, 2"),
        ({"field": "price"}, BadSetting, "'price ==' needs numbers, not None"),
        ({"field": "price", "op": "=>", "value": 1}, BadSetting, "'op' is '=>'"),
        ({"field": "price", "values": 1}, BadSetting, "unknown key 'values', did you mean 'value'"),
        ({"all": []}, BadSetting, "'all' is \\[\\]"),
        ({"any": ["price <= 3", {"no": {"feild": "x"}}]}, BadSetting, "the key 'field' is missing"),
    ],
)
def test_a_mistake_is_named(shop, rule, error, message):
    shop = shop.replace(items=shop.items.with_columns(since=pl.date(2020, 1, 1)))
    with pytest.raises(error, match=message):
        allowed(shop, [rule] if isinstance(rule, str) else [read_rule(rule)])


@pytest.mark.parametrize(
    "text",
    ["price <= 12", "brand in Uji, Raj", "price is null", "not brand == Uji", "title contains ch"],
)
def test_a_rule_is_written_as_it_is_read(text):
    assert str(read_rule(text)) == text
    assert read_rule(str(read_rule(text))) == read_rule(text)


def test_a_dataset_without_a_catalogue_has_only_ids():
    bare = Dataset("bare", events=pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"]}))
    assert allowed(bare, ["item_id == b"]).tolist() == [False, True]
    with pytest.raises(BadSetting, match="no item has a 'price'"):
        allowed(bare, ["price <= 3"])
