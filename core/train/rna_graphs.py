"""The graphs of synthetic families: many views of few sequences, assembled when a batch asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from core.models.rna import RnaGine, RnaOutput
from core.rna.assembly import Assembled, GraphParts, assemble
from core.rna.elements import walk
from core.rna.ensemble import PairEnsemble
from core.rna.fingerprints import unit
from core.train.rna_families import SAMPLES, Families

FOLDED, DESIGNED = 0, SAMPLES + 1
"""Views of a sequence: its best structure (0), structures drawn from its ensemble (1 to SAMPLES), the designed one, known with certainty."""


class View(NamedTuple):
    """A sequence of a family under one of its structures."""

    family: int
    member: int
    structure: int = FOLDED


class FamilyGraphs:
    """Views of families for one network's encoding; what was taken apart once is kept."""

    def __init__(self, families: Families, *, encoding: str, sequence_weight: float, ensemble: bool) -> None:
        self.families, self.sequence_weight = families, sequence_weight
        self._forgi, self._ensemble = encoding == "forgi", ensemble
        self._known: dict[View, GraphParts] = {}

    def parts(self, view: View) -> GraphParts:
        """What the graph of a view is assembled from. Its pairs are those of the ensemble, or of the designed structure, each certain."""
        if view not in self._known:
            f, family = self.families, view.family
            drawn = f.folded[family, view.member] if view.structure == FOLDED else None
            if view.structure == DESIGNED:
                drawn = f.designed[family, view.member]
            structure = (f.samples[family, view.member, view.structure - 1] if drawn is None else drawn).decode()
            ensemble = None
            if self._ensemble:
                ensemble = PairEnsemble.certain(structure) if view.structure == DESIGNED else f.ensemble(family, view.member)
            elements = walk(structure) if self._forgi else None
            self._known[view] = GraphParts.of(f.sequences[family, view.member].decode(), structure, elements=elements, ensemble=ensemble)
        return self._known[view]

    def assemble(self, views: Sequence[View]) -> Assembled:
        """The graphs of views side by side."""
        return assemble([self.parts(view) for view in views], self.sequence_weight)


def run(network: RnaGine, batch: Assembled, device: str = "cpu") -> RnaOutput:
    """The network on assembled graphs."""
    x, index, attr, weight, of_graph = (torch.from_numpy(array).to(device) for array in batch[:5])
    weights = {"edge_weight": weight} if network.config.ensemble else {}
    return network(x, index, attr, of_graph, num_graphs=len(batch.starts) - 1, **weights)


@torch.no_grad()
def read_parts(network: RnaGine, parts: Sequence[GraphParts], device: str = "cpu", *, chunk: int = 128) -> np.ndarray:
    """[G, out] outputs for whole graphs, by a network in evaluation mode."""
    starts = range(0, len(parts), chunk)
    outputs = [run(network, assemble(parts[start : start + chunk], network.config.sequence_weight), device).graph.cpu() for start in starts]
    return torch.cat(outputs).double().numpy()


def embed_parts(network: RnaGine, parts: Sequence[GraphParts], device: str = "cpu") -> np.ndarray:
    """[G, out] embeddings of unit length, by a network in evaluation mode."""
    return unit(read_parts(network, parts, device))


def aligned_bases(families: Families, family: int, one: int, other: int) -> tuple[np.ndarray, np.ndarray]:
    """0-based places of bases of two relatives that come from the same column of their ancestor."""
    here, there = (families.origins[family, member, : len(families.sequences[family, member])] for member in (one, other))
    columns, first, second = np.intersect1d(here, there, return_indices=True)
    return first[columns >= 0], second[columns >= 0]


def aligned_elements(one: GraphParts, other: GraphParts, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[P, 2] places of elements of one kind that share more than half of their aligned columns (over all columns of either).

    Args:
        one, other: two relatives; first, second: their aligned bases (:func:`aligned_bases`).
    """
    if one.element_of_base is None or other.element_of_base is None or not len(first):
        return np.zeros((0, 2), dtype=np.int64)
    a, b = one.element_of_base[first], other.element_of_base[second]
    shared = np.zeros((len(one.kinds), len(other.kinds)))
    np.add.at(shared, (a, b), 1)
    sizes = np.bincount(a, minlength=len(one.kinds))[:, None] + np.bincount(b, minlength=len(other.kinds))[None]
    alike = (shared > 0.5 * np.maximum(sizes - shared, 1)) & (one.kinds[:, None] == other.kinds[None])
    return np.argwhere(alike)
