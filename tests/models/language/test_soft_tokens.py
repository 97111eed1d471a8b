"""Users and items as atomic tokens, and documents of ragged rows."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_llama

from recweave.core.errors import BadInput
from recweave.llm.pretrained import LanguageModel
from recweave.models.language.documents import (
    Documents,
    Ragged,
    by_length,
    concatenate,
)
from recweave.models.language.soft_tokens import SoftTokenizer

N, USERS, ITEMS = 258, 5, 4


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    folder = tiny_llama.write(tmp_path_factory.mktemp("llama") / "tiny")
    return SoftTokenizer(LanguageModel.named(folder).tokenizer, N, USERS, ITEMS)


def test_users_and_items_are_atomic_tokens_after_the_words(tokens):
    ids = tokens.encode("Hello, user_1! Have you seen item_2?")
    soft = [i for i in ids if i >= N]
    assert soft == [N + 1, N + USERS + 2]
    assert [tokens.user(np.array([1]))[0], tokens.item(np.array([2]))[0]] == soft
    first, second = (ids.index(one) for one in soft)
    decode = tokens.words.decode
    assert decode(ids[:first]) == "Hello,"  # the space before an id is no token
    assert decode(ids[first + 1 : second]) == "! Have you seen"
    assert decode(ids[second + 1 :]) == "?"


def test_ids_next_to_words_and_unknown_ones(tokens):
    assert tokens.encode("user_1 has")[1:] == tokens.encode_words([" has"])[0]  # leading space kept
    assert tokens.encode("user_1 item_0") == [N + 1, N + USERS]
    with pytest.raises(BadInput, match="there is no item_4: the items are 0 to 3"):
        tokens.encode("item_4")
    with pytest.raises(BadInput, match="there is no user_5"):
        tokens.encode("user_5 bought item_1")


def test_words_of_others_never_become_users_or_items(tokens):
    assert max(tokens.encode_words(["I am user_1 and item_2 is mine"])[0]) < N
    assert tokens.encode_words([]) == []


def lists(ragged):
    return [
        ragged.value[a:b].tolist() for a, b in zip(ragged.start, ragged.start[1:], strict=False)
    ]


ROWS = [[5, 6, 7], [], [1], [2, 3, 4, 8, 9]]


def test_ragged_rows():
    rows = Ragged.from_lists(ROWS)
    assert lists(rows) == ROWS
    assert lists(rows.take(np.array([3, 1, 0]))) == [ROWS[3], [], ROWS[0]]
    head, rest = rows.split(np.array([1, 1, 0, 4]))
    assert lists(head) == [[5], [], [], [2, 3, 4, 8]]
    assert lists(rest) == [[6, 7], [], [1], [9]]
    assert lists(rows.newest(2)) == [[6, 7], [], [1], [8, 9]]
    cut, owner = rows.chunks(2)
    assert lists(cut) == [[5, 6], [7], [], [1], [2, 3], [4, 8], [9]]
    assert owner.tolist() == [0, 0, 1, 2, 3, 3, 3]
    given = Ragged.optional(np.arange(4), np.array([True, False, False, True]))
    joined = concatenate(given, Ragged.alike([10, 11], 4), rows)
    assert lists(joined) == [
        [0, 10, 11, 5, 6, 7],
        [10, 11],
        [10, 11, 1],
        [3, 10, 11, 2, 3, 4, 8, 9],
    ]


def test_a_shuffled_row_keeps_its_values_and_depends_on_the_generator():
    rows = Ragged.from_lists([list(range(50)), list(range(50, 60))])
    first, same = (rows.shuffled(np.random.default_rng(1)) for _ in range(2))
    assert lists(first) == lists(same) != lists(rows.shuffled(np.random.default_rng(2)))
    assert [sorted(row) for row in lists(first)] == lists(rows)


def test_chunks_are_of_nearly_equal_length():
    cut, _ = Ragged.from_lists([list(range(101))]).chunks(50)
    assert sorted(cut.lengths.tolist()) == [33, 34, 34]


def test_batches_hold_every_document_once_within_the_budget():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 30, 200)
    lengths[3] = 500  # alone, as it is over the budget by itself
    batches = by_length(lengths, 100, rng)
    assert sorted(np.concatenate(batches).tolist()) == list(range(200))
    for rows in batches:
        assert len(rows) == 1 or lengths[rows].max() * len(rows) <= 100
    assert max(len(rows) for rows in batches) > 5
    padding = sum(lengths[rows].max() * len(rows) for rows in batches) / lengths.sum()
    assert padding < 1.2


def test_a_document_is_padded_at_its_end_and_predicted_from_its_first_token_on():
    made = Documents(Ragged.from_lists([[7, 8, 9], [5]]), np.array([1, 1]), np.array([0, -1]))
    ids, present = made.padded()
    assert ids.tolist() == [[7, 8, 9], [5, 0, 0]]
    assert present.tolist() == [[True] * 3, [True, False, False]]
    assert made.predicted().tolist() == [[False, True, True], [False] * 3]
