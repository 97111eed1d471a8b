import numpy as np

from recweave.data.interactions import Interactions
from recweave.data.split import LeaveLastOut
from recweave.evaluate import evaluate_model
from recweave.models.kinds import ItemScores


def test_slices_of_a_test_part_in_which_nothing_is_relevant_are_empty():
    user = np.repeat(np.arange(4), 3)
    log = Interactions.of(user, np.tile([0, 1, 2], 4), 1.0, shape=(4, 5))
    split = LeaveLastOut().cut(log)
    model = ItemScores(np.zeros(5, np.float32))
    found = evaluate_model(
        model, split, ["recall@1"], slices=("popularity", "history"), relevant_from=2.0
    )
    assert found.without_relevant == 4
    assert all(len(table) == 0 for table in found.slices.values())
