"""Plots of a trial: curves of rankings with the band of random orders, weights drawn anew, agreement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.explain.faithfulness import Curves
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#92dadd")
"""Petroff (2021) without its greys; lines differ in their dash too."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
LEGEND = {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0}
"""At the foot of the figure, below the title of its axis however many lines it takes."""
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
    return finished(figure, plain(title), plain(alt), height=HEIGHT).update_layout(showlegend=True, legend=LEGEND)


def drawn_anew_plot(found: pd.DataFrame, words: Mapping[str, str]) -> go.Figure:
    """Rank correlation of each method with itself while weights are drawn anew from the top.

    Args:
        found: of :func:`core.explain.controls.randomisation`. words: methods by what they are called.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    methods = [name for name in found.columns if name != "drawn"]
    for place, method in enumerate(methods):
        name = words.get(method, method)
        figure.add_scatter(
            x=found["drawn"],
            y=found[method],
            mode="lines+markers",
            name=plain(name),
            line={"color": COLOURS[place % len(COLOURS)], "dash": DASHES[place % len(DASHES)], "width": 2},
            hovertemplate=f"{plain(name)}<br>down to %{{x}}: %{{y:.2f}}<extra></extra>",
        )
    figure.update_xaxes(title="drawn anew down to")
    figure.update_yaxes(title="rank correlation with the network's own", range=[min(-0.1, float(found[methods].min().min()) - 0.05), 1.05])
    ends = "; ".join(f"{words.get(m, m)} {found[m].iloc[-1]:.2f}" for m in methods)
    alt = f"Rank correlation of each method with itself while weights are drawn anew from the top; at the end: {ends}."
    return finished(figure, "Weights drawn anew from the top", plain(alt), height=HEIGHT).update_layout(showlegend=True, legend=LEGEND)


def agreement_plot(found: pd.DataFrame, words: Mapping[str, str]) -> go.Figure:
    """Spearman's correlation of every pair of rankings, on a scale from -1 to 1.

    Args:
        found: one row a pair: ``first``, ``second``, ``spearman``. words: rankings by what they are called.
    """
    import plotly.graph_objects as go

    names = list(dict.fromkeys([*found["first"], *found["second"]]))
    square = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for row in found.itertuples():
        square.loc[row.first, row.second] = square.loc[row.second, row.first] = row.spearman
    said = [plain(words.get(name, name)) for name in names]
    values = square.to_numpy()
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=said,
            y=said,
            zmin=-1,
            zmax=1,
            colorscale="RdBu_r",
            text=np.where(np.isfinite(values), np.vectorize("{:.2f}".format)(values), ""),
            texttemplate="%{text}",
            colorbar={"title": "rank<br>correlation"},
            hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed")
    known = found.dropna(subset=["spearman"]).sort_values("spearman")
    ends = [known.iloc[0], known.iloc[-1]] if len(known) else []
    listed = "; ".join(f"{words.get(r['first'], r['first'])} and {words.get(r['second'], r['second'])} {r['spearman']:.2f}" for r in ends)
    alt = f"Rank correlation of every pair of {len(names)} rankings; least and most alike: {listed}."
    return finished(figure, "Do the rankings agree?", plain(alt), height=HEIGHT)


def _first(values: pd.Series, called: Mapping[str, str]) -> str:
    name = str(values.abs().idxmax())
    return called.get(name, name)


def methods_map(
    values: Mapping[str, pd.Series],
    words: Mapping[str, str],
    *,
    level: str,
    prefix: str,
    called: Mapping[str, str] | None = None,
    most: int = 30,
) -> go.Figure:
    """Rankings beside each other: a row a group, a column a ranking, each by its own largest absolute value on a scale from -1 to 1.

    Args:
        values: by ranking, values by name of a group. words: rankings by what they are called.
        prefix: makes an entity of a group's name, which a click gives. called: what groups are called who
            are not called by their own name. most: groups shown, those that any ranking puts first.
    """
    import plotly.graph_objects as go

    table = pd.DataFrame({name: one / one.abs().max() for name, one in values.items()})
    best = table.abs().rank(ascending=False, method="first").min(axis=1).sort_values(kind="stable").index[:most]
    shown = table.loc[best]
    called = called or {}
    rows, columns = [plain(called.get(str(name), str(name))) for name in shown.index], [plain(words.get(name, name)) for name in shown.columns]
    marker = {
        "symbol": "square",
        "size": 13,
        "color": shown.to_numpy(dtype=float).ravel(),
        "cmin": -1,
        "cmax": 1,
        "colorscale": "RdBu_r",
        "colorbar": {"title": "share of<br>its largest", "thickness": 12},
        "line": {"width": 1, "color": "rgba(128,128,128,0.6)"},
    }
    figure = go.Figure(
        go.Scatter(
            x=columns * len(rows),
            y=np.repeat(rows, len(columns)),
            mode="markers",
            marker=marker,
            customdata=[f"{prefix}{name}" for name in np.repeat(shown.index, len(columns))],
            hovertemplate="%{y}, %{x}: %{marker.color:.2f}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", dtick=1, automargin=True)
    figure.update_xaxes(side="top", tickangle=-35)
    firsts = "; ".join(f"{words.get(name, name)} {_first(table[name], called)}" for name in map(str, table) if table[name].notna().any())
    alt = f"{len(table.columns)} rankings of {len(shown)} {level}s beside each other; the first of each: {firsts}."
    height = max(HEIGHT, 170 + 17 * len(shown))
    return finished(figure, f"{level.capitalize()}s by every ranking", plain(alt), height=height).update_layout(margin={"t": 125})
