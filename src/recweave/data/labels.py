"""Which events are a yes: the label rule of click models, apart from where a model decides."""

import numpy as np
from jaxtyping import Bool, Float

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting


def yes_or_no(value: Float[Array, " n"], positive_from: float | None) -> Bool[Array, " n"]:
    """The label of each event.

    Args:
        value: The events' values, such as ratings.
        positive_from: The least value that is a yes. Needed unless all values are 0 or 1.

    Raises:
        BadSetting: without a rule, if the values are not 0 and 1.

    >>> yes_or_no(np.array([3.0, 4.0, 5.0], np.float32), 4).tolist()
    [False, True, True]
    """
    if positive_from is not None:
        return np.asarray(value >= positive_from)
    if not np.isin(value, (0, 1)).all():
        raise BadSetting(
            f"the values go from {value.min():g} to {value.max():g}, so it is not known which are "
            "a yes; set positive_from, the least value that is one"
        )
    return np.asarray(value == 1)
