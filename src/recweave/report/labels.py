"""Labels of points that overlap neither each other nor the points."""

from collections.abc import Sequence

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""

LETTER, LINE, GAP = 6.6, 13.0, 8.0
"""Width of a letter, height of a line, distance from the point; pixels at a font size of 11."""


def place_labels(
    points: Sequence[tuple[float, float]], texts: Sequence[str], width: float, height: float
) -> list[tuple[float, float]]:
    """Where each label begins: its left end and its middle, in pixels.

    A label stands right of its point, or left of it where the right has no room; it moves up or
    down, alternately and by half lines, until it is free. Labels are placed from top to bottom.

    Args:
        points: x and y of each point, y downwards.
        texts: The labels.
        width, height: Of the plot.
    """
    dots = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    taken: list[Box] = list(dots)
    found: dict[int, tuple[float, float]] = {}
    for n in sorted(range(len(points)), key=lambda n: (points[n][1], points[n][0])):
        box = _free(points[n], LETTER * len(texts[n]), taken, width, height)
        taken.append(box)
        found[n] = (box[0], (box[1] + box[3]) / 2)
    return [found[n] for n in range(len(points))]


def _free(
    point: tuple[float, float], length: float, taken: Sequence[Box], width: float, height: float
) -> Box:
    x, y = point
    sides = [x + GAP, x - GAP - length]
    sides = [left for left in sides if left >= 0 and left + length <= width] or [
        max(0.0, min(x + GAP, width - length))
    ]
    steps = [0.0] + [sign * half * LINE / 2 for half in range(1, 200) for sign in (-1, 1)]
    boxes = [
        (left, y + step - LINE / 2, left + length, y + step + LINE / 2)
        for step in steps
        for left in sides
        if y + step - LINE / 2 >= 0 and y + step + LINE / 2 <= height
    ]
    return next((box for box in boxes if not any(_meet(box, other) for other in taken)), boxes[0])


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
