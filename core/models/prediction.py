"""What a trained network predicts for a model under a condition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from core.models.checkpoint import Card, load_checkpoint, load_members
from core.models.network import NetworkOutput, ReactionNetwork

if TYPE_CHECKING:
    import cobra

    from core.metabolic.condition import Medium
    from core.metabolic.hypergraph import MetabolicHypergraph
    from core.metabolic.kinetics import Kinetics
    from core.metabolic.tables import ModelTables

Checkpoint = str | Path | tuple[ReactionNetwork, Card]


@dataclass(frozen=True, eq=False)
class Prediction:
    """``growth`` in 1/h (the objective's read-out); ``fluxes`` by reaction id, mmol/gDW/h; both of the checkpoint's own network.

    ``growth_sd`` and ``fluxes_sd`` are standard deviations over the ``seeds`` of its ensemble: nan and None for a single network.
    """

    growth: float
    fluxes: pd.Series
    growth_sd: float = nan
    fluxes_sd: pd.Series | None = None
    seeds: int = 1


def open_checkpoint(checkpoint: Checkpoint) -> tuple[ReactionNetwork, Card]:
    """A checkpoint by name or path, or one that is open already."""
    return checkpoint if isinstance(checkpoint, tuple) else load_checkpoint(checkpoint, kind="metabolic")


def other_members(checkpoint: Checkpoint) -> list[tuple[ReactionNetwork, Card]]:
    """The other seeds of the ensemble of a checkpoint given by name or path; none of one that is open already."""
    return [] if isinstance(checkpoint, tuple) else load_members(checkpoint)[1:]


def run_network(network: ReactionNetwork, graph: MetabolicHypergraph, *, device: str = "cpu", **options: Any) -> NetworkOutput:
    """One functional forward pass on a hypergraph; ``options`` go to :meth:`ReactionNetwork.forward`.

    The network may be shared by many sessions: it is not changed. It has to be on ``device``.
    """
    from core.metabolic.condition import as_networks_read

    given = as_networks_read(graph.tables, graph.bounds)
    bounds = {name: torch.from_numpy(getattr(given, name)).float().to(device) for name in ("lower", "upper", "objective")}
    return network(graph.x.to(device), graph.u.to(device), graph.hyperedge_index.to(device), graph.stoich.float().to(device), **bounds, **options)


def predict(
    model: cobra.Model | ModelTables,
    checkpoint: Checkpoint,
    *,
    medium: str | Medium | None = None,
    knockouts: Iterable[str] = (),
    kinetics: Kinetics | None = None,
    members: Sequence[tuple[ReactionNetwork, Card]] | None = None,
) -> Prediction:
    """Growth and fluxes by a trained network, with their spread over the seeds of its ensemble.

    Args:
        kinetics: kinetic parameters, which only a network that was trained on such reads.
        members: the other seeds; None is all of them where the checkpoint is given by name or path, and none where it is open already.

    Raises:
        InputError: the checkpoint, the medium or a knock-out is unknown.
    """
    from core.metabolic.hypergraph import build_hypergraph

    graph = build_hypergraph(model, medium=medium, knockouts=knockouts, kinetics=kinetics)
    network, _ = open_checkpoint(checkpoint)
    others = other_members(checkpoint) if members is None else members
    with torch.no_grad():
        outs = [run_network(one, graph) for one in (network, *(other for other, _ in others))]
    growth, flux = (torch.stack([getattr(out, name) for out in outs]).double() for name in ("growth", "flux"))
    fluxes = pd.Series(flux[0].numpy(), index=list(graph.reactions), name="flux")
    if not others:
        return Prediction(float(growth[0]), fluxes)
    spread = pd.Series(flux.std(0).numpy(), index=fluxes.index, name="flux_sd")
    return Prediction(float(growth[0]), fluxes, float(growth.std()), spread, len(outs))
