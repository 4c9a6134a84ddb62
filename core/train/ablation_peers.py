"""Networks the gated one is compared with: PyG's own convolutions on the same features and read-out, and a plain network on the bounds."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from core.models.network import ACTIVATIONS, Mix, NetworkConfig, NetworkOutput, encoder, network_output
from core.models.primal_dual import LARGEST


class _Peer(nn.Module):
    """Encoders and read-out of :class:`~core.models.network.ReactionNetwork`; the layers between them are the peer's.

    Called as :meth:`core.models.network.ReactionNetwork.forward` is, with one batch dimension; what belongs to gates (``mask``, ``gate_override``,
    ``return_trace``) it does not take.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encode_metabolite = encoder(config.metabolite_channels, config.hidden, config.activation)
        self.encode_reaction = encoder(config.reaction_channels, config.hidden, config.activation)
        self.read_out = nn.Sequential(
            nn.LayerNorm(config.hidden), nn.Linear(config.hidden, config.hidden), ACTIVATIONS[config.activation](), nn.Linear(config.hidden, 1)
        )

    def forward(
        self, x: Tensor, u: Tensor, hyperedge_index: Tensor, stoich: Tensor, *, lower: Tensor, upper: Tensor, objective: Tensor, **_: Any
    ) -> NetworkOutput:
        """Fluxes [N, E] and growth [N]; ``stoich`` is not looked at: neither its sign nor its size."""
        h, r = self.encode_metabolite(x), self.encode_reaction(u)
        raw = self.read_out(self.pass_on(h, r, hyperedge_index)).squeeze(-1)
        return network_output(raw, lower, upper, objective)

    def pass_on(self, h: Tensor, r: Tensor, index: Tensor) -> Tensor:
        """Metabolite states [N, V, D] and reaction states [N, E, D] to the last reaction states."""
        raise NotImplementedError


class HypergraphPeer(_Peer):
    """``torch_geometric.nn.HypergraphConv`` (Bai et al., `arXiv:1901.08150 <https://arxiv.org/abs/1901.08150>`_) with its attention, by turns on the
    hypergraph (metabolites as nodes) and on its dual (reactions as nodes), each attending to the other side's state.

    Each layer's convolutions are followed by the gated network's own residual update, to which the reactions also bring the mean of their
    metabolites: PyG's convolution goes there and back in one step and lets nobody act in between.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        from torch_geometric.nn import HypergraphConv

        width, heads = config.hidden, config.heads

        def conv() -> nn.Module:
            return HypergraphConv(width, width // heads, use_attention=True, heads=heads)

        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm_h": nn.LayerNorm(width),
                    "norm_r": nn.LayerNorm(width),
                    "to_h": conv(),
                    "to_r": conv(),
                    "mix_h": Mix(width, config.activation),
                    "mix_r": Mix(width, config.activation),
                }
            )
            for _ in range(config.layers)
        )

    def pass_on(self, h: Tensor, r: Tensor, index: Tensor) -> Tensor:
        """See :class:`_Peer`; the batch becomes one large hypergraph of separate parts."""
        count, nodes, edges = len(h), h.shape[1], r.shape[1]
        shift = torch.arange(count, device=h.device).view(-1, 1, 1) * index.new_tensor([nodes, edges]).view(1, 2, 1)
        joined = (index + shift).transpose(0, 1).reshape(2, -1)
        h, r = h.flatten(0, 1), r.flatten(0, 1)
        members = torch.bincount(joined[1], minlength=count * edges).clamp_min(1).unsqueeze(-1)
        for layer in self.layers:
            part: Any = layer
            x, u = part["norm_h"](h), part["norm_r"](r)
            h = part["mix_h"](part["to_h"](x, joined, hyperedge_attr=u, num_edges=len(u)), h, x)
            met = torch.zeros_like(r).index_add(0, joined[1], part["norm_h"](h).index_select(0, joined[0])) / members
            r = part["mix_r"](part["to_r"](u, joined.flip(0), hyperedge_attr=x, num_edges=len(x)) + met, r, u)
        return r.unflatten(0, (count, edges))


class BipartitePeer(_Peer):
    """``torch_geometric.nn.GCNConv`` (Kipf and Welling, `arXiv:1609.02907 <https://arxiv.org/abs/1609.02907>`_) on the graph that joins every
    metabolite to its reactions: two convolutions for each round trip of the gated network, each followed by the same residual update."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        from torch_geometric.nn import GCNConv

        depth = 2 * config.layers
        self.norms = nn.ModuleList(nn.LayerNorm(config.hidden) for _ in range(depth))
        self.convs = nn.ModuleList(GCNConv(config.hidden, config.hidden) for _ in range(depth))
        self.mixes = nn.ModuleList(Mix(config.hidden, config.activation) for _ in range(depth))

    def pass_on(self, h: Tensor, r: Tensor, index: Tensor) -> Tensor:
        """See :class:`_Peer`."""
        nodes = h.shape[1]
        there = index + index.new_tensor([[0], [nodes]])
        links = torch.cat([there, there.flip(0)], dim=1)
        state = torch.cat([h, r], dim=1)
        for norm, conv, mix in zip(self.norms, self.convs, self.mixes, strict=True):
            normed = norm(state)
            state = mix(conv(normed, links), state, normed)
        return state[:, nodes:]


class BoundsPeer(nn.Module):
    """A plain network from all bounds and the objective, scaled as the features are, to all fluxes of one model; it knows no metabolic network.

    Args:
        reactions: E. width: of its two hidden layers.
    """

    def __init__(self, reactions: int, width: int = 128, activation: str = "gelu") -> None:
        super().__init__()
        act = ACTIVATIONS[activation]
        self.layers = nn.Sequential(
            nn.Linear(3 * reactions, width), act(), nn.Linear(width, width), nn.LayerNorm(width), act(), nn.Linear(width, reactions)
        )

    def forward(
        self, x: Tensor, u: Tensor, hyperedge_index: Tensor, stoich: Tensor, *, lower: Tensor, upper: Tensor, objective: Tensor, **_: Any
    ) -> NetworkOutput:
        """Fluxes [N, E] and growth [N] from ``lower``, ``upper`` and ``objective`` alone."""
        scaled = [torch.asinh(bound.clamp(-LARGEST, LARGEST)) / math.asinh(LARGEST) for bound in (lower, upper)]
        raw = self.layers(torch.cat([*scaled, objective], dim=-1))
        return network_output(raw, lower, upper, objective)
