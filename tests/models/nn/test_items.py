"""Item embeddings by id, by content, or by both."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recweave.core.errors import BadSetting  # noqa: E402
from recweave.encode import Feature  # noqa: E402
from recweave.models.nn.items import Content, ItemTable  # noqa: E402

COUNTS = np.array([0, 1, 50, 0, 3])
PRESENT = np.array([True, True, True, False, False])


def content():
    vectors = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    vectors[~PRESENT] = 0
    return Content.of({"text": Feature(vectors, PRESENT, "x", "y")}, ("text",), COUNTS)


def test_content_has_unit_length_or_is_zero_where_missing():
    length = np.linalg.norm(content().vectors, axis=1)
    np.testing.assert_allclose(length, PRESENT, atol=1e-6)


def test_the_mean_over_items_with_train_events_is_subtracted():
    vectors = np.eye(5, dtype=np.float32)
    present = np.ones(5, bool)
    changed = vectors.copy()
    changed[3] = 9  # item 3 has no events
    one, other = (
        Content.of({"t": Feature(v, present, "x", "y")}, ("t",), COUNTS) for v in (vectors, changed)
    )
    known = np.arange(5) != 3
    np.testing.assert_array_equal(one.vectors[known], other.vectors[known])
    mean = vectors[COUNTS > 0].mean(axis=0)
    expected = (vectors[0] - mean) / np.linalg.norm(vectors[0] - mean)
    np.testing.assert_allclose(one.vectors[0], expected, rtol=1e-6)


def test_equal_texts_of_all_items_give_zero_vectors():
    same = np.full((5, 3), 0.577, np.float32)
    content = Content.of({"t": Feature(same, np.ones(5, bool), "x", "y")}, ("t",), COUNTS)
    assert (content.vectors == 0).all()


def test_without_features_there_is_no_content():
    none = Content.of(None, (), COUNTS)
    assert none.vectors.shape == (5, 0)
    table = ItemTable(COUNTS, 4, none, "both")
    assert not table.has_text
    assert (table.share() == 0).all()


def test_both_mixes_by_the_gate_and_represents_cold_items_by_their_content():
    table = ItemTable(COUNTS, 4, content(), "both")
    with torch.no_grad():
        table.gate[:] = torch.tensor([1.0, -2.0])
    share = table.share()[:, 0].tolist()
    # No events: content alone. No content: id alone. Else the gate, by popularity.
    assert share[0] == 1
    assert share[3] == share[4] == 0
    assert share[1] == pytest.approx(1 / (1 + np.exp(-(1 - 2 * np.log(2)))))
    assert share[2] < share[1] < 1
    vectors = table()
    text = table.project(table.text)
    assert torch.allclose(vectors[0], text[0])
    assert (vectors[3] == 0).all()  # neither events nor content
    assert torch.allclose(vectors[4], table.id[4])
    assert torch.allclose(vectors[1], (1 - share[1]) * table.id[1] + share[1] * text[1])


def test_text_alone_has_no_ids_and_ids_alone_no_text():
    assert not hasattr(ItemTable(COUNTS, 4, content(), "text"), "id")
    with pytest.raises(BadSetting, match="needs features"):
        ItemTable(COUNTS, 4, Content.of(None, (), COUNTS), "text")
    table = ItemTable(COUNTS, 4, content(), "id")
    assert not hasattr(table, "project")
    assert (table()[[0, 3]] == 0).all()


def test_the_gate_learns():
    table = ItemTable(COUNTS, 4, content(), "both")
    table()[1].sum().backward()
    assert (table.gate.grad != 0).any()
