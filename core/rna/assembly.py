"""Many RNAs as the arrays of one graph: the encodings of :mod:`core.rna.graph`, worked out for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.rna.elements import KINDS, Elements
from core.rna.ensemble import PairEnsemble
from core.rna.records import partners

_BASE = ("paired", "unpaired", "loop_size", "loop_position", "A", "C", "G", "U")
NODE_FEATURES: dict[str, tuple[str, ...]] = {
    "standard": _BASE,
    "forgi": (*_BASE, "is_base", "hairpin", "stem", "internal", "multiloop", "five_prime", "three_prime", "other"),
}
"""Columns of ``x`` by encoding."""

ENSEMBLE_FEATURES = ("pairs_upstream", "pairs_downstream")
"""Columns that follow those of the encoding where the graph is of an ensemble."""

EDGE_FEATURES: dict[str, tuple[str, ...]] = {
    "standard": ("adjacent", "base_pair", "is_forward", "is_backward"),
    "forgi": ("adjacent", "base_pair", "parent_child", "child_parent", "element_element", "is_forward", "is_backward"),
}
"""Columns of ``edge_attr`` by encoding; parent is an element, child its base."""

LARGEST_LOOP = 30
"""Bases at which ``loop_size`` reaches 1: longer loops are rare and their free energies differ little."""

_FIRST_NUCLEOTIDE = _BASE.index("A")
_IS_BASE = NODE_FEATURES["forgi"].index("is_base")
_COLUMN_OF_LETTER = np.full(256, -1, dtype=np.int8)
for _place, _letter in enumerate(b"ACGU"):
    _COLUMN_OF_LETTER[_letter] = _FIRST_NUCLEOTIDE + _place


@dataclass(frozen=True, eq=False)
class GraphParts:
    """What the graph of one RNA of n bases and m elements is assembled from.

    Attributes:
        letter: [n] int8 column of each nucleotide in ``x``, -1 for N.
        unpaired: [n] whether the structure leaves a base unpaired.
        element_of_base: [n] place of each base's element; None in the standard encoding.
        kinds: [m] column of each element's kind, counted from the first.
        touching: [t, 2] places of elements that touch, the lower first.
        pairs: base pairs and their probabilities.
        soft: whether the pairs are an ensemble's.
    """

    letter: np.ndarray
    unpaired: np.ndarray
    element_of_base: np.ndarray | None
    kinds: np.ndarray
    touching: np.ndarray
    pairs: PairEnsemble
    soft: bool

    @classmethod
    def of(cls, sequence: str, structure: str, *, elements: Elements | None = None, ensemble: PairEnsemble | None = None) -> GraphParts:
        """Parts of a sequence with a structure of the same length; with its elements for the FORGI encoding."""
        letter = _COLUMN_OF_LETTER[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]
        unpaired = partners(structure) < 0
        pairs = PairEnsemble.certain(structure) if ensemble is None else ensemble
        if elements is None:
            return cls(letter, unpaired, None, np.zeros(0, np.int8), np.zeros((0, 2), np.int16), pairs, ensemble is not None)
        kinds = np.array([KINDS.index(element.kind) for element in elements.elements], dtype=np.int8)
        touching = np.array([(elements.index[a], elements.index[b]) for a, b in elements.connections], dtype=np.int32).reshape(-1, 2)
        of_base = elements.index_of_base.astype(np.int32)
        return cls(letter, unpaired, of_base, kinds, np.sort(touching, axis=1), pairs, ensemble is not None)


class Assembled(NamedTuple):
    """x [N, F] float32, edge_index [2, E] int64, edge_attr [E, D] float32, edge_weight [E] float32, batch [N] int64 and starts [B + 1]: where each
    graph's nodes begin. A graph's bases come before its elements."""

    x: np.ndarray
    edge_index: np.ndarray
    edge_attr: np.ndarray
    edge_weight: np.ndarray
    batch: np.ndarray
    starts: np.ndarray


def assemble(parts: Sequence[GraphParts], sequence_weight: float) -> Assembled:
    """The graphs of RNAs of one encoding side by side; columns and order as :func:`core.rna.graph.build_graph` says, relation by relation."""
    forgi = parts[0].element_of_base is not None
    bases = np.array([len(p.letter) for p in parts])
    nodes = bases + np.array([len(p.kinds) for p in parts])
    starts = np.concatenate([[0], np.cumsum(nodes)])
    base = np.concatenate([start + np.arange(n) for start, n in zip(starts[:-1], bases)])
    parent = None
    if forgi:
        first_element = starts[:-1] + bases
        parent = np.concatenate([first + p.element_of_base for first, p in zip(first_element, parts)])  # type: ignore[operator]
    x = _node_features(parts, base, parent, starts, bases, sequence_weight)
    edge_index, edge_attr, edge_weight = _edges(parts, base, parent, starts, bases)
    return Assembled(x, edge_index, edge_attr, edge_weight, np.repeat(np.arange(len(parts)), nodes), starts)


def _node_features(
    parts: Sequence[GraphParts], base: np.ndarray, parent: np.ndarray | None, starts: np.ndarray, bases: np.ndarray, weight: float
) -> np.ndarray:
    width = len(NODE_FEATURES["standard" if parent is None else "forgi"])
    soft = parts[0].soft
    x = np.zeros((starts[-1], width + 2 * soft), dtype=np.float32)
    unpaired = np.concatenate([p.unpaired for p in parts])
    if soft:
        up, down = (np.concatenate([getattr(p.pairs, name) for p in parts]) for name in ("upstream", "downstream"))
        paired = np.minimum(up + down, 1)
        x[base, width], x[base, width + 1] = (1 - weight) * up, (1 - weight) * down
    else:
        paired = 1 - unpaired.astype(np.float32)
    x[base, 0], x[base, 1] = (1 - weight) * paired, (1 - weight) * (1 - paired)
    letter = np.concatenate([p.letter for p in parts])
    known = np.flatnonzero(letter >= 0)
    x[base[known], letter[known]] = weight
    if parent is None:
        loop = _runs(unpaired, bases)
        x[base, 2] = np.where(unpaired, np.minimum(np.bincount(loop), LARGEST_LOOP)[loop] / LARGEST_LOOP, 0)
        x[base, 3] = _positions(loop, unpaired)
        return x
    sizes = np.minimum(np.bincount(parent, minlength=starts[-1]), LARGEST_LOOP) / LARGEST_LOOP
    x[:, 2] = sizes
    x[base, 2] = sizes[parent]
    x[base, 3] = _positions(parent, unpaired)
    x[base, _IS_BASE] = 1
    element = np.concatenate([np.arange(start + n, stop) for start, n, stop in zip(starts[:-1], bases, starts[1:])])
    x[element, _IS_BASE + 1 + np.concatenate([p.kinds for p in parts])] = 1
    return x


def _runs(unpaired: np.ndarray, bases: np.ndarray) -> np.ndarray:
    """[n] number of the run of paired or unpaired bases each base stands in; runs end with their RNA."""
    new = np.concatenate([[False], unpaired[1:] != unpaired[:-1]])
    new[np.cumsum(bases)[:-1]] = True
    return np.cumsum(new)


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


def _edges(
    parts: Sequence[GraphParts], base: np.ndarray, parent: np.ndarray | None, starts: np.ndarray, bases: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Backbone, other base pairs, memberships, neighbouring elements; each both ways, one after the other."""
    shift = np.repeat(starts[:-1], [len(p.pairs.first) for p in parts])
    first, second = (np.concatenate([getattr(p.pairs, name) for p in parts]) + shift for name in ("first", "second"))
    probability = np.concatenate([p.pairs.probability for p in parts])
    sharp = second == first + 1  # a pair of neighbours is on its backbone edge already
    last = np.zeros(starts[-1], dtype=bool)
    last[starts[:-1] + bases - 1] = True
    left = base[~last[base]]
    low, high = [left, first[~sharp]], [left + 1, second[~sharp]]
    if parent is not None:
        elements = starts[:-1] + bases
        touching = np.concatenate([p.touching + start for p, start in zip(parts, elements)])
        low += [base, touching[:, 0]]
        high += [parent, touching[:, 1]]
    lows, highs = np.concatenate(low), np.concatenate(high)
    column = {name: place for place, name in enumerate(EDGE_FEATURES["standard" if parent is None else "forgi"])}
    ends = np.cumsum([len(part) for part in low])
    forward = np.zeros((len(lows), len(column)), dtype=np.float32)
    forward[: ends[0], column["adjacent"]] = 1
    forward[: ends[0], column["base_pair"]] = np.isin(left, first[sharp])
    forward[ends[0] : ends[1], column["base_pair"]] = 1
    backward = forward.copy()
    if parent is not None:  # elements have the higher numbers: upwards is from child to parent
        forward[ends[1] : ends[2], column["child_parent"]] = 1
        backward[ends[1] : ends[2], column["parent_child"]] = 1
        forward[ends[2] :, column["element_element"]] = backward[ends[2] :, column["element_element"]] = 1
    forward[:, column["is_forward"]] = 1
    backward[:, column["is_backward"]] = 1
    weight = np.ones(len(lows), dtype=np.float32)
    weight[ends[0] : ends[1]] = probability[~sharp]
    edge_index = np.stack([np.stack([lows, highs], axis=1), np.stack([highs, lows], axis=1)], axis=1).reshape(-1, 2).T
    edge_attr = np.stack([forward, backward], axis=1).reshape(-1, len(column))
    return np.ascontiguousarray(edge_index, dtype=np.int64), edge_attr, np.repeat(weight, 2)
