"""What can be measured on one trained network of the ablation: what its activation erases, how far its gates close, what closed gates are worth."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.metabolic.tables import ModelTables
from core.models.network import NetworkOutput
from core.train.arrays import Batch, Hyperedges, batch_of
from core.train.metrics import r2
from core.train.samples import Samples

CLOSED = 0.05
"""A gate below this counts as closed."""
CHUNK = 100
"""Conditions of one pass: a trace holds every message."""


@torch.no_grad()
def activation_figures(network: Any, tables: ModelTables, samples: Samples) -> dict[str, float]:
    r"""What the activation between a layer's two passes erases.

    Between the passes a network computes :math:`\varphi(z, u)`, whose hidden units are :math:`\mathrm{act}(a)` with
    :math:`a = W_n \mathrm{LN}(z) + W_s \mathrm{LN}(u) + b`. Over all layers, reactions, units and the given conditions:

    ``zeroed``: the share of units with act(a) exactly 0. Under ReLU each of them is news of a reaction that does not reach its metabolites (the
    state itself stays: the update is residual).
    ``negative_kept``: sum of \|act(a)\| over sum of \|a\|, both over the units with a < 0: 0 when negative values are erased, 1 when they pass whole.

    Empty for a network without such an update.
    """
    if not any(hasattr(layer, "conv") for layer in getattr(network, "layers", ())):
        return {}
    watched = copy.deepcopy(network)  # the hooks are never on a network that anybody else holds
    seen = np.zeros(4)

    def watch(_: Any, given: tuple[Tensor, ...], out: Tensor) -> None:
        negative = given[0] < 0
        seen[:] += [float((out == 0).sum()), out.numel(), float(out[negative].abs().sum()), float(given[0][negative].abs().sum())]

    for layer in watched.layers:
        layer.reaction.act.register_forward_hook(watch)
    for _ in _passes(watched, tables, samples):
        pass
    return {"zeroed": seen[0] / seen[1], "negative_kept": seen[2] / seen[3] if seen[3] else float("nan")}


@torch.no_grad()
def gate_figures(network: Any, tables: ModelTables, validation: Samples, test: Samples) -> dict[str, float]:
    """How far gates close, and what the network loses when closed ones are dropped; empty for a network without gates.

    ``gate_mean``, ``gate_closed``: mean gate and share below :data:`CLOSED`, over incidences, heads, layers and test conditions.
    ``growth_r2_shut``: growth R2 on test with every closed gate (by layer, head and condition) set to 0.
    ``droppable``: incidences whose gate is closed in every layer, head and validation condition; ``growth_r2_masked``: with those masked
    (normalisation and softmax stay as they were); ``growth_r2_deleted``: with those truly deleted from the hypergraph.
    """
    if getattr(getattr(network, "config", None), "gate", "none") == "none" or not any("gate_" in name for name, _ in network.named_parameters()):
        return {}
    highest = torch.zeros(tables.shape[2])
    for out, _ in _passes(network, tables, validation, return_trace=True):
        for trace in out.traces or ():
            highest = torch.maximum(highest, trace.gate.amax(-1).reshape(-1, len(highest)).amax(0))
    total, growth = np.zeros(3), []
    for out, again in _passes(network, tables, test, return_trace=True):
        gates = [trace.gate for trace in out.traces or ()]
        total += np.sum([[float(g.sum()), float((g < CLOSED).sum()), g.numel()] for g in gates], axis=0)
        growth.append(again(gate_override=[torch.where(g < CLOSED, torch.zeros_like(g), g) for g in gates]).growth.numpy())
    keep = highest >= CLOSED
    edges = Hyperedges.of(tables, "cpu")
    fewer = replace(edges, index=edges.index[:, keep].contiguous(), stoich=edges.stoich[keep])

    def left(**options: Any) -> float:
        return r2(test.growth, np.concatenate([out.growth.numpy() for out, _ in _passes(network, tables, test, **options)]))

    return {
        "gate_mean": total[0] / total[2],
        "gate_closed": total[1] / total[2],
        "growth_r2_shut": r2(test.growth, np.concatenate(growth)),
        "droppable": float((~keep).sum()),
        "growth_r2_masked": left(mask=keep.float()),
        "growth_r2_deleted": left(edges=fewer),
    }


def _passes(
    network: Any, tables: ModelTables, samples: Samples, *, edges: Hyperedges | None = None, **options: Any
) -> Iterator[tuple[NetworkOutput, Callable[..., NetworkOutput]]]:
    """The network's output on :data:`CHUNK` conditions at a time, and how to run the same conditions with other options."""
    on = edges or Hyperedges.of(tables, "cpu")
    for rows in np.split(np.arange(len(samples)), range(CHUNK, len(samples), CHUNK)):
        batch = batch_of(tables, samples, rows)

        def run(batch: Batch = batch, **chosen: Any) -> NetworkOutput:
            bounds = {"lower": batch.lower, "upper": batch.upper, "objective": batch.objective}
            return network(batch.x, batch.u, on.index, on.stoich, **bounds, **chosen)

        yield run(**options), run
