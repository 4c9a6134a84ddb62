"""A genome-scale model at a glance: its subsystems as circles, never a hairball of reactions."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.viz.colour import ACCENT, CASING, CIVIDIS
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from core.metabolic.tables import ModelTables

_CELL_WIDTH, _CELL_HEIGHT = 70.0, 100.0
"""A circle with its label takes this much on the narrowest screen, px."""
_SHAPE = 0.55
"""Width to height of the drawing on that screen."""
_STRONGEST = 2
"""Links kept per subsystem."""


def subsystem_table(tables: ModelTables, subsystems: Sequence[str], reactions: pd.DataFrame) -> pd.DataFrame:
    """One row per subsystem, largest first.

    Args:
        tables: the model, E reactions.
        subsystems: E names, "" for none.
        reactions: one row per reaction with columns reaction, gate, message.

    Returns:
        columns subsystem, reactions (how many), gate (mean), gate_sd, message (mean |message|).
    """
    names = pd.DataFrame({"reaction": tables.reactions, "subsystem": [name or "no subsystem" for name in subsystems]})
    joined = names.merge(reactions[["reaction", "gate", "message"]], on="reaction", how="left")
    grouped = joined.groupby("subsystem", sort=True)
    table = grouped.agg(reactions=("reaction", "size"), gate=("gate", "mean"), message=("message", "mean")).reset_index()
    table.insert(3, "gate_sd", grouped["gate"].std(ddof=0).to_numpy())
    return table.sort_values(["reactions", "subsystem"], ascending=[False, True], ignore_index=True)


def subsystem_links(tables: ModelTables, subsystems: Sequence[str], currency: Collection[str] = ()) -> pd.DataFrame:
    """Pairs of subsystems and how many metabolites they share that are no currency: columns first, second, shared; most first."""
    names, of_reaction = np.unique([name or "no subsystem" for name in subsystems], return_inverse=True)
    touches = np.zeros((tables.shape[0], len(names)), dtype=np.int64)
    touches[tables.rows, of_reaction[tables.cols]] = 1
    touches[np.isin(np.array(tables.metabolites), list(currency))] = 0
    shared = touches.T @ touches
    first, second = np.triu_indices(len(names), k=1)
    some = shared[first, second] > 0
    links = pd.DataFrame({"first": names[first[some]], "second": names[second[some]], "shared": shared[first[some], second[some]]})
    return links.sort_values(["shared", "first", "second"], ascending=[False, True, True], ignore_index=True)


def overview_figure(subsystems: pd.DataFrame, links: pd.DataFrame, *, selected: str | None = None) -> go.Figure:
    """Subsystems as circles: area by number of reactions, colour by mean gate on 0 to 1, lines by shared metabolites.

    Related subsystems stand close. Each circle has a place of its own on a grid, every other column half a row
    lower, so circles and labels stay apart at any width from 350 px. Each point's customdata holds its entity id, "sub:NAME".

    Args:
        subsystems: from :func:`subsystem_table`.
        links: from :func:`subsystem_links`; the two strongest of each subsystem are drawn.
        selected: entity id of the subsystem to outline.
    """
    import plotly.graph_objects as go

    names = subsystems["subsystem"].tolist()
    places, columns = _places(names, links)
    at = dict(zip(names, places, strict=True))
    figure = go.Figure()
    for width, pairs in _kept(links):
        xs = [v for a, b in pairs for v in (at[a][0], at[b][0], None)]
        ys = [v for a, b in pairs for v in (at[a][1], at[b][1], None)]
        figure.add_scatter(x=xs, y=ys, mode="lines", line={"width": width, "color": "rgba(128,128,128,0.4)"}, hoverinfo="skip", showlegend=False)
    largest = max(1, int(subsystems["reactions"].max())) if names else 1
    sizes = 14 + 32 * np.sqrt(subsystems["reactions"].to_numpy() / largest)
    chosen = [f"sub:{name}" == selected for name in names]
    hover = [
        f"<b>{plain(str(row.subsystem))}</b><br>{row.reactions} reactions"
        f"<br>mean gate {row.gate:.3f} (sd {row.gate_sd:.3f})<br>mean |message| {row.message:.3g}"
        for row in subsystems.itertuples()
    ]
    figure.add_scatter(
        x=places[:, 0],
        y=places[:, 1],
        mode="markers+text",
        text=[_label(name) for name in names],
        textposition="bottom center",
        textfont={"size": 10},
        customdata=[[f"sub:{name}"] for name in names],
        hovertext=hover,
        hoverinfo="text",
        showlegend=False,
        marker={
            "size": sizes,
            "opacity": 1.0,
            "color": subsystems["gate"],
            "cmin": 0,
            "cmax": 1,
            "colorscale": list(CIVIDIS),
            "line": {"width": [4 if c else 1 for c in chosen], "color": [ACCENT if c else CASING for c in chosen]},
            "colorbar": {
                "title": {"text": "mean gate (0 to 1, fixed)", "side": "top"},
                "orientation": "h",
                "thickness": 10,
                "len": 0.9,
                "y": -0.02,
                "yanchor": "top",
            },
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )
    lowest = float(places[:, 1].max(initial=0.0))
    figure.update_xaxes(visible=False, range=[-0.65, columns - 0.35], fixedrange=True)
    figure.update_yaxes(visible=False, range=[lowest + 0.75, -0.35], fixedrange=True)
    alt = f"Overview of {len(names)} subsystems as circles sized by their number of reactions and coloured by mean gate."
    figure = finished(figure, "Subsystems by size and mean gate", alt, height=int((lowest + 1.1) * _CELL_HEIGHT) + 100)
    return figure.update_layout(margin={"l": 4, "r": 4, "t": 40, "b": 60}, clickmode="event+select", dragmode=False)


def _label(name: str) -> str:
    lines = [line.replace("/ ", "/") for line in textwrap.wrap(name.replace("/", "/ "), 15)]
    kept = lines[:3] if len(lines) <= 3 else [*lines[:2], lines[2][:13] + "…"]
    return "<br>".join(plain(line) for line in kept)


def _kept(links: pd.DataFrame) -> list[tuple[float, list[tuple[str, str]]]]:
    """The strongest links in four classes of line width."""
    if links.empty:
        return []
    count: dict[str, int] = {}
    classes: dict[float, list[tuple[str, str]]] = {}
    most = float(links["shared"].max())
    for first, second, shared in links[["first", "second", "shared"]].itertuples(index=False):
        if min(count.get(first, 0), count.get(second, 0)) >= _STRONGEST:
            continue
        count[first], count[second] = count.get(first, 0) + 1, count.get(second, 0) + 1
        classes.setdefault(1.0 + 1.5 * math.floor(3.999 * math.sqrt(shared / most)), []).append((first, second))
    return sorted(classes.items())


def _places(names: list[str], links: pd.DataFrame) -> tuple[np.ndarray, int]:
    """[n, 2] column and row of each subsystem, and the number of columns: strongly linked ones close together."""
    from scipy.optimize import linear_sum_assignment

    n = len(names)
    if n == 0:
        return np.zeros((0, 2)), 1
    columns = max(1, min(5, round(math.sqrt(n * _SHAPE * _CELL_HEIGHT / _CELL_WIDTH))))
    rows = math.ceil(n / columns)
    index = {name: i for i, name in enumerate(names)}
    shared = np.zeros((n, n))
    for first, second, count in links[["first", "second", "shared"]].itertuples(index=False):
        shared[index[first], index[second]] = shared[index[second], index[first]] = count
    total = np.maximum(shared.sum(axis=1), 1)
    distance = 1 - shared / np.sqrt(total[:, None] * total[None, :])
    np.fill_diagonal(distance, 0)
    squared = distance**2
    centred = -0.5 * (squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean())
    axes = np.linalg.eigh(centred)[1][:, ::-1][:, :2]
    axes = axes if axes.shape[1] == 2 else np.zeros((n, 2))
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1, 1)
    rank = np.argsort(np.argsort(axes, axis=0, kind="stable"), axis=0) / max(1, n - 1)
    cells = np.array([(c, r) for r in range(rows) for c in range(columns)], dtype=float)
    target = cells / np.maximum(1, [columns - 1, rows - 1])
    cost = ((rank[:, None, ::-1] - target[None, :, :]) ** 2).sum(axis=2)
    mine = cells[linear_sum_assignment(cost)[1]]
    return mine + np.column_stack([np.zeros(n), np.where(mine[:, 0] % 2 == 1, 0.5, 0.0)]), columns
