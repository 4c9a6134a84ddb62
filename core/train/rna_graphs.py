"""Many RNA graphs in few arrays, so that a training batch is cut out of them instead of being built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.models.rna import RnaGine
from core.train.rna_families import BLOCK, RELATIVES, SHUFFLES, Families, in_blocks

PER_FAMILY = 2 * RELATIVES + SHUFFLES
"""Graphs of a family: relatives and shuffles as folded, then the relatives with the designed structures."""


class GraphBatch(NamedTuple):
    """``x`` [N, F], ``edge_index`` [2, M], ``edge_attr`` [M, D], ``batch`` [N] and the number of graphs."""

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor
    batch: Tensor
    count: int  # type: ignore[assignment]


@dataclass(frozen=True, eq=False)
class PackedGraphs:
    """Graphs end to end: x [N, F] float32, edge_index [2, M] (counted within each graph), edge_attr [M, D] of 0 and 1, and where each
    graph's nodes and edges begin, [G + 1]."""

    x: np.ndarray
    edge_index: np.ndarray
    edge_attr: np.ndarray
    nodes: np.ndarray
    edges: np.ndarray

    def __len__(self) -> int:
        return len(self.nodes) - 1

    def take(self, rows: Sequence[int] | np.ndarray, device: str = "cpu") -> GraphBatch:
        """Some graphs as one batch, in the order given."""
        sizes = self.nodes[np.asarray(rows) + 1] - self.nodes[rows]
        shifts = np.concatenate([[0], np.cumsum(sizes)])
        x = np.concatenate([self.x[self.nodes[r] : self.nodes[r + 1]] for r in rows])
        index = np.concatenate(
            [self.edge_index[:, self.edges[r] : self.edges[r + 1]].astype(np.int64) + s for r, s in zip(rows, shifts[:-1], strict=True)], axis=1
        )
        attr = np.concatenate([self.edge_attr[self.edges[r] : self.edges[r + 1]] for r in rows]).astype(np.float32)
        arrays = (x, index, attr, np.repeat(np.arange(len(rows)), sizes))
        x_, index_, attr_, batch_ = (torch.from_numpy(a).to(device) for a in arrays)
        return GraphBatch(x_, index_, attr_, batch_, len(rows))

    @classmethod
    def join(cls, parts: Sequence[dict[str, np.ndarray]]) -> PackedGraphs:
        """One from many, in order; ``nodes`` and ``edges`` of each part are sizes per graph."""
        nodes, edges = (np.concatenate([[0], np.cumsum(np.concatenate([p[name] for p in parts]))]).astype(np.int64) for name in ("nodes", "edges"))
        x, attr = (np.concatenate([p[name] for p in parts]) for name in ("x", "edge_attr"))
        return cls(x, np.concatenate([p["edge_index"] for p in parts], axis=1), attr, nodes, edges)


def pack(sequences: Sequence[str], structures: Sequence[str], encoding: str, sequence_weight: float) -> dict[str, np.ndarray]:
    """Graphs of RNAs with their structures, as the arrays :meth:`PackedGraphs.join` joins."""
    from core.rna import RnaRecord, build_graph, walk

    graphs = [
        build_graph(
            RnaRecord("rna", sequence, structure),
            encoding=encoding,
            sequence_weight=sequence_weight,
            elements=walk(structure) if encoding == "forgi" else None,
        )
        for sequence, structure in zip(sequences, structures, strict=True)
    ]
    return {
        "x": np.concatenate([g.x.numpy() for g in graphs]),
        "edge_index": np.concatenate([g.edge_index.numpy().astype(np.int32) for g in graphs], axis=1),
        "edge_attr": np.concatenate([g.edge_attr.numpy().astype(np.uint8) for g in graphs]),
        "nodes": np.array([len(g.x) for g in graphs]),
        "edges": np.array([g.edge_index.shape[1] for g in graphs]),
    }


def pack_families(
    families: Families,
    folder: Path,
    encoding: str,
    sequence_weight: float,
    *,
    executor: Executor,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> PackedGraphs:
    """All graphs of families, :data:`PER_FAMILY` a family, in blocks kept in ``folder``."""
    sequences, structures = (
        np.concatenate([own, extra], axis=1).astype(str)
        for own, extra in ((families.sequences, families.sequences[:, :RELATIVES]), (families.folded, families.designed))
    )
    cuts = [slice(start, start + BLOCK) for start in range(0, len(families), BLOCK)]
    paths = [folder / f"graphs-{encoding}-{sequence_weight:g}" / f"{b:05d}-{len(sequences[cut])}.npz" for b, cut in enumerate(cuts)]
    in_blocks(
        paths,
        lambda b: executor.submit(pack, sequences[cuts[b]].ravel().tolist(), structures[cuts[b]].ravel().tolist(), encoding, sequence_weight),
        on_progress=on_progress,
        should_stop=should_stop,
    )
    parts = []
    for path in paths:
        with np.load(path) as stored:
            parts.append(dict(stored))
    return PackedGraphs.join(parts)


@torch.no_grad()
def embed_packed(network: RnaGine, graphs: PackedGraphs, device: str = "cpu", *, chunk: int = 128) -> np.ndarray:
    """[G, out] embeddings of unit length, by a network in evaluation mode."""
    vectors = []
    for start in range(0, len(graphs), chunk):
        part = graphs.take(np.arange(start, min(len(graphs), start + chunk)), device)
        out = network(part.x, part.edge_index, part.edge_attr, part.batch, num_graphs=part.count).graph
        vectors.append(torch.nn.functional.normalize(out, dim=-1).cpu())
    return torch.cat(vectors).double().numpy()
