"""One reaction taken apart: every factor of every message, as the convolution itself computes it.

Nothing here is computed beside the layer: a :class:`~core.models.conv.StoichHypergraphConv` gets the weights that are asked for and says what it did.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from core.errors import InputError
from core.metabolic.hypergraph import MetabolicHypergraph
from core.models.conv import IncidenceTrace, StoichHypergraphConv
from core.models.network import ACTIVATIONS, Mix, ReactionNetwork
from core.models.prediction import run_network

Normalization = Literal["stoichiometric", "count", "none"]
Magnitude = Literal["linear", "sqrt", "log1p"]
Verdict = Literal["nothing", "cancels", "same", "apart"]
ROUNDING = 1e-12
"""A difference below this share of the numbers it is made of is rounding."""


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

    @property
    def passed(self) -> Tensor:
        """[F'] sum of the sizes of the messages, which is what z would be at most."""
        return self.messages.abs().sum(0)

    @property
    def settled(self) -> Tensor:
        """[F'] z, with 0 where only rounding is left of the messages."""
        return torch.where(self.z.abs() <= ROUNDING * self.passed, 0.0, self.z)

    @property
    def cancels(self) -> bool:
        """Whether there are messages, and their sum is 0 in every unit, but for rounding."""
        return bool(self.passed.any()) and not bool(self.settled.any())


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
        """[F'] the layer's order: messages are gated and added up, then comes the activation, act(sum of g m)."""
        return self.gated.state

    @property
    def gate_after(self) -> Tensor:
        """[F'] the other order, which is not the layer's: g act(sum of m)."""
        return self.gate * self.ungated.state

    @property
    def orders_agree(self) -> bool:
        """Whether both orders give the same numbers, but for rounding."""
        return bool(((self.gate_before - self.gate_after).abs() <= ROUNDING * self.ungated.passed).all())


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


def direction_read(there: Passes, back: Passes) -> Verdict:
    """Whether what the metabolites hear tells a reaction from the same one written backwards.

    Returns:
        "nothing": no message is passed. "cancels": the messages add up to 0, written either way. "same": the metabolites hear the same.
        "apart": they hear something else.
    """
    if not there.passed.any():
        return "nothing"
    if there.cancels:
        return "cancels"
    largest = torch.maximum(there.h.abs().max(), back.h.abs().max())
    return "same" if (there.h - back.h).abs().max() <= ROUNDING * largest else "apart"


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
class Step:
    """What a trained network makes of the sum z of a reaction's messages, before the way back (:class:`~core.models.network.Mix`).

    Attributes:
        z, normed: [F] the sum in the units of one head, and the same after the layer norm over all units.
        before, after: [F] the reaction's own state in these units, before and after the step.
        met: [width] what the activation meets, a mix of all units of all heads; left: [width] what it leaves of that.
    """

    z: Tensor
    normed: Tensor
    before: Tensor
    after: Tensor
    met: Tensor
    left: Tensor


@dataclass(frozen=True, eq=False)
class Trained:
    """The K messages to one reaction, and back, in a layer and head of F units of a trained network.

    Attributes:
        table: one row an incidence: ``metabolite``, ``coefficient``, ``size`` (what stands for |s|), ``gate``, ``attention`` (of a network with
            attention), ``B``, and lengths: ``value`` (of x W), ``ungated`` (of the message were the gate 1), ``message`` (of what is passed)
            and ``back`` (of what the metabolite hears of the reaction).
        values: [K, F] x W; messages, replies: [K, F] to the reaction, and to each metabolite; signs: [K] sgn(s).
        step: what the reaction makes of the sum.
        heard: the length of the sum, which is what the reaction hears.
        size: what stands for |s|, "linear", "sqrt" or "log1p"; attention: among what it is a share, "reaction", "metabolite" or None.
    """

    table: pd.DataFrame
    values: Tensor
    messages: Tensor
    replies: Tensor
    signs: Tensor
    step: Step
    heard: float
    size: Magnitude
    attention: str | None

    @property
    def ungated(self) -> Tensor:
        """[K, F] the messages were every gate of this layer 1; nan where a gate is 0."""
        gate = torch.from_numpy(self.table["gate"].to_numpy(copy=True)).unsqueeze(1)
        return torch.where(gate > 0, self.messages / gate, torch.nan)


def trained_messages(
    network: ReactionNetwork, graph: MetabolicHypergraph, reaction: str, layer: int, head: int, *, backwards: bool = False, device: str = "cpu"
) -> Trained:
    """What a trained network passes to a reaction, as its layer says itself.

    Args:
        layer, head: counted from 1.
        backwards: the signs of the reaction's coefficients are turned, for every layer; its bounds and features stay.

    Raises:
        InputError: there is no such reaction, layer or head.
    """
    index, config = graph.tables.reaction_index(), network.config
    if reaction not in index:
        raise InputError(f"{graph.tables.id} has no reaction {reaction!r}; choose one of its reactions.")
    if not (1 <= layer <= config.layers and 1 <= head <= config.heads):
        raise InputError(f"The network has {config.layers} layers of {config.heads} heads; choose one of them, counted from 1.")
    e = index[reaction]
    rows = (graph.hyperedge_index[1] == e).nonzero().squeeze(1)
    if backwards:
        graph = replace(graph, stoich=graph.stoich.index_copy(0, rows, -graph.stoich[rows]))
    trace, said, step = _watched(network, graph, e, layer, head, device)
    there, back = trace.to_reaction, trace.to_metabolite

    def of(values: Tensor) -> Tensor:
        found = values[rows.to(values.device)]
        return (found if values.dim() == 1 else found[:, head - 1]).detach().cpu().double()

    factors = {"size": of(trace.magnitude).numpy(), "gate": of(trace.gate).numpy()}
    if trace.attention is not None:
        factors["attention"] = of(trace.attention).numpy()
    values, messages = said[graph.hyperedge_index[0][rows]], of(there.message)
    lengths, gate = of(there.message_norm).numpy(), factors["gate"]
    table = pd.DataFrame(
        {
            "metabolite": [graph.metabolites[v] for v in graph.hyperedge_index[0][rows].tolist()],
            "coefficient": graph.stoich[rows].double().numpy(),
            **factors,
            "B": of(there.norm).numpy(),
            "value": values.norm(dim=1).numpy(),
            "ungated": np.divide(lengths, gate, out=np.full_like(lengths, np.nan), where=gate > 0),
            "message": lengths,
            "back": of(back.message_norm).numpy(),
        }
    )
    return Trained(table, values, messages, of(back.message), of(trace.sign), step, float(messages.sum(0).norm()), config.magnitude, config.attention)


@torch.no_grad()
def _watched(network: ReactionNetwork, graph: MetabolicHypergraph, e: int, layer: int, head: int, device: str) -> tuple[IncidenceTrace, Tensor, Step]:
    """Trace of a layer, x W of its head [V, F], and its step at reaction ``e``; on a copy, for the network may be shared."""
    said: list[Tensor] = []
    steps: list[tuple[Tensor, ...]] = []
    config, copy = network.config, deepcopy(network)
    part = copy.layers[0 if config.tied else layer - 1]
    conv, mix = part.conv, part.reaction
    assert isinstance(conv, StoichHypergraphConv) and isinstance(mix, Mix)
    conv.lin.register_forward_hook(lambda _module, _given, out: said.append(out))
    mix.register_forward_hook(lambda _module, given, out: steps.append((*given, out)))
    traces = run_network(copy, graph, device=device, return_trace=True).traces
    assert traces is not None
    call = layer - 1 if config.tied else 0  # tied layers are one module, called once a depth
    z, before, beside, after = (one[e] for one in steps[call])
    normed = mix.norm_news(z)
    met = mix.of_news(normed) + mix.of_state(beside)
    width = config.hidden // config.heads
    units = slice((head - 1) * width, head * width)

    def own(state: Tensor) -> Tensor:
        return state[..., units].cpu().double()

    step = Step(own(z), own(normed), own(before), own(after), met.cpu().double(), mix.act(met).cpu().double())
    return traces[layer - 1], own(said[call]), step
