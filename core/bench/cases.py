"""What is measured: our convolution and PyG's on the same hypergraph, and reading a model the second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch

    from core.models.conv import StoichHypergraphConv

WIDTH = 64
"""Channels in and out; with H heads each has WIDTH / H."""

BOUNDS = {(150_000, "metabolite", None): 4.0, (150_000, "incidence", None): 1.5, (150_000, "incidence", "reaction"): 3.0}
"""Times faster than the peer that is asked for, by (incidences, gate, attention)."""


class Mode(NamedTuple):
    """A way of running the convolution, and how many heads."""

    gate: str
    attention: str | None
    heads: int

    @property
    def label(self) -> str:
        gate = "no gates" if self.gate == "none" else f"{self.gate} gates"
        return gate if self.attention is None else f"{gate}, attention {self.heads} heads x {WIDTH // self.heads}"


MODES = (Mode("none", None, 1), Mode("metabolite", None, 1), Mode("incidence", None, 1), Mode("incidence", "reaction", 4))


@dataclass(frozen=True)
class Hypergraph:
    """A hypergraph to run on: hyperedge_index [2, K] long, stoich [K] float32, V and E."""

    name: str
    hyperedge_index: torch.Tensor
    stoich: torch.Tensor
    nodes: int
    edges: int

    @property
    def incidences(self) -> int:
        return len(self.stoich)


def model_hypergraph(name: str = "iJO1366") -> Hypergraph:
    """The incidences of a bundled model."""
    import torch

    from core.metabolic.reading import load_tables

    tables = load_tables(name)
    index = torch.stack([torch.from_numpy(tables.rows), torch.from_numpy(tables.cols)])
    return Hypergraph(name, index, torch.from_numpy(tables.stoich).float(), tables.shape[0], tables.shape[1])


def random_hypergraph(incidences: int, seed: int = 0) -> Hypergraph:
    """Random distinct incidences, ordered by reaction, with iJO1366's proportions (3.94 per reaction, .7 metabolites per reaction).

    A metabolite of rank r is drawn with probability proportional to 1 / (r + 2): as in metabolic models, a few hubs (water,
    protons, ATP) take a large part of all incidences. Coefficients are 1 or 2, half of them negative.
    """
    import torch

    draw = np.random.default_rng(seed)
    edges = max(2, round(incidences / 3.94))
    nodes = max(2, round(0.7 * edges))
    chance = 1 / (np.arange(nodes) + 2.0)
    chance /= chance.sum()
    cells = np.empty(0, dtype=np.int64)
    while len(cells) < incidences:
        more = incidences - len(cells)
        drawn = draw.integers(edges, size=more) * nodes + draw.choice(nodes, size=more, p=chance)
        cells = np.unique(np.concatenate([cells, drawn]))
    reaction, metabolite = np.divmod(cells, nodes)
    metabolite = draw.permutation(nodes)[metabolite]
    stoich = draw.choice([-2.0, -1.0, -1.0, 1.0, 1.0, 2.0], size=incidences).astype(np.float32)
    index = torch.from_numpy(np.stack([metabolite, reaction]))
    return Hypergraph(f"random, seed {seed}", index, torch.from_numpy(stoich), nodes, edges)


class ConvPair:
    """Our layer and PyG's ``HypergraphConv`` with the same weights on the same features.

    PyG's layer has neither signs nor gates: it does less, and is the yardstick for what they cost.
    """

    def __init__(self, hypergraph: Hypergraph, mode: Mode) -> None:
        import torch
        from torch_geometric.nn import HypergraphConv

        from core.models.conv import StoichHypergraphConv

        self.hypergraph, self.mode = hypergraph, mode
        width = WIDTH // mode.heads
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(hypergraph.nodes, WIDTH, generator=generator).requires_grad_()
        self.u = torch.randn(hypergraph.edges, WIDTH, generator=generator).requires_grad_()
        self.layer = StoichHypergraphConv(
            WIDTH,
            width,
            heads=mode.heads,
            gate=mode.gate,  # type: ignore[arg-type]
            attention=mode.attention,  # type: ignore[arg-type]
            reaction_channels=WIDTH,
        )
        self.peer = HypergraphConv(WIDTH, width, use_attention=mode.attention is not None, heads=mode.heads)
        self.peer.load_state_dict({name: self.layer.state_dict()[name] for name in self.peer.state_dict()})

    def difference(self) -> float:
        """Largest difference between the two outputs where they must agree: all coefficients and gates 1, one matrix for all features."""
        import torch

        ours = _with_one_matrix(self.layer)
        with torch.no_grad():
            h = ours(self.x, self.hypergraph.hyperedge_index, torch.ones_like(self.hypergraph.stoich), self.u, gate_override=1.0)[0]
            return float((h - self._peer_forward()).abs().max())

    def ours(self) -> None:
        """One forward and backward pass of our layer."""
        h, _ = self.layer(self.x, self.hypergraph.hyperedge_index, self.hypergraph.stoich, self.u)
        h.sum().backward()

    def theirs(self) -> None:
        """One forward and backward pass of PyG's layer."""
        self._peer_forward().sum().backward()

    def _peer_forward(self) -> torch.Tensor:
        attributes = None if self.mode.attention is None else self.u
        return self.peer(self.x, self.hypergraph.hyperedge_index, hyperedge_attr=attributes, num_edges=self.hypergraph.edges)


def _with_one_matrix(layer: StoichHypergraphConv) -> StoichHypergraphConv:
    """A copy whose reaction features go through ``lin``, as PyG's do."""
    from copy import deepcopy

    layer = deepcopy(layer)
    if layer.lin_u is not None:
        layer.lin_u = layer.lin
    return layer


def reading_pair(name: str = "iJO1366") -> tuple[Callable[[], object], Callable[[], object]]:
    """Two ways to a bundled model's tables: from the disk cache (filled first), and by COBRApy from SBML."""
    from core.metabolic.reading import load_model, load_tables

    load_tables(name)
    return lambda: load_tables(name), lambda: load_model(name)
