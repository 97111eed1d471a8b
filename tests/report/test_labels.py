import numpy as np
import pytest

from recweave.report.labels import LETTER, LINE, place_labels


def boxes(placed, texts):
    return [
        (x, y - LINE / 2, x + LETTER * len(t), y + LINE / 2)
        for (x, y), t in zip(placed, texts, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_labels_meet_neither_each_other_nor_a_point(seed):
    rng = np.random.default_rng(seed)
    points = [(float(x), float(y)) for x, y in rng.uniform((0, 10), (380, 90), (10, 2))]
    texts = [f"ease-text-{n}" for n in range(10)]
    found = boxes(place_labels(points, texts, 380, 240), texts)
    for n, a in enumerate(found):
        assert a[0] >= 0 and a[2] <= 380 and a[1] >= 0 and a[3] <= 240
        for b in found[:n]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]
        for x, y in points:
            assert not (a[0] < x < a[2] and a[1] < y < a[3])


def test_a_label_with_room_is_right_of_its_point_at_its_height():
    assert place_labels([(100.0, 50.0)], ["ease"], 380, 240) == [(108.0, 50.0)]


def test_a_label_at_the_right_edge_is_left_of_its_point():
    ((x, y),) = place_labels([(370.0, 50.0)], ["ease"], 380, 240)
    assert x + LETTER * 4 < 370
    assert y == 50.0
