"""The ledger as a waterfall: every entry begins where the one above it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.explain.ledger import RESIDUAL, REST, Ledger
from core.viz.colour import CASING, DIVERGING
from core.viz.plots import finished, plain
from core.viz.view import short

if TYPE_CHECKING:
    import plotly.graph_objects as go

UP, DOWN, ENDS, MISSING = DIVERGING[9], DIVERGING[1], "#8c8c8c", "#e0b000"
"""Colours of what raises the target, lowers it, of the two ends, and of the residual."""
LETTERS, ENDS_LETTERS = 26, 34
"""Signs of a group's name, and of what stands at the ends; the axis has twice as many."""


def waterfall(page: Ledger, *, title: str, target: str, unit: str, baseline: str, prefix: str, words: Mapping[str, str] | None = None) -> go.Figure:
    """Horizontal bars from the first value to the last, signed; customdata holds [entity] of groups, "" of the others.

    Args:
        target, unit: of the numbers. baseline: what the first value is of, in words.
        prefix: of entities: "rxn:" makes "rxn:PFK". words: what groups are called, their names unless given.
    """
    import plotly.graph_objects as go

    table = page.table
    whole = page.within is None
    names, starts, widths, colours, texts, entities, hovers = [], [], [], [], [], [], []
    if whole:
        names.append(baseline)
        starts.append(0.0)
        widths.append(page.first)
        colours.append(ENDS)
        texts.append(f"{page.first:.4g}")
        entities.append("")
        hovers.append(f"{baseline}: {page.first:.4g} {unit}")
    for row in table.to_dict("records"):
        name, value, kind, parts = str(row["name"]), float(row["value"]), str(row["kind"]), int(row["parts"])
        called = (words or {}).get(name, name)
        names.append(_short(called, names))
        starts.append(float(row["start"]))
        widths.append(value)
        colours.append(MISSING if kind == "residual" else UP if value >= 0 else DOWN)
        texts.append(f"{value:+.3g}")
        entities.append(f"{prefix}{name}" if kind == "group" else "")
        count = f", {parts:,} parts" if parts > 1 else ""
        what = {"residual": "what the attribution misses", "rest": f"the {parts:,} smaller ones together"}.get(kind, f"{called}{count}")
        hovers.append(f"{what}: {value:+.4g} {unit}")
    names.append(short(target, ENDS_LETTERS) if whole else "sum")
    starts.append(0.0)
    widths.append(page.last)
    colours.append(ENDS)
    texts.append(f"{page.last:.4g}")
    entities.append("")
    hovers.append(f"{target if whole else 'sum'}: {page.last:.4g} {unit}")
    bars = go.Bar(
        x=widths,
        y=[plain(name) for name in names],
        base=starts,
        orientation="h",
        marker={"color": colours, "line": {"color": CASING, "width": 1}},
        text=texts,
        textposition="outside",
        cliponaxis=False,
        customdata=[[entity] for entity in entities],
        hovertext=[plain(hover) for hover in hovers],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure = go.Figure(bars)
    reach = np.array([[s, s + w] for s, w in zip(starts, widths, strict=True)])
    low, high = float(min(0.0, reach.min())), float(max(0.0, reach.max()))
    span = (high - low) or 1.0
    left, right = (0.28 if low < 0 else 0.03) * span, 0.42 * span  # for texts outside of bars, on a telephone too
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    what = short(target if whole else f"part of {target}", 2 * ENDS_LETTERS)
    figure.update_xaxes(title=plain(f"{what} ({unit})" if unit else what), range=[low - left, high + right], zeroline=True, zerolinecolor=CASING)
    largest = table[table["kind"] == "group"]
    told = "; ".join(f"{(words or {}).get(name, name)} {value:+.3g}" for name, value in zip(largest["name"][:3], largest["value"][:3], strict=True))
    missing = float(table.loc[table["kind"] == "residual", "value"].sum())
    alt = f"Waterfall of {target} by {page.level}: from {page.first:.4g} to {page.last:.4g} {unit}; largest entries {told}; residual {missing:+.2g}."
    return finished(figure, plain(title), plain(alt), height=130 + 30 * len(names))


def _short(name: str, taken: list[str]) -> str:
    """A name short enough for an axis and unlike the others."""
    if name in (REST, RESIDUAL):
        return name
    short = name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
    while short in taken:
        short += " "
    return short
