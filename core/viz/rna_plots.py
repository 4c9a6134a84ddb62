"""Plots of an RNA: pair probabilities, numbers along the sequence and by layer, and the weights of each relation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputError
from core.rna.records import parse_pairs
from core.viz.colour import CASING, CIVIDIS, DIVERGING
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_TITLES = {
    "openness": "openness of the edges to a base, mean over edges and layers (0 to 1)",
    "message": "|message| to a base, mean over layers (network units)",
    "attention": "attention, mean over steps (share of the whole)",
    "entropy": "positional entropy (bits)",
    "probability": "probability of being paired (0 to 1)",
    "reactivity": "reactivity (as given)",
}
_FIXED = ("openness", "probability")
_LEAST_PROBABILITY = 1e-3
"""Below this a pair is not drawn: its square would be smaller than a pixel."""
_BLUE = "#3b6fb6"
_SELECTED = "#d55e00"


def dot_plot(probabilities: np.ndarray, structure: str) -> go.Figure:
    """Pair probabilities above the diagonal, squares by area and colour, and the chosen structure below it.

    Customdata holds the entity id "base:i" of the 5' base.

    Args:
        probabilities: [n, n], symmetric.
        structure: dot-bracket of n signs.

    Raises:
        InputError: their sizes differ.
    """
    import plotly.graph_objects as go

    n = len(structure)
    if probabilities.shape != (n, n):
        raise InputError(f"The pair probabilities are for {probabilities.shape[0]:,} bases and the structure has {n:,} signs; give both of one RNA.")
    i, j = np.nonzero(np.triu(probabilities, 1) >= _LEAST_PROBABILITY)
    likely = probabilities[i, j].astype(float)
    pairs = np.array(parse_pairs(structure), dtype=np.int64).reshape(-1, 2)
    side = float(np.clip(420 / n, 3.0, 12.0))
    draw = go.Scattergl if len(i) > 1500 else go.Scatter
    cells = draw(
        x=j + 1,
        y=i + 1,
        mode="markers",
        name="pair probability",
        customdata=[[f"base:{base + 1}"] for base in i.tolist()],
        hovertemplate="%{y}-%{x}<br>probability %{marker.color:.3f}<extra></extra>",
        marker={
            "symbol": "square",
            "size": np.maximum(1.5, side * np.sqrt(likely)),
            "color": likely,
            "cmin": 0,
            "cmax": 1,
            "colorscale": list(CIVIDIS),
            "line": {"color": CASING, "width": 0.5},
            "colorbar": {"title": {"text": "pair probability (0 to 1, fixed)", "side": "right"}, "thickness": 10},
        },
    )
    chosen = go.Scatter(
        x=pairs[:, 0] + 1,
        y=pairs[:, 1] + 1,
        mode="markers",
        name="structure",
        customdata=[[f"base:{base + 1}"] for base in pairs[:, 0].tolist()],
        hovertemplate="%{x}-%{y}, in the structure<extra></extra>",
        marker={"symbol": "square-open", "size": side, "color": _SELECTED, "line": {"width": 1.5}},
    )
    figure = go.Figure([cells, chosen])
    figure.update_xaxes(title="position (above the diagonal: probability)", range=[0.5, n + 0.5], constrain="domain")
    figure.update_yaxes(title="position (below: the structure)", range=[n + 0.5, 0.5], scaleanchor="x", constrain="domain")
    figure.add_shape(type="line", x0=0.5, y0=0.5, x1=n + 0.5, y1=n + 0.5, line={"color": CASING, "width": 1})
    alt = f"Dot plot of {len(i)} pairs of {n} bases with a probability of at least {_LEAST_PROBABILITY:g}, beside the {len(pairs)} pairs chosen."
    return finished(figure, "Pair probabilities and the structure", alt, height=560).update_layout(clickmode="event+select")


def sequence_track(bases: pd.DataFrame, column: str) -> go.Figure:
    """A number along the sequence, a bar for each base; customdata holds "base:i".

    Args:
        bases: one row per base with columns base (1-based), nucleotide and ``column``, element where known.
        column: what is shown; openness and probability on a fixed [0, 1].

    Raises:
        InputError: there is no such column.
    """
    import plotly.graph_objects as go

    if column not in bases:
        raise InputError(f"The bases have no column {column!r}; choose one of {', '.join(str(name) for name in bases.columns)}.")
    values = bases[column].to_numpy(dtype=float)
    title = _TITLES.get(column, plain(column))
    elements = bases["element"] if "element" in bases else [""] * len(bases)
    bars = go.Bar(
        x=bases["base"],
        y=values,
        customdata=[[f"base:{base}", plain(element)] for base, element in zip(bases["base"], elements, strict=True)],
        hovertext=[f"{plain(letter)}{base}" for letter, base in zip(bases["nucleotide"], bases["base"], strict=True)],
        hovertemplate="%{hovertext} %{customdata[1]}<br>%{y:.4g}<extra></extra>",
        marker={"color": _BLUE, "line": {"width": 0}},
    )
    figure = go.Figure(bars)
    letters: dict[str, Any] = {}
    if len(bases) <= 100:
        names = [f"{plain(letter)}<br>{base if base % 10 == 0 else ''}" for letter, base in zip(bases["nucleotide"], bases["base"], strict=True)]
        letters = {"tickmode": "array", "tickvals": bases["base"], "ticktext": names, "tickangle": 0}
    figure.update_xaxes(title="position", range=[0.5, len(bases) + 0.5], **letters)
    figure.update_yaxes(title=column, range=[0, 1] if column in _FIXED else None)
    known = np.isfinite(values)
    most = f"; largest {values[known].max():.3g} at base {bases['base'].to_numpy()[known][values[known].argmax()]}" if known.any() else ""
    figure = finished(figure, title[0].upper() + title[1:], f"Bars of {title} for {len(bases)} bases{most}.", height=280)
    return figure.update_layout(clickmode="event+select", bargap=0.1 if len(bases) <= 300 else 0)


def layer_heatmap(values: np.ndarray, *, quantity: str = "|message|, sum over the edges to a base", unit: str = "network units") -> go.Figure:
    """Bases across, layers down, from 0 to the maximum over all layers.

    Args:
        values: [L, n].
        quantity, unit: what they are.
    """
    import plotly.graph_objects as go

    values = np.asarray(values, dtype=float)
    layers, n = values.shape
    known = values[np.isfinite(values)]
    most = float(known.max()) if known.size and known.max() > 0 else 1.0
    cells = go.Heatmap(
        z=values,
        x=np.arange(1, n + 1),
        y=[f"layer {layer + 1}" for layer in range(layers)],
        zmin=0,
        zmax=most,
        colorscale=list(CIVIDIS),
        colorbar={"title": {"text": f"{unit}, 0 to {most:.3g}", "side": "right"}, "thickness": 10},
        hovertemplate="base %{x}, %{y}<br>%{z:.4g}<extra></extra>",
    )
    figure = go.Figure(cells)
    figure.update_xaxes(title="position")
    figure.update_yaxes(autorange="reversed", automargin=True)
    alt = f"Heat map of {quantity} for {n} bases and {layers} layers, from 0 to {most:.3g}."
    return finished(figure, plain(quantity), alt, height=150 + 34 * layers)


def highlight(figure: go.Figure, bases: Sequence[int], *, rows: bool = False) -> go.Figure:
    """Frames the selected bases (1-based, ascending) on a plot with positions across; with ``rows`` downwards too."""
    runs: list[list[int]] = []
    for base in bases:
        if runs and base == runs[-1][1] + 1:
            runs[-1][1] = base
        else:
            runs.append([base, base])
    frame: dict[str, Any] = {"line": {"color": _SELECTED, "width": 1.5}, "fillcolor": "rgba(0,0,0,0)", "name": "selected"}
    for first, last in runs:
        figure.add_vrect(x0=first - 0.5, x1=last + 0.5, **frame)
        if rows:
            figure.add_hrect(y0=first - 0.5, y1=last + 0.5, **frame)
    return figure


def weight_matrix(weights: np.ndarray, names: Sequence[str]) -> go.Figure:
    """W_e of a layer: relations down, units across, on a scale symmetric about zero.

    Args:
        weights: [units, relations].
        names: of the relations.

    Raises:
        InputError: another number of names than of relations.
    """
    import plotly.graph_objects as go

    weights = np.asarray(weights, dtype=float)
    if weights.ndim != 2 or weights.shape[1] != len(names):
        raise InputError(f"There are {len(names)} names for weights of shape {weights.shape}; give one name for each column.")
    limit = float(np.abs(weights).max()) if weights.size else 1.0
    limit = limit or 1.0
    cells = go.Heatmap(
        z=weights.T,
        x=np.arange(1, len(weights) + 1),
        y=[plain(name.replace("_", " ")) for name in names],
        zmin=-limit,
        zmax=limit,
        colorscale=list(DIVERGING),
        colorbar={"title": {"text": f"weight, ±{limit:.3g}", "side": "right"}, "thickness": 10},
        hovertemplate="%{y}, unit %{x}<br>%{z:.4g}<extra></extra>",
    )
    figure = go.Figure(cells)
    figure.update_xaxes(title="unit of the message")
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    strongest = names[int(np.linalg.norm(weights, axis=0).argmax())] if weights.size else "none"
    alt = f"Heat map of the edge weights of {len(names)} relations on {len(weights)} units; the largest norm has {strongest}."
    return finished(figure, "W_e: how each relation enters the message", alt, height=150 + 30 * len(names))
