"""The parts of networks of news against torch's own layers, text by text with padding."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recweave.encode.words import Ragged  # noqa: E402
from recweave.models.news.attention import AdditiveAttention, SelfAttention, Text  # noqa: E402
from recweave.models.news.text_readers import Convolved, SelfAttended  # noqa: E402
from recweave.models.news.user_encoders import AttendedHistory, LongAndShortTerm  # noqa: E402

TEXTS = [[3, 1, 4, 1], [], [5], [2, 6], [5, 3], [1, 2, 3, 4, 5, 6, 0]]
TABLE = torch.randn(7, 12, generator=torch.Generator().manual_seed(0))


def text(reader):
    ragged = Ragged.of(TEXTS)
    return Text(
        reader.project(TABLE),
        torch.from_numpy(ragged.word.astype(np.int64)),
        torch.from_numpy(ragged.start[:-1]),
        ragged.lengths,
    )


def padded():
    words = torch.zeros(len(TEXTS), 9, 12)
    mask = torch.zeros(len(TEXTS), 9, dtype=torch.bool)
    for row, one in enumerate(TEXTS):
        words[row, : len(one)] = TABLE[one]
        mask[row, : len(one)] = True
    return words, mask


def weighed(attention, x):
    """Additive attention written out for one text."""
    weight = torch.softmax(torch.tanh(attention.project(x)) @ attention.query, dim=0)
    return weight @ x


def test_additive_attention_is_the_same_with_and_without_padding():
    torch.manual_seed(1)
    attention = AdditiveAttention(12, 5)
    words, mask = padded()
    with torch.no_grad():
        found = attention(words, mask)
        ragged = Ragged.of(TEXTS)
        flat = TABLE[torch.from_numpy(ragged.word.astype(np.int64))]
        one = Text(
            TABLE,
            torch.zeros(0, dtype=torch.int64),
            torch.from_numpy(ragged.start[:-1]),
            ragged.lengths,
        )
        torch.testing.assert_close(attention.of_texts(flat, one), found)
        for row, one in enumerate(TEXTS):
            if one:
                torch.testing.assert_close(found[row], weighed(attention, TABLE[one]))
        assert (found[1] == 0).all()


def test_self_attention_is_that_of_torch():
    torch.manual_seed(2)
    ours = SelfAttention(12, 3, 4)
    words, mask = padded()
    eye = torch.eye(12)
    with torch.no_grad():
        theirs, _ = torch.nn.functional.multi_head_attention_forward(
            *[words.transpose(0, 1)] * 3, 12, 3, ours.qkv.weight, ours.qkv.bias, None, None, False,
            0.0, eye, torch.zeros(12), training=False, key_padding_mask=~mask, need_weights=False,
        )  # fmt: skip
        found = ours(words, mask)
        torch.testing.assert_close(found[mask], theirs.transpose(0, 1)[mask])


def test_nrms_reads_a_text_as_attention_and_then_a_sum():
    torch.manual_seed(3)
    reader = SelfAttended(12, 3, 4, 5, 0.2).eval()
    with torch.no_grad():
        found = reader(text(reader))
        assert (found[1] == 0).all()
        for row, one in enumerate(TEXTS):
            if one:
                alone = torch.ones(1, len(one), dtype=torch.bool)
                attended = reader.attention(TABLE[one][None], alone)[0]
                torch.testing.assert_close(found[row], weighed(reader.sum, attended))


@pytest.mark.parametrize("kind", [SelfAttended, Convolved])
def test_texts_without_words_are_zeros(kind):
    reader = kind(12, 3, 4, 5, 0.0) if kind is SelfAttended else kind(12, 12, 3, 5, 0.0)
    nothing = torch.zeros(0, dtype=torch.int64)
    start, lengths = torch.zeros(2, dtype=torch.int64), np.zeros(2, np.int64)
    with torch.no_grad():
        found = reader(Text(reader.project(TABLE[:0]), nothing, start, lengths))
    assert found.tolist() == [[0.0] * 12] * 2


@pytest.mark.parametrize("window", [1, 3, 5])
def test_convolution_is_that_of_torch(window):
    torch.manual_seed(4)
    reader = Convolved(12, 8, window, 5, 0.2).eval()
    with torch.no_grad():
        found = reader(text(reader))
        assert (found[1] == 0).all()
        for row, one in enumerate(TEXTS):
            if one:
                x = torch.relu(reader.convolve(TABLE[one].T[None]))[0].T
                torch.testing.assert_close(found[row], weighed(reader.sum, x))


def test_gradients_are_those_of_torch():
    torch.manual_seed(5)
    reader = Convolved(12, 8, 3, 5, 0.0)
    table = TABLE.clone().requires_grad_()
    ragged = Ragged.of(TEXTS)
    word = torch.from_numpy(ragged.word.astype(np.int64))
    start = torch.from_numpy(ragged.start[:-1])
    reader(Text(reader.project(table), word, start, ragged.lengths)).square().sum().backward()
    ours = [table.grad, *(p.grad.clone() for p in reader.parameters())]
    table.grad = None
    reader.zero_grad()
    total = 0
    for one in TEXTS:
        if one:
            x = torch.relu(reader.convolve(table[one].T[None]))[0].T
            total = total + weighed(reader.sum, x).square().sum()
    total.backward()
    theirs = [table.grad, *(p.grad for p in reader.parameters())]
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_padding_of_histories_changes_nothing():
    torch.manual_seed(6)
    words, mask = padded()
    user = torch.tensor([0, 1, 2, -1, 1, 0])
    encoders = [
        AttendedHistory(12, 3, 4, 5, 0.2),
        LongAndShortTerm(12, 3, "ini", 0.5),
        LongAndShortTerm(12, 3, "con", 0.5),
    ]
    for encoder in encoders:
        for parameter in encoder.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        encoder.eval()
        with torch.no_grad():
            whole = encoder(words, mask, user)
            for row, one in enumerate(TEXTS):
                size = max(1, len(one))
                part = slice(row, row + 1)
                alone = encoder(words[part, :size], mask[part, :size], user[part])
                torch.testing.assert_close(whole[row], alone[0])


def test_a_user_without_a_history_has_the_long_term_vector():
    encoder = LongAndShortTerm(4, 2, "ini", 0.5).eval()
    torch.nn.init.normal_(encoder.users)
    nothing, mask = torch.zeros(3, 1, 4), torch.zeros(3, 1, dtype=torch.bool)
    with torch.no_grad():
        found = encoder(nothing, mask, torch.tensor([1, -1, 0]))
    expected = torch.stack([encoder.users[1], torch.zeros(4), encoder.users[0]])
    torch.testing.assert_close(found, expected)
