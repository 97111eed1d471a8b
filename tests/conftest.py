"""What every test may use. Data is made here by code; nothing reaches the network."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
import tiny_llama as tiny_llama_file
from hypothesis import settings
from jaxtyping import config

from recweave.data.interactions import Interactions

# ranx's metrics are compiled by numba: a minute with optimization, ten seconds without.
os.environ.setdefault("NUMBA_OPT", "0")
os.environ.setdefault("NUMBA_LOOP_VECTORIZE", "0")

# How long an example takes says more of the machine's other work than of ours.
settings.register_profile("recweave", deadline=None)
settings.load_profile("recweave")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A test that would leave this machine fails instead."""
    real = socket.socket.connect

    def local_only(self, address):
        host = address[0] if isinstance(address, tuple) else "local"
        if host not in ("127.0.0.1", "localhost", "::1", "local"):
            raise AssertionError(f"a test tried to reach {host}")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture
def unchecked():
    """The types of arguments are not checked, as in a program; the tests' checker would refuse."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture
def two_tastes() -> Interactions:
    """40 users, 40 items: even users like even items, odd like odd; each misses item == user.

    Whoever learns anything must put the missing item first for every user.
    """
    user, item = np.divmod(np.arange(1600), 40)
    kept = (user % 2 == item % 2) & (user != item)
    return Interactions.of(user[kept], item[kept], behavior="purchase", shape=(40, 40))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real datasets; tests that ask for it carry the mark `realdata`."""
    folder = os.environ.get("RECWEAVE_DATA")
    if not folder:
        pytest.skip("RECWEAVE_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory) -> Path:
    """The folder of a tiny random language model that reads 96 tokens; not to be changed."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    return tiny_llama_file.write(tmp_path_factory.mktemp("llama"))
