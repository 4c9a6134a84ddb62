"""How far the seeds of an ensemble disagree: the standard deviation over networks trained alike but from other random numbers.

It is the error bar of a prediction and of a gate that training's own randomness gives; it says nothing of an error all seeds share. Layers and
heads of two seeds have nothing to do with each other, so that only means over layers and heads are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.metabolic.hypergraph import MetabolicHypergraph
from core.models.checkpoint import Card
from core.models.network import ReactionNetwork
from core.models.prediction import run_network


@dataclass(frozen=True, eq=False)
class SeedSpread:
    """What S networks of one ensemble do on a hypergraph; standard deviations with ddof 1, nan for a single network.

    Attributes:
        weights: sha256 of each, the network that is shown first.
        growth: [S] predicted growth, 1/h. flux: [S, E] mmol/gDW/h.
        gate: [S, E] mean gate of each reaction over incidences, layers and heads (nan without an incidence); incidence_gate: [S, K].
    """

    weights: tuple[str, ...]
    growth: np.ndarray
    flux: np.ndarray
    gate: np.ndarray
    incidence_gate: np.ndarray

    @property
    def seeds(self) -> int:
        """S."""
        return len(self.weights)

    @property
    def growth_sd(self) -> float:
        """1/h."""
        return float(_sd(self.growth))

    @property
    def flux_sd(self) -> np.ndarray:
        """[E], mmol/gDW/h."""
        return _sd(self.flux)

    @property
    def gate_sd(self) -> np.ndarray:
        """[E]."""
        return _sd(self.gate)

    @property
    def incidence_gate_sd(self) -> np.ndarray:
        """[K]."""
        return _sd(self.incidence_gate)


@torch.no_grad()
def seed_spread(networks: Sequence[tuple[ReactionNetwork, Card]], graph: MetabolicHypergraph, *, device: str = "cpu") -> SeedSpread:
    """Runs every network of an ensemble on a hypergraph, one forward pass each.

    Args:
        networks: at least one, as :func:`core.models.load_members` gives them, on ``device``.
    """
    growths, fluxes, gates = [], [], []
    for network, _ in networks:
        out = run_network(network, graph, device=device, return_trace=True)
        assert out.traces is not None
        growths.append(float(out.growth))
        fluxes.append(out.flux.cpu().double().numpy())
        gates.append(np.mean([trace.gate.cpu().double().numpy().mean(-1) for trace in out.traces], axis=0))
    of_incidences = np.stack(gates)
    reaction, count = graph.hyperedge_index[1].numpy(), len(graph.reactions)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.bincount(reaction, minlength=count)
        of_reactions = np.stack([np.bincount(reaction, one, minlength=count) / size for one in of_incidences])
    return SeedSpread(tuple(card.weights_sha256 for _, card in networks), np.array(growths), np.stack(fluxes), of_reactions, of_incidences)


def _sd(values: np.ndarray) -> np.ndarray:
    return values.std(0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
