"""A genome-scale model at a glance: its subsystems as circles, never a hairball of reactions."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from core.viz.colour import scale_for
from core.viz.view import NetworkView, ViewLink, ViewNode, over_seeds

if TYPE_CHECKING:
    from core.metabolic.tables import ModelTables


class Grid(NamedTuple):
    """Columns at most, and px that a circle with its label takes."""

    columns: int
    width: float
    height: float


WIDE, NARROW = Grid(7, 108.0, 100.0), Grid(4, 84.0, 104.0)
_WRAP = 14
"""Characters in a line of a label."""
_STRONGEST = 2
"""Links kept per subsystem."""


def subsystem_table(tables: ModelTables, subsystems: Sequence[str], reactions: pd.DataFrame, seeds: np.ndarray | None = None) -> pd.DataFrame:
    """One row per subsystem, largest first.

    Args:
        tables: the model, E reactions.
        subsystems: E names, "" for none.
        reactions: one row per reaction with columns reaction, gate, message.
        seeds: [S, E] mean gate of each reaction in each network of an ensemble.

    Returns:
        columns subsystem, reactions (how many), gate (mean), gate_sd (over its reactions), gate_seed_sd (of the mean, over seeds, ddof 1; nan
        for a single network), message (mean |message|).
    """
    names = pd.DataFrame({"reaction": tables.reactions, "subsystem": [name or "no subsystem" for name in subsystems]})
    joined = names.merge(reactions[["reaction", "gate", "message"]], on="reaction", how="left")
    grouped = joined.groupby("subsystem", sort=True)
    table = grouped.agg(reactions=("reaction", "size"), gate=("gate", "mean"), message=("message", "mean")).reset_index()
    table.insert(3, "gate_sd", grouped["gate"].std(ddof=0).to_numpy())
    means = None if seeds is None else pd.DataFrame(seeds.T).groupby(names["subsystem"].to_numpy(), sort=True).mean()
    table.insert(4, "gate_seed_sd", np.nan if means is None else means.std(axis=1, ddof=1).to_numpy())
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


def overview_view(
    subsystems: pd.DataFrame, links: pd.DataFrame, *, selected: str | None = None, over: str = "mean over heads and layers"
) -> NetworkView:
    """Subsystems as circles: area by number of reactions, colour by mean gate on 0 to 1, lines by shared metabolites.

    Related subsystems stand close. Each circle has a place of its own on a grid, every other column half a row lower, with a
    second grid of fewer columns for screens too narrow for the first. The entity of a circle is "sub:NAME".

    Args:
        subsystems: from :func:`subsystem_table`.
        links: from :func:`subsystem_links`; the two strongest of each subsystem are drawn.
        selected: entity id of the subsystem to outline.
        over: which layers and heads the gates speak of, for the legend.
    """
    scale = scale_for("gate", over=f"mean over the reactions of a subsystem, {over}")
    names = subsystems["subsystem"].tolist()
    wide, narrow = _places(names, links, WIDE), _places(names, links, NARROW)
    largest = max(1, int(subsystems["reactions"].max())) if names else 1
    columns = (subsystems[c].tolist() for c in ("reactions", "gate", "gate_sd", "gate_seed_sd", "message"))
    nodes = []
    for name, count, gate, spread, seed_sd, message, at, slim in zip(names, *columns, wide.tolist(), narrow.tolist(), strict=True):
        entity, size = f"sub:{name}", 14 + 32 * math.sqrt(count / largest)
        said = f"mean gate {gate:.3f}{over_seeds(seed_sd)} (its reactions differ by {spread:.3f})"
        words = (name, f"{count} reactions", said, f"mean |message| {message:.3g}")
        nodes.append(
            ViewNode(
                entity,
                entity,
                "subsystem",
                _label(name),
                at[0],
                at[1],
                size,
                size,
                11.0,
                False,
                False,
                entity == selected,
                words,
                scale.colour(gate),
                (slim[0], slim[1]),
            )
        )
    joined = tuple(ViewLink(f"sub:{a}", f"sub:{b}", width, (f"{a} and {b} share {shared} metabolites",)) for width, a, b, shared in _kept(links))
    return NetworkView(tuple(nodes), (), scale, (), selected, joined)


def _label(name: str) -> str:
    lines = [line.replace("/ ", "/") for line in textwrap.wrap(name.replace("/", "/ "), _WRAP, break_long_words=False)]
    kept = lines[:3] if len(lines) <= 3 else [*lines[:2], lines[2] + "…"]
    return "\n".join(line if len(line) <= _WRAP + 2 else line[: _WRAP - 1] + "…" for line in kept)


def _kept(links: pd.DataFrame) -> list[tuple[float, str, str, int]]:
    """The strongest links: width in px, the two names, metabolites shared."""
    count: dict[str, int] = {}
    kept: list[tuple[float, str, str, int]] = []
    most = float(links["shared"].max()) if len(links) else 1.0
    for first, second, shared in links[["first", "second", "shared"]].itertuples(index=False):
        if min(count.get(first, 0), count.get(second, 0)) >= _STRONGEST:
            continue
        count[first], count[second] = count.get(first, 0) + 1, count.get(second, 0) + 1
        kept.append((round(1 + 5 * math.sqrt(shared / most), 2), first, second, int(shared)))
    return kept


def _places(names: list[str], links: pd.DataFrame, grid: Grid) -> np.ndarray:
    """[n, 2] centre of each subsystem in px: strongly linked ones close together."""
    from scipy.optimize import linear_sum_assignment

    n = len(names)
    if n == 0:
        return np.zeros((0, 2))
    columns = max(1, min(grid.columns, round(math.sqrt(n * grid.columns / 5))))
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
    lowered = mine + np.column_stack([np.zeros(n), np.where(mine[:, 0] % 2 == 1, 0.5, 0.0)])
    return np.round(lowered * (grid.width, grid.height), 2)
