"""Flux balance analysis as a deep network: the iterations of the primal-dual hybrid gradient method, plain and learned.

Flux balance analysis is the linear programme max c.v with S v = 0 and l <= v <= u. The primal-dual hybrid gradient method (Chambolle and Pock, 2011,
`doi:10.1007/s10851-010-0251-1 <https://doi.org/10.1007/s10851-010-0251-1>`_; for linear programmes Applegate et al., 2021, `arXiv:2106.04756
<https://arxiv.org/abs/2106.04756>`_) solves it by products with S and its transpose alone, each a signed, stoichiometric message pass.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from core.models.conv import IncidenceTrace, PassTrace
from core.models.incidence import IncidenceProducts, incidence_backend
from core.models.network import ACTIVATIONS, NetworkOutput, encoder, network_output

LARGEST = 1000.0
"""A bound beyond this, mmol/gDW/h, counts as this: an iterate has to stay a number."""
PRIMAL_WEIGHTS = (1e-1, 1e-4)
"""Channels of an untrained network run the method with primal weights spread between these, evenly on a logarithmic scale."""
GATE_START = 3.0
"""Logit at which gates start: open (0.95), so that an untrained network is near the plain method."""


def step_sizes(index: Tensor, stoich: Tensor, metabolites: int, reactions: int) -> tuple[Tensor, Tensor]:
    """Step sizes that need no tuning: tau [E] = 1 / sum over e of |s| and sigma [V] = 1 / sum over v of |s| (1 where the sum is 0).

    They make the method converge for any S (Pock and Chambolle, 2011, `doi:10.1109/ICCV.2011.6126441
    <https://doi.org/10.1109/ICCV.2011.6126441>`_, with alpha = 1), and for a gated one, whose entries are smaller.
    """
    size = stoich.abs()
    of_reaction = size.new_zeros(reactions).index_add(0, index[1], size)
    of_metabolite = size.new_zeros(metabolites).index_add(0, index[0], size)
    return tuple(torch.where(total > 0, 1 / total.clamp_min(1e-12), 1.0) for total in (of_reaction, of_metabolite))  # type: ignore[return-value]


def pdhg(
    matrix: Tensor, lower: Tensor, upper: Tensor, objective: Tensor, tau: Tensor | float, sigma: Tensor | float, at: Collection[int]
) -> dict[int, Tensor]:
    r"""The plain method, from v = 0 (held to the bounds) and y = 0:

    .. math::
        v' = \mathrm{clip}(v - \tau (S^T y - c), l, u) \qquad y' = y + \sigma S (2 v' - v)

    Args:
        matrix: S [V, E]; lower, upper, objective: [N, E], mmol/gDW/h.
        tau: primal step sizes, a number or [E]; sigma: dual ones, a number or [V].
        at: after how many iterations the fluxes are wanted.

    Returns:
        Iterations to fluxes [N, E]; they obey the bounds, and S v = 0 in the limit only.
    """
    flux = torch.zeros_like(lower).clamp(lower, upper)
    price = lower.new_zeros(len(lower), len(matrix))
    found = {}
    for iteration in range(1, max(at) + 1):
        moved = (flux - tau * (price @ matrix - objective)).clamp(lower, upper)
        price = price + sigma * ((2 * moved - flux) @ matrix.T)
        flux = moved
        if iteration in at:
            found[iteration] = flux
    return found


@dataclass(frozen=True)
class PrimalDualConfig:
    """Everything needed to build a :class:`PrimalDualNetwork`.

    ``hidden``: width of the encoders and of the read-out; ``heads``: gates per incidence; ``channels``: iterates that share a gate;
    ``iterations``: depth, of one set of weights.
    """

    metabolite_channels: int
    reaction_channels: int
    hidden: int = 32
    heads: int = 2
    channels: int = 8
    iterations: int = 16
    gate: Literal["none", "incidence"] = "incidence"
    activation: str = "gelu"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class PrimalDualNetwork(nn.Module):
    """Unrolled primal-dual iterations with learned step sizes, costs, starting points and gates on S; weights are shared by all iterations.

    Every product with S and its transpose is a gated stoichiometric message pass without mixing: H heads with a gate each, F channels a head that
    share it, each channel an iterate (v, y) of its own. From the features of metabolites and reactions the network reads positive step sizes, a cost
    per reaction that is added to the objective's, and where to start; a read-out turns the last iterates and their reduced costs into fluxes.
    Untrained, with gates held at 1, channel 0 is :func:`pdhg` with the steps of :func:`step_sizes` and its primal weight.

    Args:
        config: widths and depth.
    """

    def __init__(self, config: PrimalDualConfig) -> None:
        super().__init__()
        self.config = config
        width, count = config.hidden, config.heads * config.channels
        self.encode_metabolite = encoder(config.metabolite_channels, width, config.activation)
        self.encode_reaction = encoder(config.reaction_channels, width, config.activation)
        self.of_metabolite = _silent(width, 2 * count)
        self.of_reaction = _silent(width, 3 * count)
        self.weight = nn.Parameter(torch.linspace(math.log(PRIMAL_WEIGHTS[0]), math.log(PRIMAL_WEIGHTS[1]), count))
        self.gate_x = nn.Linear(width, config.heads) if config.gate == "incidence" else None
        if self.gate_x is not None:
            nn.init.constant_(self.gate_x.bias, GATE_START)
            self.gate_u = nn.Linear(width, config.heads, bias=False)
            self.gate_sign = nn.Parameter(torch.zeros(config.heads))
        self.choose = _silent(width, count)
        self.norm = nn.LayerNorm(2 * count + width)
        self.read_out = nn.Sequential(nn.Linear(2 * count + width, width), ACTIVATIONS[config.activation](), nn.Linear(width, 1))

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
        return_trace: bool = False,
    ) -> NetworkOutput:
        """Fluxes and growth, arguments and result as of :meth:`core.models.network.ReactionNetwork.forward`.

        The trace is one :class:`~core.models.conv.IncidenceTrace`: all iterations share their gates, and its messages are those of the last one.
        """
        c = self.config
        h, r = self.encode_metabolite(x[..., : c.metabolite_channels]), self.encode_reaction(u[..., : c.reaction_channels])
        gate = self._gate(h, r, hyperedge_index, stoich, gate_override[0] if isinstance(gate_override, list) else gate_override)
        weight = stoich.to(h.dtype).unsqueeze(-1) * gate
        if mask is not None:
            weight = weight * mask.to(h.dtype).unsqueeze(-1)
        nodes, edges = x.shape[-2], u.shape[-2]
        passes = incidence_backend("auto", hyperedge_index, nodes, edges, batched=x.dim() > 2 or u.dim() > 2)
        products = passes.products(weight, h.new_ones(edges), h.new_ones(nodes))
        v, y, earlier = self._iterate(products, h, r, step_sizes(hyperedge_index, stoich.to(h.dtype), nodes, edges), lower, upper, objective)
        reduced = products.to_reactions(y)
        raw = self._read(r, v.flatten(-2), reduced.flatten(-2))
        traces = (_trace(gate, weight, stoich, hyperedge_index, 2 * v - earlier, y),) if return_trace else None
        return network_output(raw, lower, upper, objective, traces)

    def _iterate(
        self, products: IncidenceProducts, h: Tensor, r: Tensor, steps: tuple[Tensor, Tensor], lower: Tensor, upper: Tensor, objective: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The last v [..., E, H, F] and y [..., V, H, F], and the v before it."""
        shape = (self.config.heads, self.config.channels)
        sigma, y = (part.unflatten(-1, shape) for part in self.of_metabolite(h).chunk(2, -1))
        tau, cost, start = (part.unflatten(-1, shape) for part in self.of_reaction(r).chunk(3, -1))
        balance = self.weight.view(shape)
        tau = steps[0].view(-1, 1, 1) * (tau - balance).clamp(-12, 12).exp()
        sigma = steps[1].view(-1, 1, 1) * (sigma + balance).clamp(-12, 12).exp()
        low, high = (bound.clamp(-LARGEST, LARGEST)[..., None, None] for bound in (lower, upper))
        gain = objective[..., None, None] - cost
        v = earlier = torch.sinh(start.clamp(-7, 7)).clamp(low, high)
        for _ in range(self.config.iterations):
            earlier = v
            v = (v - tau * (products.to_reactions(y) - gain)).clamp(low, high)
            y = y + sigma * products.to_metabolites(2 * v - earlier)
        return v, y, earlier

    def _gate(self, h: Tensor, r: Tensor, index: Tensor, stoich: Tensor, override: Tensor | float | None) -> Tensor:
        """[..., K, H] in (0, 1), or what replaces it."""
        shape = (index.shape[1], self.config.heads)
        if override is not None or self.gate_x is None:
            given = torch.as_tensor(1.0 if override is None else override, dtype=h.dtype, device=h.device)
            return given.expand(torch.broadcast_shapes(given.shape, shape))
        logit = self.gate_x(h).index_select(-2, index[0]) + self.gate_u(r).index_select(-2, index[1])
        return torch.sigmoid(logit + torch.sign(stoich).to(h.dtype).unsqueeze(-1) * self.gate_sign)

    def _read(self, r: Tensor, v: Tensor, reduced: Tensor) -> Tensor:
        """asinh flux [..., E]: a mean of the channels' own, weighted per reaction, and a correction from all of them."""
        mean = (self.choose(r).softmax(-1) * torch.asinh(v)).sum(-1)
        seen = torch.cat([torch.asinh(v), torch.asinh(reduced), r.expand(*v.shape[:-1], -1)], dim=-1)
        return mean + self.read_out(self.norm(seen)).squeeze(-1)


def _silent(inputs: int, outputs: int) -> nn.Linear:
    """A linear map that gives 0 until it has learned otherwise."""
    linear = nn.Linear(inputs, outputs)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


def _trace(gate: Tensor, weight: Tensor, stoich: Tensor, index: Tensor, flux: Tensor, price: Tensor) -> IncidenceTrace:
    """The factors of the last iteration's messages: prices to reactions, extrapolated fluxes to metabolites."""

    def one(source: Tensor, ends: Tensor) -> PassTrace:
        message = weight.unsqueeze(-1) * source.index_select(-3, ends)
        return PassTrace(stoich.new_ones(len(stoich)), message, message.norm(dim=-1))

    return IncidenceTrace(gate, None, torch.sign(stoich), stoich.abs(), one(price, index[0]), one(flux, index[1]))
