"""The graph of an RNA that the network reads: its bases, and in the FORGI encoding its structural elements too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.errors import InputError
from core.rna.elements import KINDS, Elements, decompose
from core.rna.records import RnaRecord, partners

if TYPE_CHECKING:
    from torch_geometric.data import Batch, Data

Encoding = Literal["forgi", "standard"]

_BASE = ("paired", "unpaired", "loop_size", "loop_position", "A", "C", "G", "U")
NODE_FEATURES: dict[str, tuple[str, ...]] = {
    "standard": _BASE,
    "forgi": (*_BASE, "is_base", "hairpin", "stem", "internal", "multiloop", "five_prime", "three_prime", "other"),
}
"""Columns of ``x`` by encoding."""

EDGE_FEATURES: dict[str, tuple[str, ...]] = {
    "standard": ("adjacent", "base_pair", "is_forward", "is_backward"),
    "forgi": ("adjacent", "base_pair", "parent_child", "child_parent", "element_element", "is_forward", "is_backward"),
}
"""Columns of ``edge_attr`` by encoding; parent is an element, child its base."""

LARGEST_LOOP = 30
"""Bases at which ``loop_size`` reaches 1: longer loops are rare and their free energies differ little."""

_FIRST_NUCLEOTIDE = _BASE.index("A")
_IS_BASE = NODE_FEATURES["forgi"].index("is_base")
_COLUMN_OF = {kind: _IS_BASE + 1 + place for place, kind in enumerate(KINDS)}
_COLUMN_OF_LETTER = np.full(256, -1, dtype=np.int64)
for _place, _letter in enumerate(b"ACGU"):
    _COLUMN_OF_LETTER[_letter] = _FIRST_NUCLEOTIDE + _place


def build_graph(
    record: RnaRecord,
    *,
    encoding: str = "forgi",
    sequence_weight: float = 0.5,
    structure: str | None = None,
    elements: Elements | None = None,
) -> Data:
    """The graph of an RNA with its structure.

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

    Args:
        record: the RNA; its own structure is used unless another is given.
        encoding: ``forgi`` or ``standard``.
        sequence_weight: w in [0, 1], how much the nucleotide counts against being paired.
        structure: dot-bracket in place of the record's.
        elements: the structure's elements when they are known already (``forgi`` only; otherwise ``decompose`` finds them).

    Returns:
        ``Data`` with x [N, F] float32, edge_index [2, E] int64, edge_attr [E, D] float32, node_names (``base:1`` to
        ``base:n``, then ``elem:s0`` and so on), element_names (forgi's names; empty in ``standard``), name (the record's id)
        and num_bases n.

    Raises:
        InputError: no structure, one of another length, an unknown encoding or a weight outside [0, 1].
    """
    import torch
    from torch_geometric.data import Data

    structure = _checked(record, encoding, sequence_weight, record.structure if structure is None else structure)
    n = record.length
    partner = partners(structure)
    if encoding == "forgi":
        elements = decompose(structure) if elements is None else elements
        if len(elements.of_base) != n:
            raise InputError(f"The elements are of {len(elements.of_base):,} bases and {record.id} has {n:,}; decompose its own structure.")
        names = [element.name for element in elements.elements]
    else:
        elements, names = None, []
    x = _node_features(record.sequence, partner, elements, sequence_weight)
    edge_index, edge_attr = _edges(partner, elements)
    return Data(
        x=torch.from_numpy(x),
        edge_index=torch.from_numpy(edge_index),
        edge_attr=torch.from_numpy(edge_attr),
        node_names=[*(f"base:{place}" for place in range(1, n + 1)), *(f"elem:{name}" for name in names)],
        element_names=names,
        name=record.id,
        num_bases=n,
    )


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


def _checked(record: RnaRecord, encoding: str, sequence_weight: float, structure: str | None) -> str:
    """The structure, when everything that was asked for makes sense."""
    if encoding not in NODE_FEATURES:
        raise InputError(f"Unknown encoding {encoding!r} for RNA graphs; use forgi or standard.")
    if not 0 <= sequence_weight <= 1:
        raise InputError(f"The sequence weight is {sequence_weight:g}; give a number from 0 to 1.")
    if structure is None:
        raise InputError(f"{record.id} has no structure; fold it first or give one.")
    if len(structure) != record.length:
        raise InputError(f"The structure has {len(structure):,} signs and {record.id} has {record.length:,} bases; give one sign for each base.")
    return structure


def _node_features(sequence: str, partner: np.ndarray, elements: Elements | None, weight: float) -> np.ndarray:
    n = len(sequence)
    parts = () if elements is None else elements.elements
    x = np.zeros((n + len(parts), len(NODE_FEATURES["standard" if elements is None else "forgi"])), dtype=np.float32)
    unpaired = partner < 0
    x[:n, 0] = (1 - weight) * ~unpaired
    x[:n, 1] = (1 - weight) * unpaired
    loop = _runs(unpaired) if elements is None else elements.index_of_base
    sizes = np.bincount(loop, minlength=len(parts))
    scaled = np.minimum(sizes, LARGEST_LOOP) / LARGEST_LOOP
    x[:n, 2] = np.where(unpaired, scaled[loop], 0) if elements is None else scaled[loop]
    x[:n, 3] = _positions(loop, unpaired)
    letters = _COLUMN_OF_LETTER[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]
    known = np.flatnonzero(letters >= 0)
    x[known, letters[known]] = weight
    if elements is not None:
        x[n:, 2] = scaled
        x[:n, _IS_BASE] = 1
        x[np.arange(n, n + len(parts)), [_COLUMN_OF[element.kind] for element in parts]] = 1
    return x


def _runs(unpaired: np.ndarray) -> np.ndarray:
    """[n] number of the run of paired or unpaired bases each base stands in."""
    return np.concatenate([[0], np.cumsum(unpaired[1:] != unpaired[:-1])])


def _positions(loop: np.ndarray, unpaired: np.ndarray) -> np.ndarray:
    """[n] rank of each unpaired base within its loop over the number of ranks - 1; .5 for one alone, 0 for paired bases."""
    positions = np.zeros(len(loop))
    bases = np.flatnonzero(unpaired)
    if len(bases):
        bases = bases[np.argsort(loop[bases], kind="stable")]
        _, first, count = np.unique(loop[bases], return_index=True, return_counts=True)
        rank = np.arange(len(bases)) - np.repeat(first, count)
        count = np.repeat(count, count)
        positions[bases] = np.where(count > 1, rank / np.maximum(count - 1, 1), 0.5)
    return positions


def _edges(partner: np.ndarray, elements: Elements | None) -> tuple[np.ndarray, np.ndarray]:
    """edge_index [2, E] and edge_attr [E, D]: backbone, other base pairs, memberships, neighbouring elements; each both ways."""
    n = len(partner)
    base = np.arange(n, dtype=np.int64)
    left = np.flatnonzero(partner > base + 1)  # a pair of neighbours is on its backbone edge already
    low, high = [base[:-1], left], [base[1:], partner[left]]
    if elements is not None:
        touching = np.array([(elements.index[a], elements.index[b]) for a, b in elements.connections], dtype=np.int64).reshape(-1, 2)
        low += [base, n + touching.min(axis=1)]
        high += [n + elements.index_of_base, n + touching.max(axis=1)]
    lows, highs = np.concatenate(low), np.concatenate(high)
    features = {name: place for place, name in enumerate(EDGE_FEATURES["standard" if elements is None else "forgi"])}
    forward = np.zeros((len(lows), len(features)), dtype=np.float32)
    ends = np.cumsum([len(part) for part in low])
    forward[: ends[0], features["adjacent"]] = 1
    forward[: ends[0], features["base_pair"]] = partner[:-1] == base[1:]
    forward[ends[0] : ends[1], features["base_pair"]] = 1
    backward = forward.copy()
    if elements is not None:  # elements have the higher numbers: upwards is from child to parent
        forward[ends[1] : ends[2], features["child_parent"]] = 1
        backward[ends[1] : ends[2], features["parent_child"]] = 1
        forward[ends[2] :, features["element_element"]] = backward[ends[2] :, features["element_element"]] = 1
    forward[:, features["is_forward"]] = 1
    backward[:, features["is_backward"]] = 1
    edge_index = np.stack([np.stack([lows, highs], axis=1), np.stack([highs, lows], axis=1)], axis=1).reshape(-1, 2).T
    edge_attr = np.stack([forward, backward], axis=1).reshape(-1, len(features))
    return np.ascontiguousarray(edge_index), edge_attr
