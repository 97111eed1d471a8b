"""Which events are ratings."""

import numpy as np
from scipy import sparse

from recweave.core.arrays import Csr
from recweave.data.interactions import Histories, behavior_code


def rated(history: Histories) -> Csr:
    """Rows by items: each pair's newest rating, zeros kept; other behaviours are no ratings."""
    kept = np.flatnonzero(history.behavior == behavior_code("rating"))[::-1]
    row = history.row_numbers()[kept]
    # Of equal pairs `unique` gives the first: the newest, as the order is turned round.
    pair, first = np.unique(row * history.items + history.item[kept], return_index=True)
    value = history.value[kept[first]].astype(np.float32)
    return sparse.csr_array(
        (value, np.divmod(pair, history.items)), shape=(len(history), history.items)
    )
