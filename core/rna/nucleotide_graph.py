"""The graph of an RNA whose nodes are its bases alone: chain, next but one, and nested pairs. GINFINITY 1.x reads it.

What a base and an edge are told was read off GINFINITY's own graphs; ``tests/core/test_ginfinity.py`` holds both against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.errors import InputError
from core.rna.records import OPENING, RnaRecord, nested_part, partners

if TYPE_CHECKING:
    from torch_geometric.data import Data

NUCLEOTIDE_FEATURES = ("A", "C", "G", "U", "paired", "sine", "cosine")
"""Columns of ``x``."""
RELATIONS = ("backbone_forward", "backbone_backward", "pair_forward", "pair_backward", "second_forward", "second_backward")
"""What ``edge_attr`` counts: forward is from the 5' to the 3' base, ``second`` the next neighbour but one along the chain."""
MAX_LENGTH = 4096
"""Longest RNA GINFINITY 1.x takes, nt."""

UNKNOWN = 0.25
"""A, C, G and U of an N. On 200 RNAs of Rfam with a tenth of their bases hidden, the mean of the vectors keeps a cosine of .977 to that of the whole
RNA; with zeros instead .928."""

_COLUMN = np.full(256, -1, dtype=np.int64)
for _place, _letter in enumerate(b"ACGU"):
    _COLUMN[_letter] = _place


def build_nucleotide_graph(record: RnaRecord) -> Data:
    """The graph of an RNA of n bases with its structure.

    Node columns (:data:`NUCLEOTIDE_FEATURES`): 1 for the base's letter, :data:`UNKNOWN` four times for N; 1 for a base that pairs; sine and
    cosine of pi times its place, 0 at the 5' end and 1 at the 3' end. Edges are directed and of one of :data:`RELATIONS` each.
    Pairs of pseudoknots are left out (:func:`core.rna.records.nested_part`).

    Returns:
        ``Data`` with x [n, 7] float32, edge_index [2, E] int64, edge_attr [E] int64, element_names (empty), name (the record's id) and num_bases n.

    Raises:
        InputError: no structure, or one that is not balanced.
    """
    import torch
    from torch_geometric.data import Data

    if record.structure is None:
        raise InputError(f"{record.id} has no structure; fold it first or give one.")
    n = record.length
    partner = partners(nested_part(record.structure) if _bracket_types(record.structure) > 1 else record.structure)
    base = np.arange(n)
    first = np.flatnonzero(partner > base)
    joined = ((base[:-1], base[1:]), (first, partner[first]), (base[:-2], base[2:]))
    low, high = (np.concatenate(ends) for ends in zip(*joined, strict=True))
    kind = np.repeat([0, 2, 4], [len(ends[0]) for ends in joined])
    return Data(
        x=torch.from_numpy(_features(record.sequence, partner)),
        edge_index=torch.from_numpy(np.stack([np.concatenate([low, high]), np.concatenate([high, low])])),
        edge_attr=torch.from_numpy(np.concatenate([kind, kind + 1])),
        element_names=[],
        name=record.id,
        num_bases=n,
    )


def read_otherwise(records: Sequence[RnaRecord]) -> list[str]:
    """Sentences on what :func:`build_nucleotide_graph` takes otherwise than it is given.

    Raises:
        InputError: an RNA longer than :data:`MAX_LENGTH`.
    """
    for record in records:
        if record.length > MAX_LENGTH:
            raise InputError(
                f"{record.id} has {record.length:,} nt and this network reads at most {MAX_LENGTH:,}; shorten it or take one of Gatescope's networks."
            )
    unknown = [record.id for record in records if "N" in record.sequence]
    knotted = [record.id for record in records if _is_knotted(record)]
    sentences = []
    if unknown:
        sentences.append(f"This network knows A, C, G and U only: N counts as a quarter of each ({_some(unknown)}).")
    if knotted:
        sentences.append(f"This network knows nested pairs only: those of pseudoknots were left out ({_some(knotted)}).")
    return sentences


def _features(sequence: str, partner: np.ndarray) -> np.ndarray:
    n = len(sequence)
    x = np.zeros((n, len(NUCLEOTIDE_FEATURES)), dtype=np.float32)
    letters = _COLUMN[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]
    known = np.flatnonzero(letters >= 0)
    x[known, letters[known]] = 1
    x[letters < 0, :4] = UNKNOWN
    x[:, 4] = partner >= 0
    place = np.pi * np.arange(n) / max(n - 1, 1)
    x[:, 5], x[:, 6] = np.sin(place), np.cos(place)
    return x


def _bracket_types(structure: str) -> int:
    return len(set(structure) & set(OPENING))


def _is_knotted(record: RnaRecord) -> bool:
    """Whether two pairs cross; those of one bracket type never do."""
    structure = record.structure or ""
    return _bracket_types(structure) > 1 and nested_part(structure).count("(") < len(record.pairs)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
