"""Figures of the gate lab: what an activation keeps of a sum of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import numpy as np
    import plotly.graph_objects as go

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def activation_curves(at: np.ndarray, curves: Mapping[str, np.ndarray], marks: Sequence[tuple[str, float, float]], *, chosen: str) -> go.Figure:
    """Activations over sums of messages of either sign; the chosen one is wide, and carries the sums that are looked at.

    Args:
        at: [N] sums of messages, ascending. curves: [N] values by activation. marks: name, sum and value of points on the chosen curve.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_vrect(x0=float(at.min()), x1=0, fillcolor="rgba(128,128,128,0.12)", line_width=0)
    for place, (name, values) in enumerate(curves.items()):
        look = {"color": COLOURS[place % len(COLOURS)], "dash": DASHES[place % len(DASHES)], "width": 4 if name == chosen else 1.5}
        figure.add_scatter(
            x=at, y=values, mode="lines", name=plain(name), line=look, hovertemplate=f"{plain(name)}<br>%{{x:.2f}} → %{{y:.4f}}<extra></extra>"
        )
    figure.add_scatter(
        x=[x for _, x, _ in marks],
        y=[y for _, _, y in marks],
        mode="markers",
        name="sums of this reaction",
        marker={"size": 11, "symbol": "diamond", "color": "#111111", "line": {"color": "#ffffff", "width": 1.5}},
        hovertext=[f"{plain(name)}<br>{x:.4g} → {y:.4g}" for name, x, y in marks],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.update_xaxes(title="sum of messages z (grey: negative)", zeroline=True, zerolinecolor="#888888")
    figure.update_yaxes(title="what is left of it", zeroline=True, zerolinecolor="#888888")
    least = "; ".join(f"{name} {values[0]:.3f}" for name, values in curves.items())
    alt = f"What each activation keeps of a sum of messages; of {at[0]:g}: {least}. {chosen} is the one in use."
    legend = {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0}
    return finished(figure, "What an activation keeps", plain(alt), height=430).update_layout(showlegend=True, legend=legend)
