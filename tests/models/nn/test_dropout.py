import pytest

torch = pytest.importorskip("torch")

from recweave.models.nn.dropout import Dropout  # noqa: E402


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_the_share_of_zeros_is_the_rate_and_the_mean_stays(rate):
    torch.manual_seed(0)
    out = Dropout(rate)(torch.ones(1001, 999))
    assert (out == 0).float().mean() == pytest.approx(rate, abs=0.002)
    assert out.mean() == pytest.approx(1, abs=0.01)
    assert out.unique().tolist() == [0, pytest.approx(1 / (1 - rate), rel=1e-4)]


def test_zeros_are_independent_of_each_other():
    torch.manual_seed(1)
    zero = (Dropout(0.5)(torch.ones(4000, 64)) == 0).double()
    between = torch.corrcoef(zero.T) - torch.eye(64)
    assert between.abs().max() < 0.08
    again = (Dropout(0.5)(torch.ones(4000, 64)) == 0).double()
    assert abs(float(torch.corrcoef(torch.stack([zero.ravel(), again.ravel()]))[0, 1])) < 0.01


def test_the_gradient_passes_where_numbers_are_kept():
    torch.manual_seed(2)
    x = torch.ones(50, 7, requires_grad=True)
    out = Dropout(0.3)(x)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


def test_the_seed_decides_and_evaluation_changes_nothing():
    layer, x = Dropout(0.4), torch.randn(30, 30)
    torch.manual_seed(3)
    one = layer(x)
    torch.manual_seed(3)
    assert torch.equal(layer(x), one)
    assert torch.equal(layer.eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
    assert Dropout(0.4)(x.bfloat16()).dtype == torch.bfloat16
