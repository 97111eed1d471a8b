import pytest

from recweave.core import extras
from recweave.experiment.run import run
from recweave.report.page import page
from recweave.runs.spec import read_recipe


@pytest.fixture
def found(recipe, tmp_path):
    return run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)


def test_the_report_has_words_a_table_and_pictures_and_needs_no_network(found):
    html = page(found)
    assert "popularity is best" in html
    assert "<td>random" in html
    assert html.count("<svg") >= 5
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html
    assert "<script" not in html


def test_names_from_outside_are_escaped(found):
    assert "<i>" not in page(
        found.__class__(**{**vars(found), "data": {**found.data, "licence": "<i>"}})
    )


def test_without_the_extra_the_report_says_so(found, monkeypatch):
    monkeypatch.setattr(extras, "import_module", _missing)
    html = page(found)
    assert "pip install" in html
    assert "<svg" not in html
    assert "<td>random" in html


def _missing(name):
    raise ModuleNotFoundError(name=name)
