"""Maps of very many points: which of those that lie on each other are drawn, and which lie within what a person encircled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DRAWN = 20_000
"""Points that are drawn at most: without a graphics processor a browser takes 5 microseconds for each, every time the map moves."""
_FINEST, _COARSER = 1024, 0.8


def drawn(points: np.ndarray, first: np.ndarray, *, most: int = DRAWN) -> np.ndarray:
    """[N] bool, the points to draw: all up to ``most``, else one of those that share a cell of a square grid.

    The grid is as fine as ``most`` allows. Which one stands for its cell is drawn at random with a fixed seed, so that colours keep their
    shares.

    Args:
        points: [N, 2]; points of nan are not drawn.
        first: [N] bool, points that go before the others of their cell.
    """
    kept = np.isfinite(points).all(axis=1)
    rows = np.flatnonzero(kept)
    if len(rows) <= most:
        return kept
    own = points[rows].astype(np.float64)
    low, span = own.min(axis=0), float(np.ptp(own, axis=0).max())
    order = np.random.default_rng(0).permutation(len(rows))
    order = order[np.argsort(~first[rows[order]], kind="stable")]
    cells = float(_FINEST)
    while True:
        place = np.floor((own[order] - low) * (cells / span if span > 0 else 0.0)).astype(np.int64)
        _, chosen = np.unique(place[:, 0] * (int(cells) + 2) + place[:, 1], return_index=True)
        if len(chosen) <= most:
            break
        cells *= _COARSER
    found = np.zeros(len(points), dtype=bool)
    found[rows[order[chosen]]] = True
    return found


def within(points: np.ndarray, selection: Mapping[str, Any]) -> np.ndarray | None:
    """[N] bool, the points inside the lassos and boxes of a selection, also those that are not drawn; None where it has neither.

    Args:
        points: [N, 2].
        selection: Streamlit's: ``lasso``, polygons with the lists ``x`` and ``y``, and ``box`` with two corners.
    """
    lassos, boxes = selection.get("lasso") or [], selection.get("box") or []
    if not lassos and not boxes:
        return None
    found = np.zeros(len(points), dtype=bool)
    for one in lassos:
        found |= _in_polygon(points, one["x"], one["y"])
    for one in boxes:
        low, high = np.sort(np.array([one["x"], one["y"]], dtype=np.float64), axis=1).T
        found |= ((points >= low) & (points <= high)).all(axis=1)
    return found


def _in_polygon(points: np.ndarray, x: Sequence[float], y: Sequence[float]) -> np.ndarray:
    """By the even-odd rule: a ray to the right crosses the outline an odd number of times."""
    inside = np.zeros(len(points), dtype=bool)
    for x0, y0, x1, y1 in zip(x, y, [*x[1:], x[0]], [*y[1:], y[0]], strict=True):
        if y0 != y1:
            crosses = (y0 > points[:, 1]) != (y1 > points[:, 1])
            inside ^= crosses & (points[:, 0] < x0 + (points[:, 1] - y0) * ((x1 - x0) / (y1 - y0)))
    return inside
