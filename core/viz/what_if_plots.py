"""Plots of edits of an RNA: every single mutant at once, and how far each base's embedding moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.viz.colour import CIVIDIS, Scale
from core.viz.plots import finished

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

ROWS = ("A", "C", "G", "U")
_OWN = "#9e9e9e"


def moved_scale(most: float) -> Scale:
    """From 0 to the largest distance shown; two views that are compared share one."""
    most = most if most > 0 else 1.0
    return Scale("distance moved, 1 - cosine", "", 0.0, most, CIVIDIS, f"0 to the maximum, {most:.3g}")


def mutants_map(table: pd.DataFrame, sequence: str, *, chosen: str | None = None) -> go.Figure:
    """Every single mutant: bases across, what they become downwards, coloured by how far the RNA's embedding moves.

    Customdata holds the mutant's name, as "G10A".

    Args:
        table: of :class:`core.explain.what_if.SingleMutants`.
        chosen: a mutant to frame.
    """
    import plotly.graph_objects as go

    n = len(sequence)
    scale = moved_scale(float(table["moved"].max()))
    side = float(np.clip(900 / n, 3.0, 18.0))
    cells = go.Scatter(
        x=table["base"],
        y=[ROWS.index(base) for base in table["to"]],
        mode="markers",
        customdata=table[["mutant", "pairs_changed"]].to_numpy().tolist(),
        hovertemplate="%{customdata[0]}<br>moves the RNA by %{marker.color:.3g}<br>%{customdata[1]} pairs changed<extra></extra>",
        marker={
            "symbol": "square",
            "size": side,
            "color": table["moved"],
            "cmin": 0,
            "cmax": scale.high,
            "colorscale": list(CIVIDIS),
            "colorbar": {"title": {"text": f"1 - cosine, 0 to {scale.high:.2g}", "side": "right"}, "thickness": 10},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )
    own = go.Scatter(
        x=np.arange(1, n + 1),
        y=[ROWS.index(base) if base in ROWS else -1 for base in sequence],
        mode="markers",
        hoverinfo="skip",
        marker={"symbol": "circle", "size": max(2.0, side / 3), "color": _OWN},
    )
    figure = go.Figure([cells, own])
    framed = table[table["mutant"] == chosen]
    if len(framed):
        x, y = float(framed["base"].iloc[0]), ROWS.index(framed["to"].iloc[0])
        figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line={"color": "#d55e00", "width": 2})
    figure.update_xaxes(title="position (dots: the base it has)", range=[0.3, n + 0.7], zeroline=False, showgrid=False)
    figure.update_yaxes(tickvals=list(range(4)), ticktext=list(ROWS), range=[3.6, -0.6], zeroline=False, showgrid=False)
    top = table.loc[table["moved"].idxmax()]
    alt = f"{len(table)} single mutants of {n} bases by how far they move the embedding, 0 to {scale.high:.3g}; furthest {top['mutant']}."
    return finished(figure, "How far each single mutant moves the RNA's embedding", alt, height=260).update_layout(clickmode="event+select")


def moved_track(bases: pd.DataFrame) -> go.Figure:
    """How far each base's embedding moved, and by how much its chance of being unpaired changed; customdata holds "base:i".

    Args:
        bases: of :class:`core.explain.what_if.WhatIf`.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    names = [f"{letter}{base}" for letter, base in zip(bases["nucleotide"], bases["base"], strict=True)]
    entity = [[f"base:{base}"] for base in bases["base"]]
    change = bases["unpaired_after"] - bases["unpaired_before"]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12)
    common = {"x": bases["base"], "customdata": entity, "hovertext": names}
    moved = go.Bar(y=bases["moved"], marker={"color": "#0072b2"}, hovertemplate="%{hovertext}: moved by %{y:.3g}<extra></extra>", **common)
    opened = go.Bar(y=change, marker={"color": "#d55e00"}, hovertemplate="%{hovertext}: unpaired %{y:+.2f}<extra></extra>", **common)
    figure.add_trace(moved, row=1, col=1)
    figure.add_trace(opened, row=2, col=1)
    figure.update_yaxes(title="1 - cosine", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="change", range=[-1.05, 1.05], row=2, col=1)
    figure.update_xaxes(title="position in the original", range=[0.5, len(bases) + 0.5], row=2, col=1)
    most = bases["moved"].max()
    alt = f"Bars for {len(bases)} bases: how far each base's embedding moved, up to {most:.3g}, and the change of its chance to be unpaired."
    title = "How far each base's embedding moved, and the change of its probability to be unpaired"
    return finished(figure, title, alt, height=340).update_layout(clickmode="event+select", bargap=0.1)
