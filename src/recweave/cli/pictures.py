"""`recweave pictures`: what items' pictures show, in captions and as objects."""

from pathlib import Path
from typing import Annotated

import typer

from recweave.cli.enrich import AtOnce, Cost, Key, Most, Per, Rate, Retry, prices_of
from recweave.cli.output import Json, print_json, print_table, say
from recweave.core.errors import BadSetting

CAPTIONS, OBJECTS = "captions.json", "objects.json"
MOST = 8
"""Classes of objects that are named."""

Folder = Annotated[str, typer.Option(help="Of the pictures, or a zip: a path or known data.")]
ById = Annotated[bool, typer.Option("--by-id", help="The pictures are called ITEM_ID.jpg.")]
By = Annotated[
    str,
    typer.Option(
        help="labels, labels:DETECTOR, a BLIP model's folder, openai:MODEL@URL, module:function."
    ),
]
Finder = Annotated[
    str, typer.Option(help="imagenet, yolox:PATH, a Hugging Face detector or module:function.")
]
Ahead = Annotated[bool, typer.Option("--estimate", help="Say what a server takes, and stop.")]


def pictures(
    data: Annotated[str, typer.Argument(help="A dataset: a name or a folder.")],
    folder: Folder,
    by_id: ById = False,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("pictures"),
    captioner: By = "labels",
    detector: Finder = "imagenet",
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="How sure the detector must be.")
    ] = 0.25,
    key: Key = "",
    estimate: Ahead = False,
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
    """Write captions.json and objects.json: what the pictures of each item show.

    If interrupted, run the command again to resume.
    """
    from recweave.core.settings import Settings
    from recweave.data.catalogue import load
    from recweave.encode.images.items import item_pictures
    from recweave.encode.images.objects import detector as detector_of
    from recweave.encode.images.objects import find_objects
    from recweave.enrich.captions import CaptionerOptions, caption_items
    from recweave.enrich.captions import captioner as captioner_of
    from recweave.enrich.captions.server import ServerCaptions
    from recweave.features.images import find_pictures
    from recweave.llm import Budget, Limits

    settings = Settings()
    client = {
        "budget": Budget(calls=max_calls, tokens=max_tokens, cost=max_cost),
        "limits": Limits(
            concurrency=concurrency,
            requests_per_minute=calls_per_minute,
            tokens_per_minute=tokens_per_minute,
        ),
        "prices": prices_of(prices),
        "retry": retry,
    }
    answers = out.with_name(f"{out.name}-answers")
    options = CaptionerOptions(captioner, settings, Path(), key or None, answers, client)
    by = captioner_of(options)
    finder = detector_of(detector, settings, threshold)
    dataset, place = find_pictures(load(data), folder, by_id)
    if estimate:
        if not isinstance(by, ServerCaptions):
            raise BadSetting(f"captions by {by.name} cost nothing; leave --estimate")
        ahead = by.estimate(item_pictures(dataset)[1], place, settings)
        if as_json:
            print_json(vars(ahead))
        else:
            print(ahead)
        return
    captions = caption_items(dataset, place, by, settings=settings)
    objects = find_objects(dataset, place, finder, settings=settings)
    out.mkdir(parents=True, exist_ok=True)
    captions.save(out / CAPTIONS, dataset.item_ids)
    objects.save(out / OBJECTS, dataset.item_ids)
    rows = [
        [CAPTIONS, captions.captioner, f"{captions.coverage:.1%}"],
        [OBJECTS, objects.detector, f"{objects.coverage:.1%}"],
    ]
    counts = objects.counts
    if as_json:
        keys = ("file", "by", "coverage")
        values = (captions.coverage, objects.coverage)
        print_json(
            {
                "folder": str(out),
                "written": [
                    dict(zip(keys, (name, by, round(share, 4)), strict=True))
                    for (name, by, _), share in zip(rows, values, strict=True)
                ],
                "objects": {
                    "items": len(objects.confidence),
                    "pictured": int(objects.pictured.sum()),
                    "coverage": objects.coverage,
                    "entropy": objects.entropy,
                    "classes": len(objects.classes),
                    "found": counts,
                },
            }
        )
        return
    print_table(f"what the pictures show, in {out}", ["file", "by", "items with any"], rows)
    most = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:MOST])
    print(
        f"{len(counts):,} of {len(objects.classes):,} classes of objects found, entropy "
        f"{objects.entropy:.2f} bits; most often: {most or 'none'}"
    )
    if isinstance(by, ServerCaptions):
        calls, used = by.spent()
        say(f"spent so far: {calls:,} calls, {used.tokens:,} tokens, cost {used.cost:,.4f}")
