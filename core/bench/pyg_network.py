"""The metabolic network as PyG's explainers take it: both passes as ``MessagePassing`` modules, or its own layers with PyG's edge mask handed on."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import softmax

from core.explain.metabolic_masks import GROWTH, asker_of, linear_of, runner_of
from core.metabolic.hypergraph import MetabolicHypergraph
from core.models.conv import StoichHypergraphConv
from core.models.incidence import IncidenceBackend, IncidenceProducts
from core.models.network import ReactionNetwork


class Pass(MessagePassing):
    """Values [N, H, F] of one side, weighted along the incidences and summed at the other; PyG multiplies the messages by its edge mask."""

    def __init__(self) -> None:
        super().__init__(aggr="add", node_dim=-3)

    def forward(self, values: Tensor, weight: Tensor, edge_index: Tensor, targets: int) -> Tensor:
        found: Tensor = self.propagate(edge_index, x=(values, None), weight=weight, size=(values.shape[-3], targets))
        return found

    def message(self, x_j: Tensor, weight: Tensor) -> Tensor:
        return weight.unsqueeze(-1) * x_j


class _Products(IncidenceProducts):
    def __init__(self, on: Incidences, weight: Tensor, per_reaction: Tensor, per_metabolite: Tensor) -> None:
        super().__init__(on, weight, per_reaction, per_metabolite)
        self._passes = on

    def to_reactions(self, values: Tensor) -> Tensor:
        on = self._passes
        return on.forth(values, self._weight, on.index, on.edges) * self._per_reaction.view(-1, 1, 1)

    def to_metabolites(self, values: Tensor) -> Tensor:
        on = self._passes
        return on.back(values, self._weight, on.index.flip(0), on.nodes) * self._per_metabolite.view(-1, 1, 1)


class Incidences(IncidenceBackend):
    """A layer's incidences, whose two sums are PyG's modules and whose softmax is PyG's."""

    def __init__(self, forth: Pass, back: Pass, index: Tensor, nodes: int, edges: int) -> None:
        super().__init__("reference", index, nodes, edges, None)
        self.forth, self.back, self.index = forth, back, index

    def products(self, weight: Tensor, per_reaction: Tensor, per_metabolite: Tensor) -> IncidenceProducts:
        return _Products(self, weight, per_reaction, per_metabolite)

    def softmax(self, score: Tensor, *, within_reactions: bool) -> Tensor:
        group, groups = (self.reaction, self.edges) if within_reactions else (self.metabolite, self.nodes)
        found: Tensor = softmax(score, group, num_nodes=groups, dim=-2)
        return found


class InPyG(nn.Module):
    """x [V, F] and the hyperedge index [2, K] to growth [1], through a copy of a network whose passes are PyG's."""

    def __init__(self, network: ReactionNetwork, graph: MetabolicHypergraph) -> None:
        super().__init__()
        self.network = deepcopy(network)
        convs = [module for module in self.network.modules() if isinstance(module, StoichHypergraphConv)]
        self.passes = nn.ModuleList(Pass() for _ in range(2 * len(convs)))
        for conv, forth, back in zip(convs, self.passes[::2], self.passes[1::2], strict=True):
            conv.backend = lambda *of, forth=forth, back=back: Incidences(forth, back, *of)
        self._run, self._objective = runner_of(self.network, graph, "cpu", torch.float32), torch.from_numpy(graph.bounds.objective).float()

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return linear_of(self._run(x=x, index=edge_index).raw, self._objective).unsqueeze(0)


class WithMask(nn.Module):
    """The same through the network itself; an empty module is there for PyG to set its edge mask on, and the network is given that."""

    def __init__(self, network: ReactionNetwork, graph: MetabolicHypergraph) -> None:
        super().__init__()
        self.masked_here = MessagePassing()
        self._ask = asker_of(network, graph, GROWTH, "cpu", torch.float32)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self._ask(x=x, index=edge_index, mask=self.masked_here._edge_mask).unsqueeze(0)
