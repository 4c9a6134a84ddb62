"""GINE on the nucleotides of an RNA alone: a base hears its neighbours along the chain and its partner, and there are no nodes for elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import global_mean_pool

from core.models.rna import RnaOutput

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from core.rna.assembly import Assembled
    from core.rna.elements import Elements
    from core.rna.ensemble import PairEnsemble
    from core.rna.records import RnaRecord


@dataclass(frozen=True)
class NucleotideGineConfig:
    """Everything needed to build a :class:`NucleotideGine`.

    Attributes:
        node_features: columns of ``x``; relations: kinds of directed edges.
        hidden, out: widths of node states and of a base's vector.
        layers: convolutions.
    """

    node_features: int
    relations: int
    hidden: int = 128
    out: int = 128
    layers: int = 4

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the model card."""
        return asdict(self)


class RelationGINEConv(nn.Module):
    r"""GINE (Hu et al. 2020, Strategies for pre-training graph neural networks) for edges that are each of one relation and nothing more.

    .. math::
        \mathbf{h}'_i = \mathrm{MLP}\Big((1 + \epsilon)\,\mathbf{h}_i + \sum_r \sum_{j \to_r i} \mathrm{ReLU}(\mathbf{h}_j + \mathbf{w}_r)\Big)

    :math:`\mathbf{w}_r` is what :class:`~torch_geometric.nn.GINEConv` makes of a one-hot edge feature: a column of its matrix and its bias. Taking
    the relations one after the other needs no such feature and holds fewer messages in memory than all edges at once.

    Args:
        width: F; relations: R.

    Shapes:
        - **input:** ``h`` [N, F], and for each relation its sources and targets [2, M_r]
        - **output:** [N, F]
    """

    def __init__(self, width: int, relations: int) -> None:
        super().__init__()
        self.relation = nn.Parameter(torch.zeros(relations, width))
        self.eps = nn.Parameter(torch.zeros(1))
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, h: Tensor, edges: Sequence[Tensor]) -> Tensor:
        """See the shapes above."""
        total = (1 + self.eps) * h
        for vector, (sources, targets) in zip(self.relation, edges, strict=True):
            total = total.index_add_(0, targets, h.index_select(0, sources).add_(vector).relu_())
        return self.mlp(total)


class NucleotideGine(nn.Module):
    """Linear -> L x [GINE -> LayerNorm -> residual] -> Linear, ReLU, Linear -> unit length; an RNA is the mean of its bases.

    Args:
        config: the choices of :class:`NucleotideGineConfig`.

    Shapes:
        - **input:** ``x`` [N, node_features], ``edge_index`` [2, M], ``edge_attr`` [M] int64 relation of each edge, ``batch`` [N] graph of each node
        - **output:** :class:`~core.models.rna.RnaOutput`, ``graph`` [B, out] and ``nodes`` [N, out]
    """

    def __init__(self, config: NucleotideGineConfig) -> None:
        super().__init__()
        self.config = c = config
        self.lin_in = nn.Linear(c.node_features, c.hidden)
        self.convs = nn.ModuleList(RelationGINEConv(c.hidden, c.relations) for _ in range(c.layers))
        self.norms = nn.ModuleList(nn.LayerNorm(c.hidden) for _ in range(c.layers))
        self.head = nn.Sequential(nn.Linear(c.hidden, c.hidden), nn.ReLU(), nn.Linear(c.hidden, c.out))

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor | None = None, *, num_graphs: int | None = None) -> RnaOutput:
        """Embeds graphs.

        Args:
            x, edge_index, edge_attr: see above.
            batch: [N] graph of each node, ascending; None for one graph.
            num_graphs: B; needed only to keep trailing graphs without nodes.
        """
        edges = [edge_index[:, edge_attr == relation] for relation in range(self.config.relations)]
        h = self.lin_in(x)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            h = h + norm(conv(h, edges))
        nodes = nn.functional.normalize(self.head(h), dim=-1)
        return RnaOutput(global_mean_pool(nodes, edge_index.new_zeros(len(x)) if batch is None else batch, num_graphs), nodes)

    @property
    def soft(self) -> bool:
        """It reads one structure, and no pair probabilities."""
        return False

    def graph_of(self, record: RnaRecord, elements: Elements, ensemble: PairEnsemble | None = None) -> Data:
        """What the network reads of an RNA with its structure; elements and pair probabilities are no part of it."""
        from core.rna.nucleotide_graph import build_nucleotide_graph

        return build_nucleotide_graph(record)

    def graphs_of(self, rnas: Sequence[tuple[RnaRecord, PairEnsemble | None]], elements: Sequence[Elements]) -> Assembled:
        """The graphs of many RNAs side by side."""
        import numpy as np

        from core.rna.assembly import Assembled
        from core.rna.graph import batch
        from core.rna.nucleotide_graph import build_nucleotide_graph

        graphs = [build_nucleotide_graph(record) for record, _ in rnas]
        found = batch(graphs)
        starts = np.cumsum([0, *(graph.num_nodes for graph in graphs)])
        weight = np.ones(found.edge_index.shape[1], dtype=np.float32)
        return Assembled(found.x.numpy(), found.edge_index.numpy(), found.edge_attr.numpy(), weight, found.batch.numpy(), starts)

    def notices(self, records: Sequence[RnaRecord]) -> list[str]:
        """Sentences on what of these RNAs the network reads otherwise than it is given.

        Raises:
            InputError: an RNA it cannot read.
        """
        from core.rna.nucleotide_graph import read_otherwise

        return read_otherwise(records)
