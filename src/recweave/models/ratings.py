"""The ratings of a log, as a matrix."""

import numpy as np
from scipy import sparse

from recweave.core.arrays import Csr
from recweave.data.interactions import Histories, behavior_code


def rated(history: Histories) -> Csr:
    """Users by items: the newest rating of each pair; a rating of 0 stays an entry."""
    event = np.flatnonzero(history.behavior == behavior_code("rating"))[::-1]
    row = history.row_numbers()[event]
    # `unique` gives the first of equal pairs: the newest, because the order is reversed.
    pair, first = np.unique(row * history.items + history.item[event], return_index=True)
    value = history.value[event[first]].astype(np.float32)
    return sparse.csr_array(
        (value, np.divmod(pair, history.items)), shape=(len(history), history.items)
    )
