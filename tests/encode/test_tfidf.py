import numpy as np
import pytest

from recweave.encode.tfidf import TfIdf, weigh

TEXTS = ["red cup and red mug", "Red CUP", "blue boat", "", "a b", "boat"]


def test_weights_follow_the_definition():
    weights = weigh(["red cup red", "cup"]).toarray()  # columns: cup, red
    red, cup = (1 + np.log(2)) * (1 + np.log(3 / 2)), 1 + np.log(3 / 3)
    np.testing.assert_allclose(weights, [[cup, red] / np.hypot(cup, red), [1, 0]], rtol=1e-6)


def test_without_a_cut_cosines_are_those_of_the_weights():
    vectors = TfIdf(dim=8).encode(TEXTS)
    weighted = weigh(TEXTS).toarray()
    np.testing.assert_allclose(vectors @ vectors.T, weighted @ weighted.T, atol=1e-5)


def test_equal_calls_give_equal_vectors():
    np.testing.assert_array_equal(TfIdf().encode(TEXTS), TfIdf().encode(TEXTS))


def test_words_that_occur_together_have_near_vectors():
    texts = ["cup tea"] * 5 + ["boat sea"] * 5 + ["cup", "tea", "sea"]
    cup, tea, sea = TfIdf(dim=2).encode(texts)[-3:]
    assert cup @ tea > 0.9
    assert abs(cup @ sea) < 0.1


def test_the_strongest_directions_are_kept():
    rng = np.random.default_rng(0)
    words = np.array([f"word{n}" for n in range(100)])
    texts = [" ".join(rng.choice(words[n % 5 :: 5], 12)) for n in range(80)]  # five topics
    cut = TfIdf(dim=5).encode(texts)
    left, singular, _ = np.linalg.svd(weigh(texts).toarray())
    best = left[:, :5] * singular[:5]
    best /= np.linalg.norm(best, axis=1, keepdims=True)
    np.testing.assert_allclose(cut @ cut.T, best @ best.T, atol=0.005)


@pytest.mark.parametrize("texts", [[], [""], ["", "-"], ["one"], ["one two"], ["one", "one"]])
def test_few_texts_or_words_have_vectors_too(texts):
    vectors = TfIdf(dim=4).encode(texts)
    assert vectors.shape == (len(texts), 4)
    assert vectors.dtype == np.float32
    length = [float(any(map(str.isalpha, text))) for text in texts]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), length, atol=1e-6)
