"""A language model over the numbers of items: what it learns, and how items are scored."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.models import Query, load_model, save_model
from recweave.models.language.arithmetic import AFTER, Sums
from recweave.models.language.number_batches import EventBatches
from recweave.models.language.number_search import search_beams
from recweave.models.language.numbered import Numbered, Pretrain
from recweave.models.language.numbered_fit import Training
from recweave.models.language.numbered_net import Scorer, open_net, vocabulary_of_decoder
from recweave.models.language.task_vector import add_vector, task_vector
from recweave.models.training import Options, TrainingData

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ITEMS = 30
SMALL = {"dim": 16, "epochs": 1, "wordings": 2}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several threads are slower with such a small network
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(12), 7)
    return Interactions.of(user, rng.integers(0, ITEMS, len(user)), shape=(13, ITEMS))


@pytest.fixture(scope="module")
def tiny_t5(tmp_path_factory):
    """A tiny random T5 whose tokenizer joins the digits of numbers."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("t5")
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.Lowercase()
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<pad>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    bpe.train_from_iterator([f"{number}" for number in range(1001, 1100)] * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<pad>", eos_token="</s>")
    tokenizer.save_pretrained(folder)
    config = T5Config(
        vocab_size=bpe.get_vocab_size(), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, n_positions=512,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture(params=["decoder", "llama", "t5"])
def recipe(request):
    """A recipe with each kind of language model, untrained."""
    if request.param == "decoder":
        return Numbered(**SMALL)
    folder = request.getfixturevalue(f"tiny_{request.param}")
    pieces = request.param == "t5"
    return Numbered(backbone=str(folder), pieces=pieces, length=5, **SMALL)


def untrained(recipe, items=ITEMS, seed=1):
    number = 1001 + np.random.default_rng(seed).permutation(items)
    words = vocabulary_of_decoder() if recipe.backbone == "decoder" else ()
    return Scorer(recipe, open_net(recipe, number, words, seed=seed, device="cpu").eval())


def one_by_one(scorer, query):
    """Log-probabilities from the network's own logits, one text for each item."""
    net, found = scorer.net, np.zeros((len(query), len(scorer.net.text.number)))
    for row in range(len(query)):
        prompt = scorer.prompt(query.rows(np.array([row])))[0]
        prompt = torch.from_numpy(prompt[prompt >= 0])
        for item, ids in enumerate(net.text.item):
            answer = torch.from_numpy(ids[ids >= 0])
            if net.front:
                logits = net.network(input_ids=torch.cat([prompt, answer])[None]).logits
                logits = logits[0, len(prompt) - 1 : -1]
            else:
                start = torch.cat([torch.tensor([0]), answer[:-1]])[None]
                logits = net.network(input_ids=prompt[None], decoder_input_ids=start).logits[0]
            each = logits[:, net.symbols].log_softmax(1)
            found[row, item] = each[range(len(answer)), net.place[answer]].sum().item()
    return found


@pytest.fixture
def query(log):
    """Histories of different lengths, an empty one, and a cold user."""
    whole = Query.of(log, [3, 0, 12])
    history = Histories.of(log[log.time % 7 < 4], np.array([3, 0, 12, 5]))
    return Query(np.array([3, 0, 12, -1]), history, np.append(whole.now, 99))


def test_the_whole_catalogue_is_scored_as_one_item_at_a_time(recipe, query):
    scorer = untrained(recipe)
    np.testing.assert_allclose(scorer.scores(query), one_by_one(scorer, query), atol=2e-5)


def test_numbers_of_four_and_five_digits_are_scored_in_parts_as_one_by_one(query, monkeypatch):
    monkeypatch.setattr("recweave.models.language.number_search.PART", 7)
    scorer = untrained(Numbered(**SMALL), items=40)
    scorer.net.text.number[:] = 1001 + 250 * np.arange(40)  # 1001, 1251, …, 10001, …, 10751
    scorer.net.text.number[0] = 1075
    np.testing.assert_allclose(scorer.scores(query), one_by_one(scorer, query), atol=2e-5)


def test_a_beam_search_finds_only_items_and_with_enough_beams_the_best_ones(recipe, query):
    scorer = untrained(recipe)
    exact = scorer.scores(query)
    with torch.inference_mode():
        read = scorer.net.read(scorer.prompt(query))
        few, _ = search_beams(scorer.net, read, 3)
        item, score = search_beams(scorer.net, read, ITEMS)
    assert (few >= 0).all()
    assert all(len(set(row)) == 3 for row in few.tolist())
    assert (np.sort(item, axis=1) == np.arange(ITEMS)).all()
    np.testing.assert_allclose(score, np.take_along_axis(exact, item, 1), atol=2e-5)
    assert (np.diff(score, axis=1) <= 0).all()


def test_items_that_no_beam_found_are_never_recommended(log):
    model = Numbered(beams=4, **SMALL).fit(log)
    scores = model.scores(Query.of(log))
    assert (np.isfinite(scores).sum(axis=1) == 4).all()


def successors(blocks=40, size=8):
    """Users walk forward through a block of a hidden order of the items, never to the next one.

    The first users walk through whole blocks, in order, so sequential numbers are the hidden order.
    """
    rng = np.random.default_rng(0)
    hidden = rng.permutation(blocks * size)
    block = np.concatenate([np.arange(blocks), rng.integers(0, blocks, 3 * blocks)])
    first = np.where(np.arange(len(block)) < blocks, 0, rng.integers(0, size - 2, len(block)))
    place = np.arange(size)
    inside = place >= first[:, None]
    item = hidden[block[:, None] * size + place]
    user = np.broadcast_to(np.arange(len(block))[:, None], item.shape)
    return Interactions.of(user[inside], item[inside], shape=(len(block), len(hidden))), hidden


@pytest.mark.slow
def test_items_that_follow_in_sequence_are_learned_from_sequential_numbers_alone():
    log, hidden = successors()
    # No history has the step from the last item of a block to the next: only its numbers tell.
    last, following = hidden[7:-1:8], hidden[8::8]
    same = log.user[1:] == log.user[:-1]
    steps = zip(log.item[:-1][same].tolist(), log.item[1:][same].tolist(), strict=True)
    assert not set(zip(last.tolist(), following.tolist(), strict=True)) & set(steps)
    histories = Histories.of(Interactions.of(np.arange(39), last, shape=(39, 320)))
    query = Query(np.full(39, -1), histories, np.full(39, 10**6))
    found = {}
    for index in ("sequential", "random"):
        recipe = Numbered(
            index=index, dim=32, epochs=30, batch=200, lr=1e-2, wordings=1, users=False
        )
        scores = recipe.fit(log).scores(query)
        better = (scores > scores[np.arange(39), following][:, None]).sum(axis=1)
        found[index] = (better < 3).mean()
    assert found["sequential"] > 0.5
    assert found["random"] < 0.2


def test_training_learns_each_item_of_a_whole_history_and_no_item_twice(log):
    recipe = Numbered(**SMALL, length=3, targets="all")
    training = Training.of(recipe, TrainingData(log), Options())
    batches = EventBatches(recipe, training.net.text, training.windows, packed=True)
    learned = []
    for make in batches.epoch(np.random.default_rng(0)):
        packed = make()
        learned += packed.ids[packed.learned].tolist()
    digits = training.net.text.tokens.ids(training.number[log.item])
    assert sorted(learned) == sorted(digits.ravel().tolist())


@pytest.mark.parametrize("apply", ["vector_before", "vector_after"])
@pytest.mark.parametrize("part", ["all", "embedding"])
def test_a_task_vector_of_factor_0_changes_nothing(log, apply, part):
    plain = Numbered(**SMALL).fit(log)
    pretrain = Pretrain(samples=64, epochs=1, apply=apply, scale=0.0, part=part)
    zero = Numbered(**SMALL, pretrain=pretrain).fit(log)
    for one, other in zip(plain.weights.arrays, zero.weights.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    pretrain = pretrain.model_copy(update={"scale": 0.5})
    half = Numbered(**SMALL, pretrain=pretrain).fit(log)
    assert half.scale == 0.5
    query = Query.of(log)
    assert np.abs(half.scores(query) - plain.scores(query)).max() > 1e-3


def test_a_task_vector_is_the_change_of_the_weights_times_its_factor():
    net = untrained(Numbered(**SMALL)).net
    start = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 1.0
    embedding = net.network.get_input_embeddings().weight
    whole, part = task_vector(net, start), task_vector(net, start, embedding)
    for vector, changed in ((whole, whole), (part, part)):
        net.load_state_dict(start)
        add_vector(net, vector, 0.5)
        for name, value in net.state_dict().items():
            step = 0.5 if name in changed else 0.0
            np.testing.assert_allclose(value - start[name], step, atol=1e-6)
    assert 0 < len(part) < len(whole)


def test_the_factor_that_validates_best_is_chosen_and_may_be_0(log):
    valid = Interactions.of(np.arange(12), np.arange(12), np.ones(12), np.full(12, 10**6))
    data = TrainingData(log, Interactions(**vars(valid) | {"shape": log.shape}))
    for apply in ("vector_after", "vector_before"):
        pretrain = Pretrain(samples=64, epochs=1, apply=apply)
        model = Numbered(**SMALL, pretrain=pretrain).fit(data)
        assert 0 <= model.scale <= 1
    with pytest.raises(BadSetting, match="chosen on validation events, and there are none"):
        Numbered(**SMALL, pretrain=pretrain).fit(log)


def test_corpora_and_controls_change_what_training_starts_from(log):
    query, scores = Query.of(log), {}
    for corpus in ("arithmetic", "permuted", "prompts"):
        recipe = Numbered(**SMALL, pretrain=Pretrain(corpus=corpus, samples=64, epochs=1))
        scores[corpus] = recipe.fit(log).scores(query)
    recipe = Numbered(**SMALL, pretrain=Pretrain(samples=64, epochs=1), reset=True)
    scores["reset"] = recipe.fit(log).scores(query)
    values = list(scores.values())
    assert all(np.abs(a - b).max() > 1e-4 for i, a in enumerate(values) for b in values[:i])


@pytest.mark.slow
def test_arithmetic_is_learned_from_its_corpus(log):
    """After n comes n + 1: after training it is likelier than n + 3."""
    recipe = Numbered(dim=32, pretrain=Pretrain(samples=2000, epochs=5, lr=1e-2))
    training = Training.of(recipe, TrainingData(log), Options())
    training.learn_corpus(recipe.pretrain)
    text = training.net.text
    asked = np.arange(1001, 1001 + ITEMS - 1)
    number = np.stack([asked, np.full_like(asked, -1), np.full_like(asked, -1)], 1)
    losses = []
    for step in (1, 3):
        sums = Sums(np.full(len(asked), AFTER), number, asked + step)
        with torch.inference_mode():
            losses.append(float(training.net.loss(text.sums(sums))))
    assert losses[0] < losses[1] - 0.1


def test_each_kind_of_language_model_is_trained_saved_and_loaded(recipe, log, tmp_path):
    query = Query.of(log)
    model = recipe.model_copy(update={"epochs": 2, "straightforward": True, "users": True}).fit(log)
    assert np.abs(model.scores(query) - untrained(recipe).scores(query)).max() > 1e-3
    save_model(model, tmp_path / "model")
    loaded, _ = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.scores(query), model.scores(query))


def test_lora_trains_a_few_weights_of_a_folder(tiny_llama, log, tmp_path):
    pytest.importorskip("peft")
    recipe = Numbered(backbone=str(tiny_llama), trained="lora", length=5, **SMALL)
    model = recipe.fit(log)
    save_model(model, tmp_path / "model")
    size = sum(file.stat().st_size for file in (tmp_path / "model").iterdir())
    assert size < (tiny_llama / "model.safetensors").stat().st_size
    loaded, _ = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.scores(Query.of(log)), model.scores(Query.of(log)))


def test_a_history_longer_than_the_context_is_refused_with_the_length_that_fits(tiny_llama, log):
    recipe = Numbered(backbone=str(tiny_llama), length=500, wordings=1)
    with pytest.raises(BadSetting, match=r"reads 96 at most; set length to (\d+) or less") as error:
        recipe.fit(log)
    fits = int(str(error.value).split("set length to ")[1].split()[0])
    recipe.model_copy(update={"length": fits, "epochs": 1}).fit(log)
    with pytest.raises(BadSetting, match="reads 96 at most"):
        recipe.model_copy(update={"length": fits + 1}).fit(log)


def test_a_history_longer_than_length_is_read_from_its_newest_items(log, query):
    scorer = untrained(Numbered(**SMALL, length=2))
    newest = Query(query.user, _last(query.history, 2), query.now)
    np.testing.assert_array_equal(scorer.scores(query), scorer.scores(newest))


def _last(history, count):
    keep = history.start[1:][history.row_numbers()] - np.arange(len(history.item)) <= count
    return history.only(keep)


def test_a_folder_without_a_tokenizer_is_refused(tiny_llama, tmp_path, log):
    folder = tmp_path / "bare"
    shutil.copytree(tiny_llama, folder, ignore=shutil.ignore_patterns("tokenizer*"))
    with pytest.raises(BadSetting, match="bare holds no tokenizer"):
        Numbered(backbone=str(folder), length=5, **SMALL).fit(log)


def test_a_folder_whose_tokenizer_joins_digits_is_refused(tiny_t5, log):
    with pytest.raises(BadSetting, match="does not read numbers digit by digit"):
        Numbered(backbone=str(tiny_t5), length=5, **SMALL).fit(log)


def test_too_few_items_for_arithmetic_are_refused():
    log = Interactions.of([0, 0, 1, 1], [0, 1, 1, 0], shape=(2, 2))
    with pytest.raises(BadSetting, match="2 items have no three different numbers"):
        Numbered(**SMALL, pretrain=Pretrain(samples=8)).fit(log)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dim": 30, "heads": 4}, "must be a multiple"),
        ({"straightforward": True, "users": False}, "set users = true"),
        ({"paper": True, "index": "random"}, 'set index = "sequential"'),
        ({"layers": 2}, "`blocks`"),
        ({"pretrain": {"corpus": "sums"}}, "pretrain.corpus"),
        ({"pretrain": {"scal": 1}}, "scal"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, words):
    with pytest.raises(BadSetting, match=words):
        Numbered.parse(settings, "here")


def test_rows_that_share_a_training_do_it_once(log, tmp_path):
    from recweave.models.training import Checkpoints

    options = Options(checkpoints=Checkpoints(tmp_path))
    pretrain = Pretrain(samples=64, epochs=1, apply="vector_after", scale=0.5)
    Numbered(**SMALL).fit(log, options)
    Numbered(**SMALL, pretrain=pretrain).fit(log, options)
    assert len(list(tmp_path.iterdir())) == 2  # the events, once, and the corpus
    folder = next(iter(tmp_path.iterdir()))
    assert json.loads((next(folder.glob("epoch-*")) / "manifest.json").read_text())
