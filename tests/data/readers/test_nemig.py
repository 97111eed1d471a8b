import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import read

NEWS = (
    "news_id\ttopic\ttopic_label\ttitle\tabstract\tdate_published\tpublisher\tsentiment\turl\n"
    'n1\t38\tborder_crisis\tA "quoted" title\tAbstract\t24.05.2022\tQ1\tNeutral\thttp://x\n'
    "n2\t-1\tborder_said\tOther\t\t\tQ1\tNegative\thttp://y\n"
)
LOG = "7\tU1\tn2 n1\tn1-1 n2-0\n3\tU2\t\tn2-0 n1-0\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "behaviors.tsv").write_text(LOG)
    (tmp_path / "news.tsv").write_text(NEWS)
    return tmp_path


def test_impressions_have_no_times(folder):
    assert read("nemig", folder).impressions.rows() == [
        ("7", "U1", None, ["n2", "n1"], ["n1", "n2"], [True, False]),
        ("3", "U2", None, [], ["n2", "n1"], [False, False]),
    ]


def test_clicks_are_events(folder):
    events = read("nemig", folder).events
    assert events.select("user_id", "item_id", "behavior").rows() == [("U1", "n1", "click")]


def test_articles_have_topics_as_categories_and_their_day(folder):
    first, second = read("nemig", folder).items.iter_rows(named=True)
    assert first["title"] == 'A "quoted" title'
    assert (first["categories"], first["published"]) == (["topic 38"], 1653350400)
    assert (second["categories"], second["published"], second["description"]) == ([], None, None)


def test_a_day_of_another_form_names_its_line(folder):
    (folder / "news.tsv").write_text(NEWS.replace("24.05.2022", "2022-05-24"))
    with pytest.raises(BadInput, match=r"news\.tsv:2: date_published '2022-05-24' is not of the"):
        read("nemig", folder)
