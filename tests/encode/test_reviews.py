import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.readers import read
from recweave.data.reviews import review_parts, train_reviews
from recweave.data.split import TRAIN, LeaveLastOut
from recweave.encode.reviews import encode_reviews
from recweave.encode.tfidf import TfIdf


class ByLetter:
    """The first letter of a text, a or b, as a unit vector."""

    name, dim = "letter/1", 2

    def encode(self, texts):
        letters = [text[:1] == letter for text in texts for letter in "ab"]
        return np.array(letters, np.float32).reshape(-1, 2)


@pytest.fixture
def shop():
    log = {"user_id": list("uuvvw"), "item_id": ["x", "y", "x", "x", "z"]}
    reviews = pl.DataFrame(log | {"text": ["a", "b", "b", "b", None]})
    unknown = pl.DataFrame({"user_id": ["u"], "item_id": ["?"], "text": ["a"]})
    return Dataset(
        "shop", events=pl.DataFrame(log), reviews=pl.concat([reviews, unknown]), numbering="table"
    )


def test_a_vector_is_the_mean_over_the_reviews_of_the_item(shop):
    feature = encode_reviews(shop, np.arange(6), encoder=ByLetter())
    np.testing.assert_allclose(feature.vectors, [[1 / 3, 2 / 3], [0, 1], [0, 0]])  # x, y, z
    assert feature.present.tolist() == [True, True, False]


def test_a_users_vector_is_the_mean_over_the_reviews_of_the_user(shop):
    feature = encode_reviews(shop, np.arange(6), "user", ByLetter())
    assert feature.of == "user"
    np.testing.assert_allclose(feature.vectors, [[2 / 3, 1 / 3], [0, 1], [0, 0]])  # u, v, w


def test_only_the_given_rows_are_read_and_used_lists_them(shop):
    feature = encode_reviews(shop, np.array([3, 0, 4, 5]), encoder=ByLetter())
    np.testing.assert_allclose(feature.vectors, [[0.5, 0.5], [0, 0], [0, 0]])
    expected = np.zeros((3, 6))
    expected[0, [0, 3]] = 1  # the blank review and that of an unknown item are not used
    np.testing.assert_array_equal(feature.used["reviews"].toarray(), expected)
    assert feature.source.startswith("2 reviews by item")


def test_reviews_are_encoded_without_html(shop):
    """A review that is a line break and nothing else is blank."""
    texts = ["<b>a</b>", '<p class="b">&#98;</p>', "<br>", "b", None, "a"]
    marked = shop.replace(reviews=shop.reviews.with_columns(text=pl.Series(texts)))
    plain = shop.replace(
        reviews=shop.reviews.with_columns(text=pl.Series(["a", "b", "", "b", None, "a"]))
    )
    feature, expected = (
        encode_reviews(dataset, np.arange(6), encoder=ByLetter()) for dataset in (marked, plain)
    )
    np.testing.assert_allclose(feature.vectors, [[0.5, 0.5], [0, 1], [0, 0]])
    np.testing.assert_array_equal(feature.vectors, expected.vectors)
    assert feature.source == expected.source
    assert feature.source.startswith("3 reviews by item")


@pytest.mark.usefixtures("unchecked")
def test_reviews_are_of_items_or_of_users(shop):
    with pytest.raises(BadSetting, match="of is 'users'; did you mean 'user'"):
        encode_reviews(shop, np.arange(6), "users", ByLetter())


def test_no_reviews_give_no_vectors(shop):
    feature = encode_reviews(shop, np.array([], np.int64), encoder=ByLetter())
    assert feature.vectors.shape == (3, 2)
    assert not feature.present.any()


@pytest.mark.realdata
def test_no_held_out_review_is_read(real_data):
    dataset = read("amazon", real_data / "amazon-musical-instruments-2014")
    split = dataset.split(LeaveLastOut())
    feature = encode_reviews(dataset, train_reviews(dataset, split), "user", TfIdf(dim=8))
    held_out = np.flatnonzero(review_parts(dataset, split) != TRAIN)
    assert feature.used["reviews"].nnz > 5_000
    assert not feature.used["reviews"][:, held_out].nnz
    assert feature.present.mean() > 0.99
