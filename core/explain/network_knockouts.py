"""What a trained network predicts of growth when one gene or reaction is lost: its own knock-out screen, without FBA."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from core.errors import Cancelled
from core.explain.gene_rules import counted_reactions
from core.metabolic.condition import ConditionBounds
from core.metabolic.features import metabolite_features, reaction_features
from core.metabolic.flux_balance import NO_GROWTH
from core.metabolic.hypergraph import MetabolicHypergraph, build_hypergraph
from core.metabolic.rules import closed_by, reactions_by_gene
from core.metabolic.tables import ModelTables
from core.models.prediction import Checkpoint, open_checkpoint, run_network

if TYPE_CHECKING:
    from core.metabolic.condition import Medium
    from core.metabolic.kinetics import Kinetics

INCIDENCES_AT_ONCE = 60_000
"""Conditions are run together until they hold this many incidences."""


def network_knockouts(
    tables: ModelTables,
    checkpoint: Checkpoint,
    entities: Sequence[str] | None = None,
    *,
    level: str = "gene",
    medium: str | Medium | None = None,
    knockouts: Iterable[str] = (),
    objective: str | None = None,
    kinetics: Kinetics | None = None,
    device: str = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> pd.Series:
    """Predicted growth without each gene or reaction, as a share of the predicted growth with all of them.

    A knock-out closes the bounds of the reactions that the gene's rules close (or of the reaction) and sets their flag; everything that
    follows from the bounds follows, as for a condition the network was trained on. This is not occlusion, which masks messages.

    Args:
        entities: gene ids, or reaction ids with ``level`` "reaction"; None is all with a reaction that counts
            (:func:`core.explain.gene_rules.counted_reactions`).
        kinetics: kinetic parameters, which only a network that was trained on such reads.
        on_progress: called with (distinct knock-outs done, all).

    Returns:
        [N] by id; nan everywhere where the network predicts no growth to begin with.

    Raises:
        InputError: the condition is not of this model, or the checkpoint cannot be read.
        Cancelled: ``should_stop`` said so.
    """
    network, _ = open_checkpoint(checkpoint)
    knockouts = tuple(knockouts)
    graph = build_hypergraph(tables, medium=medium, knockouts=knockouts, objective=objective, kinetics=kinetics)
    index = tables.reaction_index()
    chosen = _counted(tables, level) if entities is None else entities
    gone = set(knockouts) & set(tables.genes)
    closed = {e: frozenset(closed_by(tables, {e, *gone}) if level == "gene" else (index[e],)) for e in chosen}
    distinct = list(dict.fromkeys([frozenset(), *closed.values()]))
    growth: dict[frozenset[int], float] = {}
    size = max(1, INCIDENCES_AT_ONCE // max(1, len(tables.stoich)))
    for start in range(0, len(distinct), size):
        if should_stop and should_stop():
            raise Cancelled
        batch = distinct[start : start + size]
        with torch.no_grad():
            out = run_network(network, _without(graph, batch), device=device)
        growth |= dict(zip(batch, out.growth.cpu().double().tolist(), strict=True))
        if on_progress:
            on_progress(min(start + size, len(distinct)), len(distinct))
    whole = growth[frozenset()]
    return pd.Series({e: growth[lost] / whole if whole > NO_GROWTH else np.nan for e, lost in closed.items()}, dtype=float)


def knockouts_over_seeds(
    tables: ModelTables,
    networks: Sequence[Checkpoint],
    *,
    level: str = "gene",
    device: str = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    **condition: Any,
) -> pd.DataFrame:
    """:func:`network_knockouts` of every network of an ensemble, the shown one first.

    Args:
        on_progress: called with (knock-outs done, all), those of all networks together.
        condition: medium, knockouts, objective.

    Returns:
        [N, S] by id, a column per network.

    Raises:
        InputError, Cancelled: as there.
    """
    columns = {}
    for i, network in enumerate(networks):

        def told(done: int, total: int, before: int = i) -> None:
            if on_progress:
                on_progress(before * total + done, len(networks) * total)

        columns[i] = network_knockouts(tables, network, level=level, device=device, on_progress=told, should_stop=should_stop, **condition)
    return pd.DataFrame(columns)


def _counted(tables: ModelTables, level: str) -> list[str]:
    counts = counted_reactions(tables)
    if level == "gene":
        reached = reactions_by_gene(tables)
        return [gene for gene in tables.genes if any(counts[e] for e in reached.get(gene, ()))]
    return [r for r, counted in zip(tables.reactions, counts, strict=True) if counted]


def _without(graph: MetabolicHypergraph, batch: Sequence[frozenset[int]]) -> MetabolicHypergraph:
    """The hypergraph under B conditions at once, each with some reactions closed."""
    bounds = graph.bounds
    lost = np.zeros((len(batch), len(graph.reactions)), dtype=bool)
    for row, closed in enumerate(batch):
        lost[row, list(closed)] = True
    several = ConditionBounds(
        np.where(lost, 0.0, bounds.lower),
        np.where(lost, 0.0, bounds.upper),
        np.broadcast_to(bounds.objective, lost.shape).copy(),
        bounds.knocked_out | lost,
        np.where(lost, 0.0, bounds.uptake),
    )
    x, u = metabolite_features(graph.tables, several), torch.from_numpy(reaction_features(graph.tables, several))
    kinetic = graph.u[:, u.shape[-1] :].expand(len(batch), -1, -1)
    return replace(graph, x=torch.from_numpy(x), u=torch.cat([u, kinetic], dim=-1), bounds=several)
