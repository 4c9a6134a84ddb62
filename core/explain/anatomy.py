"""One reaction taken apart: every factor of every message, as the convolution itself computes it.

Nothing here is computed beside the layer: a :class:`~core.models.conv.StoichHypergraphConv` gets the weights that are asked for and says what it did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from core.errors import InputError
from core.metabolic.hypergraph import MetabolicHypergraph
from core.models.conv import IncidenceTrace, StoichHypergraphConv
from core.models.network import ACTIVATIONS, ReactionNetwork
from core.models.prediction import run_network

Normalization = Literal["stoichiometric", "count", "none"]
Magnitude = Literal["linear", "sqrt", "log1p"]


@dataclass(frozen=True, eq=False)
class Passes:
    """What the layer does with one gate, all [.., F'] float64.

    Attributes:
        messages: [K, F'] to the reaction; z: [F'], their sum; state: [F'], act(z), what the reaction says.
        replies: [K, F'] to each metabolite; h: [K, F'] what each of them hears, which has been through the gate twice.
    """

    messages: Tensor
    z: Tensor
    state: Tensor
    replies: Tensor
    h: Tensor


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A reaction of K metabolites under one gate g.

    Attributes:
        values: [K, F'] x W; signs, sizes: [K] sgn(s) and what stands for |s|; per_reaction: B; per_metabolite: [K] D.
        gate: g; gated, ungated: with g and with 1.
    """

    values: Tensor
    signs: Tensor
    sizes: Tensor
    per_reaction: float
    per_metabolite: Tensor
    gate: float
    gated: Passes
    ungated: Passes

    @property
    def gate_before(self) -> Tensor:
        """[F'] the layer's order: messages are gated, then comes the activation, act(g m)."""
        return self.gated.state

    @property
    def gate_after(self) -> Tensor:
        """[F'] the other order, which is not the layer's: g act(m)."""
        return self.gate * self.ungated.state


def take_apart(
    stoich: Tensor,
    x: Tensor,
    weight: Tensor,
    *,
    gate: float,
    activation: str = "gelu",
    normalization: Normalization = "none",
    magnitude: Magnitude = "linear",
) -> Anatomy:
    """A reaction of K metabolites through the layer with one head, without bias and attention.

    Args:
        stoich: [K] coefficients, negative where consumed. x: [K, F] features. weight: [F, F'].
        gate: between 0 and 1. activation: one of :data:`core.models.network.ACTIVATIONS`, between the two passes.

    Raises:
        InputError: a gate outside [0, 1], an unknown activation, or shapes that do not fit.
    """
    if not 0 <= gate <= 1:
        raise InputError(f"The gate is {gate:g}; it lies between 0 and 1.")
    if activation not in ACTIVATIONS:
        raise InputError(f"There is no activation {activation!r}; choose of {', '.join(ACTIVATIONS)}.")
    if x.dim() != 2 or len(stoich) != len(x) or not len(x) or weight.shape[:1] != x.shape[1:]:
        raise InputError("A reaction needs a metabolite, features of each, and a weight with a row for each feature.")
    stoich, x, weight = stoich.double(), x.double(), weight.double()
    count, act = len(stoich), ACTIVATIONS[activation]()
    layer = StoichHypergraphConv(x.shape[1], weight.shape[1], gate="none", normalization=normalization, magnitude=magnitude, bias=False).double()
    index = torch.stack([torch.arange(count), torch.zeros(count, dtype=torch.long)])
    with torch.no_grad():
        layer.lin.weight.copy_(weight.T)
        traces = [_passes(layer, index, stoich, x, act, number) for number in (gate, 1.0)]
    (gated, trace), (ungated, _) = traces
    norms = trace.to_reaction.norm, trace.to_metabolite.norm
    return Anatomy(layer.lin(x).detach(), trace.sign, trace.magnitude, float(norms[0][0]), norms[1], gate, gated, ungated)


def _passes(layer: StoichHypergraphConv, index: Tensor, stoich: Tensor, x: Tensor, act: nn.Module, gate: float) -> tuple[Passes, IncidenceTrace]:
    states: list[Tensor] = []

    def update(z: Tensor, _: Tensor | None) -> Tensor:
        states.append(act(z))
        return states[0]

    h, z, *traces = layer(x, index, stoich, gate_override=gate, update=update, return_trace=True)
    (trace,) = traces
    return Passes(trace.to_reaction.message[:, 0], z[0], states[0][0], trace.to_metabolite.message[:, 0], h), trace


def kept(activation: str, at: Tensor) -> Tensor:
    """[N] an activation at numbers [N]: what it keeps of a negative message, and of a positive one.

    Raises:
        InputError: an unknown activation.
    """
    if activation not in ACTIVATIONS:
        raise InputError(f"There is no activation {activation!r}; choose of {', '.join(ACTIVATIONS)}.")
    found: Tensor = ACTIVATIONS[activation]()(at)
    return found


@dataclass(frozen=True, eq=False)
class Trained:
    """The messages to one reaction in a layer and head of a trained network.

    Attributes:
        table: one row an incidence: ``metabolite``, ``coefficient``, ``size`` (what stands for |s|), ``gate``, ``attention`` (of a network with
            attention), ``B``, ``value`` (the length of x W) and ``message`` (the length of what is passed).
        heard: the length of the sum, which is what the reaction hears.
        size: what stands for |s|, "linear", "sqrt" or "log1p"; attention: among what it is a share, "reaction", "metabolite" or None.
    """

    table: pd.DataFrame
    heard: float
    size: Magnitude
    attention: str | None


def trained_messages(network: ReactionNetwork, graph: MetabolicHypergraph, reaction: str, layer: int, head: int, *, device: str = "cpu") -> Trained:
    """What a trained network passes to a reaction, as its layer says itself.

    Args:
        layer, head: counted from 1.

    Raises:
        InputError: there is no such reaction, layer or head.
    """
    index = graph.tables.reaction_index()
    if reaction not in index:
        raise InputError(f"{graph.tables.id} has no reaction {reaction!r}; choose one of its reactions.")
    with torch.no_grad():
        traces = run_network(network, graph, device=device, return_trace=True).traces
    assert traces is not None
    if not (1 <= layer <= len(traces) and 1 <= head <= traces[0].gate.shape[-1]):
        raise InputError(f"The network has {len(traces)} layers of {traces[0].gate.shape[-1]} heads; choose one of them, counted from 1.")
    trace, rows = traces[layer - 1], (graph.hyperedge_index[1] == index[reaction]).nonzero().squeeze(1).to(device)

    def of(values: Tensor) -> np.ndarray:
        found = values[rows] if values.dim() == 1 else values[rows, head - 1]
        return found.detach().cpu().double().numpy()

    factors = {"size": of(trace.magnitude), "gate": of(trace.gate)}
    if trace.attention is not None:
        factors["attention"] = of(trace.attention)
    factors["B"], lengths = of(trace.to_reaction.norm), of(trace.to_reaction.message_norm)
    scale = np.prod(list(factors.values()), axis=0)
    names = [graph.metabolites[v] for v in graph.hyperedge_index[0][rows.cpu()].tolist()]
    table = pd.DataFrame(
        {
            "metabolite": names,
            "coefficient": graph.stoich[rows.cpu()].double().numpy(),
            **factors,
            "value": np.divide(lengths, scale, out=np.full_like(lengths, np.nan), where=scale > 0),
            "message": lengths,
        }
    )
    heard = float(trace.to_reaction.message[rows, head - 1].sum(0).norm())
    return Trained(table, heard, network.config.magnitude, network.config.attention)
