"""The benchmark `chaos_llm.py` in small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "chaos_llm.py"


@pytest.mark.slow
def test_a_job_killed_again_and_again_loses_nothing_and_pays_nothing_twice():
    command = [sys.executable, SCRIPT, "--kills", "5", "--calls", "200"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["answers_lost"], told["stored_answers_paid_again"]) == (0, 0)
    assert told["answered"] == 200
    for what, more in told["budget_overshoot"].items():
        assert more <= told["in_flight_at_most"][what]
    assert abs(told["estimate_error"]["half"]) < 0.1
