"""`recweave words`, `probe`: do text features pay, and did a model know the catalogue before?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recweave.cli.enrich import Layers, Precision, local_settings
from recweave.cli.output import (
    Json,
    Latex,
    Markdown,
    choose_one,
    print_json,
    print_markdown,
    print_table,
)
from recweave.core.errors import BadSetting

if TYPE_CHECKING:
    from recweave.report.words import Gain, WordRow

HALF = "± half of the 95 % interval over users; * significant, corrected by Holm over the report"


def words(
    folder: Annotated[Path, typer.Argument(help="A finished run's folder.")],
    metric: Annotated[
        str, typer.Option(help="Compare by this; else by what chose the settings.")
    ] = "",
    as_json: Json = False,
    markdown: Markdown = False,
    latex: Latex = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print a line per row and part.")] = False,
) -> None:
    """Do text features pay? Show the gain of each text of a run.

    On all, warm and cold items, beside controls (permuted text, random vectors, text length).
    """
    from recweave.report.words import PARTS, PER
    from recweave.report.words import words as words_of
    from recweave.report.words_table import words_frame, words_latex
    from recweave.report.words_verdict import words_verdict

    choose_one(json=as_json, markdown=markdown, latex=latex, csv=csv)
    found = words_of(folder, metric)
    verdict = words_verdict(found)
    if as_json:
        print_json(found.to_json() | {"verdict": verdict})
        return
    if latex or csv:
        print(words_latex(found) if latex else words_frame(found).write_csv(), end="")
        return
    head = ["row", "features", *PARTS, "over control", "s", f"s per +{PER:g}", f"cost per +{PER:g}"]
    rows = [
        [
            f"{row.row} (control)" if row.control else row.row,
            ", ".join(row.features),
            *(_gain(row.gains.get(part)) for part in PARTS),
            _gain(row.over_control),
            f"{row.seconds:.1f}",
            *_prices(row),
        ]
        for row in found.rows
    ]
    if markdown:
        print_markdown(head, rows)
        print()
    else:
        print_table(f"{found.metric} over {found.baseline} on {found.data}", head, rows)
    print(HALF, verdict, sep="\n\n")


def probe(
    data: Annotated[str, typer.Argument(help="A dataset (name or folder) with titles.")],
    url: Annotated[
        str, typer.Option(help="A server, up to /v1; a local model's folder, or smollm2.")
    ],
    model: Annotated[str, typer.Option(help="The model, as the server calls it.")] = "",
    key: Annotated[str, typer.Option(help="The environment variable that holds the key.")] = "",
    precision: Precision = "",
    layers: Layers = 0,
    titles: Annotated[int, typer.Option(min=1, help="How many titles, a call each.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the sample of titles.")] = 0,
    answers: Annotated[Path, typer.Option(help="The folder of the answers.")] = Path(
        "probe-answers"
    ),
    retry: Annotated[bool, typer.Option("--retry", help="Ask again what got no answer.")] = False,
    as_json: Json = False,
) -> None:
    """Test whether a language model already knows a catalogue.

    It is asked to complete titles.
    """
    from recweave.data.catalogue import load
    from recweave.enrich import Generative
    from recweave.enrich.choose import writer_of
    from recweave.enrich.probe import probe as ask

    by = writer_of(
        url,
        model=model,
        key_variable=key or None,
        answers=answers,
        local=local_settings(precision, layers),
        retry=retry,
    )
    if not isinstance(by, Generative):
        raise BadSetting(f"--url {url}: only a language model can know a catalogue; name a server")
    found = ask(load(data), by.client, titles=titles, seed=seed)
    if as_json:
        print_json(found.to_json())
        return
    head = ["endings", "exact", "likeness"]
    rows = [
        ["of the titles", f"{found.exact:.1%}", f"{found.likeness:.3f}"],
        ["of similar titles", f"{found.exact_control:.1%}", f"{found.likeness_control:.3f}"],
    ]
    print_table(f"{found.answered} of {found.asked} titles completed", head, rows)
    print(found.verdict)


def _gain(gain: "Gain | None") -> str:
    if gain is None:
        return "–"
    mark = "*" if gain.p < 0.05 else ""
    return f"{gain.by.mean:+.4f} ±{(gain.by.high - gain.by.low) / 2:.4f}{mark}"


def _prices(row: "WordRow") -> list[str]:
    cost = row.per_gain(row.spent.cost if row.spent else None)
    seconds = row.per_gain(row.seconds)
    return ["–" if price is None else f"{price:.3g}" for price in (seconds, cost)]
