"""Fixtures of the language-model re-ranker."""

import numpy as np
import pytest
import tiny_llama as tiny_llama_file
from planted_titles import KINDS, shop  # noqa: F401 - a fixture

from recweave.rank.language import likelihood, writers
from recweave.rank.language.reader import Reader


@pytest.fixture(autouse=True)
def nothing_kept():
    likelihood._SCORES.clear()
    writers._WRITTEN.clear()


@pytest.fixture(scope="package")
def llama(tmp_path_factory):
    """A tiny random language model that reads 2,048 tokens, which are bytes."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    return tiny_llama_file.write(tmp_path_factory.mktemp("llama"), context=2048)


@pytest.fixture
def by_kind(monkeypatch):
    """A model that prefers titles of the last item's kind, and notes what it reads."""
    read = []

    def log_likelihoods(self, prompt, answers):
        text = self.tokenizer.decode(prompt)
        named = [k for k in KINDS if k in text]
        liked = max(named, key=text.rindex) if named else ""
        titles = [self.tokenizer.decode(answer) for answer in answers]
        read.append((text, titles))
        return np.array([-10.0 + 5 * title.startswith(liked or "\0") for title in titles])

    monkeypatch.setattr(Reader, "log_likelihoods", log_likelihoods)
    return read
