"""Labels as numbers."""

import numpy as np
import pytest

from recweave.core.errors import BadInput
from recweave.encode.labels import MultiHot

TEXTS = ["Indian; Chinese", "chinese;  Thai", "", "Indian\nThai; Indian", "Rare"]


def test_each_label_of_two_texts_is_a_column():
    encoder = MultiHot.of(TEXTS)
    assert encoder.labels == ("chinese", "indian", "thai") and encoder.dim == 3
    expected = [[1, 1, 0], [1, 0, 1], [0, 0, 0], [0, 1, 1], [0, 0, 0]]
    np.testing.assert_array_equal(encoder.encode(TEXTS), expected)
    assert encoder.encode([]).shape == (0, 3)


def test_texts_without_common_labels_are_refused():
    with pytest.raises(BadInput, match="no label is in 2"):
        MultiHot.of(["one", "two"])
