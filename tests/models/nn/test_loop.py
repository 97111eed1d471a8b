"""The training loop: it learns, stops in time, and goes on after being killed."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from safetensors.numpy import load_file  # noqa: E402

from recweave.core.errors import BadSetting  # noqa: E402
from recweave.data.interactions import Interactions  # noqa: E402
from recweave.models.nn.checkpoint import Checkpoint, learned_from  # noqa: E402
from recweave.models.nn.loop import train  # noqa: E402
from recweave.models.nn.settings import NetworkRecipe  # noqa: E402
from recweave.models.training import Checkpoints, Options, TrainingData  # noqa: E402


class Line(NetworkRecipe):
    def fit(self, train, **more):
        raise AssertionError("not asked")


def line(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Linear(3, 4), torch.nn.Dropout(0.3), torch.nn.Linear(4, 1)
        )


def points(rng):
    x = rng.standard_normal((64, 3)).astype(np.float32)
    both = torch.from_numpy(x), torch.from_numpy(x @ np.array([[1.0], [-2.0], [0.5]], np.float32))
    return [tuple(part[rows : rows + 16] for part in both) for rows in range(0, 64, 16)]


def run(net, recipe, validate=None, loss=None, options=None, kept=None, **what):
    def error(batch):
        return ((net(batch[0]) - batch[1]) ** 2).mean()

    chosen = options or Options(seed=3, checkpoints=kept)
    return train(net, points, loss or error, recipe, options=chosen, validate=validate, what=what)


def numbers(net):
    return np.concatenate([p.detach().numpy().ravel() for p in net.parameters()])


def test_the_loss_falls():
    progress = run(line(), Line(epochs=30, lr=0.02))
    assert progress.losses[-1] < 0.5 * progress.losses[0]


def test_the_same_seed_gives_the_same_numbers_and_leaves_torchs_generator_alone():
    before = torch.random.get_rng_state()
    one, other = line(), line()
    run(one, Line(epochs=3))
    run(other, Line(epochs=3))
    np.testing.assert_array_equal(numbers(one), numbers(other))
    assert torch.equal(before, torch.random.get_rng_state())


def test_stops_when_validation_has_not_risen_and_keeps_the_best():
    values = iter([1.0, 3.0, 2.0, 2.5, 9.0])
    net, seen = line(), []

    def look():
        seen.append(numbers(net))
        return next(values)

    progress = run(net, Line(epochs=50, patience=2), look)
    assert progress.checks == [1.0, 3.0, 2.0, 2.5]
    np.testing.assert_array_equal(numbers(net), seen[1])


def test_dropout_is_off_while_validation_looks_and_on_again_after():
    net, modes = line(), []
    run(net, Line(epochs=2), lambda: modes.append(net.training) or 0.0)
    assert modes == [False, False]
    assert not net.training


class Killed(BaseException):
    """As little to be caught as kill -9."""


@pytest.mark.parametrize("after", [1, 4, 7, 11])
def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path, after):
    recipe = Line(epochs=4, schedule="cosine", patience=0)
    whole = line()
    look = lambda net: lambda: -float(abs(numbers(net)).sum())  # noqa: E731
    wanted = run(whole, recipe, look(whole))
    steps = 0
    net = line()

    def dying(batch):
        nonlocal steps
        steps += 1
        if steps > after:
            raise Killed
        return ((net(batch[0]) - batch[1]) ** 2).mean()

    with pytest.raises(Killed):
        run(net, recipe, look(net), dying, kept=Checkpoints(tmp_path))
    again = line(seed=99)  # its numbers are replaced, unless no epoch was done
    if after < 4:
        again = line()
    found = run(again, recipe, look(again), kept=Checkpoints(tmp_path))
    np.testing.assert_array_equal(numbers(again), numbers(whole))
    assert found.seconds > 0
    assert replace(found, seconds=0) == replace(wanted, seconds=0)


def test_a_training_that_was_finished_is_not_done_again(tmp_path):
    recipe = Line(epochs=2)
    kept = Checkpoints(tmp_path)
    spent = run(line(), recipe, kept=kept).seconds
    assert kept.seconds == 0
    done = line(seed=5)
    run(done, recipe, loss=lambda batch: pytest.fail("a step was made"), kept=kept)
    assert kept.seconds == pytest.approx(spent)
    first = line()
    run(first, recipe)
    np.testing.assert_array_equal(numbers(done), numbers(first))


def test_checkpoints_of_other_settings_or_data_are_not_taken_up(tmp_path):
    kept = Checkpoints(tmp_path)
    run(line(), Line(epochs=1), data="one", kept=kept)
    for recipe, data in ((Line(epochs=1, lr=0.5), "one"), (Line(epochs=1), "other")):
        net, fresh = line(seed=7), line(seed=7)
        run(net, recipe, data=data, kept=kept)
        run(fresh, recipe, data=data, kept=Checkpoints(tmp_path / f"{data} anew"))
        np.testing.assert_array_equal(numbers(net), numbers(fresh))
    assert len([f for f in tmp_path.iterdir() if "anew" not in f.name]) == 3


def test_nothing_to_learn_from_is_said():
    net = line()
    with pytest.raises(BadSetting, match="no events"):
        train(
            net,
            lambda rng: [],
            lambda batch: None,
            Line(),
            options=Options(),
            validate=None,
            what={},
        )


def test_a_broken_checkpoint_means_starting_anew(tmp_path):
    kept = Checkpoints(tmp_path)
    run(line(), Line(epochs=2), kept=kept)
    for file in tmp_path.glob("*/epoch-*/*.safetensors"):
        file.write_bytes(file.read_bytes()[:40])
    net = line()
    assert run(net, Line(epochs=2), kept=kept).epoch == 2
    fresh = line()
    run(fresh, Line(epochs=2))
    np.testing.assert_array_equal(numbers(net), numbers(fresh))


def test_a_checkpoint_of_other_shapes_leaves_the_network_as_it_was(tmp_path):
    optimiser = torch.optim.AdamW(line().parameters())
    wide = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 9))
    narrow = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1))
    before = numbers(narrow)
    Checkpoint(tmp_path).save(1, wide, {}, optimiser, {})
    assert Checkpoint(tmp_path).load(narrow, optimiser) is None
    np.testing.assert_array_equal(numbers(narrow), before)


def test_what_was_finished_takes_the_space_of_its_weights_alone(tmp_path):
    run(line(), Line(epochs=3), validate=lambda: 0.0, kept=Checkpoints(tmp_path))
    (file,) = tmp_path.glob("*/epoch-3/*.safetensors")
    assert {name.split("/")[0] for name in load_file(file)} == {"net"}


def test_a_loss_that_is_no_number_says_what_to_do():
    net = line()
    with pytest.raises(BadSetting, match="lower lr"):
        run(net, Line(epochs=2), loss=lambda batch: (net(batch[0]) * torch.nan).mean())


def test_a_device_that_is_not_here_is_named():
    with pytest.raises(BadSetting, match="gpu-of-dreams"):
        run(line(), Line(epochs=1), options=Options(device="gpu-of-dreams"))


def test_the_step_size_rises_and_falls(monkeypatch):
    rates = []
    real = torch.optim.AdamW.step

    def step(self, *more):
        rates.append(self.param_groups[0]["lr"])
        return real(self, *more)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    run(line(), Line(epochs=4, lr=1.0, warmup=2.0, schedule="cosine"))
    assert np.argmax(rates) in (5, 6, 7)
    assert 0 < rates[0] < 0.2
    assert rates[-1] < 0.1


@pytest.mark.processor
def test_bf16_is_used_only_where_it_is_asked_for():
    kinds = []
    net = line()

    def loss(batch):
        made = net(batch[0])
        kinds.append(made.dtype)
        return ((made.float() - batch[1]) ** 2).mean()

    run(net, Line(epochs=1), loss=loss, options=Options(precision="bf16"))
    run(net, Line(epochs=1), loss=loss)
    assert set(kinds[:4]) == {torch.bfloat16}
    assert set(kinds[4:]) == {torch.float32}


@pytest.mark.processor
@pytest.mark.parametrize(("setting", "warned"), [("on", False), ("off", True)])
def test_bf16_on_a_processor_that_emulates_it_is_warned_of(monkeypatch, caplog, setting, warned):
    monkeypatch.setenv("RECWEAVE_BF16", setting)
    run(line(), Line(epochs=1), options=Options(precision="bf16", device="cpu"))
    assert ("does not multiply bf16" in caplog.text) == warned


def test_trainings_on_other_data_are_told_apart():
    """By the log, by the events to choose by, and by the vectors read beside them."""
    log = Interactions.of([0, 0, 1], [0, 1, 1])
    other = Interactions.of([0, 0, 1], [0, 1, 0], shape=log.shape)
    vectors = np.eye(3, dtype=np.float32)
    told = [
        learned_from(TrainingData(log, other), vectors),
        learned_from(TrainingData(other, other), vectors),
        learned_from(TrainingData(log, None), vectors),
        learned_from(TrainingData(log, log), vectors),
        learned_from(TrainingData(log, other), 2 * vectors),
        learned_from(TrainingData(log, other)),
    ]
    assert all(a != b for a, b in combinations(told, 2))
    assert told[0] == learned_from(TrainingData(log, other), vectors.copy())
