from recweave.data.readers import read


def test_titles_are_the_articles_and_labels_the_clicks(tmp_path):
    (tmp_path / "raw_train.txt").write_text("7\tfish bite\t0\t36:Fish;4:Bite\n7\train falls\t1\t\n")
    (tmp_path / "raw_test.txt").write_text("8\tfish bite\t1\t36:Fish\n")
    dataset = read("bing_news", tmp_path)
    assert dataset.events.select("user_id", "item_id", "behavior", "part").rows() == [
        ("7", "fish bite", "impression", "train"),
        ("7", "rain falls", "click", "train"),
        ("8", "fish bite", "click", "test"),
    ]
    assert dataset.items.select("item_id", "title", "entities").rows() == [
        ("fish bite", "fish bite", ["36:Fish", "4:Bite"]),
        ("rain falls", "rain falls", None),
    ]
