"""Solved conditions as the network takes them: features computed batch by batch, so that a genome-scale set fits in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.metabolic.condition import as_networks_read
from core.metabolic.features import metabolite_features, reaction_features
from core.metabolic.tables import ModelTables
from core.models.network import NetworkOutput, ReactionNetwork
from core.train.samples import Samples


@dataclass(frozen=True, eq=False)
class Batch:
    """n conditions of one model: x [n, V, F], u [n, E, F_u], lower, upper, objective [n, E], target = asinh(flux) [n, E]."""

    x: Tensor
    u: Tensor
    lower: Tensor
    upper: Tensor
    objective: Tensor
    target: Tensor


@dataclass(frozen=True, eq=False)
class Hyperedges:
    """What all conditions of a model share: ``index`` [2, K], ``stoich`` [K], and S [V, E] and the column sums of |S| [E] for steady state."""

    index: Tensor
    stoich: Tensor
    matrix: Tensor
    turnover: Tensor

    @classmethod
    def of(cls, tables: ModelTables, device: torch.device | str) -> Hyperedges:
        """Those of a model, on a device."""
        index = torch.stack([torch.from_numpy(tables.rows), torch.from_numpy(tables.cols)])
        stoich = torch.from_numpy(tables.stoich).float()
        matrix = torch.sparse_coo_tensor(index, stoich, tables.shape[:2], check_invariants=True).coalesce()
        turnover = torch.zeros(tables.shape[1]).index_add(0, index[1], stoich.abs())
        return cls(*(t.to(device) for t in (index, stoich, matrix, turnover)))

    def imbalance(self, flux: Tensor, *, least: float = 1e-6) -> Tensor:
        """[...] how far fluxes [..., E] are from steady state: sum |S v| over metabolites / sum |S| |v|; 0 is balanced, at most 1.

        Args:
            least: the least turnover sum |S| |v| that is divided by. In training a large one keeps conditions that hardly carry flux from
                outweighing all others.
        """
        flat = flux.float().reshape(-1, flux.shape[-1])
        left = torch.sparse.mm(self.matrix, flat.T).abs().sum(0)
        return (left / (flat.abs() @ self.turnover).clamp_min(least)).view(flux.shape[:-1])


def batch_of(tables: ModelTables, samples: Samples, rows: np.ndarray, device: torch.device | str = "cpu") -> Batch:
    """Features and targets of some samples."""
    bounds = as_networks_read(tables, samples.bounds(rows))
    plain = (bounds.lower, bounds.upper, bounds.objective, np.arcsinh(samples.fluxes[rows]))
    tensors = [torch.from_numpy(metabolite_features(tables, bounds)), torch.from_numpy(reaction_features(tables, bounds))]
    tensors += [torch.from_numpy(values.astype(np.float32)) for values in plain]
    return Batch(*(t.to(device) for t in tensors))


def run_batch(network: ReactionNetwork, edges: Hyperedges, batch: Batch, *, return_trace: bool = False) -> NetworkOutput:
    """One forward pass."""
    return network(
        batch.x, batch.u, edges.index, edges.stoich, lower=batch.lower, upper=batch.upper, objective=batch.objective, return_trace=return_trace
    )


@torch.no_grad()
def predict_samples(
    network: ReactionNetwork, tables: ModelTables, samples: Samples, *, device: torch.device | str = "cpu", cells: int = 60_000
) -> tuple[np.ndarray, np.ndarray]:
    """Growth [N] and fluxes [N, E] predicted for many conditions; ``cells`` bounds conditions x reactions of one pass."""
    edges = Hyperedges.of(tables, device)
    chunk = max(1, cells // tables.shape[1])
    outs = [
        run_batch(network, edges, batch_of(tables, samples, rows, device))
        for rows in np.split(np.arange(len(samples)), range(chunk, len(samples), chunk))
    ]
    return torch.cat([o.growth for o in outs]).cpu().double().numpy(), torch.cat([o.flux for o in outs]).cpu().double().numpy()


def reaction_weights(spread: np.ndarray, floor: float) -> np.ndarray:
    """[E] loss weights from the standard deviation of each reaction's target: standardised above ``floor``, 0 where nothing varies, mean 1."""
    weight = np.where(spread > 1e-3, np.maximum(spread, floor) ** -2.0, 0.0)
    return weight / weight.mean()
