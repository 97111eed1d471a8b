"""Tokens a second of a language model in this process, beside a plain loop over transformers.

The questions are those that `recweave enrich` asks about items of the made-up shop, all kinds of
each item. Four paths: an answer written freely, one held to its schema, the labels of closed sets
by likelihood, and loading. The plain loop takes one question at a time: `generate` (with the same
automaton, as a logits processor), or one forward pass for each label. Both take the same answers
from the same weights with one thread; the loop is measured on every n-th question, half of them
before ours and half after, as other work on the machine comes and goes. Each path runs in a process
of its own, for its peak memory. Tokens a second are those written; by likelihood, those scored.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from recweave.data.synthetic import SHOPS, make_shop
from recweave.enrich import KINDS, Generative, Material
from recweave.llm import Local, Request
from recweave.llm.base import Failed
from recweave.llm.choice import Scores

PATHS = ("load", "free", "schema", "likelihood")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", nargs="*", choices=PATHS, default=PATHS)
    parser.add_argument("--precisions", nargs="*", default=["fp32", "bf16"])
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--every", type=int, default=1, help="the plain loop takes each n-th")
    parser.add_argument("--tokens", type=int, default=64, help="of an answer, at most")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of text, with commas")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--here", action="store_true", help="one path in this process")
    asked = parser.parse_args()
    if asked.here:
        print(json.dumps(measure(asked, asked.paths[0], asked.precisions[0])), flush=True)
        return
    for precision in asked.precisions:
        for path in asked.paths:
            options = [*sys.argv[1:], "--here", "--paths", path, "--precisions", precision]
            once = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
            subprocess.run([sys.executable, __file__, *options], check=True, env=os.environ | once)


def measure(asked: argparse.Namespace, path: str, precision: str) -> dict[str, object]:
    start = time.perf_counter()
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    imported = time.perf_counter() - start
    local = Local(asked.model, asked.tokens, precision)  # type: ignore[arg-type]
    start, before = time.perf_counter(), time.process_time()
    lm = local._lm
    assert lm.model and lm.tokenizer
    loaded = {"load": round(time.perf_counter() - start, 2)}
    loaded |= {"load_cpu": round(time.process_time() - before, 2)}
    about = {"path": path, "model": asked.model, "precision": precision}
    if path == "load":
        return about | {"import": round(imported, 2)} | loaded | memory()
    questions = requests(local, asked, path == "likelihood")
    ours, plain = {
        "free": (free, plain_free),
        "schema": (held, plain_held),
        "likelihood": (scored, plain_scored),
    }[path]
    if path == "schema":
        for schema in {question.schema for question in questions}:  # automata are made once
            local._question(next(q for q in questions if q.schema is schema).messages, schema)
    sample = range(0, len(questions), asked.every)
    middle = len(sample) // 2
    first = timed(plain, local, [questions[row] for row in sample[:middle]])
    own = timed(ours, local, questions)
    peak = memory()  # a forward pass of the plain loop takes less
    second = timed(plain, local, [questions[row] for row in sample[middle:]])
    seconds, answers = first[0] + second[0], first[1] + second[1]
    same = sum(alike(own[1][row], answer) for row, answer in zip(sample, answers, strict=True))
    rate, plain_rate = count(own[1]) / own[0], count(answers) / seconds
    return (
        about
        | {"questions": len(questions), "tokens": count(own[1]), "seconds": round(own[0], 1)}
        | {"tokens_per_second": round(rate, 1), "plain_questions": len(answers)}
        | {"plain_tokens_per_second": round(plain_rate, 1), "ratio": round(rate / plain_rate, 2)}
        | {"seconds_ratio": round(seconds / len(answers) * len(questions) / own[0], 2)}
        | {"same_answers": same}
        | peak
    )


def requests(local: Local, asked: argparse.Namespace, scored: bool) -> list[Request]:
    """Questions about one item after the other."""
    from pathlib import Path
    from tempfile import mkdtemp

    from recweave.data.split import LeaveLastOut
    from recweave.llm import LLMClient

    shop, _ = make_shop(SHOPS["synthetic:small"])
    material = Material.of(shop, shop.split(LeaveLastOut()))
    tasks = [
        task
        for task in material.tasks(asked.kinds.split(","))
        if task.entity == "item" and len(task.rows)
    ]
    client = LLMClient(local, Path(mkdtemp()))
    writer = Generative(client, labels="likelihood" if scored else "written")
    made = writer.requests(material, tasks[: 4 * asked.questions])
    return [one for one in made if not scored or issubclass(one.schema, Scores)][: asked.questions]


def timed(function: Callable[..., list[Any]], *arguments: Any) -> tuple[float, list[Any]]:
    start = time.perf_counter()
    made = function(*arguments)
    return time.perf_counter() - start, made


def free(local: Local, questions: Sequence[Request]) -> list[list[int]]:
    lm = local._lm
    texts = [lm.continuation(local._prompt(q.messages), local.max_tokens) for q in questions]
    lm.continue_all(texts)
    return [text.tokens for text in texts]


def plain_free(local: Local, questions: Sequence[Request]) -> list[list[int]]:
    return [generate(local, question, []) for question in questions]


def held(local: Local, questions: Sequence[Request]) -> list[list[int]]:
    """By the door that people use, without the client's files."""
    tokens: dict[int, list[int]] = {}
    put = type(local._queue).put

    async def ask(row: int, question: Request) -> None:
        with suppress(Failed):  # cut short at --tokens
            await local.ask(question.messages, question.schema)

    def noted(self: Any, question: Any) -> Any:
        asked.append(question)
        return put(self, question)

    async def all_() -> None:
        await asyncio.gather(*(ask(row, question) for row, question in enumerate(questions)))

    asked: list[Any] = []
    type(local._queue).put = noted  # type: ignore[method-assign]
    try:
        asyncio.run(all_())
    finally:
        type(local._queue).put = put  # type: ignore[method-assign]
    by_prompt = {tuple(question.prompt): question.answer for question in asked}
    for row, question in enumerate(questions):
        tokens[row] = by_prompt[tuple(local._prompt(question.messages))]
    return [tokens[row] for row in range(len(questions))]


def plain_held(local: Local, questions: Sequence[Request]) -> list[list[int]]:
    import torch

    made = []
    for question in questions:
        constraint = local._question(question.messages, question.schema).constraint
        start = len(local._prompt(question.messages))

        def mask(ids: Any, logits: Any, constraint: Any = constraint, start: int = start) -> Any:
            if ids.shape[1] > start and ids[0, -1] != local._lm.tokenizer.eos_token_id:
                constraint.advance(int(ids[0, -1]))
            return logits.masked_fill(~torch.from_numpy(constraint.allowed()), -torch.inf)

        made.append(generate(local, question, [mask]))
    return made


def generate(local: Local, question: Request, processors: list[Any]) -> list[int]:
    import torch

    prompt = local._prompt(question.messages)
    with torch.inference_mode():
        ids = local._lm.model.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
            max_new_tokens=local.max_tokens,
            do_sample=False,
            logits_processor=processors,
        )
    tokens: list[int] = ids[0, len(prompt) :].tolist()
    return tokens


def scored(local: Local, questions: Sequence[Request]) -> list[list[float]]:
    async def all_() -> list[Any]:
        return await asyncio.gather(*(local.ask(q.messages, q.schema) for q in questions))

    return [[*reply.value.log_likelihoods] for reply in asyncio.run(all_())]


def plain_scored(local: Local, questions: Sequence[Request]) -> list[list[float]]:
    import torch

    made = []
    for question in questions:
        asked = local._question(question.messages, question.schema)
        scores = []
        for choice in asked.choices:
            with torch.inference_mode():
                logits = local._lm.model(torch.tensor([asked.prompt + choice])).logits[0].float()
            each = torch.log_softmax(logits[len(asked.prompt) - 1 : -1], 1)
            scores.append(float(each[torch.arange(len(choice)), choice].sum()))
        made.append(scores)
    return made


def alike(one: list[Any], other: list[Any]) -> bool:
    """The same tokens (of a text that repeats itself, up to where it was stopped), or label."""
    if one and isinstance(one[0], float):
        return one.index(max(one)) == other.index(max(other))
    return one == other[: len(one)]


def count(answers: Sequence[list[Any]]) -> int:
    return sum(map(len, answers))


def memory() -> dict[str, int]:
    return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


if __name__ == "__main__":
    main()
