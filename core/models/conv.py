"""The gated stoichiometric hypergraph convolution."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from core.models.incidence import Backend, IncidenceBackend, incidence_backend

Gate = Literal["none", "metabolite", "incidence"]
Attention = Literal["reaction", "metabolite"] | None
Update = Callable[[Tensor, Tensor | None], Tensor]


class PassTrace(NamedTuple):
    """One pass: ``norm`` [..., K], ``message`` [..., K, H, F], ``message_norm`` [..., K, H] (Euclidean)."""

    norm: Tensor
    message: Tensor
    message_norm: Tensor


class IncidenceTrace(NamedTuple):
    """Every factor of every message, per incidence.

    ``gate`` [..., K, H]; ``attention`` [..., K, H] or None; ``sign`` and ``magnitude`` [K]; the two passes
    ``to_reaction`` and ``to_metabolite``.
    """

    gate: Tensor
    attention: Tensor | None
    sign: Tensor
    magnitude: Tensor
    to_reaction: PassTrace
    to_metabolite: PassTrace


class StoichHypergraphConv(nn.Module):
    r"""Gated stoichiometric hypergraph convolution: metabolites to reactions and back along K signed incidences.

    .. math::
        \mathbf{z}_e &= \sum_{k \in e} B_e \, \alpha_{kh} \, g_{kh} \, |s_k| \, \mathrm{sgn}(s_k) \, (\mathbf{x}\mathbf{W})_{v_k,h} \\
        \mathbf{h}_v &= \sum_{k \in v} D_v \, \alpha_{kh} \, g_{kh} \, |s_k| \, \mathrm{sgn}(s_k) \, \varphi(\mathbf{z}, \mathbf{u})_{e_k,h}

    with :math:`B_e = 1/\sum_{k \in e} |s_k|` and :math:`D_v = 1/\sum_{k \in v} |s_k|` (0 where the sum is 0). With gate 'none',
    all coefficients 1 and no update it is the hypergraph convolution of Bai et al., `arXiv:1901.08150
    <https://arxiv.org/abs/1901.08150>`_, as PyG's ``HypergraphConv`` computes it, whose parameter names and shapes it shares.

    The sign acts twice: without an ``update`` between the passes a reaction and its reverse give the same ``h``.

    Args:
        in_channels: F_in, features of a metabolite.
        out_channels: F, features per head.
        heads: H.
        gate: 'none' (g = 1); 'metabolite', :math:`g = \sigma(x_v W_g + b_g)`, one gate per metabolite and head; 'incidence',
            :math:`g_k = \sigma(x_{v_k} W_g + u_{e_k} U_g + \mathrm{sgn}(s_k) c_g + b_g)`, one gate per incidence and head.
        attention: None; 'reaction', a softmax over the incidences of a reaction (PyG's attention_mode 'node');
            'metabolite', over the incidences of a metabolite (PyG's 'edge').
        reaction_channels: features of a reaction (None: reactions carry none).
        normalization: 'stoichiometric'; 'count' (\|s\| replaced by 1 in B and D); 'none' (B = D = 1).
        magnitude: what stands for \|s\| in the message: 'linear', 'sqrt' or 'log1p'.
        concat: concatenate the heads; otherwise average them.
        bias: add a learned bias to ``h``.
        backend: how the sums are computed; 'auto' chooses by size (see :mod:`core.models.incidence`). Or what makes an
            :class:`IncidenceBackend` of the hyperedge index, V and E.

    Shapes:
        - input: x [..., V, F_in], hyperedge_index [2, K] (metabolite, reaction), stoich [K], u [..., E, F_u]
        - output: h [..., V, H*F] and z [..., E, H*F] (F in place of H*F when heads are averaged)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        heads: int = 1,
        gate: Gate = "incidence",
        attention: Attention = None,
        reaction_channels: int | None = None,
        normalization: Literal["stoichiometric", "count", "none"] = "stoichiometric",
        magnitude: Literal["linear", "sqrt", "log1p"] = "linear",
        concat: bool = True,
        bias: bool = True,
        negative_slope: float = 0.2,
        backend: Backend | Callable[[Tensor, int, int], IncidenceBackend] = "auto",
    ) -> None:
        super().__init__()
        _one_of("gate", gate, ("none", "metabolite", "incidence"))
        _one_of("attention", attention, (None, "reaction", "metabolite"))
        _one_of("normalization", normalization, ("stoichiometric", "count", "none"))
        _one_of("magnitude", magnitude, ("linear", "sqrt", "log1p"))
        if not callable(backend):
            _one_of("backend", backend, ("auto", "reference", "dense", "sparse"))
        self.in_channels, self.out_channels, self.heads = in_channels, out_channels, heads
        self.reaction_channels = reaction_channels
        self.gate, self.attention = gate, attention
        self.normalization, self.magnitude = normalization, magnitude
        self.concat, self.negative_slope, self.backend = concat, negative_slope, backend
        self.lin = nn.Linear(in_channels, heads * out_channels, bias=False)
        if attention is not None:
            self.lin_u: nn.Linear | None = nn.Linear(reaction_channels or in_channels, heads * out_channels, bias=False)
            self.att = nn.Parameter(torch.empty(1, heads, 2 * out_channels))
        else:
            self.lin_u = None
            self.register_parameter("att", None)
        self.gate_x = nn.Linear(in_channels, heads) if gate != "none" else None
        self.gate_u = nn.Linear(reaction_channels, heads, bias=False) if gate == "incidence" and reaction_channels else None
        if gate == "incidence":
            self.gate_sign = nn.Parameter(torch.empty(heads))
        else:
            self.register_parameter("gate_sign", None)
        if bias:
            self.bias = nn.Parameter(torch.empty(heads * out_channels if concat else out_channels))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot for weights, zero for biases; gates start near one half."""
        for linear in (self.lin, self.lin_u, self.gate_x, self.gate_u):
            if linear is not None:
                nn.init.xavier_uniform_(linear.weight)
                if linear.bias is not None:
                    nn.init.zeros_(linear.bias)
        if self.att is not None:
            bound = math.sqrt(6.0 / (self.att.size(-2) + self.att.size(-1)))
            nn.init.uniform_(self.att, -bound, bound)
        if self.gate_sign is not None:
            nn.init.zeros_(self.gate_sign)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(
        self,
        x: Tensor,
        hyperedge_index: Tensor,
        stoich: Tensor,
        u: Tensor | None = None,
        *,
        num_hyperedges: int | None = None,
        mask: Tensor | None = None,
        gate_override: Tensor | float | None = None,
        update: Update | None = None,
        back: bool = True,
        return_trace: bool = False,
    ) -> tuple[Tensor, Tensor] | tuple[Tensor, Tensor, IncidenceTrace]:
        """Both passes.

        Args:
            x: [..., V, F_in] metabolite features.
            hyperedge_index: [2, K] long; row 0 the metabolite, row 1 the reaction of each incidence.
            stoich: [K] stoichiometric coefficients.
            u: [..., E, F_u] reaction features, for incidence gates and attention.
            num_hyperedges: E; by default that of ``u``, else the largest reaction index + 1.
            mask: [..., K], multiplies both passes and leaves the normalisation and the softmax as they are.
            gate_override: replaces the gate; a number or a tensor that broadcasts to [..., K, H].
            update: z, u -> z', applied between the passes on [..., E, H*F]; None is the identity.
            back: whether the metabolites hear of the reactions; without it ``h`` is empty, [0], for a last layer whose metabolites nobody reads.
            return_trace: also return an :class:`IncidenceTrace`.

        Returns:
            h and z (z before ``update``), and the trace when asked for.

        Raises:
            ValueError: reaction features are missing or of another width than the layer was built for.
        """
        self._check(x, u)
        edges = num_hyperedges if num_hyperedges is not None else _count_reactions(u, hyperedge_index)
        if callable(self.backend):
            incidences = self.backend(hyperedge_index, x.shape[-2], edges)
        else:
            batched = any(isinstance(t, Tensor) and t.dim() > own for t, own in ((x, 2), (u, 2), (mask, 1), (gate_override, 2)))
            incidences = incidence_backend(self.backend, hyperedge_index, x.shape[-2], edges, batched=batched)
        metabolite, reaction = hyperedge_index[0], hyperedge_index[1]
        value = self.lin(x).unflatten(-1, (self.heads, self.out_channels))
        stoich = stoich.to(value.dtype)
        sign, magnitude = torch.sign(stoich), self._magnitude(stoich)
        per_reaction, per_metabolite = self._normalize(stoich, hyperedge_index, x.shape[-2], edges)
        attention = self._attend(x, u, incidences)
        gate, node_gate = self._gate(x, u, incidences, sign, gate_override)

        shared = (sign * magnitude).unsqueeze(-1)
        if mask is not None:
            shared = shared * mask.to(value.dtype).unsqueeze(-1)
        if attention is not None:
            shared = shared * attention
        if gate is not None:
            shared = shared * gate
        # The norms belong to the targets, and a gate shared by all incidences of a metabolite to that metabolite: both factor
        # out of the sums, so one weight serves both passes.
        product = incidences.products(shared, per_reaction, per_metabolite)
        z = product.to_reactions(value if node_gate is None else value * node_gate.unsqueeze(-1))
        state = z if update is None else self._updated(update, z, u)
        h = product.to_metabolites(state) if back else None
        h = h if h is None or node_gate is None else h * node_gate.unsqueeze(-1)

        trace = None
        if return_trace:
            weight = shared.expand(*shared.shape[:-1], self.heads)
            of_node = None if node_gate is None else node_gate.index_select(-2, metabolite)
            shown, factor = (gate, weight) if of_node is None else (of_node, weight * of_node)
            trace = IncidenceTrace(
                gate=torch.ones_like(factor) if shown is None else shown.expand(*shown.shape[:-1], self.heads),
                attention=attention,
                sign=sign,
                magnitude=magnitude,
                to_reaction=_pass(factor, per_reaction[reaction], value, metabolite),
                to_metabolite=_pass(factor, per_metabolite[metabolite], state, reaction),
            )
        z = z.flatten(-2) if self.concat else z.mean(-2)
        if h is None:
            h = z.new_empty(0)
        else:
            h = h.flatten(-2) if self.concat else h.mean(-2)
            h = h if self.bias is None else h + self.bias
        return (h, z) if trace is None else (h, z, trace)

    def _updated(self, update: Update, z: Tensor, u: Tensor | None) -> Tensor:
        state = update(z.flatten(-2), u)
        return state.unflatten(-1, (self.heads, self.out_channels))

    def _check(self, x: Tensor, u: Tensor | None) -> None:
        if x.shape[-1] != self.in_channels:
            raise ValueError(f"x has {x.shape[-1]} features, the layer was built for {self.in_channels}")
        if self.lin_u is not None and u is None:
            raise ValueError("attention compares metabolites with reactions: pass the reaction features u")
        if self.gate_u is not None and u is None:
            raise ValueError("incidence gates were built with reaction features: pass u")
        if u is not None and self.gate_u is not None and u.shape[-1] != self.reaction_channels:
            raise ValueError(f"u has {u.shape[-1]} features, the layer was built for {self.reaction_channels}")

    def _magnitude(self, stoich: Tensor) -> Tensor:
        size = stoich.abs()
        return {"linear": lambda: size, "sqrt": size.sqrt, "log1p": size.log1p}[self.magnitude]()

    def _normalize(self, stoich: Tensor, hyperedge_index: Tensor, nodes: int, edges: int) -> tuple[Tensor, Tensor]:
        """B of every reaction [E] and D of every metabolite [V]."""
        if self.normalization == "none":
            return stoich.new_ones(edges), stoich.new_ones(nodes)
        size = stoich.abs() if self.normalization == "stoichiometric" else torch.ones_like(stoich)
        per_reaction = size.new_zeros(edges).index_add(0, hyperedge_index[1], size)
        per_metabolite = size.new_zeros(nodes).index_add(0, hyperedge_index[0], size)
        return _inverse(per_reaction), _inverse(per_metabolite)

    def _attend(self, x: Tensor, u: Tensor | None, incidences: IncidenceBackend) -> Tensor | None:
        """Softmax over the incidences of a reaction or of a metabolite, [..., K, H]."""
        if self.lin_u is None or u is None:
            return None
        of_metabolite, of_reaction = self.att[0].split(self.out_channels, dim=-1)
        score = incidences.of_metabolites(self._score(x, self.lin, of_metabolite)) + incidences.of_reactions(self._score(u, self.lin_u, of_reaction))
        return incidences.softmax(nn.functional.leaky_relu(score, self.negative_slope), within_reactions=self.attention == "reaction")

    def _score(self, features: Tensor, linear: nn.Linear, att: Tensor) -> Tensor:
        """a . (features W) per head, [..., N, H], as features (W a): the wide product with W is not needed for it."""
        weight = linear.weight.view(self.heads, self.out_channels, -1)
        return nn.functional.linear(features, (weight * att.unsqueeze(-1)).sum(1))

    def _gate(
        self, x: Tensor, u: Tensor | None, incidences: IncidenceBackend, sign: Tensor, override: Tensor | float | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """The gate per incidence [..., K, H] (None where it is 1), or per metabolite [..., V, H] in that mode."""
        if override is not None:
            gate = torch.as_tensor(override, dtype=x.dtype, device=x.device)
            return gate.expand(torch.broadcast_shapes(gate.shape, (sign.shape[0], self.heads))), None
        if self.gate_x is None:
            return None, None
        logit = self.gate_x(x)
        if self.gate_sign is None:
            return None, torch.sigmoid(logit)
        logit = incidences.of_metabolites(logit) + sign.unsqueeze(-1) * self.gate_sign
        if self.gate_u is not None and u is not None:
            logit = logit + incidences.of_reactions(self.gate_u(u))
        return torch.sigmoid(logit), None

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.in_channels}, {self.out_channels}, heads={self.heads}, gate={self.gate}, "
            f"attention={self.attention}, normalization={self.normalization}, magnitude={self.magnitude})"
        )


def _pass(factor: Tensor, norm: Tensor, source: Tensor, index: Tensor) -> PassTrace:
    message = (factor * norm.unsqueeze(-1)).unsqueeze(-1) * source.index_select(-3, index)
    return PassTrace(norm, message, message.norm(dim=-1))


def _inverse(total: Tensor) -> Tensor:
    return torch.where(total == 0, torch.zeros_like(total), 1.0 / total.clamp_min(torch.finfo(total.dtype).tiny))


def _count_reactions(u: Tensor | None, hyperedge_index: Tensor) -> int:
    if u is not None:
        return u.shape[-2]
    return int(hyperedge_index[1].max()) + 1 if hyperedge_index.shape[1] else 0


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(repr, allowed))}")
