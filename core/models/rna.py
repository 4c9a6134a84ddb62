"""GINE on RNA graphs: bases and structural elements exchange messages along typed, directed edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.nn import BatchNorm, GINEConv, GraphNorm, InstanceNorm, global_add_pool, global_mean_pool
from torch_geometric.nn.aggr import Set2Set
from torch_geometric.utils import scatter, softmax

from core.models.rna_messages import Messages, segment_means

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from core.rna.assembly import Assembled
    from core.rna.elements import Elements
    from core.rna.ensemble import PairEnsemble
    from core.rna.records import RnaRecord

Norm = Literal["batch", "graph", "layer", "instance", "none"]
NodeNorm = Literal["none", "zscore", "l2", "both"]
Pooling = Literal["add", "mean", "set2set"]
EPS = 1e-5
SMALL = 1e-4
"""Keeps the slope of a square root finite."""
MANY = 100
"""Nodes of a typical RNA: beside means, a sum over them is divided by so many."""
IS_BASE = 8
"""Column of the FORGI encoding that marks bases."""


@dataclass(frozen=True)
class RnaGineConfig:
    """Everything needed to build a :class:`RnaGine`; stored with its weights.

    Attributes:
        node_features, edge_features: widths of ``x`` and ``edge_attr``.
        encoding: "forgi" or "standard", and ``sequence_weight``: the graphs the network was trained on.
        hidden, out: widths of node states and of the RNA's embedding.
        norm: after each convolution. "batch" uses running statistics in evaluation, "layer" is per node, "graph" and "instance" per graph.
        residual: adds a layer's input to its output.
        train_eps: whether GINE's eps is learned (it starts at 0).
        node_norm: of the node embeddings, "zscore" per graph and unit, "l2" per node, or both in this order.
        set2set_steps: reading steps of Set2Set pooling.
        ensemble: whether the graphs carry pair probabilities (:func:`core.rna.graph.build_graph` with an ensemble).
        segments, segment_width: K and S. Beside the pooled nodes, the embedding reads S units of the bases averaged at K places along the
            sequence, which is how it knows what stands where; 0 leaves this out.
    """

    node_features: int
    edge_features: int
    encoding: Literal["forgi", "standard"] = "forgi"
    sequence_weight: float = 0.5
    hidden: int = 64
    out: int = 64
    layers: int = 4
    norm: Norm = "batch"
    dropout: float = 0.0
    residual: bool = True
    train_eps: bool = True
    node_norm: NodeNorm = "none"
    pooling: Pooling = "set2set"
    set2set_steps: int = 3
    ensemble: bool = False
    segments: int = 0
    segment_width: int = 48

    def __post_init__(self) -> None:
        for name, allowed in (
            ("encoding", ("forgi", "standard")),
            ("norm", ("batch", "graph", "layer", "instance", "none")),
            ("node_norm", ("none", "zscore", "l2", "both")),
            ("pooling", ("add", "mean", "set2set")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(allowed)}")
        if min(self.node_features, self.edge_features, self.hidden, self.out, self.layers, self.set2set_steps) < 1:
            raise ValueError("widths, layers and set2set_steps have to be at least 1")
        if self.segments and (self.segments < 2 or self.segment_width < 1):
            raise ValueError("segments are 0 or at least 2, and their width is at least 1")

    @property
    def pooled_width(self) -> int:
        """Numbers that the pooled nodes give to the last linear map; those of the segments follow."""
        return self.hidden * (2 if self.pooling == "set2set" else 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the model card."""
        return asdict(self)


class RnaOutput(NamedTuple):
    """``graph`` [B, out], one embedding per RNA; ``nodes`` [N, hidden], one per base or element."""

    graph: Tensor
    nodes: Tensor


@dataclass(frozen=True, eq=False)
class RnaTrace:
    """What passed through the network, for L layers, N nodes and M directed edges.

    Attributes:
        openness: [L, M], share of a message's units that the ReLU lets through (before masks and weights).
        message: [L, M], L2 norm of the message as it is passed (after masks and weights).
        hidden: [L + 1, N, F], the node states: after the first linear map, then after each layer; hidden_norm: [L + 1, N], their L2 norm.
        edge_weights: W_e of each layer, [hidden, edge features]; a column per relation.
        attention: [steps, N] of Set2Set, summing to 1 within a graph at each step; None for another pooling.
    """

    openness: Tensor
    message: Tensor
    hidden: Tensor
    edge_weights: tuple[Tensor, ...]
    attention: Tensor | None

    @property
    def hidden_norm(self) -> Tensor:
        """See above."""
        return self.hidden.norm(dim=-1)


class WeightedGINEConv(GINEConv):
    r"""PyG's :class:`~torch_geometric.nn.GINEConv` whose messages can be weighted per edge.

    .. math::
        \mathbf{h}'_i = \mathrm{MLP}\Big((1 + \epsilon)\,\mathbf{h}_i + \sum_{j \to i} c_{ji}\,
        \mathrm{ReLU}(\mathbf{h}_j + \mathbf{W}_e \mathbf{e}_{ji} + \mathbf{b}_e)\Big)

    With :math:`c = 1` it is GINEConv. The weight is an argument of the call, never state of the module.
    """

    def summed(self, x: Tensor, messages: Messages, weight: Tensor) -> Tensor:
        """The same from the pattern of the edges, which a network works out once for all its layers: a few times faster on a CPU.

        x [N, F], weight [M, 1] -> [N, F'].
        """
        return self.nn(messages.heard(messages.spoken(x, self.lin(messages.features)), weight) + (1 + self.eps) * x)

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, weight: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """x [N, F], edge_index [2, M], edge_attr [M, D], weight [M, 1] -> [N, F']."""
        # propagate_type: (x: Tensor, edge_attr: Tensor, weight: OptTensor)
        return self.nn(self.propagate(edge_index, x=x, edge_attr=edge_attr, weight=weight, size=None) + (1 + self.eps) * x)

    def message(self, x_j: Tensor, edge_attr: Tensor, weight: Tensor | None) -> Tensor:  # type: ignore[override]
        """[M, F] messages."""
        passed = super().message(x_j, edge_attr)
        return passed if weight is None else passed * weight


class RnaGine(nn.Module):
    """Linear -> L x [GINE -> norm -> dropout -> residual] -> node embeddings -> pooling -> Linear.

    The network keeps no state between calls: masks and weights are arguments, a trace is a return value.

    Args:
        config: the choices of :class:`RnaGineConfig`.

    Shapes:
        - **input:** ``x`` [N, node_features], ``edge_index`` [2, M], ``edge_attr`` [M, edge_features], ``batch`` [N] graph of each node
        - **output:** :class:`RnaOutput`, and an :class:`RnaTrace` beside it with ``return_trace=True``
    """

    def __init__(self, config: RnaGineConfig) -> None:
        super().__init__()
        self.config = c = config
        self.lin_in = nn.Linear(c.node_features, c.hidden)
        self.convs = nn.ModuleList(
            WeightedGINEConv(_mlp(c.hidden, c.dropout), train_eps=c.train_eps, edge_dim=c.edge_features) for _ in range(c.layers)
        )
        self.norms = nn.ModuleList(_norm(c.norm, c.hidden) for _ in range(c.layers))
        self.dropout = nn.Dropout(c.dropout)
        self.set2set = Set2Set(c.hidden, c.set2set_steps) if c.pooling == "set2set" else None
        self.lin_segments = nn.Linear(c.hidden, c.segment_width) if c.segments else None
        self.lin_out = nn.Linear(c.pooled_width + (c.segments * c.segment_width if c.segments else 0), c.out)

    def stages(self) -> list[tuple[str, list[nn.Module]]]:
        """Its parts from the read-out down to the first linear map, as weights are drawn anew from the top (Adebayo et al. 2018)."""
        tops: list[nn.Module] = [part for part in (self.lin_out, self.lin_segments, self.set2set) if part is not None]
        layers: list[tuple[str, list[nn.Module]]] = [(f"layer {n}", [*pair]) for n, pair in enumerate(zip(self.convs, self.norms, strict=True), 1)]
        return [("read-out", tops), *reversed(layers), ("first map", [self.lin_in])]

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor,
        batch: Tensor | None = None,
        *,
        edge_mask: Tensor | None = None,
        node_mask: Tensor | None = None,
        edge_weight: Tensor | None = None,
        num_graphs: int | None = None,
        return_trace: bool = False,
    ) -> Any:
        """Embeds graphs.

        Args:
            x, edge_index, edge_attr: see above.
            batch: [N] graph of each node, ascending; None for one graph.
            edge_mask: [M], multiplies the messages of every layer (explanations).
            node_mask: [N], multiplies the features of nodes; a masked base stays in the graph without features. Masking is not deleting.
            edge_weight: [M], multiplies the messages too (pair probabilities).
            num_graphs: B; needed only to keep trailing graphs without nodes.
        """
        if batch is None:
            batch = edge_index.new_zeros(len(x))
        count = num_graphs if num_graphs is not None else (int(batch[-1]) + 1 if len(batch) else 1)
        weight = edge_weight if edge_mask is None else edge_mask if edge_weight is None else edge_weight * edge_mask
        weight = None if weight is None else weight.to(x.dtype).unsqueeze(-1)
        h = self.lin_in(x if node_mask is None else x * node_mask.to(x.dtype).unsqueeze(-1))
        states, openness, messages = [h], [], []
        pattern = Messages(edge_index, edge_attr.to(h.dtype), len(h)) if h.device.type == "cpu" else None
        ones = h.new_ones(edge_index.shape[1], 1) if weight is None else weight
        for conv, norm in zip(self.convs, self.norms, strict=True):
            if return_trace:
                passed = conv.message(h[edge_index[0]], edge_attr, None)  # type: ignore[operator]
                openness.append((passed > 0).to(h.dtype).mean(-1))
                messages.append((passed if weight is None else passed * weight).norm(dim=-1))
            told = conv(h, edge_index, edge_attr, weight) if pattern is None else conv.summed(h, pattern, ones)  # type: ignore[operator]
            news = self.dropout(_apply_norm(norm, told, batch, count))
            h = h + news if self.config.residual else news
            if return_trace:
                states.append(h)
        h = normalise_nodes(h, batch, count, self.config.node_norm)
        read = self._pool(h, batch, count)
        if self.lin_segments is not None:
            scale = MANY if self.config.pooling == "add" else 1
            read = torch.cat([read / scale, self._along(h, x, batch, count)], dim=-1)
        out = RnaOutput(self.lin_out(read), h)
        if not return_trace:
            return out
        attention = None if self.set2set is None else set2set_attention(self.set2set, h, batch, count)[1]
        matrices = tuple(conv.lin.weight.detach().clone() for conv in self.convs)  # type: ignore[union-attr, operator]
        return out, RnaTrace(torch.stack(openness), torch.stack(messages), torch.stack(states), matrices, attention)

    @property
    def soft(self) -> bool:
        """Whether the network reads pair probabilities."""
        return self.config.ensemble

    def graph_of(self, record: RnaRecord, elements: Elements, ensemble: PairEnsemble | None = None) -> Data:
        """What the network reads of an RNA with its structure, that structure's elements, and pair probabilities where it reads them."""
        from core.rna.graph import build_graph

        c = self.config
        return build_graph(record, encoding=c.encoding, sequence_weight=c.sequence_weight, elements=elements, ensemble=ensemble)

    def graphs_of(self, rnas: Sequence[tuple[RnaRecord, PairEnsemble | None]], elements: Sequence[Elements]) -> Assembled:
        """The graphs of many RNAs side by side."""
        from core.rna.assembly import GraphParts, assemble

        forgi = self.config.encoding == "forgi"
        parts = [
            GraphParts.of(record.sequence, str(record.structure), elements=own if forgi else None, ensemble=ensemble)
            for (record, ensemble), own in zip(rnas, elements, strict=True)
        ]
        return assemble(parts, self.config.sequence_weight)

    def notices(self, records: Sequence[RnaRecord]) -> list[str]:
        """Sentences on what of these RNAs the network reads otherwise than it is given: none, N and pseudoknots included."""
        return []

    def _along(self, h: Tensor, x: Tensor, batch: Tensor, count: int) -> Tensor:
        """[B, K S] what stands where: square roots of means of the bases' units at K places, so that rare units are not drowned by common ones."""
        assert self.lin_segments is not None
        bases = torch.arange(len(h), device=h.device) if self.config.encoding == "standard" else x[:, IS_BASE].nonzero().squeeze(1)
        units = torch.relu(self.lin_segments(h[bases]))
        return (segment_means(units, batch[bases], count, self.config.segments) + SMALL).sqrt().flatten(1)

    def _pool(self, h: Tensor, batch: Tensor, count: int) -> Tensor:
        if self.set2set is not None:
            return self.set2set(h, batch, dim_size=count)
        return (global_add_pool if self.config.pooling == "add" else global_mean_pool)(h, batch, count)


def set2set_attention(module: Set2Set, x: Tensor, batch: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Set2Set again, step by step, because PyG's module keeps its softmax to itself.

    Args:
        x: [N, F]; batch: [N] graph of each node; count: B.

    Returns:
        The module's own output [B, 2F], and the attention [steps, N].
    """
    state = (x.new_zeros(module.lstm.num_layers, count, module.in_channels), x.new_zeros(module.lstm.num_layers, count, module.in_channels))
    read = x.new_zeros(count, module.out_channels)
    steps = []
    for _ in range(module.processing_steps):
        query, state = module.lstm(read.unsqueeze(0), state)
        query = query.view(count, module.in_channels)
        attention = softmax((x * query[batch]).sum(-1), batch, num_nodes=count)
        read = torch.cat([query, scatter(attention.unsqueeze(-1) * x, batch, dim=0, dim_size=count, reduce="sum")], dim=-1)
        steps.append(attention)
    return read, torch.stack(steps)


def normalise_nodes(h: Tensor, batch: Tensor, count: int, how: NodeNorm) -> Tensor:
    """Node embeddings [N, F] z-scored per unit within each graph ("zscore"), scaled to unit length ("l2"), or both in this order."""
    if how in ("zscore", "both"):
        mean = scatter(h, batch, dim=0, dim_size=count, reduce="mean")
        centred = h - mean[batch]
        variance = scatter(centred**2, batch, dim=0, dim_size=count, reduce="mean")
        h = centred / (variance + EPS).sqrt()[batch]
    return nn.functional.normalize(h, dim=-1) if how in ("l2", "both") else h


def _mlp(width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else []), nn.Linear(width, width), nn.ReLU())


def _norm(name: Norm, width: int) -> nn.Module:
    if name == "batch":
        return BatchNorm(width)
    if name == "graph":
        return GraphNorm(width)
    if name == "instance":
        return InstanceNorm(width, affine=True)
    return nn.LayerNorm(width) if name == "layer" else nn.Identity()


def _apply_norm(norm: nn.Module, h: Tensor, batch: Tensor, count: int) -> Tensor:
    return norm(h, batch, count) if isinstance(norm, (GraphNorm, InstanceNorm)) else norm(h)
