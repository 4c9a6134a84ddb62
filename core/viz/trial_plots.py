"""Deletion and insertion curves of rankings, with the band of random orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.explain.faithfulness import Curves
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#92dadd")
"""Petroff (2021) without its greys; lines differ in their dash too."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
HEIGHT = 420


def curve_plot(found: Curves, words: Mapping[str, str], *, title: str, moved: str, target: str) -> go.Figure:
    """(F - F0) / (F1 - F0) against the share of groups taken away or added, in each ranking's order.

    Args:
        words: rankings by what they are called. moved: "taken away" or "added". target: what F is.
    """
    import plotly.graph_objects as go

    share = np.linspace(0, 1, len(found.band))
    band = go.Scatter(
        x=np.concatenate([share, share[::-1]]),
        y=np.concatenate([found.band[:, 0], found.band[::-1, 1]]),
        fill="toself",
        fillcolor="rgba(128,128,128,0.3)",
        line={"width": 0},
        hoverinfo="skip",
        name="random orders",
    )
    figure = go.Figure(band)
    for place, (ranking, rows) in enumerate(found.table.groupby("ranking", sort=False)):
        name = words.get(str(ranking), str(ranking))
        figure.add_scatter(
            x=rows["share"],
            y=rows["value"],
            mode="lines",
            name=plain(name),
            line={"color": COLOURS[place % len(COLOURS)], "dash": DASHES[place % len(DASHES)], "width": 2},
            hovertemplate=f"{plain(name)}<br>%{{x:.0%}} {moved}: %{{y:.2f}}<extra></extra>",
        )
    figure.update_xaxes(title=f"share {moved}, top first", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="effect, 0 to 1")
    areas = "; ".join(f"{words.get(r, r)} {a:.2f}" for r, a in zip(found.areas["ranking"], found.areas["area"], strict=True))
    random = float(found.areas["random"].iloc[0]) if len(found.areas) else float("nan")
    what = f"Effect on {target}, from 0 (baseline) to 1 (whole), while groups are {moved} by {len(found.areas)} rankings"
    alt = f"{what}; areas: {areas}; random orders {random:.2f}."
    legend = {"orientation": "h", "yanchor": "top", "y": -0.18, "x": 0}
    return finished(figure, plain(title), plain(alt), height=HEIGHT).update_layout(showlegend=True, legend=legend)
