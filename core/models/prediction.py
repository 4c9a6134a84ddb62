"""What a trained network predicts for a model under a condition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from core.models.checkpoint import Card, load_checkpoint
from core.models.network import NetworkOutput, ReactionNetwork

if TYPE_CHECKING:
    import cobra

    from core.metabolic.condition import Medium
    from core.metabolic.hypergraph import MetabolicHypergraph
    from core.metabolic.tables import ModelTables

Checkpoint = str | Path | tuple[ReactionNetwork, Card]


@dataclass(frozen=True, eq=False)
class Prediction:
    """``growth`` in 1/h (the objective's read-out); ``fluxes`` by reaction id, mmol/gDW/h."""

    growth: float
    fluxes: pd.Series


def open_checkpoint(checkpoint: Checkpoint) -> tuple[ReactionNetwork, Card]:
    """A checkpoint by name or path, or one that is open already."""
    return checkpoint if isinstance(checkpoint, tuple) else load_checkpoint(checkpoint, kind="metabolic")


def run_network(network: ReactionNetwork, graph: MetabolicHypergraph, *, device: str = "cpu", **options: Any) -> NetworkOutput:
    """One functional forward pass on a hypergraph; ``options`` go to :meth:`ReactionNetwork.forward`.

    The network may be shared by many sessions: it is not changed. It has to be on ``device``.
    """
    bounds = {name: torch.from_numpy(getattr(graph.bounds, name)).float().to(device) for name in ("lower", "upper", "objective")}
    return network(graph.x.to(device), graph.u.to(device), graph.hyperedge_index.to(device), graph.stoich.float().to(device), **bounds, **options)


def predict(
    model: cobra.Model | ModelTables, checkpoint: Checkpoint, *, medium: str | Medium | None = None, knockouts: Iterable[str] = ()
) -> Prediction:
    """Growth and fluxes by a trained network.

    Raises:
        InputError: the checkpoint, the medium or a knock-out is unknown.
    """
    from core.metabolic.hypergraph import build_hypergraph

    graph = build_hypergraph(model, medium=medium, knockouts=knockouts)
    network, _ = open_checkpoint(checkpoint)
    with torch.no_grad():
        out = run_network(network, graph)
    return Prediction(float(out.growth), pd.Series(out.flux.double().numpy(), index=list(graph.reactions), name="flux"))
