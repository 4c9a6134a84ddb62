"""A network over a metabolic hypergraph that reads out a signed flux for every reaction, and growth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from core.models.conv import Attention, Gate, IncidenceTrace, StoichHypergraphConv

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "identity": nn.Identity,
    "silu": nn.SiLU,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
}
"""Activations between layers. ReLU discards every negative value; the others keep it wholly or in part."""


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build a :class:`ReactionNetwork`; stored with its weights.

    ``tied``: one layer's weights serve every depth, so that depth costs no parameters.
    ``growth``: what growth is read from, the ``flux`` of the objective like any other, or the worth of the ``uptakes`` (:class:`_Worth`).
    ``coupled``: a flux is what the reaction's state says of itself and, times growth, what it says a growing cell asks of it.
    """

    metabolite_channels: int
    reaction_channels: int
    hidden: int = 64
    heads: int = 2
    layers: int = 6
    gate: Gate = "incidence"
    attention: Attention = "reaction"
    normalization: Literal["stoichiometric", "count", "none"] = "stoichiometric"
    magnitude: Literal["linear", "sqrt", "log1p"] = "sqrt"
    activation: str = "gelu"
    tied: bool = False
    growth: Literal["flux", "uptakes"] = "flux"
    coupled: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the model card."""
        return asdict(self)


class GrowthParts(NamedTuple):
    """What growth is made of (:class:`_Worth`): ``brought`` [..., E], the growth each limited uptake brings (1/h, negative for a forced flux; they
    add up to the growth before it is held to the bounds), and ``lost`` [..., E], the share of growth each closed reaction takes (0 for open ones)."""

    brought: Tensor
    lost: Tensor


class NetworkOutput(NamedTuple):
    """``flux`` [..., E] in mmol/gDW/h within the bounds or 0; ``growth`` [...] in 1/h; ``raw`` [..., E], asinh of the flux before
    it is held to the bounds (what training compares); when asked for, ``traces``, one :class:`IncidenceTrace` per layer, and ``parts``
    of growth where it is read from the uptakes."""

    flux: Tensor
    growth: Tensor
    raw: Tensor
    traces: tuple[IncidenceTrace, ...] | None
    parts: GrowthParts | None = None


class Mix(nn.Module):
    """Residual update of a state by news: s + W2 act(W_n LN(news) + W_s LN(s) + b)."""

    def __init__(self, width: int, activation: str) -> None:
        super().__init__()
        self.norm_news = nn.LayerNorm(width)
        self.of_news, self.of_state = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.act, self.out = ACTIVATIONS[activation](), nn.Linear(width, width)

    def forward(self, news: Tensor, state: Tensor, normed: Tensor) -> Tensor:
        return state + self.out(self.act(self.of_news(self.norm_news(news)) + self.of_state(normed)))


class _Layer(nn.Module):
    """One round trip metabolites -> reactions -> metabolites; both sides keep a residual state."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.hidden
        self.norm_metabolite, self.norm_reaction = nn.LayerNorm(width), nn.LayerNorm(width)
        self.conv = StoichHypergraphConv(
            width,
            width // config.heads,
            heads=config.heads,
            gate=config.gate,
            attention=config.attention,
            reaction_channels=width,
            normalization=config.normalization,
            magnitude=config.magnitude,
        )
        self.reaction, self.metabolite = Mix(width, config.activation), Mix(width, config.activation)

    def forward(
        self,
        h: Tensor,
        r: Tensor,
        hyperedge_index: Tensor,
        stoich: Tensor,
        mask: Tensor | None,
        gate_override: Tensor | float | None,
        return_trace: bool,
        last: bool,
        rows: Tensor | None,
    ) -> tuple[Tensor, Tensor, IncidenceTrace | None]:
        """What the next layer reads: of the last one only the reactions, of which ``rows`` where given, and no metabolites."""
        x, u = self.norm_metabolite(h), self.norm_reaction(r)
        states: list[Tensor] = []

        def update(z: Tensor, _: Tensor | None) -> Tensor:
            own = [z, r, u] if rows is None else [part.index_select(-2, rows) for part in (z, r, u)]
            states.append(self.reaction(*own))
            return states[0]

        out = self.conv(
            x, hyperedge_index, stoich, u, mask=mask, gate_override=gate_override, update=update, back=not last, return_trace=return_trace
        )
        return h if last else self.metabolite(out[0], h, x), states[0], out[2] if len(out) == 3 else None


UNBOUNDED = 999.0
"""An uptake of at least this, mmol/gDW/h, limits nothing: 1000 is the customary 'unbounded'."""


class _Worth(nn.Module):
    r"""Growth as the worth of what may be taken up, the form a linear programme's optimum has by duality, lowered by every closed reaction:

    .. math::
        \mu = \sigma(a(r_o)) \, e^{-\sum_{c} \mathrm{softplus}(h(r_c))} \sum_e e^{w(r_e)} (b_e - f_e)

    with :math:`b_e` the bound of a limited uptake, :math:`f_e` a forced flux (ATP maintenance), :math:`e^w` in the place of the reduced cost (1/h per
    mmol/gDW/h), :math:`h` the harm of a closed reaction :math:`c` (both bounds zero), and :math:`\sigma(a)`, read from the objective :math:`o`, for
    whether the cell can grow at all.
    """

    START, LARGEST = -3.0, 2.0
    """Logarithm of the worth an untrained network begins near, and its largest value."""
    HARMLESS = -3.0
    """Where an untrained network's h begins: a model comes with a few closed reactions that do no harm."""

    def __init__(self, width: int, activation: str) -> None:
        super().__init__()
        self.worth, self.harm, self.able = (_reader(width, activation) for _ in range(3))

    def forward(self, state: Tensor, limits: Tensor, closed: Tensor, objective: Tensor) -> GrowthParts:
        """From states [..., E, width], b - f [..., E], whether a reaction is closed [..., E] and objective coefficients [..., E]."""
        worth = (self.worth(state).squeeze(-1) + self.START).clamp(max=self.LARGEST).exp()
        harm = nn.functional.softplus(self.harm(state).squeeze(-1) + self.HARMLESS) * closed
        able = self.able((state * objective.unsqueeze(-1)).sum(-2)).squeeze(-1) + 1
        left = able.sigmoid() * (-harm.sum(-1)).exp()
        return GrowthParts(left.unsqueeze(-1) * worth * limits, -(-harm).expm1())


def limiting_uptakes(hyperedge_index: Tensor, stoich: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """[..., E] how much may be taken up through each reaction that crosses the boundary (0 where without limit), less the flux that is forced.

    Args:
        hyperedge_index: [2, K]; stoich: [K]; lower, upper: [..., E] flux bounds, all mmol/gDW/h.
    """
    edges = lower.shape[-1]
    alone = stoich.new_zeros(edges).index_add(0, hyperedge_index[1], torch.ones_like(stoich)) == 1
    side = stoich.new_zeros(edges).index_add(0, hyperedge_index[1], stoich.sign()) * alone
    supply = torch.where(side < 0, (-lower).clamp_min(0), upper.clamp_min(0)) * alone
    forced = lower.clamp_min(0) - upper.clamp_max(0)
    return torch.where(supply < UNBOUNDED, supply, 0.0) - forced


class ReactionNetwork(nn.Module):
    """Encoders, L gated stoichiometric layers, and a signed flux per reaction; growth is the objective's flux.

    The nonlinear update between a layer's two passes is what lets a reaction differ from its reverse (the coefficient's
    sign acts in both passes and would cancel). Weights depend on features only, so one network runs on any model.

    Args:
        config: widths and modes; ``hidden`` is a multiple of ``heads``.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        if config.hidden % config.heads:
            raise ValueError(f"hidden ({config.hidden}) has to be a multiple of heads ({config.heads})")
        if config.growth not in ("flux", "uptakes"):
            raise ValueError(f"growth is {config.growth!r}; choose one of flux, uptakes")
        if config.activation not in ACTIVATIONS:
            raise ValueError(f"activation is {config.activation!r}; choose one of {', '.join(ACTIVATIONS)}")
        self.config = config
        self.encode_metabolite = encoder(config.metabolite_channels, config.hidden, config.activation)
        self.encode_reaction = encoder(config.reaction_channels, config.hidden, config.activation)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(1 if config.tied else config.layers))
        self.read_out = _reader(config.hidden, config.activation)
        self.growth = _Worth(config.hidden, config.activation) if config.growth == "uptakes" else None
        self.per_growth = _reader(config.hidden, config.activation) if config.coupled else None

    def stages(self) -> list[tuple[str, list[nn.Module]]]:
        """Its parts from the read-out down to the encoders, as weights are drawn anew from the top (Adebayo et al. 2018)."""
        tops: list[nn.Module] = [part for part in (self.read_out, self.growth, self.per_growth) if part is not None]
        layers: list[tuple[str, list[nn.Module]]] = [(f"layer {n}", [layer]) for n, layer in enumerate(self.layers, 1)]
        return [("read-out", tops), *reversed(layers), ("encoders", [self.encode_metabolite, self.encode_reaction])]

    def forward(
        self,
        x: Tensor,
        u: Tensor,
        hyperedge_index: Tensor,
        stoich: Tensor,
        *,
        lower: Tensor,
        upper: Tensor,
        objective: Tensor,
        mask: Tensor | None = None,
        gate_override: Tensor | float | list[Tensor] | None = None,
        only: Tensor | None = None,
        return_trace: bool = False,
    ) -> NetworkOutput:
        """Predicts fluxes and growth of a condition, or of a batch of conditions on one model.

        Args:
            x: [..., V, F]; u: [..., E, F_u], of which the network reads the columns it was built for (those of u that are not given are
                zero, which stands for kinetic parameters nobody knows); hyperedge_index: [2, K]; stoich: [K].
            lower, upper: [..., E] flux bounds, mmol/gDW/h; predictions are held within them, zero allowed.
            objective: [..., E] objective coefficients.
            mask: [..., K] for every layer, multiplies both passes.
            gate_override: for every layer, or a list with one entry per layer.
            only: [R] the reactions whose flux is asked for: ``flux`` and ``raw`` are [..., R], growth is the same, and what neither is read from
                is not computed. Without a trace.
            return_trace: also return every layer's factors.
        """
        h = self.encode_metabolite(x[..., : self.config.metabolite_channels])
        missing = self.config.reaction_channels - u.shape[-1]
        r = self.encode_reaction(nn.functional.pad(u, (0, missing)) if missing > 0 else u[..., : self.config.reaction_channels])
        traces: list[IncidenceTrace] = []
        bounds = _Bounds(lower, upper, objective, limiting_uptakes(hyperedge_index, stoich, lower, upper) if self.growth is not None else None)
        if only is not None and return_trace:
            raise ValueError("only and return_trace are not given together: a trace is of all reactions")
        rows = None if only is None else torch.cat([only, bounds.growth_rows]).unique()
        for depth in range(self.config.layers):
            layer = self.layers[0 if self.config.tied else depth]
            override = gate_override[depth] if isinstance(gate_override, list) else gate_override
            last = depth + 1 == self.config.layers
            h, r, trace = layer(h, r, hyperedge_index, stoich, mask, override, return_trace, last, rows if last else None)
            if trace is not None:
                traces.append(trace)
        if rows is None or only is None:
            out, parts = self._read(r, bounds)
            return out._replace(traces=tuple(traces), parts=parts) if return_trace else out
        out, _ = self._read(r, bounds.of(rows))
        places = torch.searchsorted(rows, only)
        return out._replace(flux=out.flux[..., places], raw=out.raw[..., places])

    def _read(self, r: Tensor, bounds: _Bounds) -> tuple[NetworkOutput, GrowthParts | None]:
        """What the last states say, of all reactions or of some among which are those growth is read from."""
        lower, upper, objective, limits = bounds
        raw = self.read_out(r).squeeze(-1)
        parts = None
        if self.growth is not None and limits is not None:
            parts = self.growth(r, limits, bounds.closed, objective)
            raw = torch.where(objective != 0, parts.brought.sum(-1, keepdim=True).asinh(), raw)
        if self.per_growth is not None:
            raw = _with_growth(raw, self.per_growth(r).squeeze(-1), objective)
        return network_output(raw, lower, upper, objective), parts


class _Bounds(NamedTuple):
    """What a condition gives each reaction, all [..., E]; ``limits`` of the uptakes, where growth is read from them."""

    lower: Tensor
    upper: Tensor
    objective: Tensor
    limits: Tensor | None

    @property
    def closed(self) -> Tensor:
        return (self.lower == 0) & (self.upper == 0)

    @property
    def growth_rows(self) -> Tensor:
        """The reactions growth is read from, in any condition of the batch."""
        read = self.objective != 0 if self.limits is None else (self.objective != 0) | (self.limits != 0) | self.closed
        return read.reshape(-1, read.shape[-1]).any(0).nonzero().squeeze(1)

    def of(self, rows: Tensor) -> _Bounds:
        """The same of some reactions."""
        return _Bounds(*(None if part is None else part[..., rows] for part in self))  # type: ignore[arg-type]


def network_output(raw: Tensor, lower: Tensor, upper: Tensor, objective: Tensor, traces: tuple[IncidenceTrace, ...] | None = None) -> NetworkOutput:
    """What a network says once it has read out asinh fluxes, all [..., E]: the fluxes held to the bounds, and growth."""
    # Zero stays possible under a forced minimum (ATP maintenance): an infeasible condition carries no flux.
    flux = torch.maximum(torch.minimum(_linear(raw), upper.clamp_min(0)), lower.clamp_max(0))
    return NetworkOutput(flux, (flux * objective).sum(-1), raw, traces)


def _with_growth(raw: Tensor, per_growth: Tensor, objective: Tensor) -> Tensor:
    """asinh fluxes [..., E] with what growth asks of every reaction but the objective's: v + mu n, where v = sinh(raw), n = sinh(per_growth) in
    mmol/gDW (a flux per growth rate) and mu the growth that raw holds at the objective, 0 where that is negative."""
    growth = (_linear(raw) * objective).sum(-1, keepdim=True).clamp_min(0)
    return torch.where(objective != 0, raw, (_linear(raw) + growth * _linear(per_growth)).asinh())


def _linear(raw: Tensor) -> Tensor:
    """What has this asinh; far outside any flux it is cut off."""
    return torch.sinh(raw.clamp(-12, 12))


def _reader(width: int, activation: str) -> nn.Sequential:
    """One number from a state."""
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), ACTIVATIONS[activation](), nn.Linear(width, 1))


def encoder(channels: int, hidden: int, activation: str) -> nn.Sequential:
    """The two-layer network that turns features into a state."""
    return nn.Sequential(nn.Linear(channels, hidden), ACTIVATIONS[activation](), nn.Linear(hidden, hidden))
