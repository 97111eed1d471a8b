import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recweave.models.nn.tensors import (  # noqa: E402
    float_tensor,
    index_tensor,
    seeded,
    to_array,
)
from recweave.models.nn.weights import Weights  # noqa: E402

CPU = torch.device("cpu")


def test_the_same_seed_constructs_the_same_network():
    weights = []
    for seed in (3, 3, 4):
        with seeded(seed):
            weights.append(torch.nn.Linear(4, 4).weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_construction_restores_the_state_of_the_random_generator():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with seeded(0):
        torch.rand(9)
    assert torch.equal(torch.rand(3), expected)


def test_rows_become_int64_copies():
    rows = np.array([2, 0], np.int32)
    rows.flags.writeable = False
    tensor = index_tensor(rows, CPU)
    assert (tensor.dtype, tensor.tolist()) == (torch.int64, [2, 0])
    same = np.array([5])
    index_tensor(same, CPU)[0] = 6
    assert same.tolist() == [5]


def test_numbers_become_float32():
    tensor = float_tensor(np.array([[0.5, 2]]), CPU)
    assert (tensor.dtype, tensor.tolist()) == (torch.float32, [[0.5, 2]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_array_is_a_float32_copy_without_gradient(dtype):
    tensor = torch.ones(2, dtype=dtype, requires_grad=True)
    array = to_array(tensor)
    assert array.dtype == np.float32
    array[0] = 5
    assert tensor.tolist() == [1, 1]


def test_weights_restore_a_network_in_evaluation_mode_and_the_state_of_the_generator():
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.5))
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    restored = Weights.of(net).restore(
        lambda: torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.5))
    )
    assert torch.equal(torch.rand(2), expected)
    assert not restored.training
    assert torch.equal(restored[0].weight, net[0].weight)


def test_weights_without_some_names_contain_all_others():
    net = torch.nn.Linear(3, 2)
    weights = Weights.of(net, without=("bias",))
    assert weights.names == ("weight",)
    np.testing.assert_array_equal(weights.arrays[0], net.weight.detach().numpy())
