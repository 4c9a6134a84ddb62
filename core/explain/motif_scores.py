"""How well embeddings of elements and of bases find their counterparts: the same element, and the same alignment column, in a distant relative.

Elements: two of one kind, in two members of a family, that share more than half of their alignment columns; against an element of that kind in an
RNA of another family. Bases: two of one alignment column; against another base of the same relative with the same nucleotide. Beside both stands what
needs no network: sizes, places along the molecule, sequence around, pairing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.explain.labelled import LabelledRnas
from core.explain.pairs import DISTANT, Pairs, auc_over_families, matched_pairs
from core.explain.scoreboard import SEED
from core.rna.elements import KINDS, Elements, walk
from core.rna.embedding import Prepared, embed_levels
from core.rna.fingerprints import kmer_counts, unit

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.rna.embedding import Encoder

BASES_PER_PAIR = 8
APART = 3
"""Bases nearer than this to the right one are no negatives."""
AROUND = 3
"""Bases to each side that the sequence around a base is compared in."""
OVERLAP = 0.5
"""Share of alignment columns (of either) two elements have to have in common to be the same."""


def motif_scores(labelled: LabelledRnas, prepared: Sequence[Prepared], network: tuple[Encoder, Card]) -> pd.DataFrame:
    """AUC of element and base vectors of a network, and of what needs none, on pairs of distant members (identity under 60%).

    Args:
        labelled: RNAs with rows of their alignments; prepared: their structures.

    Returns:
        One row a level and score: ``level`` ("element", "base"), ``score``, ``kind`` ("network" or "untrained"), ``auc``, ``low``, ``high``
        (95%, families drawn again), ``pairs``, ``families``. Empty when no two distant members have alignments.
    """
    pairs = matched_pairs(labelled.lengths, labelled.families, seed=SEED, groups=labelled.groups, alike=labelled.identity).below(DISTANT)
    if not len(pairs):
        return pd.DataFrame(columns=["level", "score", "kind", "auc", "low", "high", "pairs", "families"])
    records = [replace(p.record, id=str(i)) for i, p in enumerate(prepared)]
    found = embed_levels(records, checkpoint=network, levels=("element", "base"), ensembles=[p.ensemble for p in prepared], device="cpu")
    rnas = [_Rna(p, str(labelled.rows[i] or "")) for i, p in enumerate(prepared)]
    vectors = {level: np.split(unit(own.vectors), np.cumsum(_counts(own.names, len(records)))[:-1]) for level, own in found.items()}
    name = network[1].name
    elements = _element_scores(rnas, vectors["element"], name)
    bases = _base_scores(rnas, vectors["base"], name)
    drawn = {"element": _element_pairs(rnas, pairs), "base": _base_pairs(rnas, pairs)}
    rows = []
    for level, scores in (("element", elements), ("base", bases)):
        table, family = drawn[level]
        for score, compare in scores.items():
            related = np.array([compare(a, i, b, j) for a, i, b, j, _, _ in table])
            strange = np.array([compare(a, i, c, k) for a, i, _, _, c, k in table])
            auc = auc_over_families(related, strange, family)
            kind = "network" if score == name else "untrained"
            own = {"auc": auc.value, "low": auc.low, "high": auc.high, "pairs": auc.pairs, "families": auc.families}
            rows.append({"level": level, "score": score, "kind": kind, **own})
    return pd.DataFrame(rows)


Compare = Callable[[int, int, int, int], float]
"""From RNA a and its i-th element or base, and RNA b and its j-th, to a score."""


class _Rna:
    """An RNA with its elements and the alignment column of each base."""

    def __init__(self, prepared: Prepared, row: str) -> None:
        self.record = prepared.record
        self.found: Elements = walk(str(self.record.structure))
        self.kinds = np.array([KINDS.index(e.kind) for e in self.found.elements])
        self.columns = np.flatnonzero([sign not in "-." for sign in row]) if row else np.zeros(0, dtype=np.int64)
        n = self.record.length
        self.places = (np.arange(n) + 0.5) / n
        self.centres = np.array([self.places[list(e.bases)].mean() if e.bases else np.nan for e in self.found.elements])
        self.sizes = np.array([len(e.bases) for e in self.found.elements], dtype=float)
        pairs = prepared.ensemble
        self.pairing = np.zeros((n, 2)) if pairs is None else np.stack([pairs.upstream, pairs.downstream], axis=1)


def _element_scores(rnas: Sequence[_Rna], vectors: Sequence[np.ndarray], name: str) -> dict[str, Compare]:
    words = [unit(np.stack([kmer_counts("".join(rna.record.sequence[b] for b in e.bases), 2) for e in rna.found.elements]) + 1e-9) for rna in rnas]
    return {
        name: lambda a, i, b, j: float(vectors[a][i] @ vectors[b][j]),
        "difference in size": lambda a, i, b, j: -abs(np.log1p(rnas[a].sizes[i]) - np.log1p(rnas[b].sizes[j])),
        "distance along the molecule": lambda a, i, b, j: -abs(rnas[a].centres[i] - rnas[b].centres[j]),
        "2-mers of its bases": lambda a, i, b, j: float(words[a][i] @ words[b][j]),
    }


def _base_scores(rnas: Sequence[_Rna], vectors: Sequence[np.ndarray], name: str) -> dict[str, Compare]:
    padded = ["." * AROUND + rna.record.sequence + "." * AROUND for rna in rnas]

    def around(a: int, i: int, b: int, j: int) -> float:
        windows = zip(padded[a][i : i + 2 * AROUND + 1], padded[b][j : j + 2 * AROUND + 1], strict=True)
        return float(sum(one == other for one, other in windows))

    return {
        name: lambda a, i, b, j: float(vectors[a][i] @ vectors[b][j]),
        "distance along the molecule": lambda a, i, b, j: -abs(rnas[a].places[i] - rnas[b].places[j]),
        f"equal bases in {2 * AROUND + 1} around": around,
        "pairing probabilities": lambda a, i, b, j: -float(np.abs(rnas[a].pairing[i] - rnas[b].pairing[j]).sum()),
    }


def _element_pairs(rnas: Sequence[_Rna], pairs: Pairs) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """(a, i, b, j, c, k): the same element i of a and j of b, and an element k of the stranger c of its kind."""
    rng = np.random.default_rng(SEED)
    table: list[tuple[int, ...]] = []
    family = []
    for a, b, other, own in zip(pairs.a, pairs.b, pairs.other, pairs.family, strict=True):
        one, two, strange = rnas[a], rnas[b], rnas[other]
        for i, j in _same_elements(one, two):
            choices = np.flatnonzero((strange.kinds == one.kinds[i]) & (strange.sizes > 0))
            if len(choices):
                table.append((a, i, b, j, other, int(rng.choice(choices))))
                family.append(own)
    return table, np.array(family)


def _same_elements(one: _Rna, two: _Rna) -> list[tuple[int, int]]:
    found = []
    columns = [[set(rna.columns[list(e.bases)]) for e in rna.found.elements] for rna in (one, two)]
    for i, own in enumerate(columns[0]):
        for j, other in enumerate(columns[1]):
            if own and one.kinds[i] == two.kinds[j] and len(own & other) > OVERLAP * len(own | other):
                found.append((i, j))
    return found


def _base_pairs(rnas: Sequence[_Rna], pairs: Pairs) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """(a, i, b, j, b, k): bases i and j of one column, and a base k of b with j's nucleotide, elsewhere."""
    rng = np.random.default_rng(SEED)
    table: list[tuple[int, ...]] = []
    family = []
    for a, b, own in zip(pairs.a, pairs.b, pairs.family, strict=True):
        _, first, second = np.intersect1d(rnas[a].columns, rnas[b].columns, return_indices=True)
        letters = np.array(list(rnas[b].record.sequence))
        for place in rng.permutation(len(first))[:BASES_PER_PAIR]:
            i, j = int(first[place]), int(second[place])
            choices = np.flatnonzero((letters == letters[j]) & (np.abs(np.arange(len(letters)) - j) >= APART))
            if len(choices):
                table.append((a, i, b, j, b, int(rng.choice(choices))))
                family.append(own)
    return table, np.array(family)


def _counts(names: Sequence[str], records: int) -> np.ndarray:
    """How many vectors each record has; records are called by their number."""
    return np.bincount([int(name.rsplit("/", 1)[0]) for name in names], minlength=records)
