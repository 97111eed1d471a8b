import numpy as np
import pytest
from pydantic import TypeAdapter

from recweave.core.errors import BadInput
from recweave.encode.numeric import Code, Digits, Fourier, LogBucket, encode_numbers

VALUES = np.array([0.0, 1.0, 12.5, 3.0])


def test_digits_are_those_one_would_write():
    made = Digits(whole=3, decimals=1)
    assert made.tokens(VALUES).tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 2, 5], [0, 0, 3, 0]]
    assert made.texts(VALUES[2:]) == ["1 2 . 5", "3 . 0"]
    vectors = made.vectors(VALUES)
    assert vectors.shape == (4, 40)
    assert np.flatnonzero(vectors[2]).tolist() == [0, 11, 22, 35]


def test_a_number_that_rounds_up_past_its_places_is_refused():
    assert Digits(whole=2, decimals=0).tokens(np.array([98.6])).tolist() == [[9, 9]]
    with pytest.raises(BadInput, match=r"99\.6 does not fit into 2 digits"):
        Digits(whole=2, decimals=0).tokens(np.array([99.6]))


def test_buckets_double_and_the_last_holds_the_rest():
    made = LogBucket(buckets=4)
    values = np.array([0, 0.9, 1, 2.9, 3, 6.9, 7, 1e9])
    assert made.tokens(values).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert made.vectors(values)[2].tolist() == [0, 1, 0, 0]
    assert LogBucket(per_doubling=2).tokens(np.array([2.0])).tolist() == [3]  # 2 log2 3 = 3.17


def test_waves_are_those_of_the_definition():
    made = Fourier(frequencies=2, longest=4).vectors(np.array([np.e - 1]))  # ln(1 + x) = 1
    expected = [np.sin(np.pi / 2), np.sin(np.pi), np.cos(np.pi / 2), np.cos(np.pi)]
    np.testing.assert_allclose(made[0], expected, atol=1e-6)


def test_waves_of_near_numbers_are_nearer_than_those_of_far_ones():
    ten, eleven, thousand = Fourier().vectors(np.array([10.0, 11.0, 1000.0]))
    assert ten @ eleven > ten @ thousand


@pytest.mark.parametrize("how", [Digits(), LogBucket(), Fourier()])
def test_a_missing_number_has_no_vector_and_leaves_the_others_as_they_are(how):
    made = encode_numbers(np.array([0.0, np.nan, 12.5]), how, source="items.price")
    assert made.present.tolist() == [True, False, True]
    assert not made.vectors[1].any()
    np.testing.assert_array_equal(made.vectors[[0, 2]], how.vectors(np.array([0.0, 12.5])))
    assert made.source == "items.price"
    assert how.kind in made.encoder
    assert not encode_numbers(np.full(2, np.nan), how).vectors.any()


@pytest.mark.parametrize("wrong", [-0.5, np.inf])
def test_a_negative_or_infinite_number_is_refused_with_its_row(wrong):
    with pytest.raises(BadInput, match=f"price: row 1 is {wrong:g}"):
        encode_numbers(np.array([1, wrong]), source="price")


def test_a_code_is_a_setting():
    assert TypeAdapter(Code).validate_python({"kind": "log_bucket"}) == LogBucket()
