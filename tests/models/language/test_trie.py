"""The trie of the items' tokens, and numbers as tokens."""

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.models.language.number_text import NumberText
from recweave.models.language.number_tokens import (
    DIGITS,
    NumberTokens,
    compact,
    vocabulary,
    word_encoder,
)
from recweave.models.language.prompts import prompts
from recweave.models.language.trie import Trie

WORDS = vocabulary(["user chose:", "an item"])


def text_of(numbers):
    return NumberText(np.asarray(numbers), NumberTokens.of(word_encoder(WORDS), "decoder"))


def read(ids):
    """Tokens as the words they are."""
    return [" ".join(WORDS[i] for i in row if i >= 0) for row in ids.tolist()]


def test_a_trie_holds_each_prefix_once_and_each_item_at_its_end():
    trie = Trie.of(np.array([[1, 2, 3], [1, 2, 4], [5, -1, -1], [1, 6, -1]]))
    assert len(trie.token) == 7 + 0  # root, 1, 5, 12, 16, 123, 124
    assert trie.depth[trie.leaf].tolist() == [3, 3, 1, 2]
    assert trie.inner.sum() == 3
    paths = [[trie.token[n] for n in path if n >= 0] for path in trie.path(trie.leaf)]
    assert paths == [[1, 2, 3], [1, 2, 4], [5], [1, 6]]
    assert trie.children(7)[0].tolist() == [-1, trie.path(trie.leaf)[0, 0], *[-1] * 3, 2, -1]


@pytest.mark.parametrize("bad", [[[1, 2], [1, -1]], [[1, 2], [1, 2]], [[1, 2], [-1, -1]]])
def test_a_sequence_that_others_begin_with_is_refused(bad):
    with pytest.raises(ValueError, match="beginning of another"):
        Trie.of(np.array(bad))


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_parts_hold_each_inner_node_with_its_ancestors(size):
    digits = np.arange(1001, 1500)[:, None] // 10 ** np.arange(4)[::-1] % 10
    trie = Trie.of(digits)
    parts = list(trie.parts(size))
    assert set(np.concatenate(parts)) == set(np.flatnonzero(trie.inner)) - {0}
    for part in parts:
        assert len(part) <= size + 3
        assert set(trie.parent[part]) <= {0, *part}
        assert (np.diff(part) > 0).all()  # parents come first


@pytest.mark.parametrize("size", [1, 7])
def test_parts_add_the_ancestors_of_one_node_however_few_children_nodes_have(size):
    """A part goes on down a branch, so that only its first node's ancestors are missing."""
    chains = np.repeat(np.arange(40)[:, None], 5, axis=1)  # all prefixes lead to one item
    trie = Trie.of(chains)
    parts = list(trie.parts(size))
    assert max(map(len, parts)) <= size + 3  # the ancestors of the first node of four
    assert sum(map(len, parts)) <= 160 + 3 * len(parts)
    assert set(np.concatenate(parts)) == set(np.flatnonzero(trie.inner)) - {0}


def test_numbers_are_written_digit_by_digit():
    tokens = text_of([1001]).tokens
    assert read(tokens.ids(np.array([1001, 7, -1, 0, 12_345]))) == [
        "1 0 0 1", "7", "", "0", "1 2 3 4 5",
    ]  # fmt: skip


def test_only_a_number_that_others_begin_with_needs_the_end_mark():
    text = text_of([1001, 1002, 10_010, 10_019, 2000, 100_100])
    assert read(text.item) == [
        "1 0 0 1 ,", "1 0 0 2", "1 0 0 1 0 ,", "1 0 0 1 9", "2 0 0 0", "1 0 0 1 0 0",
    ]  # fmt: skip
    assert len(set(text.trie.leaf)) == 6


def test_a_history_is_learned_without_the_marks_between_numbers():
    text = text_of([1001, 1002, 10_010])
    item = np.array([[0, 1], [2, -1]])
    head = np.array([[WORDS.index("user"), -1], [WORDS.index("user"), WORDS.index("chose")]])
    packed = text.packed(head, item, learned=item >= 0)
    assert read(packed.ids) == ["user 1 0 0 1 , 1 0 0 2 ,", "user chose 1 0 0 1 0 ,"]
    learned = np.where(packed.learned, packed.ids, -1)
    assert read(learned) == ["1 0 0 1 , 1 0 0 2", "1 0 0 1 0"]
    some = text.packed(head, item, learned=np.array([[False, True], [False, False]]))
    assert read(np.where(some.learned, some.ids, -1)) == ["1 0 0 2", ""]


def test_prompts_name_the_user_unless_it_is_a_cold_one():
    text = NumberText(np.array([1001]), NumberTokens.of(word_encoder(W), "decoder"))
    chosen = prompts("sequential", 2)
    head = compact(text.heads(chosen, np.array([0, 1, 1]), np.array([9, -1, 41])))[0]
    words = [" ".join(W[i] for i in row if i >= 0) for row in head.tolist()]
    assert words == [
        "user 1 0 chose these items in order :",
        "the history of user , oldest first :",
        "the history of user 4 2 , oldest first :",
    ]


W = vocabulary([part for prompt in prompts("sequential", 2) for part in prompt])


def test_compact_moves_tokens_with_their_marks():
    ids = np.array([[-1, 5, -1, 6], [7, -1, -1, -1]])
    mark = np.array([[True, True, False, False], [True, False, True, False]])
    left, marks = compact(ids, mark)
    assert left.tolist() == [[5, 6], [7, -1]]
    assert marks.tolist() == [[True, False], [True, False]]
    assert compact(ids, right=True)[0].tolist() == [[5, 6], [-1, 7]]


def test_a_tokenizer_that_joins_digits_is_refused_unless_pieces_are_asked_for():
    pieces = {"10": 10, "01": 11, ",": 12} | {digit: int(digit) for digit in DIGITS}

    def joins(text):
        ids = []
        while text:
            size = 2 if text[:2] in pieces else 1
            ids.append(pieces[text[:size]])
            text = text[size:]
        return ids

    with pytest.raises(BadSetting, match="big: its tokenizer does not read numbers digit by digit"):
        NumberTokens.of(joins, "big")
    text = NumberText(np.array([1001, 1002, 11]), NumberTokens.of(joins, "big", pieces=True))
    assert text.item.tolist() == [[10, 11, -1], [10, 0, 2], [1, 1, -1]]


def test_a_token_of_a_space_before_numbers_does_no_harm():
    tokens = NumberTokens.of(lambda text: [99, *(ord(c) - 48 for c in text)], "spaced")
    assert tokens.ids(np.array([1020])).tolist() == [[1, 0, 2, 0]]
    assert tokens.end == (ord(",") - 48,)
