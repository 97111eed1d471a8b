"""A run tells what could make its numbers differ from those of another machine."""

import json

from threadpoolctl import threadpool_limits

from recweave.runs.environment import environment


def test_bf16_and_threads_are_recorded(monkeypatch):
    monkeypatch.setenv("RECWEAVE_THREADS", "3")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.setenv("RECWEAVE_BF16", "on")
    with threadpool_limits(1, user_api="blas"):
        made = environment()
    assert made["bf16"] is True
    assert made["threads"]["recweave"] == 3
    assert made["threads"]["blas"] == 1
    assert made["threads"]["OMP_NUM_THREADS"] == "5"


def test_it_comes_back_from_json_as_it_was():
    """Or a run would seem to go on in another environment each time."""
    assert json.loads(json.dumps(environment())) == environment()
