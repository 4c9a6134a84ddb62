"""AUCs of scores with their intervals, networks apart from what needs no training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.viz.colour import CASING
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

KIND_COLOURS = {"network": "#3b6fb6", "hybrid": "#a05195", "peer": "#d55e00", "untrained": "#9e9e9e"}
KIND_SYMBOLS = {"network": "circle", "hybrid": "diamond", "peer": "square", "untrained": "circle-open"}


def auc_plot(table: pd.DataFrame, column: str, title: str) -> go.Figure:
    """One AUC of every score as a dot with its 95% interval, best first; the dashed line is chance.

    Args:
        table: columns score, kind, ``column``, ``<column>_low`` and ``<column>_high``; rows without a value are left out.
        title: which pairs, in words.
    """
    import plotly.graph_objects as go

    known = table[table[column].notna()].sort_values(column, ascending=False, kind="stable")
    values = known[column].to_numpy(float)
    places = np.arange(len(known), dtype=float)
    figure = go.Figure()
    for kind, colour in KIND_COLOURS.items():
        own = (known["kind"] == kind).to_numpy()
        if not own.any():
            continue
        low, high = (known.loc[own, f"{column}_{end}"].to_numpy(float) for end in ("low", "high"))
        figure.add_scatter(
            x=values[own],
            y=places[own],
            name=kind,
            mode="markers",
            marker={"size": 10, "color": colour, "symbol": KIND_SYMBOLS[kind], "line": {"color": colour, "width": 2}},
            error_x={"array": high - values[own], "arrayminus": values[own] - low, "symmetric": False, "color": CASING, "thickness": 2},
            customdata=np.column_stack([known.loc[own, "score"].map(plain), low, high]),
            hovertemplate="%{customdata[0]}<br>AUC %{x:.3f}, interval %{customdata[1]:.3f} to %{customdata[2]:.3f}<extra></extra>",
        )
    figure.add_vline(x=0.5, line={"dash": "dash", "color": CASING}, annotation={"text": "chance", "font": {"size": 11}})
    figure.update_xaxes(title="AUC with 95% interval", range=[0.35, 1.03])
    names = [plain(name) for name in known["score"]]
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], automargin=True, tickvals=places, ticktext=names, zeroline=False)
    best = f"; highest {known['score'].iloc[0]} with {values[0]:.3f}" if len(known) else ""
    figure = finished(figure, title, f"AUC of {len(known)} scores with intervals, {title}{best}.", height=190 + 28 * max(4, len(known)))
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0})
