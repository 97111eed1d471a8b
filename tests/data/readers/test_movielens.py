import pytest

from recweave.core.errors import BadInput
from recweave.data.readers import read

FLAGS = "|".join("1" if genre in (3, 5) else "0" for genre in range(19))


@pytest.fixture
def ml_100k(tmp_path):
    (tmp_path / "u.data").write_text("196\t242\t3\t881250949\n186\t2\t3\t891717742\n")
    movies = f"242|Les Misérables (1995)|01-Jan-1995||http://x|{FLAGS}\n"
    (tmp_path / "u.item").write_bytes(movies.encode("latin-1"))
    (tmp_path / "u.user").write_text("196|24|M|technician|85711\n186|53|F|other|T8H1N\n")
    return tmp_path


def test_100k_is_recognised_by_its_files(ml_100k):
    dataset = read("movielens", ml_100k)
    assert dataset.events.select("user_id", "item_id", "behavior", "value", "time").rows() == [
        ("196", "242", "rating", 3.0, 881250949),
        ("186", "2", "rating", 3.0, 891717742),
    ]
    item = dataset.items.row(0, named=True)
    assert item["title"] == "Les Misérables (1995)"  # the file is Latin-1
    assert item["categories"] == ["Animation", "Comedy"]
    assert item["released"] == "01-Jan-1995"
    assert dataset.users.rows() == [
        ("196", 24, "M", "technician", "85711"),
        ("186", 53, "F", "other", "T8H1N"),
    ]


def test_1m_has_double_colons_and_colons_in_titles(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::1193::5::978300760\n2::260::4::978300761\n")
    movies = "260::Star Wars: Episode IV (1977)::Action|Sci-Fi\n"
    (tmp_path / "movies.dat").write_bytes(movies.encode("latin-1"))
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n")
    dataset = read("movielens", tmp_path)
    assert dataset.events["time"].to_list() == [978300760, 978300761]
    assert dataset.items.select("title", "categories").row(0) == (
        "Star Wars: Episode IV (1977)",
        ["Action", "Sci-Fi"],
    )
    assert dataset.users.row(0) == ("1", "F", 1, 10, 48067)


def test_latest_has_quoted_titles_and_films_without_genres(tmp_path):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n")
    (tmp_path / "movies.csv").write_text(
        'movieId,title,genres\n2,"American President, The (1995)",Comedy|Drama\n'
        "3,Nothing (1999),(no genres listed)\n"
    )
    dataset = read("movielens", tmp_path)
    assert dataset.events["value"].to_list() == [3.5]
    assert dataset.items["title"].to_list()[0] == "American President, The (1995)"
    assert dataset.items["categories"].to_list() == [["Comedy", "Drama"], None]


def test_a_rating_off_the_scale_is_refused(tmp_path):
    (tmp_path / "u.data").write_text("196\t242\t3\t881250949\n186\t2\t7\t891717742\n")
    with pytest.raises(BadInput, match=r"u\.data:2: rating '7.*' is not from 0\.5 to 5"):
        read("movielens", tmp_path)


def test_another_folder_is_refused_with_what_was_looked_for(tmp_path):
    (tmp_path / "notes.md").write_text("hello")
    with pytest.raises(BadInput, match=r"no u\.data or ratings\.dat or ratings\.csv, only notes"):
        read("movielens", tmp_path)
