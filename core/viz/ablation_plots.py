"""Plots of the ablation: every variant with its seeds, paired differences, and how fast the solver's own iteration approaches the optimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.viz.colour import CASING, UNKNOWN
from core.viz.measurement_plots import NETWORK_COLOUR
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "square", "diamond", "cross")
_WIDE, _ROW = 70, 34
"""Pixels of a row and of a figure's frame."""


def variants_plot(table: pd.DataFrame, means: pd.DataFrame, measure: str, title: str, *, reference: str) -> go.Figure:
    """Every variant: a small dot per seed, and their mean with its 95% interval; the dashed line is the mean of the reference.

    Args:
        table: one row per variant and seed, columns title, seed and ``measure``.
        means: one row per variant, columns variant, title, seeds, ``measure``, ``<measure>_low`` and ``<measure>_high``.
        title: of the measure, for the axis.
    """
    import plotly.graph_objects as go

    known = means[means[measure].notna()]
    names = [_wrapped(name) for name in known["title"]]
    seeds = table[table["title"].isin(known["title"]) & table[measure].notna()]
    values = known[measure].to_numpy(dtype=float)
    figure = go.Figure(
        go.Scatter(
            x=seeds[measure],
            y=[_wrapped(name) for name in seeds["title"]],
            mode="markers",
            marker={"size": 6, "color": UNKNOWN, "opacity": 0.8},
            customdata=seeds["seed"],
            hovertemplate="%{y}<br>seed %{customdata}: %{x:.3f}<extra></extra>",
        )
    )
    figure.add_scatter(
        x=values,
        y=names,
        mode="markers",
        marker={"size": 11, "symbol": "diamond", "color": NETWORK_COLOUR, "line": {"color": CASING, "width": 1}},
        error_x=_error(values, known[f"{measure}_low"].to_numpy(dtype=float), known[f"{measure}_high"].to_numpy(dtype=float)),
        customdata=known[[f"{measure}_low", f"{measure}_high", "seeds"]].to_numpy(),
        hovertemplate="%{y}<br>mean %{x:.3f}, 95% interval %{customdata[0]:.3f} to %{customdata[1]:.3f}, %{customdata[2]} seeds<extra></extra>",
    )
    at = known.loc[known["variant"] == reference, measure]
    if len(at):
        figure.add_vline(x=float(at.iloc[0]), line={"dash": "dash", "color": CASING})
    figure.update_xaxes(title="seeds; mean, 95% interval")
    # An interval over three seeds can be wider than all that was measured; the axis shows what was measured.
    figure.update_xaxes(range=_range(seeds[measure].to_numpy(dtype=float)))
    figure.update_yaxes(autorange="reversed", automargin=True, type="category", categoryorder="array", categoryarray=names)
    best = known["title"].iloc[int(np.argmax(values))] if len(values) else ""
    alt = f"{title} of {len(known)} variants with their seeds" + (f"; highest mean {best} with {values.max():.3f}." if best else ".")
    return finished(figure, _capital(plain(title)), alt, height=_WIDE + 30 + _ROW * max(3, len(known)))


def differences_plot(answers: Sequence[Mapping[str, Any]], measure: str, title: str) -> go.Figure:
    """The paired difference each question asks for, with its 95% interval; grey where zero lies inside.

    Args:
        answers: each with text and measures, of which ``measure`` has difference, low, high and n.
        title: of the measure, for the axis.
    """
    import plotly.graph_objects as go

    known = [(answer["text"], answer["measures"][measure]) for answer in answers if measure in answer["measures"]]
    names = [_wrapped(text) for text, _ in known]
    values, low, high = (np.array([pair[key] for _, pair in known], dtype=float) for key in ("difference", "low", "high"))
    shown = ~((low <= 0) & (high >= 0)) & np.isfinite(low)
    figure = go.Figure(
        go.Scatter(
            x=values,
            y=names,
            mode="markers",
            marker={
                "size": 11,
                "color": [NETWORK_COLOUR if one else UNKNOWN for one in shown],
                "symbol": ["diamond" if one else "circle" for one in shown],
                "line": {"color": CASING, "width": 1},
            },
            error_x=_error(values, low, high),
            customdata=[[pair["low"], pair["high"], pair["n"], pair["first"], pair["second"]] for _, pair in known],
            hovertemplate="%{y}<br>%{customdata[3]:.3f} against %{customdata[4]:.3f}: %{x:+.3f}, 95% interval %{customdata[0]:+.3f} to "
            "%{customdata[1]:+.3f}, %{customdata[2]} seeds<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"dash": "dash", "color": CASING})
    figure.update_xaxes(title="difference, 95% interval")
    figure.update_yaxes(autorange="reversed", automargin=True, type="category", categoryorder="array", categoryarray=names)
    alt = f"Paired differences in {title} for {len(known)} questions; {int(shown.sum())} intervals leave zero out."
    return finished(figure, f"{_capital(plain(title))}: paired differences", alt, height=_WIDE + 30 + 44 * max(3, len(known)))


def iterations_plot(rows: Sequence[Mapping[str, Any]], learned: Mapping[str, float]) -> go.Figure:
    """Growth R2 of the plain primal-dual iteration against how many iterations it had, a line for each rule of step sizes; below -1 drawn at -1.

    Args:
        rows: each with rule (of step sizes), iterations and growth_r2.
        learned: networks to their growth R2, as dashed levels.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for place, rule in enumerate(dict.fromkeys(str(row["rule"]) for row in rows)):
        mine = [row for row in rows if row["rule"] == rule]
        figure.add_scatter(
            x=[row["iterations"] for row in mine],
            y=[max(-1.0, row["growth_r2"]) for row in mine],
            name=plain(rule),
            mode="lines+markers",
            line={"dash": _DASHES[place % 4], "color": (CASING, NETWORK_COLOUR, "#d55e00", "#1b7f5c")[place % 4]},
            marker={"symbol": _SYMBOLS[place % 4], "size": 8},
            customdata=[[row["growth_r2"], row["growth_error_median"]] for row in mine],
            hovertemplate="%{x} iterations: growth R² %{customdata[0]:.3f}, median error %{customdata[1]:.3f} /h<extra>%{fullData.name}</extra>",
        )
    ends = [min((row["iterations"] for row in rows), default=1), max((row["iterations"] for row in rows), default=1)]
    for place, (name, value) in enumerate(learned.items()):
        line = {"dash": ("longdash", "longdashdot")[place % 2], "color": ("#a05195", "#117a8b")[place % 2], "width": 1.5}
        hover = "%{fullData.name}: growth R² %{y:.3f}<extra></extra>"
        figure.add_scatter(x=ends, y=[value, value], name=plain(f"{name}, trained"), mode="lines", line=line, hovertemplate=hover)
    figure.update_xaxes(title="iterations", type="log", dtick=1)
    figure.update_yaxes(title="growth R²", range=[-1.05, 1.05])
    best = max((row["growth_r2"] for row in rows), default=float("nan"))
    rules = len(figure.data) - len(learned)
    alt = f"Growth R2 of the plain primal-dual iteration by number of iterations for {rules} rules of step sizes; highest {best:.3f}."
    figure = finished(figure, "The solver's iteration, without learning", alt, height=400)
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0})


def _error(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[str, Any]:
    """Error bars; none where there is no interval."""
    up, down = np.nan_to_num(high - values), np.nan_to_num(values - low)
    return {"array": up, "arrayminus": down, "symmetric": False, "color": CASING, "thickness": 2}


def _range(values: np.ndarray) -> list[float]:
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    edge = 0.08 * max(high - low, 0.02)
    return [low - edge, high + edge]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _wrapped(text: str, width: int = 34) -> str:
    """Over several lines, so that a label leaves the plot its room."""
    import textwrap

    return "<br>".join(plain(line) for line in textwrap.wrap(text, width))
