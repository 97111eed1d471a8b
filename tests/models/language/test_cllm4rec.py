"""CLLM4Rec on planted answers, with a tiny random Llama."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_llama  # noqa: E402

from recweave.core.errors import BadSetting  # noqa: E402
from recweave.data.interactions import Histories, Interactions  # noqa: E402
from recweave.encode import Feature  # noqa: E402
from recweave.encode.features import TextFeature  # noqa: E402
from recweave.models import Query, load_model, save_model  # noqa: E402
from recweave.models.language import cllm4rec_prompts  # noqa: E402
from recweave.models.language.cllm4rec import CLLM4Rec  # noqa: E402
from recweave.models.language.cllm4rec_fit import make_corpus, start_from_words  # noqa: E402
from recweave.models.language.cllm4rec_net import (  # noqa: E402
    KnownItems,
    Reader,
    SoftTokenNet,
    distinct_items,
)
from recweave.models.language.documents import Documents, Ragged  # noqa: E402
from recweave.models.language.edges import EdgeGraph  # noqa: E402
from recweave.models.training import Options, TrainingData  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
BLOCKS, SIZE, USERS = 4, 8, 40
ITEMS = BLOCKS * SIZE
WORDS = ("red", "sun", "box", "tea")
SMALL = {"rounds": 3, "epochs": 40, "lr": 0.01, "pretrain_lr": 0.01, "patience": 0, "batch": 256}
SMALL |= {"user_dropout": 1.0}  # few users learn their own items by heart


@pytest.fixture(scope="module", autouse=True)
def one_thread_and_short_prompts():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    words = cllm4rec_prompts.HISTORY, cllm4rec_prompts.NEXT
    # The tokenizer knows only letters, so the words of a prompt are most of it.
    cllm4rec_prompts.HISTORY, cllm4rec_prompts.NEXT = " has", " will"
    yield
    cllm4rec_prompts.HISTORY, cllm4rec_prompts.NEXT = words
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tiny_llama.write(tmp_path_factory.mktemp("llama") / "tiny", context=256))


@pytest.fixture(scope="module")
def log():
    """User u has 6 of the 8 items of block u mod 4; the others of the block are the answers."""
    rng = np.random.default_rng(0)
    user, item = [], []
    for u in range(USERS):
        user += [u] * 6
        item += (SIZE * (u % BLOCKS) + rng.permutation(SIZE)[:6]).tolist()
    return Interactions.of(user, item, behavior="purchase", shape=(USERS, ITEMS))


def texts(words, present=None):
    """A title for each item."""
    rows = np.arange(len(words)) if present is None else np.flatnonzero(present)
    shown = np.zeros(len(words), bool)
    shown[rows] = True
    return TextFeature(
        text=[words[row] for row in rows],
        item=rows.astype(np.int32),
        user=np.full(len(rows), -1, np.int32),
        kind=np.zeros(len(rows), np.int32),
        kinds=("title", "review"),
        present=shown,
        encoder="documents/1",
        source="made",
    )


def recipe(folder, **settings):
    return CLLM4Rec(**{"backbone": folder, "layers": 1, **SMALL, **settings})


def share_found(model, log, query=None):
    """Share of the two best unseen items that are of the user's own block; 1/4 by chance."""
    query = query or Query.of(log)
    scores = model.scores(query).copy()
    seen = Histories.of(log).matrix().toarray() > 0
    scores[seen] = -np.inf
    top = np.argsort(-scores, axis=1)[:, :2]
    return float((top // SIZE == (np.arange(USERS) % BLOCKS)[:, None]).mean())


@pytest.fixture(scope="module")
def trained(folder, log):
    return recipe(folder).fit(log)


def test_it_learns_the_planted_blocks(trained, log):
    assert share_found(trained, log) > 0.8  # popularity finds a quarter of them


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"edges": "learned", "leave_user_out": True},
        {"edges": "distance"},
        {"edges": "damped", "damping": 0.5, "leave_user_out": True},
        {"target": "all"},
        {"order": "fixed", "predict_first": False, "user_dropout": 0.5, "weight_decay": 1.0},
        {"pretrained": False},
        {"trained": "lora", "lora_rank": 2},
        {"trained": "full", "lr": 0.003, "pretrain_lr": 0.003, "epochs": 20},
    ],
    ids=lambda settings: "-".join(f"{k}={v}" for k, v in settings.items()),
)
def test_every_form_learns_them_and_is_the_same_after_loading(folder, log, tmp_path, settings):
    model = recipe(folder, **settings).fit(log)
    assert share_found(model, log) > 0.5
    save_model(model, tmp_path / "model")
    loaded, _ = load_model(tmp_path / "model")
    np.testing.assert_allclose(loaded.scores(Query.of(log)), model.scores(Query.of(log)), atol=1e-5)


def test_the_same_seed_gives_the_same_scores_and_another_one_others(folder, log):
    small = recipe(folder, epochs=1, rounds=1)
    query = Query.of(log)
    first, same = (small.fit(log, Options(seed=4)).scores(query) for _ in range(2))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - small.fit(log, Options(seed=5)).scores(query)).max() > 1e-3


def test_a_cold_user_is_known_by_their_items_alone(trained, log):
    query = Query.of(log)
    cold = replace(query, user=np.full_like(query.user, -1))
    np.testing.assert_array_equal(trained.scores(cold), trained.scores(query))
    assert share_found(trained, log, cold) > 0.8
    nobody = Query.of(log[:0], np.array([-1, -1]))
    assert not trained.scores(nobody).any()


def test_a_user_without_training_events_is_read_as_a_cold_one(folder, log):
    wide = replace(log, shape=(USERS + 1, ITEMS))
    model = recipe(folder, epochs=1, rounds=1, user_dropout=0.5).fit(wide)
    assert not model.user[USERS].any() and model.user[:USERS].any(axis=1).all()
    history = Histories.of(log, np.array([3, 3, 3]))
    query = Query(np.array([USERS, -1, 3]), history, np.zeros(3, np.int64))
    scores = model.scores(query)
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)
    assert np.abs(scores[2] - scores[1]).max() > 1e-4  # a trained token is read
    assert not model.scores(Query.of(wide[:0], np.array([USERS]))).any()


def items_read(net, documents):
    """The items in each document, in its order."""
    rows = [documents.token.take(np.array([row])).value for row in range(len(documents))]
    return [(ids[ids >= net.size + USERS] - net.size - USERS).tolist() for ids in rows]


@pytest.mark.parametrize("order", ["fixed", "shuffled"])
def test_a_prompt_has_the_newest_items_before_those_held_out_in_training_too(folder, log, order):
    settings = recipe(folder, length=3, order=order)
    net = SoftTokenNet(settings, settings.open(), USERS, ITEMS)
    history = distinct_items(Histories.of(log), settings)
    corpus = make_corpus(net, history, None, None)
    seen = 0
    for batch in corpus.to_recommend(np.random.default_rng(0)):
        for row, read in enumerate(items_read(net, batch.documents)):
            (target,) = batch.targets.take(np.array([row])).value
            own = history.take(batch.documents.owner[[row]]).value.tolist()
            own.remove(target)
            assert sorted(read) == sorted(own[-3:])
            assert order == "shuffled" or read == sorted(read)
            seen += read == sorted(read)
    assert seen == USERS if order == "fixed" else seen < USERS / 2


def test_items_in_the_order_of_rows_are_read_so_at_inference(folder, log):
    model = recipe(folder, epochs=1, rounds=1, order="fixed").fit(log)
    query = Query.of(log)
    other = replace(query, history=Histories.of(replace(log, time=-log.time)))
    assert (query.history.item != other.history.item).any()
    np.testing.assert_allclose(model.scores(other), model.scores(query), atol=1e-6)


def test_with_dropout_of_all_user_tokens_no_document_has_one(folder):
    log = Interactions.of([0, 1, 1], [0, 1, 2], shape=(2, 3))
    for dropout, named in ((1.0, 0), (0.999, 1)):
        settings = recipe(folder, user_dropout=dropout)
        net = SoftTokenNet(settings, settings.open(), 2, 3)
        corpus = make_corpus(net, distinct_items(Histories.of(log), settings), None, None)
        (batch,) = corpus.to_recommend(np.random.default_rng(0))
        ids, _ = batch.documents.padded()
        # The only item of the first user is held out, so their token is all there is to read.
        assert np.isin(ids, [net.size, net.size + 1]).any(axis=1).sum() == named


def test_only_soft_tokens_are_trained_with_a_frozen_language_model(folder, log):
    settings = recipe(folder)
    backbone = settings.open()
    net = SoftTokenNet(settings, backbone, USERS, ITEMS)
    assert [name for name, _ in net.named_parameters()] == ["collaborative"]
    corpus = make_corpus(net, distinct_items(Histories.of(log), settings), None, None)
    batch = corpus.to_recommend(np.random.default_rng(0))[0]
    known = KnownItems.of(np.ones(ITEMS, int))
    net.recommending_loss(batch.documents, batch.targets, None, known).backward()
    assert net.collaborative.grad.any()
    assert all(p.grad is None for p in backbone.network.parameters())


def test_the_multinomial_loss_is_the_value_by_hand(folder):
    settings = recipe(folder, scale=False)
    net = SoftTokenNet(settings, settings.open(), 2, 3)
    state = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    table = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    net.last_states = lambda documents, relations: state
    net.item_table = lambda: table
    documents = Documents(Ragged.from_lists([[0], [0]]), np.ones(2, int), np.arange(2))
    known = KnownItems.of(np.ones(3, int))
    value = net.recommending_loss(documents, Ragged.from_lists([[0, 2], [1]]), None, known)
    # Scores (1, 2, 3) and (0, 1, 1): log-sum-exp 3.4076 and 1.8620.
    assert float(value) == pytest.approx(((3.4076 - 1) + (3.4076 - 3) + (1.8620 - 1)) / 2, abs=1e-4)
    net.recipe = recipe(folder)
    value = net.recommending_loss(documents, Ragged.from_lists([[0, 2], [1]]), None, known)
    # Scores (1, 2, 3) and (0, 1, 1), each divided by √2, the root of the width.
    by_hand = (2.6730 - 0.7071) + (2.6730 - 2.1213) + (1.6206 - 0.7071)
    assert float(value) == pytest.approx(by_hand / 2, abs=1e-4)


def test_the_scale_is_that_of_items_in_histories_too_and_not_that_of_words(net, log):
    history = distinct_items(Histories.of(log), net.recipe)
    corpus = make_corpus(net, history, texts(["red"] * ITEMS), None)
    batch = corpus.of_histories(np.random.default_rng(0))[0].documents
    text = corpus.of_texts(np.random.default_rng(0), 1)[0].documents
    known = KnownItems.of(np.ones(ITEMS, int))
    states = net.states

    def losses(scale, factor):
        net.recipe = net.recipe.model_copy(update={"scale": scale, "mutual": 0.0})
        net.states = lambda *given: states(*given) * factor
        with torch.no_grad():
            return (
                float(net.history_loss(batch, None, known)),
                float(net.text_loss(text, None, corpus.words, apart=True)),
            )

    of_items, of_words = losses(True, 1.0)
    assert of_items == pytest.approx(losses(False, net.backbone.width**-0.5)[0], abs=1e-5)
    assert abs(of_items - losses(False, 1.0)[0]) > 1e-4
    assert of_words == losses(False, 1.0)[1]


@pytest.fixture
def net(folder):
    """A network whose tokens are far apart, with documents."""
    settings = recipe(folder, documents="texts", mutual=0.5)
    net = SoftTokenNet(settings, settings.open(), USERS, ITEMS)
    with torch.no_grad():
        net.content.normal_()
    return net


def test_the_two_embeddings_draw_each_other_summed_over_all_tokens_of_a_batch(net, log):
    known = KnownItems.of(np.ones(ITEMS, int))
    corpus = make_corpus(
        net, distinct_items(Histories.of(log), net.recipe), texts(["red"] * ITEMS), None
    )
    batch = corpus.of_histories(np.random.default_rng(0))[0].documents
    mean = net.history_loss(batch, None, known)
    mutual = mean.detach() - without_regularization(
        net, lambda: net.history_loss(batch, None, known).detach()
    )
    ids = batch.token.value
    soft = ids[ids >= net.size] - net.size
    distance = (net.collaborative - net.content)[soft].square().sum()
    assert float(mutual) == pytest.approx(0.5 * float(distance.detach()), rel=1e-4)
    mean.backward()
    assert net.content.grad is None  # it is only the place that the other is drawn to
    text = corpus.of_texts(np.random.default_rng(0), 1)[0].documents
    net.zero_grad()
    net.text_loss(text, None, corpus.words, apart=False).backward()
    assert net.collaborative.grad is None and net.content.grad.any()


def without_regularization(net, loss):
    recipe, net.recipe = net.recipe, net.recipe.model_copy(update={"mutual": 0.0})
    value = loss()
    net.recipe = recipe
    return value


def test_only_the_first_target_is_regularized_as_in_the_published_code(net, log):
    known = KnownItems.of(np.ones(ITEMS, int))
    corpus = make_corpus(
        net, distinct_items(Histories.of(log), net.recipe), texts(["red"] * ITEMS), None
    )
    batch = corpus.to_recommend(np.random.default_rng(0))[0]

    def loss():
        return net.recommending_loss(batch.documents, batch.targets, None, known)

    plain = float(without_regularization(net, loss).detach())
    apart = (net.collaborative - net.content).detach().square().sum(1)
    ids = batch.documents.token.value
    read = ids[ids >= net.size] - net.size
    all_tokens = 0.5 * float(apart[read].sum() + apart[USERS + batch.targets.value].sum())
    assert float(loss().detach()) - plain == pytest.approx(all_tokens, rel=1e-3)
    net.recipe = net.recipe.model_copy(update={"regularized": "first"})
    first = batch.targets.value[batch.targets.start[:-1]]
    assert float(loss().detach()) - plain == pytest.approx(
        0.5 * float(apart[USERS + first].sum()), rel=1e-3
    )


def test_words_are_predicted_among_those_of_the_documents_alone(net, log):
    history = distinct_items(Histories.of(log), net.recipe)
    titles = texts([WORDS[i // SIZE] for i in range(ITEMS)])
    corpus = make_corpus(net, history, titles, None)
    letters = {net.backbone.tokenizer.eos_token_id} | {
        one for ids in corpus.prompts.tokens.encode_words([f" {w}" for w in WORDS]) for one in ids
    }
    assert set(corpus.words.tolist()) == letters
    ids = corpus.documents["text"].take(np.array([SIZE])).token.value
    assert corpus.prompts.tokens.words.decode(ids[ids < net.size]) == "The title of is: sun</s>"
    assert ids[ids >= net.size].tolist() == [net.size + USERS + SIZE]


def test_edges_are_added_between_users_and_items_and_nothing_of_later_tokens_is_read(folder, log):
    settings = recipe(folder, edges="distance", leave_user_out=True, user_dropout=0.0)
    net = SoftTokenNet(settings, settings.open(), USERS, ITEMS)
    history = distinct_items(Histories.of(log), settings)
    corpus = make_corpus(net, history, None, EdgeGraph.of_histories(history, ITEMS))
    batch = corpus.of_histories(np.random.default_rng(0))[0].documents
    ids, _ = batch.padded()
    added = net.attention(ids, batch.owner, corpus.relations["history"])[0, 0].numpy()
    later = np.triu(np.ones_like(added, bool), 1)
    assert np.isneginf(added[later]).all() and np.isfinite(added[~later]).all()
    soft = ids[0] >= net.size
    pairs = soft[:, None] & soft[None, :]
    assert (added[~later & ~pairs] == 0).all()
    items = np.flatnonzero(ids[0] >= net.size + USERS)
    np.testing.assert_allclose(added[items, 0], 1)  # to the user
    np.testing.assert_allclose(added[items, items], 6 / 11, atol=1e-6)  # to itself
    between = added[items[1:], items[0]]
    assert set(np.round(between * 11, 4)) <= {4.0, 2.0, 0.0}


def test_distances_without_the_user_are_read_in_training_and_at_inference(folder, log):
    settings = recipe(folder, edges="distance", leave_user_out=True)
    net = SoftTokenNet(settings, settings.open(), USERS, ITEMS)
    history = distinct_items(Histories.of(log), settings)
    graph = EdgeGraph.of_histories(history, ITEMS)
    own = np.sort(history.value.reshape(USERS, 6), axis=1)
    without = np.stack([graph.between_items(row, user) for user, row in enumerate(own)])
    through_user = np.stack([graph.between_items(row) for row in own])
    assert (without != through_user).any()  # some items share that user alone
    corpus = make_corpus(net, history, None, graph)
    for kind in ("history", "recommend"):
        np.testing.assert_array_equal(corpus.relations[kind].length, without.ravel())
    read = []
    last_states = net.last_states
    net.last_states = lambda batch, found: (read.append(found), last_states(batch, found))[1]
    Reader(net, corpus.prompts, graph).vectors(Query.of(log))
    np.testing.assert_array_equal(read[0].length, without.ravel())


@pytest.mark.parametrize("predict_first", [True, False])
def test_the_first_item_of_a_history_is_predicted_if_asked_for(folder, log, predict_first):
    settings = recipe(folder, predict_first=predict_first, user_dropout=0.5)
    net = SoftTokenNet(settings, settings.open(), USERS, ITEMS)
    corpus = make_corpus(net, distinct_items(Histories.of(log), settings), None, None)
    for batch in corpus.of_histories(np.random.default_rng(0)):
        for row, items in enumerate(items_read(net, batch.documents)):
            one = batch.documents.take(np.array([row]))
            predicted = one.token.value[one.is_predicted()] - net.size - USERS
            assert predicted.tolist() == (items if predict_first else items[1:])


def test_a_learned_bias_begins_as_no_bias_and_then_differs_by_head(folder, log):
    query = Query.of(log)
    plain = recipe(folder, epochs=1, rounds=0, lr=1e-9).fit(log).scores(query)
    learned = recipe(folder, epochs=1, rounds=0, lr=1e-9, edges="learned", leave_user_out=True)
    np.testing.assert_allclose(learned.fit(log).scores(query), plain, atol=1e-4)
    model = recipe(folder, edges="learned", leave_user_out=True).fit(log)
    assert model.bias.shape[0] == 4 and model.bias.std(axis=0)[2] > 0.01


def sparse_log():
    """Two items of the own block: too few to tell the blocks without texts."""
    rng = np.random.default_rng(3)
    item = [SIZE * (u % BLOCKS) + rng.permutation(SIZE)[:2] for u in range(USERS)]
    user = np.repeat(np.arange(USERS), 2)
    return Interactions.of(user, np.concatenate(item), shape=(USERS, ITEMS))


@pytest.mark.slow
def test_titles_that_tell_the_blocks_beat_permuted_ones_which_help_nothing(folder):
    log = sparse_log()
    words = np.array([WORDS[i // SIZE] for i in range(ITEMS)])
    wrong = np.random.default_rng(0).permutation(words)
    settings = recipe(folder, documents="texts", init="words", content_epochs=2, mutual=0.1)
    plain = share_found(recipe(folder).fit(log), log)
    with_titles, with_wrong_ones = (
        share_found(
            settings.fit(TrainingData(log, features={"texts": texts(titles.tolist())})), log
        )
        for titles in (words, wrong)
    )
    assert with_titles > with_wrong_ones + 0.1
    assert with_wrong_ones < plain + 0.1


def test_tokens_start_at_the_mean_of_their_words_and_users_at_that_of_their_items(net, log):
    with torch.no_grad():
        net.collaborative.zero_()
    titles = texts([WORDS[i // SIZE] for i in range(ITEMS)], np.arange(ITEMS) != 5)
    history = distinct_items(Histories.of(log), net.recipe)
    corpus = make_corpus(net, history, titles, None)
    start_from_words(net, corpus)
    ids = [*corpus.prompts.tokens.encode_words([" sun"])[0], net.backbone.tokenizer.eos_token_id]
    table = net.collaborative.detach().numpy()
    mean = net.backbone.words[ids].mean(0).detach().numpy()
    np.testing.assert_allclose(table[USERS + SIZE], mean, atol=1e-5)
    assert not table[USERS + 5].any()  # without a title
    own = history.take(np.array([7])).value
    np.testing.assert_allclose(table[7], table[USERS + own].mean(0), atol=1e-5)


def test_cold_items_are_placed_by_their_features_and_new_ones_too(folder, log):
    cold = np.arange(BLOCKS) * SIZE  # the first item of each block has no event
    known = log[~np.isin(log.item, cold)]
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((BLOCKS, 6)).astype(np.float32)
    noise = 0.1 * rng.standard_normal((ITEMS + BLOCKS, 6)).astype(np.float32)
    block = np.append(np.arange(ITEMS) // SIZE, np.arange(BLOCKS))
    vectors = centers[block] + noise
    feature = Feature(vectors[:ITEMS], np.ones(ITEMS, bool), "made/1", "made")
    data = TrainingData(known, features={"text": feature})
    model = recipe(folder, features=("text",)).fit(data)
    scores = model.scores(Query.of(known))
    own = scores[:, cold][np.arange(USERS), np.arange(USERS) % BLOCKS]
    assert (own == scores[:, cold].max(axis=1)).mean() > 0.8
    new = Feature(vectors[ITEMS:], np.ones(BLOCKS, bool), "made/1", "made")
    more = model.with_items({"text": new}, BLOCKS)
    wide = Histories.of(replace(known, shape=(USERS, ITEMS + BLOCKS)))
    query = replace(Query.of(known), history=wide)
    added = more.scores(query)[:, ITEMS:]
    assert (added.argmax(axis=1) == np.arange(USERS) % BLOCKS).mean() > 0.8
    np.testing.assert_allclose(more.scores(query)[:, :ITEMS], scores, atol=1e-5)
    # Without features an item without events scores 0: nothing is known of it.
    assert not recipe(folder, epochs=1).fit(known).scores(Query.of(known))[:, cold].any()


def test_a_history_longer_than_the_context_is_refused_and_one_over_length_is_cut(folder, log):
    with pytest.raises(BadSetting, match="length is 250, but the language model reads 256 tokens"):
        recipe(folder, length=250).fit(log)
    model = recipe(folder, length=3, epochs=2).fit(log)
    query = Query.of(log)
    newest = Histories.of(log).only(np.tile(np.arange(6) >= 3, USERS))
    np.testing.assert_allclose(
        model.scores(query), model.scores(replace(query, history=newest)), atol=1e-5
    )


@pytest.mark.slow
def test_items_without_titles_are_learned_from_their_events_alone(folder, log):
    """Half of the items have no text: no error, and their rows are scored like any others."""
    titles = texts([WORDS[i // SIZE] for i in range(ITEMS)], np.arange(ITEMS) % 2 == 0)
    data = TrainingData(log, features={"texts": titles})
    assert share_found(recipe(folder, documents="texts", mutual=0.1).fit(data), log) > 0.5


def test_texts_of_items_without_events_change_nothing_and_texts_of_them_alone_are_refused(
    folder, log
):
    wide = replace(log, shape=(USERS, ITEMS + 1))
    words, known = [WORDS[i // SIZE] for i in range(ITEMS)], np.arange(ITEMS + 1) < ITEMS
    settings = recipe(folder, documents="texts", epochs=1, rounds=1)
    models = [
        settings.fit(TrainingData(wide, features={"texts": texts([*words, cold], present)}))
        for cold, present in (("sun", known), ("tea tea tea", None))
    ]
    np.testing.assert_array_equal(models[0].item, models[1].item)
    assert models[0].item[:ITEMS].any(axis=1).all()
    cold = TrainingData(wide, features={"texts": texts([*words, "tea"], ~known)})
    with pytest.raises(BadSetting, match="no item with a training event has a text"):
        settings.fit(cold)


def test_groups_list_the_items_of_a_brand_in_chunks(net, log):
    titles = texts(["sun"] * 24 + ["tea"] + ["A > B"] * 7)
    titles = replace(titles, kind=np.array([0] * 25 + [1] * 7), kinds=("brand", "categories"))
    made, subjects = make_corpus(
        net, distinct_items(Histories.of(log), net.recipe), titles, None
    ).prompts.groups(titles)
    decode = net.backbone.tokenizer.decode
    ids = [made.take(np.array([row])).token.value for row in range(len(made))]
    assert [decode(one[one < net.size]) for one in ids] == [
        "These items have the same brand: sun</s>",
        "These items have the same brand: sun</s>",
        "These items are all in the category: A</s>",
        "These items are all in the category: B</s>",
    ]
    assert subjects.lengths.tolist() == [12, 12, 7, 7]
    assert [one[one >= net.size].min() - net.size - USERS for one in ids] == [0, 12, 25, 25]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"leave_user_out": True}, "leave_user_out has no effect; set edges"),
        ({"second_order": True}, "second_order needs documents"),
        ({"init": "words"}, "needs documents"),
    ],
)
def test_settings_without_effect_are_refused(settings, message):
    with pytest.raises(BadSetting, match=message):
        CLLM4Rec.parse(settings, "here")


def test_nothing_to_learn_from_is_an_error(folder, log):
    with pytest.raises(BadSetting, match="no events to learn from"):
        recipe(folder).fit(log[:0])
