import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import read

NEWS = (
    'N1\tsports\tracing\tA "quoted" title\tAbstract\thttp://x\t'
    '[{"Label": "NASCAR", "WikidataId": "Q233929"}]\t[]\n'
    "N2\tnews\tus\tOther\t\thttp://y\t[]\t[]\n"
)
LOG = (
    "1\tU1\t11/12/2019 2:14:46 PM\tN2 N1 N2\tN1-1 N2-0\n2\tU2\t11/13/2019 5:53:12 AM\t\tN2-1 N1-1\n"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "behaviors.tsv").write_text(LOG)
    (tmp_path / "news.tsv").write_text(NEWS)
    return tmp_path


def test_impressions_keep_what_was_shown_and_clicked(folder):
    dataset = read("mind", folder)
    assert dataset.impressions.rows() == [
        ("1", "U1", 1573568086, ["N2", "N1", "N2"], ["N1", "N2"], [True, False]),
        ("2", "U2", 1573624392, [], ["N2", "N1"], [True, True]),
    ]


def test_clicks_are_events_too(folder):
    events = read("mind", folder).events
    assert events.select("user_id", "item_id", "behavior", "time").rows() == [
        ("U1", "N1", "click", 1573568086),
        ("U2", "N2", "click", 1573624392),
        ("U2", "N1", "click", 1573624392),
    ]


def test_articles_keep_quotes_categories_and_entities(folder):
    item = read("mind", folder).items.row(0, named=True)
    assert item["title"] == 'A "quoted" title'
    assert item["categories"] == ["sports", "racing"]
    assert (item["description"], item["entities"]) == ("Abstract", ["Q233929"])


def test_train_and_dev_are_read_together(tmp_path):
    for name in ("MINDsmall_dev", "MINDsmall_train"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "behaviors.tsv").write_text(LOG)
        (tmp_path / name / "news.tsv").write_text(NEWS)
    dataset = read("mind", tmp_path)
    assert dataset.impressions["impression_id"].to_list() == [
        "MINDsmall_train-1",
        "MINDsmall_train-2",
        "MINDsmall_dev-1",
        "MINDsmall_dev-2",
    ]
    assert dataset.events["part"].to_list() == 3 * ["train"] + 3 * ["test"]
    assert len(dataset.items) == 2


def test_impressions_without_labels_have_no_clicks(folder):
    (folder / "behaviors.tsv").write_text("1\tU1\t11/12/2019 2:14:46 PM\tN2\tN1 N2\n")
    dataset = read("mind", folder)
    assert dataset.impressions.select("shown", "clicked").row(0) == (["N1", "N2"], None)
    assert not len(dataset.events)


def test_half_labelled_impressions_are_refused(folder):
    (folder / "behaviors.tsv").write_text(LOG + "3\tU1\t11/12/2019 2:14:46 PM\tN2\tN1-1 N2\n")
    with pytest.raises(BadInput, match=r"tsv:3: shown 'N1-1 N2' is not a list as 'N1-0 N2-1'"):
        read("mind", folder)


def test_a_repeated_impression_is_refused(folder):
    (folder / "behaviors.tsv").write_text(LOG + LOG.splitlines()[0].replace("U1", "U9") + "\n")
    with pytest.raises(BadInput, match=r"tsv:3: impression_id '1' stands on line 1 already"):
        read("mind", folder)
