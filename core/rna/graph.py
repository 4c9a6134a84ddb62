"""The graph of an RNA that the network reads: its bases, and in the FORGI encoding its structural elements too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from core.errors import InputError
from core.rna.assembly import EDGE_FEATURES, ENSEMBLE_FEATURES, LARGEST_LOOP, NODE_FEATURES, GraphParts, assemble
from core.rna.elements import Elements, decompose
from core.rna.ensemble import PairEnsemble
from core.rna.records import RnaRecord

if TYPE_CHECKING:
    from torch_geometric.data import Batch, Data

__all__ = ["EDGE_FEATURES", "ENSEMBLE_FEATURES", "LARGEST_LOOP", "NODE_FEATURES", "Encoding", "batch", "build_graph", "graph_parts"]

Encoding = Literal["forgi", "standard"]


def build_graph(
    record: RnaRecord,
    *,
    encoding: str = "forgi",
    sequence_weight: float = 0.5,
    structure: str | None = None,
    elements: Elements | None = None,
    ensemble: PairEnsemble | None = None,
) -> Data:
    """The graph of an RNA with its structure, or with the ensemble of its structures.

    ``standard`` has a node for each of the n bases; ``forgi`` has the elements after them. Every edge stands in both
    directions, one after the other: edge 2k goes from the lower to the higher node, edge 2k + 1 back.

    Node columns (:data:`NODE_FEATURES`), w being ``sequence_weight``:

    - paired, unpaired: 1 - w for what the base is; 0 for elements.
    - loop_size: bases of the loop, at most 30, over 30. The loop of a base is its element in ``forgi``, so that stem bases
      carry the size of their stem; in ``standard`` it is the run of unpaired bases around it, and paired bases have 0. An
      element has its own size, 0 when it has no base.
    - loop_position: 5' to 3' rank among the loop's unpaired bases over their number - 1, .5 for a single one, counted through
      both strands of an interior loop; 0 for paired bases and elements.
    - A, C, G, U: w for the base's own; N has zeros.
    - is_base, then one column for each kind of element: 1 where it is so. Bases carry no kind.

    Edge columns (:data:`EDGE_FEATURES`): 1 for each relation. Paired neighbours (a sharp hairpin) share one edge with both
    ``adjacent`` and ``base_pair``. Pseudoknots are base pairs like any other.

    With an ``ensemble``, every pair of it is an edge whose probability is its ``edge_weight`` (1 for all other edges); the structure gives the
    elements only. ``paired`` is (1 - w) times the probability of being paired, ``unpaired`` the rest of 1 - w, and two more columns
    (:data:`ENSEMBLE_FEATURES`) tell apart pairing with a base nearer the 5' end and one nearer the 3' end, (1 - w) times the probability of each.

    Args:
        record: the RNA; its own structure is used unless another is given.
        encoding: ``forgi`` or ``standard``.
        sequence_weight: w in [0, 1], how much the nucleotide counts against being paired.
        structure: dot-bracket in place of the record's.
        elements: the structure's elements when they are known already (``forgi`` only; otherwise ``decompose`` finds them).
        ensemble: base pairs and their probabilities in place of the structure's pairs.

    Returns:
        ``Data`` with x [N, F] float32, edge_index [2, E] int64, edge_attr [E, D] float32, node_names (``base:1`` to
        ``base:n``, then ``elem:s0`` and so on), element_names (forgi's names; empty in ``standard``), name (the record's id),
        num_bases n, and with an ensemble edge_weight [E] float32.

    Raises:
        InputError: no structure, one of another length (the ensemble too), an unknown encoding or a weight outside [0, 1].
    """
    import torch
    from torch_geometric.data import Data

    parts, names = graph_parts(record, encoding=encoding, structure=structure, elements=elements, ensemble=ensemble)
    if not 0 <= sequence_weight <= 1:
        raise InputError(f"The sequence weight is {sequence_weight:g}; give a number from 0 to 1.")
    found = assemble([parts], sequence_weight)
    return Data(
        x=torch.from_numpy(found.x),
        edge_index=torch.from_numpy(found.edge_index),
        edge_attr=torch.from_numpy(found.edge_attr),
        node_names=[*(f"base:{place}" for place in range(1, record.length + 1)), *(f"elem:{name}" for name in names)],
        element_names=names,
        name=record.id,
        num_bases=record.length,
        **({} if ensemble is None else {"edge_weight": torch.from_numpy(found.edge_weight)}),
    )


def graph_parts(
    record: RnaRecord,
    *,
    encoding: str = "forgi",
    structure: str | None = None,
    elements: Elements | None = None,
    ensemble: PairEnsemble | None = None,
) -> tuple[GraphParts, list[str]]:
    """What the graph is assembled from, and the names of its elements (none in ``standard``); arguments and errors as for :func:`build_graph`."""
    structure = record.structure if structure is None else structure
    if encoding not in NODE_FEATURES:
        raise InputError(f"Unknown encoding {encoding!r} for RNA graphs; use forgi or standard.")
    if structure is None:
        raise InputError(f"{record.id} has no structure; fold it first or give one.")
    if len(structure) != record.length:
        raise InputError(f"The structure has {len(structure):,} signs and {record.id} has {record.length:,} bases; give one sign for each base.")
    if ensemble is not None and ensemble.length != record.length:
        raise InputError(f"The pair probabilities are of {ensemble.length:,} bases and {record.id} has {record.length:,}; fold its own sequence.")
    if encoding == "standard":
        return GraphParts.of(record.sequence, structure, ensemble=ensemble), []
    elements = decompose(structure) if elements is None else elements
    if len(elements.of_base) != record.length:
        raise InputError(f"The elements are of {len(elements.of_base):,} bases and {record.id} has {record.length:,}; decompose its own structure.")
    return GraphParts.of(record.sequence, structure, elements=elements, ensemble=ensemble), [element.name for element in elements.elements]


def batch(graphs: Sequence[Data]) -> Batch:
    """Graphs side by side as one: node_names, element_names and name become lists with one entry for each graph.

    Raises:
        InputError: no graph, or graphs of different encodings.
    """
    from torch_geometric.data import Batch

    if not graphs:
        raise InputError("There is no RNA graph to put into a batch; give at least one.")
    if len({(graph.num_node_features, graph.num_edge_features) for graph in graphs}) > 1:
        raise InputError("The RNA graphs are of different encodings; build all of them with one.")
    return Batch.from_data_list(list(graphs))
