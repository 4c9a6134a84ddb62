"""Plots of one metabolite's gates over its reactions: by pathway, by network, and what replacing them by their mean does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.viz.colour import ACCENT, CASING, CIVIDIS
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

ROLES = ("central", "peripheral", "neither")
_SYMBOLS = {"central": "triangle-up", "peripheral": "square", "neither": "x"}
_BLUE = "#3b6fb6"
_LABEL = 26
"""Characters of a pathway's name beside its row; the whole name is in the points' hover text."""
_JITTER = 0.3
_GRID = "rgba(128,128,128,0.25)"


def pathway_strip(gates: pd.DataFrame, metabolite: str, network: str, *, over: str, selected: str | None = None) -> go.Figure:
    """The metabolite's gate in each of its reactions on a fixed [0, 1], a row per pathway: central ones first, those that are neither last.

    Circles consume the metabolite as the reaction is written, diamonds produce it; error bars are standard deviations over seeds where ``gates``
    has ``gate_seed_sd``. Customdata holds "rxn:ID".

    Args:
        gates: one network's rows, with reaction, name, coefficient, subsystem, role and gate.
        over: what the gates are means over, in words.
    """
    import plotly.graph_objects as go

    order = gates.assign(rank=gates["role"].map(ROLES.index)).sort_values(["rank", "subsystem", "gate"], kind="stable")
    rows = list(dict.fromkeys(zip(order["role"], order["subsystem"], strict=True)))
    place = {row: number for number, row in enumerate(rows)}
    y = np.array([place[row] for row in zip(order["role"], order["subsystem"], strict=True)], dtype=float)
    within = order.groupby(["rank", "subsystem"], sort=False).cumcount().to_numpy()
    y += _jitter(within)
    seeded = "gate_seed_sd" in order
    draw = go.Scattergl if len(order) > 1000 else go.Scatter
    told = zip(order["reaction"], order["name"], order["coefficient"], order["subsystem"], strict=True)
    figure = go.Figure(
        draw(
            x=order["gate"],
            y=y,
            mode="markers",
            customdata=[[f"rxn:{r}", plain(f"{r}: {n}"), f"{s:+.4g}", plain(p)] for r, n, s, p in told],
            hovertemplate="%{customdata[1]}<br>%{customdata[3]}<br>coefficient %{customdata[2]}<br>gate %{x:.3f}<extra></extra>",
            marker={
                "size": [13 if f"rxn:{r}" == selected else 9 for r in order["reaction"]],
                "symbol": ["circle" if s < 0 else "diamond" for s in order["coefficient"]],
                "color": order["gate"],
                "cmin": 0,
                "cmax": 1,
                "colorscale": list(CIVIDIS),
                "line": {"color": [ACCENT if f"rxn:{r}" == selected else CASING for r in order["reaction"]], "width": 1},
            },
            error_x={"type": "data", "array": order["gate_seed_sd"], "color": CASING, "thickness": 1, "width": 0} if seeded else None,
        )
    )
    counts = order.groupby(["rank", "subsystem"], sort=False).size().tolist()
    labels = [f"{_short(name)} ({count})" for (_, name), count in zip(rows, counts, strict=True)]
    for role in ROLES:
        mine = [number for number, row in enumerate(rows) if row[0] == role]
        if mine:
            figure.add_hrect(
                y0=min(mine) - 0.5, y1=max(mine) + 0.5, line_width=0, fillcolor="rgba(128,128,128,0.10)" if role != "peripheral" else None
            )
            figure.add_annotation(
                x=0, xref="paper", xanchor="left", y=min(mine) - 0.5, yanchor="top", text=f"<b>{role}</b>", showarrow=False, font={"size": 12}
            )
    figure.update_xaxes(title="gate (0 to 1, fixed)", range=[0, 1], gridcolor=_GRID)
    figure.update_yaxes(tickmode="array", tickvals=list(range(len(rows))), ticktext=labels, range=[len(rows) - 0.4, -0.6], showgrid=False)
    figure.update_yaxes(automargin=True, zeroline=False)
    spread = float(order["gate"].std(ddof=0)) if len(order) else 0.0
    alt = (
        f"Strip plot of the gate of {metabolite} in its {len(order)} reactions by pathway, network {network}: from {order['gate'].min():.3f} to "
        f"{order['gate'].max():.3f}, standard deviation {spread:.3f}."
    )
    bars = "; bars: ± seeds" if seeded else ""
    words = f"<sup>● consumes it as written, ◆ produces it</sup><br><sup>{over}{bars}</sup>"  # two lines: a telephone is narrow
    figure = finished(figure, f"{plain(metabolite)} in network {plain(network)}<br>{words}", alt, height=165 + 24 * max(4, len(rows)))
    return figure.update_layout(clickmode="event+select", hovermode="closest", margin={"t": 85})


def network_strip(gates: pd.DataFrame, metabolite: str, *, selected: str | None = None) -> go.Figure:
    """The metabolite's gates in several networks on one fixed [0, 1], a block per network with a line of points per role; ticks are medians.

    Args:
        gates: rows of several networks, with network, reaction, coefficient, role and gate, in the order they are to be drawn.
    """
    import plotly.graph_objects as go

    names = list(dict.fromkeys(gates["network"]))
    block = {name: number for number, name in enumerate(names)}
    figure = go.Figure()
    for line, role in enumerate(ROLES):
        mine = gates[gates["role"] == role]
        if mine.empty:
            continue
        y = mine["network"].map(block).to_numpy(dtype=float) + (line - 1) * 0.26
        figure.add_scatter(
            x=mine["gate"],
            y=y,
            mode="markers",
            name=role,
            customdata=[[f"rxn:{r}", plain(r), plain(n)] for r, n in zip(mine["reaction"], mine["network"], strict=True)],
            hovertemplate="%{customdata[1]} in %{customdata[2]}<br>gate %{x:.3f}<extra>" + role + "</extra>",
            marker={
                "symbol": _SYMBOLS[role],
                "size": [13 if f"rxn:{r}" == selected else 8 for r in mine["reaction"]],
                "color": mine["gate"],
                "cmin": 0,
                "cmax": 1,
                "colorscale": list(CIVIDIS),
                "line": {"color": [ACCENT if f"rxn:{r}" == selected else CASING for r in mine["reaction"]], "width": 1},
            },
        )
        middle = mine.groupby("network", sort=False)["gate"].median()
        figure.add_scatter(
            x=middle,
            y=[block[n] + (line - 1) * 0.26 for n in middle.index],
            mode="markers",
            hoverinfo="skip",
            showlegend=False,
            marker={"symbol": "line-ns", "size": 15, "line": {"color": CASING, "width": 3}},
        )
    figure.update_xaxes(title="gate (0 to 1, fixed)", range=[0, 1], gridcolor=_GRID)
    labels = [_short(name) for name in names]
    figure.update_yaxes(tickmode="array", tickvals=list(range(len(names))), ticktext=labels, range=[len(names) - 0.5, -0.5])
    figure.update_yaxes(automargin=True, zeroline=False, showgrid=False)
    spreads = ", ".join(f"{name} {values.std(ddof=0):.3f}" for name, values in gates.groupby("network", sort=False)["gate"])
    alt = f"Strip plots of the gates of {metabolite} in {len(names)} networks on one scale; standard deviations over reactions: {spreads}."
    title = "The same gates in other networks<br><sup>▲ central, ■ peripheral, × neither; tall ticks: medians</sup>"
    figure = finished(figure, title, alt, height=150 + 58 * max(2, len(names)))
    return figure.update_layout(clickmode="event+select", hovermode="closest", margin={"t": 70})


def replacement_plot(table: pd.DataFrame, metabolite: str) -> go.Figure:
    """What replacing gates by their mean changes: the metabolite's beside as many random others, a point per draw.

    Args:
        table: of :class:`core.explain.GateReplacement`.
    """
    from plotly.subplots import make_subplots

    panels = {"growth_change": "mean |change| of growth (1/h)", "flux_change": "share of flux that changed"}
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    rows = {"the metabolite's gates": f"gates of {plain(metabolite)}", "random other gates": "as many random others"}
    for column, (quantity, title) in enumerate(panels.items(), 1):
        for what, label in rows.items():
            mine = table[table["replaced"] == what]
            own = what == "the metabolite's gates"
            figure.add_scatter(
                x=mine[quantity],
                y=[label] * len(mine),
                mode="markers",
                hovertemplate=label + " %{x:.4f}<extra></extra>",
                marker={"size": 12 if own else 9, "color": _BLUE if own else CASING, "symbol": "diamond" if own else "circle-open"},
                row=1,
                col=column,
            )
        figure.update_xaxes(title=title, rangemode="tozero", row=1, col=column, gridcolor=_GRID)
    figure.update_xaxes(tickformat=".0%", row=1, col=2)
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    own_row = table[table["replaced"] == "the metabolite's gates"].iloc[0]
    alt = (
        f"Change of the prediction when the gates of {metabolite} are replaced by their mean: growth by {own_row['growth_change']:.4f} 1/h and "
        f"{own_row['flux_change']:.1%} of the flux, beside {int((table['replaced'] == 'random other gates').sum())} draws of as many random others."
    )
    return finished(figure, "Gates replaced by their mean", alt, height=230)


def _jitter(within: np.ndarray) -> np.ndarray:
    """Offsets of points within a row, in turns above and below its middle, so that equal gates stand apart."""
    steps = np.array([0.0, -0.5, 0.5, -1.0, 1.0]) * _JITTER
    return np.asarray(steps[within % len(steps)])


def _short(name: str) -> str:
    return plain(name if len(name) <= _LABEL else name[: _LABEL - 1] + "…")
