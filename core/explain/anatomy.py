"""One reaction taken apart: every factor of every message, as the convolution itself computes it.

Nothing here is computed beside the layer: a :class:`~core.models.conv.StoichHypergraphConv` gets the weights that are asked for and says what it did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from core.errors import InputError
from core.models.conv import IncidenceTrace, StoichHypergraphConv
from core.models.network import ACTIVATIONS

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
