"""What one node of an RNA's graph hears in one layer, taken apart: every message, their sum, and what the layer makes of it.

Nothing here is computed beside the layer: its own linear map, message and perceptron are asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.errors import InputError

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from core.models.rna import RnaGine, WeightedGINEConv


@dataclass(frozen=True, eq=False)
class GineAnatomy:
    """One layer at one node i, for the M directed edges j -> i into it and F units.

    Attributes:
        node: i; layer: counted from 0; edges: [M] places of the edges in the graph; sources: [M] j of each.
        features: [M, D] e; weights: [M] c.
        said: [M, F] h_j; related: [M, F] W_e e + b_e; messages: [M, F] c ReLU(h_j + W_e e + b_e).
        relation, direction: [M, F] and bias: [F], of which ``related`` is the sum: what the relations' columns of W_e add, what the column of the
            direction bit adds, and b_e.
        total: [F] sum of the messages; eps: of the layer; own: [F] (1 + eps) h_i; heard: [F] MLP(own + total), before norm, residual and dropout.
    """

    node: int
    layer: int
    edges: Tensor
    sources: Tensor
    features: Tensor
    weights: Tensor
    said: Tensor
    related: Tensor
    relation: Tensor
    direction: Tensor
    bias: Tensor
    messages: Tensor
    total: Tensor
    eps: float
    own: Tensor
    heard: Tensor


@torch.no_grad()
def take_gine_apart(network: RnaGine, graph: Data, node: int, layer: int, *, turned: bool = False, device: str = "cpu") -> GineAnatomy:
    """What the layer does at a node.

    Args:
        graph: as :meth:`core.models.rna.RnaGine.graph_of` gives it. layer: counted from 0.
        turned: the two bits of direction, is_forward and is_backward (the last columns of e), are exchanged on the edges into the node.

    Raises:
        InputError: no such node or layer.
    """
    if not 0 <= layer < len(network.convs):
        raise InputError(f"There is no layer {layer + 1}; the network has {len(network.convs)}.")
    if not 0 <= node < len(graph.x):
        raise InputError(f"There is no node {node} among the {len(graph.x):,} of this graph.")
    network = network.to(device)
    x, index, features = graph.x.to(device), graph.edge_index.to(device), graph.edge_attr.to(device)
    weight = graph.edge_weight.to(device) if network.config.ensemble else x.new_ones(index.shape[1])
    _, trace = network(x, index, features, edge_weight=weight if network.config.ensemble else None, return_trace=True)
    conv: WeightedGINEConv = network.convs[layer]  # type: ignore[assignment]
    into = torch.nonzero(index[1] == node).flatten()
    e, c, h = features[into].to(x.dtype), weight[into].to(x.dtype).unsqueeze(1), trace.hidden[layer]
    if turned:
        e = torch.cat([e[:, :-2], e[:, [-1, -2]]], 1)
    said = h[index[0, into]]
    messages = conv.message(said, e, c)
    total = messages.sum(0)
    own = (1 + conv.eps) * h[node]
    heard = conv.nn((total + own).unsqueeze(0))[0]
    columns = conv.lin.weight.T
    return GineAnatomy(
        node=node,
        layer=layer,
        edges=into,
        sources=index[0, into],
        features=e,
        weights=c.squeeze(1),
        said=said,
        related=conv.lin(e),
        relation=e[:, :-2] @ columns[:-2],
        direction=e[:, -2:] @ columns[-2:],
        bias=conv.lin.bias,
        messages=messages,
        total=total,
        eps=float(conv.eps),
        own=own,
        heard=heard,
    )
