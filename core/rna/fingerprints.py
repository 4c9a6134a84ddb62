"""Untrained descriptions of RNAs as vectors: what a trained embedding has to beat.

Counts and profiles of the sequence and its structures. They need no network, and some of them are good: see the scoreboard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np

from core.rna.elements import KINDS, walk
from core.rna.ensemble import PairEnsemble

Measure = Literal["cosine", "l1"]
KMER_WEIGHT = 2.0
"""How much 4-mer counts weigh against the pair-probability profile when the two are joined."""
PLACES = 8
"""Places along the sequence at which 4-mers are counted, evenly spaced from end to end."""


@dataclass(frozen=True, eq=False)
class FoldedRnas:
    """N RNAs with everything fingerprints look at: ``sequences``, a structure each (``structures``), and ``ensembles`` of pairs."""

    sequences: Sequence[str]
    structures: Sequence[str]
    ensembles: Sequence[PairEnsemble]

    def __len__(self) -> int:
        return len(self.sequences)

    @cached_property
    def lengths(self) -> np.ndarray:
        """[N] nt."""
        return np.array([len(sequence) for sequence in self.sequences])


@dataclass(frozen=True, eq=False)
class Score:
    """Vectors [N, D] and how two of them are compared; higher is more alike.

    ``centred``: the mean over the N RNAs is taken off first, so that what all have in common does not count.
    """

    vectors: np.ndarray
    measure: Measure = "cosine"
    centred: bool = False

    @cached_property
    def ready(self) -> np.ndarray:
        """[N, D] vectors whose inner product, or negative L1 distance, is the score."""
        found = np.asarray(self.vectors, dtype=np.float64)
        if self.centred:
            found = found - found.mean(axis=0)
        return unit(found) if self.measure == "cosine" else found

    def of_pairs(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """[P] scores of rows ``a`` with rows ``b``."""
        if self.measure == "cosine":
            return np.einsum("pd,pd->p", self.ready[a], self.ready[b])
        return -np.abs(self.ready[a] - self.ready[b]).sum(axis=1)

    def of_row(self, row: int) -> np.ndarray:
        """[N] scores of one RNA with all."""
        if self.measure == "cosine":
            return self.ready @ self.ready[row]
        return -np.abs(self.ready - self.ready[row]).sum(axis=1)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; rows of zeros stay."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def joined(*scores: tuple[Score, float]) -> Score:
    """Cosine scores side by side, each with its weight."""
    return Score(np.concatenate([weight * score.ready for score, weight in scores], axis=1))


def kmer_counts(sequence: str, k: int = 4, letters: str = "ACGU") -> np.ndarray:
    """[len(letters)^k] counts of the k-mers of the given letters; others are skipped."""
    return np.bincount(_kmers(sequence, k, letters)[0], minlength=len(letters) ** k).astype(float)


def kmers_by_place(sequence: str, k: int = 4, places: int = PLACES) -> np.ndarray:
    """[4^k * places] square roots of how many of each k-mer stand about each of evenly spaced places.

    A k-mer whose middle is at the part t of the sequence counts exp(-((t - p) places)^2 / 2) at the place p. Roots keep what is frequent from
    drowning what is rare.
    """
    codes, starts = _kmers(sequence, k, "ACGU")
    middles = (starts + k / 2) / max(len(sequence), 1)
    near = np.exp(-0.5 * ((middles[:, None] - np.linspace(0, 1, places)) * places) ** 2)
    counts = np.zeros((4**k, places))
    np.add.at(counts, codes, near)
    return np.asarray(np.sqrt(counts).ravel())


def _kmers(sequence: str, k: int, letters: str) -> tuple[np.ndarray, np.ndarray]:
    """Number and 0-based start of every k-mer of the given letters."""
    place = {letter: i for i, letter in enumerate(letters)}
    codes = np.array([place.get(letter, -1) for letter in sequence], dtype=np.int64)
    if len(codes) < k:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(codes, k)
    starts = np.flatnonzero((windows >= 0).all(axis=1))
    return windows[starts] @ len(letters) ** np.arange(k - 1, -1, -1), starts


def kmer_names(k: int = 4) -> list[str]:
    """Names of the columns of :func:`kmer_counts`."""
    return ["".join(letters) for letters in product("ACGU", repeat=k)]


def element_histogram(structure: str) -> np.ndarray:
    """[14] log1p of the number of elements and of their bases, for each of seven kinds."""
    counts = dict.fromkeys(KINDS, 0)
    bases = dict.fromkeys(KINDS, 0)
    for element in walk(structure).elements:
        counts[element.kind] += 1
        bases[element.kind] += len(element.bases)
    return np.log1p(np.array([*counts.values(), *bases.values()], dtype=float))


def _nested(structure: str) -> str:
    return "".join(sign if sign in "()" else "." for sign in structure)


FINGERPRINTS: dict[str, Callable[[FoldedRnas], Score]] = {
    "length": lambda rnas: Score(np.log(rnas.lengths)[:, None], "l1"),
    "element counts": lambda rnas: Score(np.stack([element_histogram(s) for s in rnas.structures]), "l1"),
    "dot-bracket 6-mers": lambda rnas: Score(np.stack([kmer_counts(_nested(s), 6, "(.)") for s in rnas.structures])),
    "3-mers": lambda rnas: Score(np.stack([kmer_counts(s, 3) for s in rnas.sequences])),
    "4-mers": lambda rnas: Score(np.stack([kmer_counts(s) for s in rnas.sequences])),
    "4-mers by place": lambda rnas: Score(np.stack([kmers_by_place(s) for s in rnas.sequences]), centred=True),
    "pair-probability profile": lambda rnas: Score(np.stack([e.profile() for e in rnas.ensembles]), centred=True),
    "profile + 4-mers": lambda rnas: joined(
        (FINGERPRINTS["pair-probability profile"](rnas), 1.0), (Score(FINGERPRINTS["4-mers"](rnas).vectors, centred=True), KMER_WEIGHT)
    ),
    "profile + 4-mers by place": lambda rnas: joined(
        (FINGERPRINTS["pair-probability profile"](rnas), 1.0), (FINGERPRINTS["4-mers by place"](rnas), KMER_WEIGHT)
    ),
}
"""Untrained scores by name, of RNAs with their structures; each needs two RNAs or more where it is centred."""
