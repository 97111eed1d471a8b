"""The training loop: it learns, stops early, and resumes after an interruption."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from safetensors.numpy import load_file  # noqa: E402

from recweave.core.errors import BadSetting  # noqa: E402
from recweave.data.interactions import Interactions  # noqa: E402
from recweave.models.nn.checkpoint import Checkpoint, data_digests  # noqa: E402
from recweave.models.nn.loop import train  # noqa: E402
from recweave.models.nn.settings import NetworkRecipe  # noqa: E402
from recweave.models.training import Checkpoints, Options, TrainingData  # noqa: E402


class Line(NetworkRecipe):
    def fit(self, train, **more):
        raise AssertionError("not called")


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


def run(net, recipe, validate=None, loss=None, options=None, checkpoints=None, **description):
    def error(batch):
        return ((net(batch[0]) - batch[1]) ** 2).mean()

    return train(
        net,
        points,
        loss or error,
        recipe,
        options=options or Options(seed=3, checkpoints=checkpoints),
        validate=validate,
        description=description,
    )


def weights(net):
    return np.concatenate([p.detach().numpy().ravel() for p in net.parameters()])


def test_the_loss_falls():
    progress = run(line(), Line(epochs=30, lr=0.02))
    assert progress.losses[-1] < 0.5 * progress.losses[0]


def test_the_same_seed_gives_the_same_weights_and_restores_the_state_of_torchs_generator():
    before = torch.random.get_rng_state()
    one, other = line(), line()
    run(one, Line(epochs=3))
    run(other, Line(epochs=3))
    np.testing.assert_array_equal(weights(one), weights(other))
    assert torch.equal(before, torch.random.get_rng_state())


def test_checks_in_the_least_number_of_epochs_neither_stop_nor_choose():
    """Each is worse than the one before; the first that counts, of epoch 5, is kept until 8."""
    values, net, seen = iter(range(50, 0, -1)), line(), []

    def validate():
        seen.append(weights(net))
        return float(next(values))

    progress = run(net, Line(epochs=50, patience=3, min_epochs=4), validate)
    assert progress.epoch == 8 and progress.best == 46
    np.testing.assert_array_equal(weights(net), seen[4])


def test_early_stopping_keeps_the_best_weights():
    values = iter([1.0, 3.0, 2.0, 2.5, 9.0])
    net, seen = line(), []

    def validate():
        seen.append(weights(net))
        return next(values)

    progress = run(net, Line(epochs=50, patience=2), validate)
    assert progress.checks == [1.0, 3.0, 2.0, 2.5]
    np.testing.assert_array_equal(weights(net), seen[1])


def test_dropout_is_off_during_validation_and_on_again_after():
    net, modes = line(), []
    run(net, Line(epochs=2), lambda: modes.append(net.training) or 0.0)
    assert modes == [False, False]
    assert not net.training


def test_checkpoints_are_saved_no_more_often_than_asked(tmp_path, monkeypatch):
    saved = []
    save = Checkpoint.save
    monkeypatch.setattr(
        Checkpoint,
        "save",
        lambda self, epoch, *rest: saved.append(epoch) or save(self, epoch, *rest),
    )
    recipe = Line(epochs=4, patience=0)
    run(line(), recipe, checkpoints=Checkpoints(tmp_path / "each"))
    run(line(), recipe, checkpoints=Checkpoints(tmp_path / "seldom", every=1000.0))
    assert saved == [1, 2, 3, 4, 4]  # the last one is always kept


class Killed(BaseException):
    """No handler for Exception catches it, as with kill -9."""


@pytest.mark.parametrize("after", [1, 4, 7, 11])
def test_an_interrupted_training_resumes_to_the_same_result(tmp_path, after):
    recipe = Line(epochs=4, schedule="cosine", patience=0)
    whole = line()
    metric = lambda net: lambda: -float(abs(weights(net)).sum())  # noqa: E731
    expected = run(whole, recipe, metric(whole))
    steps = 0
    net = line()

    def interrupted(batch):
        nonlocal steps
        steps += 1
        if steps > after:
            raise Killed
        return ((net(batch[0]) - batch[1]) ** 2).mean()

    with pytest.raises(Killed):
        run(net, recipe, metric(net), interrupted, checkpoints=Checkpoints(tmp_path))
    again = line(seed=99)  # its weights are replaced, unless no epoch was completed
    if after < 4:
        again = line()
    progress = run(again, recipe, metric(again), checkpoints=Checkpoints(tmp_path))
    np.testing.assert_array_equal(weights(again), weights(whole))
    assert progress.seconds > 0
    assert replace(progress, seconds=0) == replace(expected, seconds=0)


def test_a_finished_training_is_not_repeated(tmp_path):
    recipe = Line(epochs=2)
    checkpoints = Checkpoints(tmp_path)
    spent = run(line(), recipe, checkpoints=checkpoints).seconds
    assert checkpoints.seconds == 0
    done = line(seed=5)
    run(done, recipe, loss=lambda batch: pytest.fail("a step was taken"), checkpoints=checkpoints)
    assert checkpoints.seconds == pytest.approx(spent)
    first = line()
    run(first, recipe)
    np.testing.assert_array_equal(weights(done), weights(first))


def test_checkpoints_of_other_settings_or_data_are_not_resumed(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    run(line(), Line(epochs=1), data="one", checkpoints=checkpoints)
    for recipe, data in ((Line(epochs=1, lr=0.5), "one"), (Line(epochs=1), "other")):
        net, fresh = line(seed=7), line(seed=7)
        run(net, recipe, data=data, checkpoints=checkpoints)
        run(fresh, recipe, data=data, checkpoints=Checkpoints(tmp_path / f"{data} fresh"))
        np.testing.assert_array_equal(weights(net), weights(fresh))
    assert len([f for f in tmp_path.iterdir() if "fresh" not in f.name]) == 3


def test_no_events_is_an_error():
    net = line()
    with pytest.raises(BadSetting, match="no events"):
        train(
            net,
            lambda rng: [],
            lambda batch: None,
            Line(),
            options=Options(),
            validate=None,
            description={},
        )


def test_a_broken_checkpoint_restarts_the_training(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    run(line(), Line(epochs=2), checkpoints=checkpoints)
    for file in tmp_path.glob("*/epoch-*/*.safetensors"):
        file.write_bytes(file.read_bytes()[:40])
    net = line()
    assert run(net, Line(epochs=2), checkpoints=checkpoints).epoch == 2
    fresh = line()
    run(fresh, Line(epochs=2))
    np.testing.assert_array_equal(weights(net), weights(fresh))


def test_a_checkpoint_of_other_shapes_leaves_the_network_as_it_was(tmp_path):
    optimiser = torch.optim.AdamW(line().parameters())
    wide = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 9))
    narrow = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1))
    before = weights(narrow)
    Checkpoint(tmp_path).save(1, wide, {}, optimiser, {})
    assert Checkpoint(tmp_path).load(narrow, optimiser) is None
    np.testing.assert_array_equal(weights(narrow), before)


def test_the_checkpoint_of_a_finished_training_holds_only_its_weights(tmp_path):
    run(line(), Line(epochs=3), validate=lambda: 0.0, checkpoints=Checkpoints(tmp_path))
    (file,) = tmp_path.glob("*/epoch-3/*.safetensors")
    assert {name.split("/")[0] for name in load_file(file)} == {"net"}


def test_a_loss_that_is_not_finite_says_what_to_do():
    net = line()
    with pytest.raises(BadSetting, match="lower lr"):
        run(net, Line(epochs=2), loss=lambda batch: (net(batch[0]) * torch.nan).mean())


def test_an_unavailable_device_is_named():
    with pytest.raises(BadSetting, match="gpu-of-dreams"):
        run(line(), Line(epochs=1), options=Options(device="gpu-of-dreams"))


def test_the_learning_rate_rises_and_falls(monkeypatch):
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
def test_bf16_is_used_only_if_the_options_say_so():
    dtypes = []
    net = line()

    def loss(batch):
        output = net(batch[0])
        dtypes.append(output.dtype)
        return ((output.float() - batch[1]) ** 2).mean()

    run(net, Line(epochs=1), loss=loss, options=Options(precision="bf16"))
    run(net, Line(epochs=1), loss=loss)
    assert set(dtypes[:4]) == {torch.bfloat16}
    assert set(dtypes[4:]) == {torch.float32}


@pytest.mark.processor
@pytest.mark.parametrize(("setting", "warned"), [("on", False), ("off", True)])
def test_bf16_on_a_cpu_that_emulates_it_gives_a_warning(monkeypatch, caplog, setting, warned):
    monkeypatch.setenv("RECWEAVE_BF16", setting)
    run(line(), Line(epochs=1), options=Options(precision="bf16", device="cpu"))
    assert ("does not multiply bf16" in caplog.text) == warned


def test_trainings_on_other_data_have_other_digests():
    """By the train events, the validation events, and the feature vectors."""
    log = Interactions.of([0, 0, 1], [0, 1, 1])
    other = Interactions.of([0, 0, 1], [0, 1, 0], shape=log.shape)
    vectors = np.eye(3, dtype=np.float32)
    digests = [
        data_digests(TrainingData(log, other), vectors),
        data_digests(TrainingData(other, other), vectors),
        data_digests(TrainingData(log, None), vectors),
        data_digests(TrainingData(log, log), vectors),
        data_digests(TrainingData(log, other), 2 * vectors),
        data_digests(TrainingData(log, other)),
    ]
    assert all(a != b for a, b in combinations(digests, 2))
    assert digests[0] == data_digests(TrainingData(log, other), vectors.copy())


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_precision_is_refused():
    """It would be fp32, silently."""
    with pytest.raises(BadSetting, match="precision is 'bf-16'; did you mean 'bf16'"):
        Options(precision="bf-16")
