"""What the points of the map are coloured by: what is known of every RNA and element, and the further columns of one's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.ui.bind import option_list, option_row
from core.ui.text import plain

if TYPE_CHECKING:
    from core.viz.colour import Scale
    from core.viz.embedding_map import Kinds, Values

COLOURS = {
    "rna": {"family": "family", "length": "length", "gc": "GC content", "paired": "share of paired bases"},
    "element": {
        "kind": "kind of element",
        "motif": "known motif",
        "family": "family",
        "size": "size",
        "gc": "GC content",
        "place": "place along the RNA",
    },
}
UNITS = {"length": ("length", "nt"), "size": ("size", "bases"), "gc": ("GC content", "share of bases"), "paired": ("paired", "share of bases")}
FIXED = ("gc", "paired", "place")
"""Columns on a fixed scale from 0 to 1."""
ROW, LETTERS = 7, 40
"""Options up to which they stand in a row, and letters of a column's name in it and beside a scale."""
HELP = (
    "Columns of your own table stand last. Text, and whole numbers of few values that come again and again (0 and 1, a cluster), are shown as kinds; "
    "other numbers on a scale."
)


def choose(level: str, columns: list[str]) -> str:
    """The choice of colour among what is known of all and columns of one's own; a link that names what is not offered gets the first."""
    words = COLOURS[level]
    own = {name: name if name.lower() not in words.values() else f"{name} (yours)" for name in columns}
    told, setting = words | own, f"map.colour.{level}"
    if len(told) > ROW or any(len(name) > LETTERS for name in own):
        return option_list("Colour", told, setting, words=told.__getitem__, help=HELP)
    return option_row(
        "Colour",
        told,
        setting,
        words=lambda name: plain(told[name]),
        help=HELP if own else "What is known of every point; each colour is named in the legend.",
    )


def colour(table: pd.DataFrame, by: str, level: str, columns: pd.DataFrame) -> Kinds | Values:
    """The colour of each row of a table.

    Args:
        columns: one's own, by RNA: their scales are the same for all points, whatever the map shows of them.
    """
    from core.viz.colour import CIVIDIS, Scale
    from core.viz.embedding_map import Kinds, Values
    from core.viz.rna_colour import ELEMENTS

    if by in columns:
        return _own(table[by].to_numpy(), columns[by].to_numpy(), by)
    words = COLOURS[level][by]
    if by in ("family", "motif", "kind"):
        kinds = [value or None for value in table[by]]
        return Kinds(kinds, words, ELEMENTS if by == "kind" else None)
    values = table[by].to_numpy(float)
    quantity, unit = UNITS.get(by, (words, ""))
    low, high = (0.0, 1.0) if by in FIXED else (0.0, float(np.nanpercentile(values, 98)) or 1.0)
    note = "fixed scale 0 to 1" if by in FIXED else f"0 to {high:.3g}, where 98% lie"
    return Values(values, Scale(quantity, unit, low, high, CIVIDIS, note))


def _own(values: np.ndarray, of_rnas: np.ndarray, name: str) -> Kinds | Values:
    """A column of one's own: ``values`` of the points and ``of_rnas`` of the whole collection."""
    from core.rna.columns import of_few_values
    from core.viz.embedding_map import Kinds, Values

    short = name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
    if of_rnas.dtype.kind != "f":
        return Kinds([value or None for value in values], short)
    if of_few_values(of_rnas):
        order = [f"{value:.0f}" for value in np.unique(of_rnas[np.isfinite(of_rnas)])]
        return Kinds([f"{value:.0f}" if np.isfinite(value) else None for value in values], short, order=order)
    return Values(values, scale_of(of_rnas, short), digits=".6~g")


def scale_of(values: np.ndarray, name: str) -> Scale:
    """A scale for numbers that nothing is known of: where the middle 96% of them lie, or all where those are one value."""
    from core.viz.colour import CIVIDIS, Scale

    known = values[np.isfinite(values)]
    low, high = (float(limit) for limit in np.percentile(known, (2, 98)))
    note = "where 96% lie"
    if low == high:
        low, high, note = float(known.min()), float(known.max()), "all"
    if low == high:
        return Scale(name, "", low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2, CIVIDIS, f"all are {low:.4g}")
    return Scale(name, "", low, high, CIVIDIS, f"{low:.4g} to {high:.4g}, {note}")
