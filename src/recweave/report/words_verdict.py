"""Do text features pay? One paragraph of plain English."""

from collections.abc import Sequence

from recweave.report.numbers import ends, has_ends, number
from recweave.report.words import ALL, COLD, PER, Gain, WordRow, Words


def words_verdict(found: Words) -> str:
    """Which texts pay and at what price, and whether the controls stay at the baseline's level."""
    texts = [row for row in found.rows if not row.control]
    paying = sorted((row for row in texts if row.pays), key=lambda row: -row.gains[ALL].by.mean)
    said = [_paying(paying, found), *_not_by_words(texts), *_not_sure(texts)]
    said += [_controls([row for row in found.rows if row.control])]
    said += _cold(texts)
    if found.stronger:
        said.append(
            f"{', '.join(found.stronger)} without text does better than the baseline "
            f"{found.baseline}, so part of each gain may be the model's: make the best row without "
            "text the baseline."
        )
    return " ".join(said)


def _paying(paying: Sequence[WordRow], found: Words) -> str:
    where = f"On {found.data}, by {found.metric} over {found.baseline} ({found.value:.4f}),"
    if not paying:
        return f"{where} no text feature pays."
    best = paying[0]
    share = f" ({best.gains[ALL].by.mean / found.value:+.0%})" if found.value else ""
    text = f"{where} text features pay: {best.row} gains {_size(best.gains[ALL])}{share}"
    text += f", at {best.per_gain(best.seconds):.1f} s for each +{PER:g}"
    cost = best.per_gain(best.spent.cost if best.spent else None)
    text += f" and {cost:.4g} of money." if cost else "."
    if len(paying) > 1:
        rest = (f"{row.row} {row.gains[ALL].by.mean:+.4f}" for row in paying[1:])
        text += f" So do {', '.join(rest)}."
    return text


def _not_by_words(texts: Sequence[WordRow]) -> list[str]:
    """Rows that gain without beating their control."""
    return [
        f"{row.row} gains {_size(row.gains[ALL])}, but not significantly more than its "
        f"control {row.best_control}: the text is not shown to be the cause."
        for row in texts
        if row.gains[ALL].sure and not row.pays
    ]


def _not_sure(texts: Sequence[WordRow]) -> list[str]:
    rest = [row for row in texts if not row.gains[ALL].sure]
    if not rest:
        return []
    sizes = (f"{row.row} ({_size(row.gains[ALL])})" for row in rest)
    return [f"No significant gain: {', '.join(sizes)}."]


def _controls(controls: Sequence[WordRow]) -> str:
    if not controls:
        return (
            "No control was run (kinds shuffled, random or length), so it is not known whether "
            "the text, or any vectors, are the cause."
        )
    gaining = [row for row in controls if row.gains[ALL].sure]
    if gaining:
        sizes = (f"{row.row} ({_size(row.gains[ALL])})" for row in gaining)
        return (
            f"Warning: controls gain significantly as well: {', '.join(sizes)}; that part of a "
            "gain does not come from the text."
        )
    sizes = (f"{row.row} {_size(row.gains[ALL])}" for row in controls)
    return f"The controls are not significantly better than the baseline ({', '.join(sizes)})."


def _cold(texts: Sequence[WordRow]) -> list[str]:
    there = [row for row in texts if COLD in row.gains]
    if not there:
        return ["No cold item was held out, or the run did not slice by item."]
    users = there[0].gains[COLD].users
    helped = [row for row in there if row.gains[COLD].sure]
    if not helped:
        return [f"On cold items ({users:,} users) no text feature gains significantly."]
    sizes = (f"{row.row} {_size(row.gains[COLD])}" for row in helped)
    return [f"On cold items ({users:,} users) these gain: {', '.join(sizes)}."]


def _size(gain: Gain) -> str:
    if not has_ends(gain.by):
        return number(gain.by.mean, "+.4f")
    return f"{gain.by.mean:+.4f}, {ends(gain.by, '+.4f')}"
