"""Two conditions on one scale: strips of A, B and A - B, the network of the difference, media as a clustered matrix, gate against flux."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.viz.colour import ACCENT, ATTENTION_LIMIT, CASING, CIVIDIS, DIVERGING, Scale
from core.viz.plots import finished, plain
from core.viz.view import NetworkView, over_seeds

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from core.explain.media_matrix import Clustered, Tree

LIMITS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)
"""Differences of gates are drawn on one of these fixed symmetric scales, the least that holds all in sight; the legend states which."""
AXIS = {
    "gate": "gate (0 to 1)",
    "message": "|message| (network units)",
    "attention": "log2(attention x competitors)",
    "flux_predicted": "predicted flux (mmol/gDW/h)",
    "flux_fba": "FBA flux (mmol/gDW/h)",
    "ratio": "growth after knock-out / growth",
}
_FLUX_TICKS = (-1000, -100, -10, -1, 0, 1, 10, 100, 1000)
_GRID = "rgba(128,128,128,0.35)"
_BLUE = "#3b6fb6"
_UNKNOWN = "A - B unknown"


def difference_limit(quantity: str, differences: np.ndarray, largest: float = 0.0) -> float:
    """The symmetric limit of A - B: one of :data:`LIMITS` for gates, fixed for attention and ratio, else ``largest``, that of A and B."""
    if quantity == "gate":
        widest = np.abs(differences[~np.isnan(differences)]).max(initial=0.0)
        return next(limit for limit in LIMITS if widest <= limit)
    return {"attention": ATTENTION_LIMIT, "ratio": 1.0}.get(quantity, largest or 1.0)


def strips(table: pd.DataFrame, quantity: str, *, top: int = 25, selected: str | None = None) -> go.Figure:
    """The ``top`` reactions whose ``quantity`` moved most: A and B on one scale, A - B on a symmetric one, aligned rows.

    Customdata holds the entity id "rxn:ID". Whiskers are standard deviations over seeds, where there are several networks.

    Args:
        table: of :class:`core.explain.ConditionComparison`.
        quantity: a key of :data:`AXIS`.
        selected: entity id of a reaction to mark.
    """
    from plotly.subplots import make_subplots

    columns = [f"{quantity}_a", f"{quantity}_b", f"{quantity}_difference"]
    known = table[table[columns[2]].notna()].sort_values(f"rank_{quantity}", kind="stable").head(top)
    values = [known[c].to_numpy(dtype=float) for c in columns]
    everything = table[columns[:2]].abs().max().max()
    limit = difference_limit(quantity, values[2], float(everything) if everything == everything else 1.0)
    low, high, colours = _ends(quantity, table[columns[:2]].to_numpy(dtype=float))
    figure = make_subplots(rows=1, cols=3, shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=["A", "B", "A - B"])
    names = [plain(r) for r in known["reaction"]]
    spreads = [name if name in known else "" for name in (f"{quantity}_sd_a", f"{quantity}_sd_b", f"{quantity}_difference_sd")]
    for column, (shown, spread) in enumerate(zip(values, spreads, strict=True), 1):
        scale = (low, high, colours) if column < 3 else (-limit, limit, DIVERGING)
        figure.add_scatter(
            x=np.clip(shown, scale[0], scale[1]),
            y=names,
            mode="markers",
            customdata=[[f"rxn:{r}", v, n] for r, v, n in zip(known["reaction"], shown.tolist(), map(plain, known["name"]), strict=True)],
            hovertemplate="%{y}: %{customdata[2]}<br>" + ("A", "B", "A - B")[column - 1] + " %{customdata[1]:.4g}<extra></extra>",
            marker={
                "size": 11,
                "color": shown,
                "cmin": scale[0],
                "cmax": scale[1],
                "colorscale": list(scale[2]),
                "line": {"color": [ACCENT if f"rxn:{r}" == selected else CASING for r in known["reaction"]], "width": 1.5},
            },
            error_x={"type": "data", "array": known[spread], "color": CASING, "thickness": 1.2, "width": 3} if spread else None,
            row=1,
            col=column,
        )
        span = scale[1] - scale[0]
        ends, ticks = [scale[0] - 0.05 * span, scale[1] + 0.05 * span], [scale[0], (scale[0] + scale[1]) / 2, scale[1]]
        words = ["" if column == 3 and t < 0 else f"{t:.3g}" for t in ticks]  # it would touch the last of B on a narrow screen
        figure.update_xaxes(range=ends, zeroline=scale[0] < 0, tickvals=ticks, ticktext=words, gridcolor=_GRID, row=1, col=column)
    figure.update_xaxes(title=AXIS[quantity], row=1, col=2)
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names[::-1], range=[-0.6, len(names) - 0.4], gridcolor=_GRID)
    figure.update_yaxes(tickmode="array", tickvals=names, automargin=True, col=1)
    whiskers = "; whiskers: one standard deviation over seeds" if spreads[0] else ""
    first = f"; {known['reaction'].iloc[0]} moved most, {values[2][0]:+.3g}" if len(known) else ""
    alt = f"A, B and A - B of {AXIS[quantity]} for the {len(known)} reactions that moved most, A and B on one scale{first}{whiskers}."
    title = f"Moved most: {AXIS[quantity].split(' (')[0]}"
    return finished(figure, title, alt, height=130 + 21 * max(4, len(known))).update_layout(clickmode="event+select", hovermode="closest")


def difference_view(
    drawn: NetworkView, differences: Mapping[Any, float], quantity: str, limit: float, *, spreads: Mapping[Any, float] | None = None
) -> NetworkView:
    """A drawing of A with A - B in its colours: same nodes at the same places.

    Args:
        drawn: network or overview of A.
        differences: (reaction, metabolite) of a spoke, or the entity id of a subsystem's circle, to A - B.
        quantity: in words, for the legend.
        limit: of the scale; see :func:`difference_limit`.
        spreads: standard deviations of the differences over seeds, for the hover texts.
    """
    said = {key: f"A - B {value:+.4f}{over_seeds((spreads or {}).get(key, np.nan))}" for key, value in differences.items() if value == value}
    scale = Scale(f"A - B of the {quantity}", "", -limit, limit, DIVERGING, f"fixed scale -{limit:.3g} to {limit:.3g}, red: more in A")
    if drawn.of_subsystems:
        nodes = tuple(
            replace(n, fill=scale.colour(differences.get(n.entity, np.nan)), tooltip=(*n.tooltip, said.get(n.entity, _UNKNOWN))) for n in drawn.nodes
        )
        return replace(drawn, nodes=nodes, scale=scale)
    edges = []
    for edge in drawn.edges:
        key = (edge.reaction, edge.metabolite)
        value = differences.get(key, np.nan)
        shade = scale.colour(np.nan if edge.blocked else value)
        edges.append(replace(edge, value=value, colour=shade, width=scale.width(value), tooltip=(edge.tooltip[0], said.get(key, _UNKNOWN))))
    return replace(drawn, edges=tuple(edges), scale=scale)


def moved_scatter(table: pd.DataFrame, *, selected: str | None = None, named: int = 10) -> go.Figure:
    """Change of the gate against change of |FBA flux|, a point per reaction, in four quadrants; the outliers are named.

    A gate has no direction, so a reaction's flux enters by its size; fluxes that reverse are diamonds. Customdata holds "rxn:ID".

    Args:
        table: of :class:`core.explain.ConditionComparison`, with fluxes.
    """
    import plotly.graph_objects as go

    known = table[table["gate_difference"].notna() & table["flux_fba_difference"].notna()]
    x = known["gate_difference"].to_numpy(dtype=float)
    change = known["flux_fba_a"].abs().to_numpy(dtype=float) - known["flux_fba_b"].abs().to_numpy(dtype=float)
    change[known["flux_fba_difference"].to_numpy(dtype=float) == 0] = 0.0
    y = np.arcsinh(change)
    reverses = (known["flux_fba_a"] * known["flux_fba_b"] < 0).to_numpy()
    limit, high = difference_limit("gate", x), max(1.0, float(np.abs(y).max(initial=0.0)) * 1.1)
    draw = go.Scattergl if len(known) > 1000 else go.Scatter
    rows = zip(known["reaction"], known["name"], known["flux_fba_a"], known["flux_fba_b"], strict=True)
    points = draw(
        x=x,
        y=y,
        mode="markers",
        customdata=[[f"rxn:{r}", plain(f"{r}: {n}"), a, b] for r, n, a, b in rows],
        hovertemplate="%{customdata[1]}<br>gate A - B %{x:+.3f}<br>FBA flux A %{customdata[2]:.3f}, B %{customdata[3]:.3f}<extra></extra>",
        marker={
            "size": [13 if f"rxn:{r}" == selected else 8 for r in known["reaction"]],
            "color": [ACCENT if f"rxn:{r}" == selected else _BLUE for r in known["reaction"]],
            "symbol": ["diamond" if turned else "circle" for turned in reverses],
            "opacity": 0.75,
            "line": {"color": CASING, "width": 0.5},
        },
    )
    figure = go.Figure(points)
    for name, at_x, at_y, where in _outliers(known["reaction"].tolist(), x / limit, y / high, named, selected):
        figure.add_annotation(x=at_x * limit, y=at_y * high, text=plain(name), showarrow=False, font={"size": 11}, **where)
    for text, side_x, side_y in (
        ("gate larger in A<br>flux larger in A", 1, 1),
        ("gate larger in A<br>flux larger in B", 1, 0),
        ("gate larger in B<br>flux larger in A", 0, 1),
        ("gate larger in B<br>flux larger in B", 0, 0),
    ):
        figure.add_annotation(
            text=text,
            x=side_x,
            y=1.02 if side_y else -0.02,
            xref="paper",
            yref="paper",
            xanchor="right" if side_x else "left",
            yanchor="bottom",
            showarrow=False,
            font={"size": 11, "color": CASING},
            yshift=0 if side_y else 6,
        )
    figure.update_xaxes(title=f"gate, A - B (-{limit:g} to {limit:g})", range=[-1.05 * limit, 1.05 * limit], zeroline=True, zerolinecolor=CASING)
    ticks = [t for t in _FLUX_TICKS if abs(np.arcsinh(t)) <= high]
    figure.update_yaxes(
        title="|FBA flux|, A - B (mmol/gDW/h, asinh)",
        range=[-high, high],
        tickvals=np.arcsinh(ticks),
        ticktext=[f"{t:+g}" if t else "0" for t in ticks],
        zeroline=True,
        zerolinecolor=CASING,
    )
    both = (x != 0) & (y != 0)
    alt = f"Scatter of the change of |FBA flux| against the change of the gate for {len(known)} reactions; {int(both.sum())} changed in both."
    return finished(figure, "Change of gate and of flux", alt, height=560).update_layout(
        clickmode="event+select", hovermode="closest", margin={"t": 95}
    )


def media_heatmap(clustered: Clustered, *, spread: pd.DataFrame | None = None, centred: bool = False, selected: str | None = None) -> go.Figure:
    """Reactions down and media across in the order of their trees, which are drawn beside; a click on a cell selects its reaction.

    Args:
        spread: standard deviation of each gate over seeds, for the hover texts.
        centred: colour each gate minus the reaction's mean over the media, on a diverging scale, instead of the gate on 0 to 1.
        selected: entity id of a reaction to mark.
    """
    from plotly.subplots import make_subplots

    gates = clustered.gates
    values = gates.to_numpy(dtype=float)
    shown = values - values.mean(axis=1, keepdims=True) if centred and values.size else values
    limit = difference_limit("gate", shown.ravel())
    ends = (-limit, limit, DIVERGING) if centred else (0.0, 1.0, CIVIDIS)
    words = f"gate - mean over media (-{limit:g} to {limit:g}, fixed)" if centred else "gate (0 to 1, fixed)"
    height = 190 + 16 * max(4, len(gates))
    figure = make_subplots(
        rows=2,
        cols=2,
        column_widths=[0.1, 0.9],
        row_heights=[60 / (height - 150), 1 - 60 / (height - 150)],
        horizontal_spacing=0.01,
        vertical_spacing=4 / height,
        shared_xaxes="columns",
        shared_yaxes="rows",
    )
    across, down = np.arange(gates.shape[1]), np.arange(gates.shape[0])
    figure.add_heatmap(
        z=shown,
        x=across,
        y=down,
        zmin=ends[0],
        zmax=ends[1],
        colorscale=list(ends[2]),
        xgap=1,
        ygap=1,
        hoverinfo="skip",
        colorbar={"title": {"text": words, "side": "top"}, "thickness": 10, "orientation": "h", "x": 0.55, "y": 1.0, "yanchor": "bottom", "len": 0.7},
        row=2,
        col=2,
    )
    told = [[""] * len(gates.columns)] * len(gates)
    if spread is not None:
        told = [[over_seeds(value) for value in row] for row in spread.loc[gates.index, gates.columns].to_numpy(dtype=float).tolist()]
    rows, columns = (grid.ravel() for grid in np.meshgrid(down, across, indexing="ij"))
    names, media = [str(r) for r in gates.index], [str(m) for m in gates.columns]
    # A heat map selects nothing in Streamlit, so clear points on its cells take the clicks.
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="markers",
        customdata=[
            [f"rxn:{names[i]}", plain(names[i]), plain(media[j]), values[i, j], shown[i, j], told[i][j]] for i, j in zip(rows, columns, strict=True)
        ],
        hovertemplate="%{customdata[1]} on %{customdata[2]}<br>gate %{customdata[3]:.3f}%{customdata[5]}"
        + ("<br>minus mean %{customdata[4]:+.3f}" if centred else "")
        + "<extra></extra>",
        marker={"symbol": "square", "size": 14, "color": "rgba(0,0,0,0)"},
        row=2,
        col=2,
    )
    for tree, row, column, upright in ((clustered.columns, 1, 2, True), (clustered.rows, 2, 1, False)):
        if tree is not None:
            figure.add_scatter(**_brackets(tree, upright), row=row, col=column)
    chosen = (selected or "").removeprefix("rxn:")
    labels = [f"<b>{plain(n)}</b>" if n == chosen else plain(n) for n in names]
    figure.update_xaxes(range=[-0.5, len(media) - 0.5], tickvals=across, ticktext=[plain(m) for m in media], tickangle=-40, row=2, col=2)
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], row=2)
    figure.update_yaxes(tickvals=down, ticktext=labels, showticklabels=True, side="right", tickfont={"size": 11}, row=2, col=2)
    figure.update_yaxes(showticklabels=False, row=2, col=1)
    figure.update_xaxes(showticklabels=False, autorange="reversed", row=2, col=1)
    figure.update_xaxes(showticklabels=False, row=1)
    figure.update_yaxes(showticklabels=False, row=1)
    figure.update_xaxes(showgrid=False, zeroline=False)
    figure.update_yaxes(showgrid=False, zeroline=False)
    alt = f"Heat map of {words} for {len(names)} reactions on {len(media)} media, both clustered."
    figure = finished(figure, "Gates on each medium", alt, height=height)
    return figure.update_layout(clickmode="event+select", hovermode="closest", margin={"t": 110})


def growth_bars(growth: pd.DataFrame) -> go.Figure:
    """Growth on each medium, predicted and by FBA, as pairs of bars; no bar where FBA finds no flux distribution."""
    import plotly.graph_objects as go

    names = [plain(m) for m in growth.index]
    whiskers = {"type": "data", "array": growth["predicted_sd"], "color": CASING} if growth["predicted_sd"].notna().any() else None
    bars = [
        go.Bar(
            x=growth[column],
            y=names,
            orientation="h",
            name=name,
            marker={"color": colour, "line": {"color": CASING, "width": 1}},
            error_x=error,
            texttemplate="%{x:.3f}",
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: " + name + " %{x:.3f} /h<extra></extra>",
        )
        for column, name, colour, error in (("fba", "FBA", CIVIDIS[5], None), ("predicted", "network", CIVIDIS[1], whiskers))
    ]
    alt = f"Growth on {len(names)} media as the network predicts it and as FBA finds it."
    figure = finished(go.Figure(bars), "Growth on each medium", alt, height=150 + 34 * len(names))
    legend = {"orientation": "h", "traceorder": "reversed", "yanchor": "bottom", "y": 1.0, "x": 0}
    figure.update_layout(barmode="group", showlegend=True, legend=legend, margin={"t": 80})
    figure.update_xaxes(title="growth (1/h)", rangemode="tozero")
    return figure.update_yaxes(autorange="reversed", type="category", automargin=True)


def _ends(quantity: str, values: np.ndarray) -> tuple[float, float, tuple[str, ...]]:
    """The one scale of A and B."""
    if quantity in ("gate", "ratio"):
        return 0.0, 1.0 if quantity == "gate" else max(1.0, float(np.nanmax(values))), CIVIDIS
    if quantity == "attention":
        return -ATTENTION_LIMIT, ATTENTION_LIMIT, DIVERGING
    largest = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    return (0.0, largest or 1.0, CIVIDIS) if quantity == "message" else (-(largest or 1.0), largest or 1.0, DIVERGING)


def _brackets(tree: Tree, upright: bool) -> dict[str, Any]:
    """One line trace for a tree, its joins parted by gaps."""
    gap = np.full((len(tree.place), 1), np.nan)
    place, height = (np.hstack([part, gap]).ravel() for part in (tree.place, tree.height))
    x, y = (place, height) if upright else (height, place)
    return {"x": x, "y": y, "mode": "lines", "line": {"color": CASING, "width": 1}, "hoverinfo": "skip"}


def _outliers(names: list[str], x: np.ndarray, y: np.ndarray, count: int, selected: str | None) -> list[tuple[str, float, float, dict[str, Any]]]:
    """Names for the points that moved furthest in x, y or both (scaled to -1 to 1), those too close to one named already left out."""
    far = np.maximum(np.abs(x) + np.abs(y) / 2, np.abs(y) + np.abs(x) / 2)
    chosen = [i for i, name in enumerate(names) if f"rxn:{name}" == selected]
    for i in np.argsort(-far, kind="stable").tolist():
        if len(chosen) >= count or far[i] == 0:
            break
        crowd = (np.abs(y - y[i]) < 0.04) & (np.sign(x - x[i]) == np.sign(x[i])) & (np.abs(x - x[i]) < 0.3)
        if i not in chosen and not crowd.any() and all(abs(y[i] - y[j]) > 0.07 or abs(x[i] - x[j]) > 0.35 for j in chosen):
            chosen.append(i)
    return [(names[i], float(x[i]), float(y[i]), _beside_point(float(x[i]))) for i in chosen]


def _beside_point(x: float) -> dict[str, Any]:
    """A label away from the middle, where most points are, unless it would leave the plot."""
    right = (x > 0) == (abs(x) < 0.7)
    return {"xanchor": "left" if right else "right", "xshift": 9 if right else -9, "yanchor": "middle"}
