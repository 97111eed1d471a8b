import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import Split
from recweave.runs.spec import Experiment, read_recipe
from recweave.runs.toml import to_toml


def written(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


MODEL = '\n[[models]]\nname = "popularity"\n'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("data = 'x'\nmetrisc = ['ndcg@5']" + MODEL, 2, ["metrisc", "did you mean 'metrics'"]),
        ("data = 'x'\nmetrics = ['ndgc@5']" + MODEL, 2, ["ndgc", "did you mean 'ndcg'"]),
        ("data = 'x'\nmetrics = ['ndcg@0']" + MODEL, 2, ["ndcg@0", "from 1 up"]),
        ("data = 'x'\nslices = ['hed']" + MODEL, 2, ["hed"]),
        ("data = 'x'\n[[models]]\nname = 'populariti'", 3, ["did you mean 'popularity'"]),
        ("data = 'x'\n[[models]]\nname = 'popularity'\ndayz = 3", 4, ["dayz", "'days'"]),
        ("data = 'x'\n[[models]]\nname = 'popularity'\ndays = -1", 4, ["days", "greater than 0"]),
        ("data = 'x'\nseeds = []" + MODEL, 2, ["seeds"]),
        ("data = 'x'\nbaseline = 'ease'" + MODEL, 2, ["'ease' is no row", "popularity"]),
        ("data = 'x'" + MODEL + MODEL, 5, ["two rows are called 'popularity'", "variant"]),
        ("data = 'x'\nsplit = { kind = 'leave_one' }" + MODEL, 2, ["leave_last_out"]),
        ("data = 'x'\nsplit = { kind = 'leave_last_out', n = 0 }" + MODEL, 2, ["split"]),
        ("data = 'x'\nfilters = [{ kind = 'k_cor' }]" + MODEL, 2, ["k_core"]),
        ("data = 'x'" + MODEL + "members = ['a']", None, ["a blend, and nothing else"]),
        (
            "data = 'x'" + MODEL + "[[models]]\nname = 'blend'\nmembers = ['popularty']",
            6,
            ["no row above", "did you mean 'popularity'"],
        ),
        (MODEL, None, ["'data' is missing"]),
        ("data = 'x'", None, ["'models' is missing"]),
        ("data = ", None, ["no TOML"]),
        (
            "data = 'x'\n[[models]]\nname = 'popularity'\ndays = 7\nsearch = { days = [1.0] }",
            4,
            ["'days' is set and searched"],
        ),
        (
            "data = 'x'\n[[models]]\nname = 'popularity'\nstages = [{ kind = 'mmmr' }]",
            4,
            ["mmmr", "did you mean 'mmr'"],
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_a_remedy(tmp_path, text, line, words):
    path = written(tmp_path, text)
    with pytest.raises(BadSetting) as error:
        read_recipe(path)
    message = str(error.value)
    assert message.startswith(f"{path}:{line}:" if line else f"{path}:"), message
    for word in words:
        assert word in message


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(BadSetting, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_a_file_that_is_no_text_is_an_error(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSetting, match="no TOML"):
        read_recipe(path)


def test_search_gives_every_combination(tmp_path):
    text = "data = 'x'\n[[models]]\nname = 'popularity'\nsearch = { days = [1.0, 7.0] }"
    experiment = read_recipe(written(tmp_path, text))
    assert [recipe.days for recipe in experiment.models[0].recipes()] == [1.0, 7.0]


def test_each_value_makes_a_row(tmp_path):
    text = "data = 'x'\n[[models]]\nname = 'popularity'\nvariant = 'late'\neach = { days = [1, 7] }"
    experiment = read_recipe(written(tmp_path, text))
    assert experiment.rows() == ["popularity-late-days=1", "popularity-late-days=7"]
    assert [entry.recipes()[0].days for entry in experiment.models] == [1.0, 7.0]


def test_a_row_is_called_what_its_entry_says_wherever_rows_are_named(tmp_path):
    text = """
        data = "x"
        baseline = "base"
        [[models]]
        kind = "popularity"
        row = "base"
        [[models]]
        kind = "popularity"
        row = "late"
        each = { days = [1, 7] }
        [[models]]
        kind = "blend"
        row = "both"
        members = ["base", "late-days=7"]
        """
    experiment = read_recipe(written(tmp_path, text))
    assert experiment.rows() == ["base", "late-days=1", "late-days=7", "both"]
    assert experiment.compared_with() == "base"
    assert experiment.entry("both").members == ("base", "late-days=7")
    assert {entry.variant for entry in experiment.models} == {""}
    assert read_recipe(written(tmp_path, to_toml(experiment))) == experiment
    with pytest.raises(BadSetting, match=r"'lat-days=7' is no row .* 'late-days=7'"):
        read_recipe(written(tmp_path, text.replace('"late-days=7"]', '"lat-days=7"]')))


def test_a_row_without_a_name_is_written_without_one(tmp_path):
    text = "data = 'x'\n[[models]]\nkind = 'popularity'\nvariant = 'late'\ndays = 7.0\n"
    experiment = read_recipe(written(tmp_path, text))
    assert experiment.rows() == ["popularity-late"]
    assert "row" not in to_toml(experiment)


def test_a_recipe_written_as_toml_reads_back_equal(tmp_path):
    text = """
        title = 'With "quotes" and ü'
        data = { source = "table", path = "x.csv", options = { skip = 1 } }
        split = { kind = "given", valid = { kind = "ratio_user", valid = 0.0 } }
        filters = [{ kind = "k_core", users = 5, items = 5 }]
        seeds = [0, 1]
        [[models]]
        name = "popularity"
        days = 7.0
        stages = [{ kind = "cap", field = "brand", n = 2 }]
        [[models]]
        name = "random"
        """
    experiment = read_recipe(written(tmp_path, text))
    again = tmp_path / "again.toml"
    again.write_text(to_toml(experiment))
    assert read_recipe(again) == experiment
    assert read_recipe(again).key() == experiment.key()


@pytest.mark.parametrize(("refit", "events"), [("train", 3), ("train+valid", 5)])
def test_the_final_events_are_those_that_refit_names(refit, events):
    parts = [
        Interactions.of(user, [0] * len(user), shape=(6, 2)) for user in ([0, 1, 2], [3, 4], [5])
    ]
    asked = {"data": "x", "refit": refit, "models": [{"name": "popularity"}]}
    experiment = Experiment.parse(asked, "here")
    assert experiment.refits == (refit != "train")
    assert experiment.final_events(Split(*parts)).user.tolist() == list(range(events))
