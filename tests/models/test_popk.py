"""Popular negatives (POPK) in networks of sequences."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recweave.data.interactions import Histories, Interactions  # noqa: E402
from recweave.models import RECIPES, Query  # noqa: E402
from recweave.models.nn.negatives import Negatives, own_scores  # noqa: E402
from recweave.models.nn.sequences import Windows  # noqa: E402
from recweave.models.popk import PopkSettings  # noqa: E402
from recweave.models.sequence.sasrec import SASRec  # noqa: E402
from recweave.models.training import Options  # noqa: E402

SMALL = {"dim": 16, "epochs": 3, "batch": 256, "warmup": 0.0}


@pytest.fixture
def log():
    rng = np.random.default_rng(0)
    n = 900
    item = np.minimum(29, rng.geometric(0.15, n) - 1)
    return Interactions.of(
        rng.integers(0, 60, n), item, time=rng.integers(0, 10**6, n), shape=(60, 30)
    )


def test_each_event_has_the_popular_items_before_it_that_its_user_never_has(log):
    history = Histories.of(log)
    found = PopkSettings(popk=3).popular_beside(history, log.clock)
    row = history.row_numbers()
    for event in range(0, len(history.item), 37):
        own = set(history.item[row == row[event]].tolist())
        before = np.bincount(log.item[log.time < history.time[event]], minlength=30)
        order = [i for i in np.lexsort((np.arange(30), -before)) if before[i] and i not in own][:3]
        assert [i for i in found[event].tolist() if i >= 0] == order


def test_windows_hand_the_negatives_of_the_next_event_on(log):
    history = Histories.of(log)
    popular = np.arange(2 * len(history.item)).reshape(-1, 2)
    windows = Windows(history, *_cut(history), popular)
    for batch in windows.batches(np.random.default_rng(0), 64):
        read = batch.read()
        start = windows.start[batch.rows]
        for row in range(len(start)):
            for step in range(read.item.shape[1]):
                expected = [-1, -1]
                if step < windows.size[batch.rows][row] - 1:
                    expected = popular[start[row] + step + 1].tolist()
                    assert read.next_item[row, step] == history.item[start[row] + step + 1]
                assert read.next_popular[row, step].tolist() == expected


def _cut(history):
    cut = Windows.of(history, 5, np.ones(len(history.item), np.float32))
    return cut.start, cut.size, cut.weight


def test_own_negatives_are_in_the_softmax():
    torch.manual_seed(0)
    state, items = torch.randn(3, 4), torch.randn(6, 4)
    negatives = Negatives.of(np.ones(6, int), 0.0)
    target, weight = torch.tensor([0, 1, 2]), torch.ones(3)
    more = torch.tensor([[4, 5], [3, -1], [-1, -1]])
    torch.manual_seed(1)
    found = negatives.sampled_softmax_loss(state, items, target, weight, 5, more)
    torch.manual_seed(1)
    sample = negatives.sample(5, torch.device("cpu"))
    total = 0.0
    for row in range(3):
        own = state[row] @ items[target[row]] - sample.all_log_q[target[row]]
        shared = [
            state[row] @ items[i] - q
            for i, q in zip(sample.item, sample.log_q, strict=True)
            if i != target[row]
        ]
        beside = [state[row] @ items[i] for i in more[row] if i >= 0]
        total += float(torch.stack([own, *shared, *beside]).logsumexp(0) - own)
    assert float(found) == pytest.approx(total / 3, rel=1e-5)
    assert torch.isneginf(own_scores(state, items, more)[2]).all()


@pytest.mark.parametrize("loss", ["sampled", "gbce", "bpr"])
def test_popk_0_is_the_network_without_it_to_the_bit(log, loss):
    plain = SASRec(loss=loss, **SMALL).fit(log, Options(seed=1))
    other = SASRec(loss=loss, popk=0, popularity="var", bucket_hours=9.0, **SMALL)
    np.testing.assert_array_equal(other.fit(log, Options(seed=1)).item, plain.item)


@pytest.mark.parametrize(("name", "more"), [("sasrec", {"loss": "sampled"}), ("unified", {})])
def test_popular_negatives_move_lists_to_the_tail(name, more):
    """The mean popularity of the first five falls with popk."""
    rng = np.random.default_rng(1)
    n = 2_000
    item = np.minimum(99, rng.geometric(0.05, n) - 1)
    user, time = rng.integers(0, 250, n), rng.integers(0, 10**6, n)
    log = Interactions.of(user, item, time=time, shape=(250, 100))
    counts = log.item_counts()
    if name == "unified":
        more = more | {"represent": "id", "graph": False, "scorers": ()}

    def popularity(popk):
        settings = SMALL | {"epochs": 8, "lr": 0.01, "patience": 0} | more
        recipe = RECIPES[name](popk=popk, **settings)
        scores = recipe.fit(log, Options(seed=1)).scores(Query.of(log))
        return counts[np.argsort(-scores, axis=1)[:, :5]].mean()

    assert popularity(4) < 0.85 * popularity(0)


def test_the_softmax_over_all_items_has_no_use_for_popk():
    with pytest.raises(ValueError, match="set loss = 'sampled'"):
        SASRec(popk=2)
