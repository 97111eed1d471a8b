"""Films with posters and overviews: whose year is another's is of another film."""

import zipfile

import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import examine, read

FILMS = """item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq
1\tToy Story\t1995\tAnimation Comedy
2\tFan, The\t1996\tThriller
3\tunkonwn\tunkonwn\tunknown
4\tLove Bug, The\t1969\tComedy
"""
OVERVIEWS = """item_id,title,overview,tagline,release_date,runtime,original_language
1,Toy Story,"Toys, alive.",To infinity,1995-10-30,81.0,en
1,Toy Story,A second one.,,1995-10-30,81.0,en
2,Remnants of Everest,A tragedy.,,2007-11-09,50.0,en
2,The Fan,A fan.,,1996-08-16,116.0,en
3,Unknown,Of no year.,,2011-02-16,90.0,en
4,The Love Bug,A car.,,1968-12-22,107.0,en
"""


@pytest.fixture
def films(tmp_path):
    log, posters = tmp_path / "ml-100k", tmp_path / "posters"
    log.mkdir()
    posters.mkdir()
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (log / "ml-100k.inter").write_text(
        f"{header}a\t1\t5\t10\nb\t2\t2\t20\nb\t3\t2\t20\na\t4\t1\t3\n"
    )
    (log / "ml-100k.item").write_text(FILMS)
    (posters / "overviews.csv").write_text(OVERVIEWS)
    with zipfile.ZipFile(posters / "posters.zip", "w") as archive:
        archive.writestr("2.jpg", b"two")
    return posters


def test_films_get_their_posters_and_the_first_overview_of_their_year(films):
    dataset = read("movielens_posters", films)
    items = dataset.items.sort("item_id")
    assert items["description"].to_list() == ["Toys, alive.", "A fan.", None, "A car."]
    assert items["tagline"].to_list() == ["To infinity", None, None, None]
    assert items["images"].to_list() == [None, ["posters.zip!/2.jpg"], None, None]
    assert items["categories"].to_list()[0] == ["Animation", "Comedy"]
    assert len(dataset.events) == 4


def test_the_others_are_counted(films):
    said = "\n".join(examine("movielens_posters", films).problems.lines())
    assert "has 3 overviews of a film that has one already" in said


def test_without_the_ratings_the_error_says_where_they_belong(films):
    with pytest.raises(BadInput, match="recweave data get ml-100k"):
        read("movielens_posters", films, log="../nowhere")
