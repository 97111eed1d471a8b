"""Measures of what a network knows of numbers, on networks in which it was planted."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from recweave.data.interactions import Histories, Interactions
from recweave.models.language.mechanism import adjacency, digit_correlation, number_correlation
from recweave.models.language.numbered import Numbered, NumberedItems
from recweave.models.language.numbered_net import open_net, vocabulary_of_decoder
from recweave.models.nn.weights import Weights

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def planted(line):
    """A model whose digits have random embeddings, or embeddings on a line."""
    recipe, words = Numbered(dim=16), vocabulary_of_decoder()
    number = 1001 + np.random.default_rng(0).permutation(300)
    net = open_net(recipe, number, words, seed=3)
    if line:
        table = net.network.get_input_embeddings().weight
        digits = torch.from_numpy(net.text.tokens.digit)
        with torch.no_grad():
            table[digits] = 0.1 * torch.arange(10.0)[:, None] * torch.ones(16)
    return NumberedItems(number, recipe, words, Weights.of(net))


def test_digits_on_a_line_are_in_order_and_random_ones_are_not():
    assert digit_correlation(planted(line=True)) > 0.99
    assert abs(digit_correlation(planted(line=False))) < 0.5


def test_numbers_are_correlated_by_the_states_of_their_tokens(monkeypatch):
    model = planted(line=False)
    assert abs(number_correlation(model)) < 0.6
    value = lambda number: torch.from_numpy(number[:, None].astype(np.float32))  # noqa: E731
    monkeypatch.setattr(model.network, "number_states", value)
    assert number_correlation(model) == pytest.approx(1.0)
    monkeypatch.setattr(model.network, "number_states", lambda n: torch.cos(7 * value(n)))
    assert abs(number_correlation(model)) < 0.1


def test_adjacency_counts_numbers_at_most_five_from_that_of_the_newest_item():
    number = 1001 + np.arange(20)[::-1].copy()
    log = Interactions.of([0, 0, 1], [3, 10, 0], shape=(3, 20))
    item = np.array([[15, 16, 5], [1, 19, -1], [7, 8, 9]])
    # User 0 ended with item 10: 15 and 5 are near. User 1 with 0: 1 is. User 2 has no history.
    assert adjacency(number, Histories.of(log), item) == pytest.approx(3 / 5)
