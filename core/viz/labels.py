"""Labels beside the points of a plot, left out where they would lie on each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LETTER, LINE = 7.5, 15.0
"""Width of a letter and height of a line, px, of text of 11 px with a border."""
DIRECTIONS = {
    "top": (0, 1),
    "bottom": (0, -1),
    "right": (1, 0),
    "left": (-1, 0),
    "top right": (1, 1),
    "top left": (-1, 1),
    "bottom right": (1, -1),
    "bottom left": (-1, -1),
}
"""Sides of a point on which its label may stand, in the order they are tried: steps to the right and upwards."""


def free_sides(points: np.ndarray, texts: Sequence[str], *, radius: float, first: Sequence[int] = ()) -> list[str | None]:
    """For each point the side on which its label lies on no other label and on no other point; None where there is none.

    Labels are given out one after the other, so that a later one gives way.

    Args:
        points: [M, 2] in px, y upwards; a point of nan has no label.
        texts: [M] labels of one line.
        radius: of the points' marks, px.
        first: rows whose labels come before the others', and may lie on other points.
    """
    here = np.isfinite(points).all(axis=1)
    marks = [(points[row] - radius, points[row] + radius, row) for row in np.flatnonzero(here)]
    labels: list[tuple[np.ndarray, np.ndarray, int]] = []
    sides: list[str | None] = [None] * len(texts)
    wanted = set(first)
    for row in dict.fromkeys([*first, *range(len(texts))]):
        if not here[row]:
            continue
        size = np.array([LETTER * len(texts[row]), LINE])
        for side, direction in DIRECTIONS.items():
            centre = points[row] + np.array(direction) * (radius + size / 2)
            low, high = centre - size / 2, centre + size / 2
            in_the_way = labels if row in wanted else [*labels, *marks]
            if not any(owner != row and (low < above).all() and (below < high).all() for below, above, owner in in_the_way):
                sides[row] = side
                labels.append((low, high, row))
                break
    return sides
