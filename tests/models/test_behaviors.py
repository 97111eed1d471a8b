import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.schema import BEHAVIORS
from recweave.models.behaviors import BehaviorWeights


def test_every_behavior_has_a_weight_in_the_order_of_its_code():
    given = {name: float(code + 2) for code, name in enumerate(BEHAVIORS)}
    np.testing.assert_array_equal(
        BehaviorWeights.parse(given, "here").by_code(), np.arange(len(BEHAVIORS)) + 2
    )


def test_a_misspelt_behavior_is_refused_with_the_nearest():
    with pytest.raises(BadSetting, match="'purchas', did you mean 'purchase'"):
        BehaviorWeights.parse({"purchas": 1.0}, "here")
