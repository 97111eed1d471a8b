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
        ("item_id in ('lid', \"mug\")", {"lid", "mug"}),
        ("item_id in [lid, mug]", {"lid", "mug"}),
        ("item_id not in [lid, mug]", ALL - {"lid", "mug"}),
        ('"Tea" in categories', GREEN | BLACK | {"mint"}),
        ("'Tea' not in categories", {"mug"}),
        ("categories not contains Tea", {"mug"}),
        ('"ch" in title', GREEN),
        ("price <= 8 and brand == Raj", {"assam", "earl"}),
        ("price <= 4 or price > 30", {"mint", "pot"}),
        ("price <= 4 OR price > 30 AND brand == Raj", {"mint", "pot"}),
        ("not price <= 4 and brand is null or price == 4", {"mint"}),
        ("(price <= 4 or price > 30) and brand == Raj", {"pot"}),
        ("brand == Uji and not price > 20", {"sencha"}),
        ("not (brand == Uji or price < 8)", {"assam", "pot"}),
        ("not brand == Uji and price < 8", {"earl"}),
        ("title == Earl Grey and price < 8", {"earl"}),
        ("title == Earl Grey And price < 8", {"earl"}),
        ("brand == Uji Or price Is Not Null AND Not price > 8", GREEN | BLACK | {"mint"}),
        ("brand Not In Uji, Raj oR brand IS nuLL", {"mint", "mug", "lid"}),
        ("'Tea' In categories", GREEN | BLACK | {"mint"}),
        ("(title == 'Earl Grey')and(price < 8)", {"earl"}),
        ("brand in Uji, Raj and price < 8", {"earl"}),
        ("`item_id` == mug", {"mug"}),
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


def test_a_mask_has_an_entry_for_every_item_row(shop):
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
        ("price 20", BadSetting, "at character 7: after the field 'price' comes == != < <="),
        ("price <=", BadSetting, "at character 9: a value is missing"),
        ("not", BadSetting, "at character 4: a condition is missing"),
        ("", BadSetting, "at character 1: a condition is missing"),
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


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("price <= 20 and", 16, "a condition is missing"),
        ("price <= 20 and brand", 22, "comes == != .*; a value that holds 'and' or 'or' needs"),
        ("price => 20", 7, "there is no '=>'"),
        ("(price <= 20", 13, "a closing parenthesis is missing"),
        ("price <= 20)", 12, "only 'and', 'or' or the end"),
        ("brand == 'OPI", 10, "this quote is not closed"),
        ("brand == 'OPI' x", 16, "only 'and', 'or' or the end"),
        ("'OPI' == brand", 1, "a condition begins with a field"),
        ("brand in (a, b", 15, "a comma or the closing \\) is missing"),
        ("brand in a,, b", 12, "a value is missing"),
        ("brand is 7", 10, "after 'is' comes 'null' or 'not null'"),
        ("brand not == 7", 11, "after 'brand not' comes 'in' or 'contains'"),
        ("(" * 60 + "price < 3" + ")" * 60, 51, "more than 50 parentheses"),
        ("not " * 5_000, 0, "has 20,000 characters"),
        ("brand == H & M", 12, "'&' cannot be part of a value without quotes; .* quote the value"),
        ("brand == Uji && price < 8", 14, "'&&' cannot be part of a value without quotes"),
        ("price < 8&& stock", 10, "'&&' cannot be part"),
        ("brand == Uji || stock", 14, r"'\|\|' cannot be part of a value"),
        ("brand in Uji, Raj | Nil", 19, r"'\|' cannot be part of a value"),
        ("brand == Uji, price < 8", 21, "'<' cannot be part of a value without quotes"),
        ("brand == Uji price >= 8", 20, "'>=' cannot be part of a value"),
        ("brand == a!=b", 11, "'!=' cannot be part of a value"),
        ("(brand == Foo (a=b))", 17, "'=' cannot be part of a value"),
        ("title == Salt And Vinegar", 26, "a value that holds 'and' or 'or' needs quotes"),
    ],
)
def test_a_text_that_cannot_be_read_is_marked_at_the_character(text, at, message):
    with pytest.raises(BadSetting, match=message) as caught:
        read_rule(text)
    if at:
        first, shown, mark = str(caught.value).split("\n")
        assert f"at character {at}:" in first
        assert mark.rstrip() == " " * (2 + at - 1 - max(0, at - 61)) + "^"
        assert text[at - 1 : at + 5] in shown


def test_a_quoted_value_may_hold_anything():
    name = """O'Neil and "Sons", (a) or [b] \\ not"""
    written = name.replace("\\", "\\\\").replace('"', '\\"')
    rule = read_rule(f'brand == "{written}"')
    assert rule == Where(field="brand", op="==", value=name)
    assert read_rule("brand == Men's wear").value == "Men's wear"
    for bare in ("H&M", "AT&T Inc.", "Yahoo!", "A|B", "Barnes andrews", "R&"):
        assert read_rule(f"brand == {bare}").value == bare
    for quoted in ("H & M", "a && b", "x <= 3", "this And that", "a=b"):
        assert read_rule(f"brand == '{quoted}'").value == quoted
    assert read_rule("(brand == Foo (blue)) and price < 3").all[0].value == "Foo (blue)"


def test_every_rule_is_read_back_from_what_it_is_written_as():
    rng = np.random.default_rng(0)
    signs = list("ab' \",()[]\\=<&|!and or nOt`")

    def value():
        text = "".join(rng.choice(signs, rng.integers(1, 9)))
        return text if text.strip() else "x"

    def rule(depth):
        kind = rng.integers(5) if depth else 0
        if kind == 1:
            return AllOf(all=tuple(rule(depth - 1) for _ in range(rng.integers(2, 4))))
        if kind == 2:
            return AnyOf(any=tuple(rule(depth - 1) for _ in range(rng.integers(2, 4))))
        if kind == 3:
            return Not(no=rule(depth - 1))
        field = str(rng.choice(["price", "a field", "not", "Not"]))
        op = str(rng.choice(["==", "!=", "<", ">=", "contains", "in", "is_null"]))
        given = None if op == "is_null" else value()
        if op == "in":
            given = tuple(value() for _ in range(rng.integers(1, 4)))
        return Where(field=field, op=op, value=given)

    for _ in range(500):
        expected = rule(3)
        assert read_rule(str(expected)) == expected, str(expected)


def test_a_dataset_without_a_catalogue_has_only_ids():
    bare = Dataset("bare", events=pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"]}))
    assert allowed(bare, ["item_id == b"]).tolist() == [id == "b" for id in bare.item_ids.ids]
    with pytest.raises(BadSetting, match="no item has a 'price'"):
        allowed(bare, ["price <= 3"])
