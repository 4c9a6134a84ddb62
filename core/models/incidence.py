"""Weighted sums over the incidences of a hypergraph: the one operation both message passes are made of.

``incidence_sum(weight, values, ...)`` gives, for every target t and head h, the sum over the incidences k of t of
``weight[k, h] * values[source(k), h, :]``. Three ways of computing it agree to rounding: the reference (gather, multiply,
index_add), ``dense`` (one batched matrix product; for batches on small hypergraphs) and ``sparse``
(:mod:`core.models.sparse`, with gradients of our own; for large hypergraphs). All take leading batch dimensions.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from core.models.sparse import Pattern, gather, pattern_of, segment_softmax, weighted_sum

Backend = Literal["auto", "reference", "dense", "sparse"]

DENSE_CELLS = 100_000
"""Largest V x E that the dense way is used for."""

SPARSE_INCIDENCES = 2_500
"""Fewest incidences, without batch dimensions, that the sparse way pays for (measured: even at about 2,800, twice as fast at 10,183)."""


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
    """Both directions of the incidence sum with one weight, each multiplied by a factor of the target.

    A weight with one column serves all heads, which then go through the sum as one.
    """

    def __init__(self, hypergraph: IncidenceBackend, weight: Tensor, per_reaction: Tensor, per_metabolite: Tensor) -> None:
        self._on, self._weight, self._per_reaction, self._per_metabolite = hypergraph, weight, per_reaction, per_metabolite
        dense = hypergraph.name == "dense"
        self._matrix = dense_matrix(weight, hypergraph.metabolite, hypergraph.reaction, hypergraph.nodes, hypergraph.edges) if dense else None

    def to_reactions(self, values: Tensor) -> Tensor:
        """[..., V, H, F] to [..., E, H, F]."""
        return self._through(values, to_reactions=True)

    def to_metabolites(self, values: Tensor) -> Tensor:
        """[..., E, H, F] to [..., V, H, F]."""
        return self._through(values, to_reactions=False)

    def _through(self, values: Tensor, *, to_reactions: bool) -> Tensor:
        heads = values.shape[-2:]
        if self._weight.shape[-1] != heads[0]:
            return self._through(values.flatten(-2).unsqueeze(-2), to_reactions=to_reactions).squeeze(-2).unflatten(-1, heads)
        on, factor = self._on, (self._per_reaction if to_reactions else self._per_metabolite).to(values.dtype)
        weight = self._weight.to(values.dtype)  # under autocast gates stay in single precision where values do not
        source, target = (on.metabolite, on.reaction) if to_reactions else (on.reaction, on.metabolite)
        if on.name == "sparse" and on.pattern is not None:
            # Scaling the weights costs K * H products, scaling the sums one for every number in them.
            return weighted_sum(weight * factor.index_select(0, target).unsqueeze(-1), values, on.pattern, to_reactions=to_reactions)
        if self._matrix is not None:
            matrix = self._matrix.to(values.dtype)
            out = ((matrix if to_reactions else matrix.mT) @ values.transpose(-2, -3)).transpose(-2, -3)
        else:
            out = incidence_sum(weight, values, source, target, len(factor))
        return out * factor.view(-1, 1, 1)


class IncidenceBackend:
    """Everything a convolution asks of one hypergraph's incidences, in one of the three ways.

    Args:
        name: 'reference', 'dense' (whose pairs have to be distinct) or 'sparse'.
        pattern: the hypergraph's pattern; None for the reference.
    """

    def __init__(self, name: Backend, hyperedge_index: Tensor, nodes: int, edges: int, pattern: Pattern | None) -> None:
        self.name, self.nodes, self.edges, self.pattern = name, nodes, edges, pattern
        self.metabolite, self.reaction = hyperedge_index[0], hyperedge_index[1]

    def products(self, weight: Tensor, per_reaction: Tensor, per_metabolite: Tensor) -> IncidenceProducts:
        """The sums with a weight [..., K, H or 1] and the targets' factors [E] and [V]."""
        return IncidenceProducts(self, weight, per_reaction, per_metabolite)

    def of_metabolites(self, values: Tensor) -> Tensor:
        """[..., V, H] to [..., K, H]: each incidence its metabolite's."""
        return values.index_select(-2, self.metabolite) if self.pattern is None else gather(values, self.pattern.by_metabolite)

    def of_reactions(self, values: Tensor) -> Tensor:
        """[..., E, H] to [..., K, H]: each incidence its reaction's."""
        return values.index_select(-2, self.reaction) if self.pattern is None else gather(values, self.pattern.by_reaction)

    def softmax(self, score: Tensor, *, within_reactions: bool) -> Tensor:
        """Softmax of [..., K, H] over the incidences of each reaction, or of each metabolite."""
        if self.pattern is not None:
            return segment_softmax(score, self.pattern.by_reaction if within_reactions else self.pattern.by_metabolite)
        return grouped_softmax(score, self.reaction if within_reactions else self.metabolite, self.edges if within_reactions else self.nodes)


def incidence_backend(name: Backend, hyperedge_index: Tensor, nodes: int, edges: int, *, batched: bool) -> IncidenceBackend:
    """The backend asked for, or for 'auto' the fastest: with batch dimensions 'dense' on small hypergraphs and 'sparse' on
    large ones, without 'reference' on small hypergraphs and 'sparse' on large ones.

    'dense' gives way to 'sparse' where a (metabolite, reaction) pair is listed twice.
    """
    if name == "reference" or (name == "auto" and not batched and hyperedge_index.shape[1] < SPARSE_INCIDENCES):
        return IncidenceBackend("reference", hyperedge_index, nodes, edges, None)
    pattern = pattern_of(hyperedge_index, nodes, edges)
    small = name == "dense" or (name == "auto" and nodes * edges <= DENSE_CELLS and batched)
    return IncidenceBackend("dense" if small and pattern.distinct else "sparse", hyperedge_index, nodes, edges, pattern)


def grouped_softmax(score: Tensor, group: Tensor, groups: int) -> Tensor:
    """The reference softmax of [..., K, H] over the members of each group; ``group`` is [K] long."""
    index = group.view(-1, 1).expand_as(score)
    shape = (*score.shape[:-2], groups, score.shape[-1])
    largest = score.detach().new_full(shape, -torch.inf).scatter_reduce(-2, index, score.detach(), "amax")
    raised = (score - largest.index_select(-2, group)).exp()
    total = raised.new_zeros(shape).index_add(raised.dim() - 2, group, raised)
    return raised / total.index_select(-2, group)
