import numpy as np
import pytest
from pydantic import TypeAdapter

from recweave.core.errors import BadInput
from recweave.encode.numeric import Code, Digits, Fourier, LogBucket, encode_numbers

VALUES = np.array([0.0, 1.0, 12.5, 3.0])


def test_digits_are_the_decimal_digits():
    digits = Digits(whole=3, decimals=1)
    assert digits.tokens(VALUES).tolist() == [
        [0, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 1, 2, 5],
        [0, 0, 3, 0],
    ]
    assert digits.texts(VALUES[2:]) == ["1 2 . 5", "3 . 0"]
    vectors = digits.vectors(VALUES)
    assert vectors.shape == (4, 40)
    assert np.flatnonzero(vectors[2]).tolist() == [0, 11, 22, 35]


def test_a_number_that_rounds_up_to_more_digits_is_refused():
    assert Digits(whole=2, decimals=0).tokens(np.array([98.6])).tolist() == [[9, 9]]
    with pytest.raises(BadInput, match=r"99\.6 does not fit into 2 digits"):
        Digits(whole=2, decimals=0).tokens(np.array([99.6]))


def test_buckets_double_and_the_last_one_has_no_end():
    code = LogBucket(buckets=4)
    values = np.array([0, 0.9, 1, 2.9, 3, 6.9, 7, 1e9])
    assert code.tokens(values).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert code.vectors(values)[2].tolist() == [0, 1, 0, 0]
    assert LogBucket(per_doubling=2).tokens(np.array([2.0])).tolist() == [3]  # 2 log2 3 = 3.17


def test_waves_follow_the_definition():
    vectors = Fourier(frequencies=2, longest=4).vectors(np.array([np.e - 1]))  # ln(1 + x) = 1
    expected = [np.sin(np.pi / 2), np.sin(np.pi), np.cos(np.pi / 2), np.cos(np.pi)]
    np.testing.assert_allclose(vectors[0], expected, atol=1e-6)


def test_waves_of_near_numbers_are_nearer_than_those_of_far_ones():
    ten, eleven, thousand = Fourier().vectors(np.array([10.0, 11.0, 1000.0]))
    assert ten @ eleven > ten @ thousand


@pytest.mark.parametrize("code", [Digits(), LogBucket(), Fourier()])
def test_a_missing_number_has_no_vector_and_does_not_change_the_others(code):
    feature = encode_numbers(np.array([0.0, np.nan, 12.5]), code, source="items.price")
    assert feature.present.tolist() == [True, False, True]
    assert not feature.vectors[1].any()
    np.testing.assert_array_equal(feature.vectors[[0, 2]], code.vectors(np.array([0.0, 12.5])))
    assert feature.source == "items.price"
    assert code.kind in feature.encoder
    assert not encode_numbers(np.full(2, np.nan), code).vectors.any()


@pytest.mark.parametrize("wrong", [-0.5, np.inf])
def test_a_negative_or_infinite_number_is_refused_with_its_row(wrong):
    with pytest.raises(BadInput, match=f"price: row 1 is {wrong:g}"):
        encode_numbers(np.array([1, wrong]), source="price")


def test_a_code_is_a_setting():
    assert TypeAdapter(Code).validate_python({"kind": "log_bucket"}) == LogBucket()
