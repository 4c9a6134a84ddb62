"""A network beside flux balance analysis: a dot a reaction, in quadrants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.explain.judged_by_fba import BOTH, NEEDED, NEITHER, ONLY_FBA, ONLY_NETWORK
from core.viz.colour import ACCENT, CASING
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

LOOK = {BOTH: ("#009e73", "circle"), ONLY_FBA: ("#e69f00", "diamond"), ONLY_NETWORK: ("#56b4e9", "square"), NEITHER: ("#8c8c8c", "circle")}
"""Colours of Okabe and Ito (2008) and, for those who see none, a symbol; where a dot lies says the same."""
CORNERS = {
    BOTH: ("both<br>need it", "right", "top"),
    ONLY_FBA: ("only FBA<br>needs it", "right", "bottom"),
    ONLY_NETWORK: ("only the<br>network<br>leans on it", "left", "top"),
    NEITHER: ("neither", "left", "bottom"),
}
LEFT, RIGHT = -24.0, 106.0
"""Ends of the axis of FBA, in percent: what lies left of zero is room for words."""
ROOM = 0.3
"""The same above and below, as a share of what the dots span."""
MANY = 1000
"""Dots above which WebGL draws them."""
HEIGHT = 460


def judge_scatter(table: pd.DataFrame, *, selected: str | None = None) -> go.Figure:
    """Growth the network loses with a reaction masked against growth FBA loses without it, in percent; customdata holds [entity].

    Args:
        table: of :class:`core.explain.judged_by_fba.Judged`. selected: a reaction id, which gets a ring.
    """
    import plotly.graph_objects as go

    shown = table.assign(x=100 * (1 - table["fba_ratio"]), y=100 * table["ablation_share"], closed=100 * (1 - table["network_ratio"]))
    draw = go.Scattergl if len(table) > MANY else go.Scatter
    figure, counts = go.Figure(), {}
    for quadrant, (colour, symbol) in LOOK.items():
        mine = shown[shown["quadrant"] == quadrant]
        counts[quadrant] = len(mine)
        if mine.empty:
            continue
        figure.add_trace(
            draw(
                x=mine["x"],
                y=mine["y"],
                mode="markers",
                name=f"{quadrant} ({len(mine):,})",
                customdata=[[f"rxn:{r}", c] for r, c in zip(mine["reaction"], mine["closed"], strict=True)],
                hovertext=[plain(f"{r}: {n}") for r, n in zip(mine["reaction"], mine["name"], strict=True)],
                hovertemplate="%{hovertext}<br>FBA loses %{x:.1f}%<br>the network loses %{y:.1f}% with it masked, "
                "%{customdata[1]:.1f}% with it closed<extra></extra>",
                marker={"size": 9, "color": colour, "symbol": symbol, "opacity": 0.8, "line": {"color": CASING, "width": 1}},
            )
        )
    chosen = shown[(shown["reaction"] == selected) & np.isfinite(shown["x"] + shown["y"])]
    if len(chosen):
        ring = {"size": 17, "color": ACCENT, "symbol": "circle-open", "line": {"width": 3}}
        figure.add_trace(draw(x=chosen["x"], y=chosen["y"], mode="markers", name="selected", hoverinfo="skip", marker=ring))
    line = {"dash": "dash", "color": CASING, "width": 1}
    figure.add_vline(x=100 * NEEDED, line=line)
    figure.add_hline(y=100 * NEEDED, line=line)
    for quadrant, (words, across, down) in CORNERS.items():
        figure.add_annotation(
            text=f"<b>{words}</b><br>{counts[quadrant]:,}",
            x=LEFT if across == "left" else RIGHT,
            xanchor=across,
            y=float(down == "top"),
            yref="paper",
            yanchor=down,
            align=across,
            showarrow=False,
            font={"size": 12},
        )
    heights = shown["y"][np.isfinite(shown["y"])].to_numpy(dtype=float)
    low, high = min(0.0, heights.min(initial=0.0)), max(200 * NEEDED, heights.max(initial=0.0))
    figure.update_xaxes(title="growth FBA loses (%)", range=[LEFT, RIGHT], tickvals=[0, round(100 * NEEDED), 25, 50, 75, 100], zeroline=False)
    figure.update_yaxes(title="growth the network loses, masked (%)", range=[low - ROOM * (high - low), high + ROOM * (high - low)], zeroline=False)
    told = ", ".join(f"{count:,} {quadrant}" for quadrant, count in counts.items())
    alt = (
        f"Scatter of {sum(counts.values()):,} reactions by the growth FBA loses without them and the growth the network loses with them masked, "
        f"with lines at {NEEDED:.0%}: {told}."
    )
    return finished(figure, "What growth needs", plain(alt), height=HEIGHT).update_layout(clickmode="event+select")
