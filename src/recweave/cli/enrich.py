"""`recweave enrich`: what reviews and catalogue say, written up from the training part alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from recweave.cli.lines import distinct_lines
from recweave.cli.output import Json, print_json, print_table, say
from recweave.core.errors import BadSetting

if TYPE_CHECKING:  # a command loads what it needs when it runs
    from recweave.data.dataset import Dataset
    from recweave.data.profiles import Profiles
    from recweave.data.split import Split
    from recweave.enrich import Material, Task, Writer
    from recweave.llm import Prices

Data = Annotated[str, typer.Argument(help="A dataset (name or folder), or a recipe file.")]
How = Annotated[
    str, typer.Option("--split", help='leave_last_out, … or JSON: \'{"kind": "given"}\'.')
]
By = Annotated[
    str,
    typer.Option(
        help="extractive, smollm2, a server's URL, a local model's folder, or module:function."
    ),
]
Key = Annotated[str, typer.Option(help="The environment variable that holds the server's key.")]
Kinds = Annotated[str, typer.Option(help="Kinds of text, with commas; all without.")]
Closed = Annotated[Path | None, typer.Option(help="Categories to choose from, one per line.")]
Folds = Annotated[int, typer.Option(min=0, help="Cross-fitted variants, to learn from; 0: none.")]
Small = Annotated[int, typer.Option(min=0, help="Up to so many reviews, leave out one at a time.")]
Ahead = Annotated[bool, typer.Option("--estimate", help="Say what it will take, and stop.")]
Probe = Annotated[int, typer.Option(min=0, help="Calls an estimate may make to learn from.")]
Export = Annotated[Path | None, typer.Option(help="Write a Batch-API file, and stop.")]
Import = Annotated[Path | None, typer.Option(help="Take in a Batch-API results file, and stop.")]
Most = Annotated[int | None, typer.Option(min=0, help="A hard stop.")]
Cost = Annotated[float | None, typer.Option(min=0, help="A hard stop, in money.")]
Per = Annotated[str, typer.Option(help="Per million tokens in and out: 0.15,0.6.")]
Rate = Annotated[int | None, typer.Option(min=1, help="The server's limit.")]
AtOnce = Annotated[
    int | None,
    typer.Option(min=1, help="Calls at one time; as suits the model if left out."),
]
Precision = Annotated[str, typer.Option(help="Of a local model: fp32 (default), bf16 or auto.")]
Layers = Annotated[int, typer.Option(min=0, help="Of a local model, the first blocks; 0: all.")]
Retry = Annotated[bool, typer.Option("--retry", help="Ask again what got no good answer.")]


def enrich(
    data: Data,
    how: How = "",
    split_seed: Annotated[int, typer.Option(help="Of splits drawn at random.")] = 0,
    writer: By = "extractive",
    model: Annotated[str, typer.Option(help="The model, as the server calls it.")] = "",
    key: Key = "",
    precision: Precision = "",
    layers: Layers = 0,
    encoder: Annotated[str, typer.Option(help="Of the extractive writer.")] = "minilm",
    kinds: Kinds = "",
    categories: Closed = None,
    folds: Folds = 0,
    small: Small = 0,
    seed: Annotated[int, typer.Option(help="Of the assignment to folds.")] = 0,
    out: Annotated[Path, typer.Option(help="The folder of the profiles.")] = Path("profiles"),
    estimate: Ahead = False,
    probe: Probe = 0,
    export_batch: Export = None,
    import_batch: Import = None,
    max_calls: Most = None,
    max_tokens: Most = None,
    max_cost: Cost = None,
    prices: Per = "",
    concurrency: AtOnce = None,
    calls_per_minute: Rate = None,
    tokens_per_minute: Rate = None,
    retry: Retry = False,
    as_json: Json = False,
) -> None:
    """Write summaries, profiles and labels from training reviews.

    If interrupted, run the command again to resume.
    """
    from recweave.enrich import KINDS, Generative, Material
    from recweave.enrich import enrich as write
    from recweave.enrich.choose import writer_of
    from recweave.llm import Budget, Limits

    dataset, split = read_data(data, how, split_seed)
    by = writer_of(
        writer,
        categories=tuple(distinct_lines(categories, "category")) if categories else (),
        encoder=encoder,
        model=model,
        key_variable=key or None,
        local=local_settings(precision, layers),
        answers=out.with_name(f"{out.name}-answers"),
        budget=Budget(calls=max_calls, tokens=max_tokens, cost=max_cost),
        limits=Limits(
            concurrency=concurrency,
            requests_per_minute=calls_per_minute,
            tokens_per_minute=tokens_per_minute,
        ),
        prices=prices_of(prices),
        retry=retry,
    )
    asked = [kind.strip() for kind in kinds.split(",") if kind.strip()] or list(KINDS)
    if estimate or export_batch or import_batch:
        material = Material.of(dataset, split, folds=folds, small=small, seed=seed)
        tasks = list(material.tasks(asked))
        given = _ahead(by, material, tasks, probe, export_batch, import_batch)
        if as_json:
            print_json(given)
        else:
            print("\n".join(f"{name}: {_figure(value)}" for name, value in given.items()))
        return
    profiles = write(dataset, split, by, out, kinds=asked, folds=folds, small=small, seed=seed)
    _show(profiles, out, as_json)
    if isinstance(by, Generative):
        calls, used = by.spent()
        say(f"spent so far: {calls:,} calls, {used.tokens:,} tokens, cost {used.cost:,.4f}")


def local_settings(precision: str, layers: int) -> dict[str, object]:
    """The settings of a local model that were given."""
    from recweave.core.processor import Precision as Exact

    if precision not in ("", *get_args(Exact)):
        raise BadSetting(f"--precision {precision}: it is fp32, bf16 or auto")
    given = {"precision": precision, "layers": layers}
    return {name: value for name, value in given.items() if value}


def _show(profiles: "Profiles", out: Path, as_json: bool) -> None:
    import polars as pl

    from recweave.enrich.job import NO_WRITER

    counted = profiles.table.group_by("entity", "kind").agg(
        writer=pl.col("writer").filter(pl.col("writer") != NO_WRITER).first(),
        texts=pl.col("text").count(),
        failed=(pl.col("writer") == NO_WRITER).sum(),
    )
    counted = counted.sort("entity", "kind")
    if as_json:
        print_json({"folder": str(out), "texts": counted.to_dicts()})
    else:
        rows = [
            [entity, kind, _figure(texts), _figure(failed), by or "–"]
            for entity, kind, by, texts, failed in counted.iter_rows()
        ]
        print_table(f"texts in {out}", ["of", "kind", "texts", "failed", "written by"], rows)


def _ahead(
    by: "Writer",
    material: "Material",
    tasks: "Sequence[Task]",
    probe: int,
    export: Path | None,
    answers: Path | None,
) -> dict[str, object]:
    """What is done instead of writing: an estimate, or one way or the other with a batch file."""
    from recweave.enrich import Extractive, Generative

    if not isinstance(by, Generative):
        if export or answers:
            raise BadSetting("batch files are of language models; name a server with --writer")
        if not isinstance(by, Extractive):
            raise BadSetting(f"the writer {by.name} cannot say what it will take; leave --estimate")
        return {"texts": len(tasks), "calls": 0, "cost": 0.0}
    if export:
        return {"requests": by.client.export_batch(by.requests(material, tasks), export)}
    if answers:
        return dict(vars(by.client.import_batch(answers, by.requests(material, tasks))))
    return dict(vars(by.estimate(material, tasks, probe)))


def read_data(data: str, how: str, seed: int) -> "tuple[Dataset, Split]":
    """The dataset and its split; a recipe file says both, filters included."""
    from pydantic import TypeAdapter, ValidationError

    from recweave.data.catalogue import load
    from recweave.data.split import AnySplitter, LeaveLastOut
    from recweave.experiment.prepare import cut
    from recweave.runs.spec import read_recipe

    if data.endswith(".toml"):
        if how:
            raise BadSetting(f"{data} says how to split; leave --split out")
        dataset, split, _ = cut(read_recipe(Path(data)), Path(data).parent)
        return dataset, split
    given = how if how.startswith("{") else f'{{"kind": "{how or LeaveLastOut().kind}"}}'
    try:
        splitter = TypeAdapter(AnySplitter).validate_json(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSetting(f"--split {how}: {first['msg']}") from None
    dataset = load(data)
    return dataset, dataset.split(splitter, seed=seed)


def prices_of(given: str) -> "Prices | None":
    """The two numbers of --prices."""
    from recweave.llm import Prices

    if not given:
        return None
    try:
        price_in, price_out = map(float, given.split(","))
    except ValueError:
        raise BadSetting(f"--prices {given}: give two numbers, such as 0.15,0.6") from None
    return Prices.parse({"input": price_in, "output": price_out}, "--prices")


def _figure(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
