"""Whatever is in a recipe file: a mistake in it is named with its line, never by a traceback."""

import pytest

from recweave.core.errors import BadSetting
from recweave.data.filters import FILTERS
from recweave.data.split import SPLITTERS
from recweave.rank.stages import STAGES
from recweave.runs.entry import Entry
from recweave.runs.spec import Experiment, read_recipe

HEAD = "data = 'shop'\n"
MODEL = "\n[[models]]\nkind = 'popularity'\n"
VALUES = [
    *("-1", "0", "1.5", "nan", "-inf", "1e308", "99999999999999999999999", "true", "2020-01-01"),
    *('""', '"x"', '"../x"', '"{x}"', r'"a\u0000b"'),
    *("[]", "[[]]", "[-1]", "[nan]", '[1, "a"]', "{}", "{ a = 1 }", "{ a = [] }"),
]
PARTS = [
    pytest.param(where, f"kind = '{kind}', {name}", id=f"{kind}.{name}")
    for registry, where in (
        (FILTERS, "filters = [{ PART }]" + MODEL),
        (SPLITTERS, "split = { PART }" + MODEL),
        (STAGES, MODEL + "stages = [{ PART }]"),
    )
    for kind in registry
    for name in registry[kind].model_fields
    if name != "kind"
]


def message_of(path, text):
    """What is said of a recipe; nothing of one that can be read."""
    path.write_text(text)
    try:
        read_recipe(path)
    except BadSetting as error:
        message = str(error)
        assert message.startswith(f"{path}:"), text
        assert message.removeprefix(f"{path}:").partition(":")[0].isdigit(), message
        return message
    return ""


@pytest.mark.parametrize("key", Experiment.model_fields)
def test_of_any_key_any_value_is_read_or_refused_with_its_line(tmp_path, key):
    for value in VALUES:
        head, model = "" if key == "data" else HEAD, "" if key == "models" else MODEL
        message_of(tmp_path / "r.toml", f"{head}{key} = {value}{model}")


@pytest.mark.parametrize("key", [*Entry.model_fields, "name", "each", "days"])
def test_of_any_key_of_a_model_any_value_is_read_or_refused_with_its_line(tmp_path, key):
    kind = "" if key in ("kind", "name") else "kind = 'popularity'\n"
    for value in VALUES:
        message_of(tmp_path / "r.toml", f"{HEAD}[[models]]\n{kind}{key} = {value}\n")


@pytest.mark.parametrize(("where", "key"), PARTS)
def test_of_any_part_any_value_is_read_or_refused_with_its_line(tmp_path, where, key):
    for value in VALUES[::3]:
        message_of(tmp_path / "r.toml", HEAD + where.replace("PART", f"{key} = {value}") + "\n")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("seeds = [-1]" + MODEL, 2, ["'seeds.0' is -1", "greater than or equal to 0"]),
        ("seeds = [0, 1, 0]" + MODEL, 2, ["the seed 0 is listed twice"]),
        ("split_seed = -1" + MODEL, 2, ["'split_seed' is -1"]),
        (
            "filters = [{ kind = 'sample', users = 5, seed = -1 }]" + MODEL,
            2,
            ["'filters.0.sample.seed' is -1"],
        ),
        (MODEL + "search = { days = [] }", 5, ["days", "must hold at least 1"]),
        (MODEL + "each = { days = 10 }", 5, ["'each.days' is 10", "write a list"]),
        (MODEL + "each = { days = [] }", 5, ["'each.days' is []", "write a list"]),
        (MODEL + "days = 3\neach = { days = [10] }", 6, ["keep one of the two"]),
        (
            "\n[[models]]\nkind = 'random'\neach = { variant = ['a'] }" + MODEL,
            5,
            ["'each.variant': the rows of `each` are named after its other keys; leave 'variant'"],
        ),
        (MODEL + "each = { days = [1, 2] }\n[[models]]\nkind = 'random'\nx = 1", 8, ["'x'"]),
        (MODEL + "each = { days = [1, -2] }", 5, ["days", "greater than 0"]),
        (MODEL + "search = { days = [1, -2] }", 5, ["days", "greater than 0"]),
        (MODEL + "variant = '../../x'", 5, ["cannot hold '..'", "use letters"]),
        (MODEL + "variant = 'a/b'", 5, ["cannot hold '/'"]),
        (MODEL + "row = 'a/b'", 5, ["cannot hold '/'"]),
        (MODEL + "row = '.'", 5, ["start and end with another character than a dot"]),
        (MODEL + "row = ''", 5, ["must not be empty"]),
        (MODEL + "row = 3", 5, ["'models.0.row' is 3"]),
        (MODEL + "row = 'a'\nvariant = 'b'", 3, ["'row' is the whole name", "keep one of them"]),
        (
            MODEL + "row = 'a'\neach = { days = [1] }\n[[models]]\nkind = 'random'\n"
            "row = 'a-days=1'",
            7,
            ["two rows are called 'a-days=1'", "a name by `row`"],
        ),
        (
            "\n[[models]]\nkind = 'random'\neach = { row = ['a'] }" + MODEL,
            5,
            ["'each.row': the rows of `each` are named after its other keys; leave 'row'"],
        ),
        (MODEL + f"row = '{'long' * 99}'", 3, ["longer than 200 bytes", "or 'row'"]),
        (MODEL + r"variant = 'a\b'", 5, ["cannot hold"]),
        (MODEL + f"variant = '{'long' * 99}'", 3, ["longer than 200 bytes", "shorter 'variant'"]),
        (MODEL + "name = 'popularity'", 3, ["'kind' and 'name'", "keep 'kind'"]),
        (
            "\n[[models]]\nkind = 'random'\nstages = [{ kind = 'cap', field = 'brand', n = 1 }]"
            "\n[[models]]\nkind = 'popularity'\n[[models.stages]]\nkind = 'cap'\n"
            "field = 'brand'\nn = 0",
            11,
            ["'models.1.stages.0.cap.n' is 0"],
        ),
        (
            "\n[[models]]\nkind = 'random'\nstages = [{ kind = 'cap', field = 'brand', n = 1 }]"
            "\n[[models]]\nkind = 'popularity'\n[[models.stages]]\nfield = 'brand'\n"
            "kind = 'capp'\nn = 1",
            10,
            ["capp", "did you mean 'cap'"],
        ),
        (
            MODEL + "[[models]]\nkind = 'blend'\nmembers = ['popularity']\ndays = 3",
            5,
            ["a blend has no setting 'days'"],
        ),
        (
            MODEL + f"search = {{ days = {list(range(1, 200))}, behaviors = {[[]] * 99} }}",
            5,
            ["makes 19,701 trials", "10,000 trials at most"],
        ),
    ],
)
def test_a_mistake_is_named_with_its_own_line(tmp_path, text, line, words):
    path = tmp_path / "r.toml"
    message = message_of(path, HEAD + text)
    assert message.startswith(f"{path}:{line}: "), message
    for word in words:
        assert word in message


def test_what_is_wrong_within_an_entry_is_not_said_of_the_list_of_models_too(tmp_path):
    path = tmp_path / "r.toml"
    message = message_of(path, HEAD + MODEL + "search = { days = [] }")
    assert message == f"{path}:5: 'models.0.search.days' is []: it must hold at least 1"


def test_a_row_of_lists_has_a_name_and_its_values(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text(HEAD + "[[models]]\nkind = 'biased_mf'\neach = { scale = [[1, 5], [1, 10]] }")
    experiment = read_recipe(path)
    assert experiment.rows() == ["biased_mf-scale=[1, 5]", "biased_mf-scale=[1, 10]"]
    assert [entry.recipes()[0].scale for entry in experiment.models] == [(1, 5), (1, 10)]


def test_values_of_each_that_no_folder_can_be_called_by_are_written_otherwise(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text(HEAD + "[[models]]\nkind = 'content_knn'\neach = { feature = ['a/b', '../c'] }")
    assert read_recipe(path).rows() == ["content_knn-feature=a_b", "content_knn-feature=__c"]


@pytest.mark.parametrize("word", ["kind", "name"])
def test_a_model_a_stage_and_a_filter_are_named_by_either_word(tmp_path, word):
    path = tmp_path / "r.toml"
    path.write_text(
        f"data = 'shop'\nfilters = [{{ {word} = 'k_core' }}]\nsplit = {{ {word} = 'ratio_user' }}\n"
        f"[features.f]\n{word} = 'items'\n[[models]]\n{word} = 'popularity'\n"
        f"stages = [{{ {word} = 'cap', field = 'brand', n = 1 }}]"
    )
    experiment = read_recipe(path)
    parts = [*experiment.filters, experiment.split, experiment.features["f"]]
    kinds = [part.kind for part in [*parts, *experiment.models, *experiment.models[0].stages]]
    assert kinds == ["k_core", "ratio_user", "items", "popularity", "cap"]
