"""GINE's messages summed quickly: an RNA graph has millions of edges of a dozen sorts.

What a node says along an edge depends on the node and on the edge's features alone. Edges that leave one node with equal features carry the
same message, which is worked out once; summing them, with their weights, is one sparse product (:mod:`core.models.sparse`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.models.sparse import Grouping, Pattern, gather, weighted_sum


class Messages:
    """The pattern of a batch's edges, for all layers of a network.

    Args:
        edge_index: [2, M] source and target of each edge.
        edge_attr: [M, D].
        nodes: N.

    Attributes:
        features: [T, D] the different rows of ``edge_attr``.
    """

    def __init__(self, edge_index: Tensor, edge_attr: Tensor, nodes: int) -> None:
        source, target = edge_index
        self.features, sort = _sorts(edge_attr)
        kinds = len(self.features)
        said, of_edge = torch.unique(sort * nodes + source, return_inverse=True)
        self._by_sort = Grouping(said // max(nodes, 1), said, kinds, kinds)
        self._by_source = Grouping(said % max(nodes, 1), said, nodes, nodes)
        self._edges = Pattern(torch.stack([of_edge, target]), len(said), nodes)

    def spoken(self, h: Tensor, sorts: Tensor) -> Tensor:
        """[U, F] messages by node and sort of edge, from node states [N, F] and W_e e + b_e of each sort [T, F]."""
        return torch.relu(gather(h, self._by_source) + gather(sorts, self._by_sort))

    def heard(self, spoken: Tensor, weight: Tensor) -> Tensor:
        """[N, F] sums over the edges into each node, with weights [M, 1]."""
        return weighted_sum(weight, spoken.unsqueeze(1), self._edges, to_reactions=True).squeeze(1)


def _sorts(edge_attr: Tensor) -> tuple[Tensor, Tensor]:
    """The different rows [T, D], and of which each edge is [M]; features of 0 and 1 are read as the digits of a number, which sorts faster."""
    columns = edge_attr.shape[1]
    if columns <= 32 and bool(((edge_attr == 0) | (edge_attr == 1)).all()):
        place = 2 ** torch.arange(columns, device=edge_attr.device)
        codes, of_edge = torch.unique(edge_attr.long() @ place, return_inverse=True)
        return ((codes.unsqueeze(1) // place) % 2).to(edge_attr.dtype), of_edge
    return torch.unique(edge_attr, dim=0, return_inverse=True)


def segment_means(values: Tensor, batch: Tensor, graphs: int, segments: int) -> Tensor:
    """Means along a sequence at evenly spaced places.

    The i-th of n rows of a graph stands at (i + 1/2) / n of the way; place k of K at k / (K - 1). A row counts to the two places around it, more to
    the nearer (linear interpolation), so that an insertion moves the means little. A place nobody stands near is 0.

    Args:
        values: [N, F] rows in the order of the sequence; batch: [N] graph of each, ascending.
        graphs: B; segments: K of at least 2.

    Returns:
        [B, K, F]: sums times K / n.
    """
    count = torch.bincount(batch, minlength=graphs)
    rank = torch.arange(len(batch), device=batch.device) - (count.cumsum(0) - count)[batch]
    size = count[batch].to(values.dtype)
    place = (rank + 0.5) / size * (segments - 1)
    low = place.floor().clamp(max=segments - 2)
    part = place - low
    cell = batch * segments + low.long()
    row = torch.arange(len(batch), device=batch.device)
    weight = torch.cat([1 - part, part]) * (segments / size).repeat(2)
    index = torch.stack([row.repeat(2), torch.cat([cell, cell + 1])])
    if values.device.type != "cpu":
        summed = values.new_zeros(graphs * segments, values.shape[1])
        return summed.index_add(0, index[1], values[index[0]] * weight.unsqueeze(1)).view(graphs, segments, -1)
    pattern = Pattern(index, len(batch), graphs * segments)
    return weighted_sum(weight.unsqueeze(1), values.unsqueeze(1), pattern, to_reactions=True).view(graphs, segments, -1)
