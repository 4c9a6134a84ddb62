"""Weighted sums over the incidences of a hypergraph: the one operation both message passes are made of.

``incidence_sum(weight, values, ...)`` gives, for every target t and head h, the sum over the incidences k of t of
``weight[k, h] * values[source(k), h, :]``. Three ways of computing it agree to rounding: the reference (gather, multiply,
index_add; any leading batch dimensions), ``dense`` (one batched matrix product; small hypergraphs, batches) and
``sparse`` (CSR products with a gradient of our own; large hypergraphs without batch dimensions).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Backend = Literal["auto", "reference", "dense", "sparse"]

DENSE_CELLS = 100_000
"""Largest V x E that the dense way is used for."""


def incidence_sum(weight: Tensor, values: Tensor, source: Tensor, target: Tensor, targets: int) -> Tensor:
    """The reference: gather, multiply, index_add.

    Args:
        weight: [..., K, H]; values: [..., N_source, H, F]; source, target: [K] long; targets: N_target.

    Returns:
        [..., N_target, H, F].
    """
    messages = weight.unsqueeze(-1) * values.index_select(-3, source)
    out = messages.new_zeros(*messages.shape[:-3], targets, *messages.shape[-2:])
    return out.index_add(messages.dim() - 3, target, messages)


class _Scatter(torch.autograd.Function):
    """Places [..., K] into [..., cells] at distinct positions; the gradient is a gather (index_put's is far slower)."""

    @staticmethod
    def forward(ctx, weight: Tensor, cell: Tensor, cells: int) -> Tensor:  # type: ignore[override, no-untyped-def]
        ctx.save_for_backward(cell)
        out = weight.new_zeros(*weight.shape[:-1], cells)
        out[..., cell] = weight
        return out

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[override, no-untyped-def]
        (cell,) = ctx.saved_tensors
        return gradient[..., cell], None, None


def dense_matrix(weight: Tensor, metabolite: Tensor, reaction: Tensor, nodes: int, edges: int) -> Tensor:
    """[..., K, H] as one matrix per head, [..., H, E, V]; the (metabolite, reaction) pairs have to be distinct."""
    return _Scatter.apply(weight.transpose(-1, -2), reaction * nodes + metabolite, edges * nodes).unflatten(-1, (edges, nodes))


class IncidenceProducts:
    """Both directions of the incidence sum with one weight: ``to_reactions`` and ``to_metabolites``."""

    def __init__(self, name: Backend, weight: Tensor, hyperedge_index: Tensor, nodes: int, edges: int) -> None:
        self.name, self.weight, self.nodes, self.edges = name, weight, nodes, edges
        self.metabolite, self.reaction = hyperedge_index[0], hyperedge_index[1]
        self.matrix = dense_matrix(weight, self.metabolite, self.reaction, nodes, edges) if name == "dense" else None

    def to_reactions(self, values: Tensor) -> Tensor:
        """[..., V, H, F] to [..., E, H, F]."""
        if self.matrix is not None:
            return (self.matrix @ values.transpose(-2, -3)).transpose(-2, -3)
        return incidence_sum(self.weight, values, self.metabolite, self.reaction, self.edges)

    def to_metabolites(self, values: Tensor) -> Tensor:
        """[..., E, H, F] to [..., V, H, F]."""
        if self.matrix is not None:
            return (self.matrix.mT @ values.transpose(-2, -3)).transpose(-2, -3)
        return incidence_sum(self.weight, values, self.reaction, self.metabolite, self.nodes)


def incidence_products(name: Backend, weight: Tensor, hyperedge_index: Tensor, nodes: int, edges: int, *, batched: bool) -> IncidenceProducts:
    """The products by the backend asked for; 'auto' takes 'dense' for batches on small hypergraphs, else the reference.

    Args:
        weight: [..., K, H].
    """
    if name == "auto":
        name = "dense" if batched and nodes * edges <= DENSE_CELLS and _distinct(hyperedge_index, edges) else "reference"
    return IncidenceProducts(name, weight, hyperedge_index, nodes, edges)


def _distinct(hyperedge_index: Tensor, edges: int) -> bool:
    cell = hyperedge_index[0] * edges + hyperedge_index[1]
    return cell.unique().numel() == cell.numel()
