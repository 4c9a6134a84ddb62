"""Where the bases of an RNA are drawn: ViennaRNA's RNApuzzler and naview, a circle, a line; and where there is room for labels.

References:
    Wiegreffe, Alexander, Stadler, Zeckzer (2019) RNApuzzler: efficient outerplanar drawing of RNA-secondary structures. Bioinformatics 35:1342.
    Bruccoleri, Heinrich (1988) An improved algorithm for nucleic acid secondary structure display. CABIOS 4:167.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Literal, get_args

import numpy as np

from core.errors import InputError
from core.rna.records import parse_pairs

Layout = Literal["puzzler", "naview", "circle", "arc"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

BOND = 20.0
"""Distance of neighbouring bases in px; naview, which brings some closer, is drawn larger."""
RADIUS = 7.0
"""Of a base's circle, px."""
PUZZLER_LIMIT = 1500
"""Longest structure, in nt, given to RNApuzzler: it did not finish within 45 s on a real one of 10,000."""

_PUZZLER_TYPE = 4
_SCALE = {"puzzler": BOND / 25.0, "naview": 1.2 * BOND / 15.0}
"""px for one of ViennaRNA's units, of which neighbouring bases are 25 or 15 apart."""
_LEAST_HAIRPIN = 3
_GAP = 3
"""Places left free between the ends of a circle."""
_TYPE_LOCK = Lock()
"""ViennaRNA's choice of layout is one variable of the whole process."""

_Pairs = list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Placed:
    """Bases on the plane.

    Attributes:
        xy: [n, 2] px, y downwards, read-only.
        layout: the layout that was used, which is not the one asked for where that cannot be.
        note: a sentence on what was done otherwise than asked; "" for nothing.
    """

    xy: np.ndarray
    layout: Layout
    note: str


def positions(structure: str, layout: Layout = "puzzler") -> np.ndarray:
    """[n, 2] px of each base, as :func:`place` puts it."""
    return place(structure, layout).xy


@lru_cache(maxsize=32)
def place(structure: str, layout: Layout = "puzzler") -> Placed:
    """Places the bases of a structure, neighbours :data:`BOND` px apart where the layout keeps one distance.

    ViennaRNA's layouts know nested pairs only: of helices that cross, the shorter are left to be drawn as extra lines.

    Args:
        structure: dot-bracket, any bracket types, n signs.
        layout: ``puzzler`` (outerplanar, nothing overlaps; up to :data:`PUZZLER_LIMIT` nt, naview above), ``naview``, ``circle`` (5' end at the
            top, clockwise) or ``arc`` (on a line).

    Raises:
        InputError: an unknown layout, or a structure that is empty or not balanced.
    """
    if layout not in LAYOUTS:
        raise InputError(f"Unknown layout {layout!r}; use {', '.join(LAYOUTS[:-1])} or {LAYOUTS[-1]}.")
    n = len(structure)
    if n == 0:
        raise InputError("The structure is empty; give one sign for each base.")
    pairs = parse_pairs(structure)
    note = ""
    if layout == "puzzler" and n > PUZZLER_LIMIT:
        layout, note = "naview", f"Drawn by naview: RNApuzzler takes too long above {PUZZLER_LIMIT:,} nt."
    if layout in ("puzzler", "naview"):
        xy = _by_vienna(nested_pairs(pairs), n, layout)
        if np.isfinite(xy).all():
            return _placed(xy, layout, note)
        layout, note = "circle", f"Drawn as a circle: {layout} finds no places for this structure."
    return _placed(_circle(n) if layout == "circle" else np.column_stack([BOND * np.arange(n), np.zeros(n)]), layout, note)


def nested_pairs(pairs: Sequence[tuple[int, int]]) -> _Pairs:
    """The pairs left when, of helices that cross each other, the shorter ones are taken out; ascending."""
    if not _crossing(pairs):
        return list(pairs)
    kept: list[_Pairs] = []
    ends = np.zeros((0, 2), dtype=np.int64)
    for helix in sorted(_helices(pairs), key=lambda h: (-len(h), h[0])):
        i, j = helix[0]
        starts_inside, ends_inside = (i < ends[:, 0]) & (ends[:, 0] < j), (i < ends[:, 1]) & (ends[:, 1] < j)
        if not np.any(starts_inside != ends_inside):
            kept.append(helix)
            ends = np.vstack([ends, [helix[0]]])
    return sorted(pair for helix in kept for pair in helix)


def room_for(anchors: np.ndarray, boxes: np.ndarray, obstacles: np.ndarray, *, radius: float, reach: Sequence[float], turns: int = 16) -> np.ndarray:
    """Centres for labels near their anchors, off the obstacles and off each other as far as there is room; deterministic.

    Args:
        anchors: [m, 2] px.
        boxes: [m, 2] width and height of each label, px.
        obstacles: [k, 2] centres of what is drawn already.
        radius: of every obstacle, px.
        reach: distances from the anchor to try, nearest first; 0 is the anchor itself.
        turns: directions tried at each distance.

    Returns:
        [m, 2] px.
    """
    from scipy.spatial import cKDTree

    if len(anchors) == 0:
        return np.zeros((0, 2))
    angles = 2 * np.pi * np.arange(turns) / turns - np.pi / 2
    around = np.column_stack([np.cos(angles), np.sin(angles)])
    shifts = np.vstack([d * around if d else np.zeros((1, 2)) for d in reach])
    cost = np.linalg.norm(shifts, axis=1) * 0.05
    spots = anchors[:, None, :] + shifts[None, :, :]
    near = min(8, len(obstacles))
    _, nearest = cKDTree(obstacles).query(spots.reshape(-1, 2), k=near)
    apart = np.abs(obstacles[nearest.reshape(len(anchors), len(shifts), near)] - spots[:, :, None, :])
    clear = np.linalg.norm(np.maximum(apart - boxes[:, None, None, :] / 2, 0), axis=3).min(axis=2) - radius
    taken = np.zeros_like(anchors)
    far = 2 * max(reach) + 2 * float(boxes.max())
    for i in range(len(anchors)):
        close = np.flatnonzero(np.abs(anchors[:i] - anchors[i]).max(axis=1) < far)
        gaps = np.abs(taken[close, None, :] - spots[i][None, :, :]) - (boxes[close, None, :] + boxes[i]) / 2
        overlap = np.maximum(0, 2 - gaps.max(axis=2)).sum(axis=0)
        taken[i] = spots[i][np.argmax(np.minimum(clear[i], 2.0) - overlap - cost)]
    return taken


def bend(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[..., 2] control point of the quadratic curve that a pseudoknot pair is drawn as, from its ends [..., 2]."""
    across = (b - a)[..., ::-1] * (-1.0, 1.0)
    return np.asarray((a + b) / 2 + 0.25 * across)


def _placed(xy: np.ndarray, layout: Layout, note: str) -> Placed:
    xy.setflags(write=False)
    return Placed(xy, layout, note)


def _by_vienna(pairs: _Pairs, n: int, layout: Layout) -> np.ndarray:
    import RNA

    if layout == "puzzler":
        text = _dots(_without_tight_hairpins(pairs), n)
        with _TYPE_LOCK:
            before = RNA.cvar.rna_plot_type
            RNA.cvar.rna_plot_type = _PUZZLER_TYPE
            try:
                found = RNA.get_xy_coordinates(text)
            finally:
                RNA.cvar.rna_plot_type = before
        xy = np.array([(found.get(i).X, found.get(i).Y) for i in range(n)])
    elif n == 1:
        xy = np.zeros((1, 2))  # naview gives nan for a single base
    else:
        with _TYPE_LOCK:  # naview keeps its state in static variables
            found = RNA.naview_xy_coordinates(_dots(pairs, n))
        xy = np.array([(found[i].X, found[i].Y) for i in range(n)])
    return (xy - xy.min(axis=0)) * _SCALE[layout]


def _dots(pairs: _Pairs, n: int) -> str:
    signs = ["."] * n
    for i, j in pairs:
        signs[i], signs[j] = "(", ")"
    return "".join(signs)


def _without_tight_hairpins(pairs: _Pairs) -> _Pairs:
    """Without the pairs that close a hairpin of fewer than three bases: on those RNApuzzler hangs or ends the process."""
    kept: _Pairs = []
    for i, j in sorted(pairs, reverse=True):
        encloses = bool(kept) and kept[-1][0] < j  # nested, and seen from the 3' end: a kept pair that opens inside lies inside
        if encloses or j - i - 1 >= _LEAST_HAIRPIN:
            kept.append((i, j))
    return sorted(kept)


def _crossing(pairs: Sequence[tuple[int, int]]) -> bool:
    waiting: list[int] = []
    for i, j in pairs:
        while waiting and waiting[-1] < i:
            waiting.pop()
        if waiting and waiting[-1] < j:
            return True
        waiting.append(j)
    return False


def _helices(pairs: Sequence[tuple[int, int]]) -> list[_Pairs]:
    """Runs of stacked pairs, the outermost of each first."""
    found: list[_Pairs] = []
    last: dict[tuple[int, int], _Pairs] = {}
    for i, j in pairs:
        helix = last.pop((i - 1, j + 1), None)
        if helix is None:
            helix = []
            found.append(helix)
        helix.append((i, j))
        last[(i, j)] = helix
    return found


def _circle(n: int) -> np.ndarray:
    places = n + _GAP
    radius = BOND / (2 * math.sin(math.pi / places))
    angles = 2 * np.pi * (np.arange(n) + (_GAP + 1) / 2) / places - np.pi / 2
    return radius * np.column_stack([1 + np.cos(angles), 1 + np.sin(angles)])
