"""All structures of an RNA at once: how probable each base pair is, sparsely.

One best structure is often wrong in part; the probabilities of the ensemble say where, and which pairs compete. Networks that were trained on
them read them as the weights of pair edges (:func:`core.rna.graph.build_graph`).

McCaskill (1990), The equilibrium partition function and base pair binding probabilities for RNA secondary structure, Biopolymers 29:1105.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np

from core.errors import InputError
from core.rna.records import partners
from core.storage import digest

LEAST = 0.02
"""Pairs less probable than this are left out: there are many of them and together they say little."""


@dataclass(frozen=True, eq=False)
class PairEnsemble:
    """Base pairs of an RNA of n bases and their probabilities.

    Attributes:
        length: n.
        first, second: [P] int64, 0-based, first < second.
        probability: [P] float32 in (0, 1].
    """

    length: int
    first: np.ndarray
    second: np.ndarray
    probability: np.ndarray

    @classmethod
    def certain(cls, structure: str) -> PairEnsemble:
        """The pairs of one structure, each with probability 1. Errors as in :func:`core.rna.records.parse_pairs`."""
        partner = partners(structure)
        first = np.flatnonzero(partner > np.arange(len(partner)))
        return cls(len(partner), first, partner[first], np.ones(len(first), dtype=np.float32))

    @classmethod
    def of_matrix(cls, probabilities: np.ndarray, least: float = LEAST) -> PairEnsemble:
        """Those of a symmetric matrix [n, n] (``FoldResult.pair_probabilities``) that reach ``least``."""
        first, second = np.nonzero(np.triu(probabilities, 1) >= least)
        return cls(len(probabilities), first, second, probabilities[first, second].astype(np.float32))

    @cached_property
    def key(self) -> str:
        """sha256 of every number."""
        arrays = (self.first.astype(np.int64), self.second.astype(np.int64), self.probability.astype(np.float32))
        return digest(str(self.length).encode() + b"".join(np.ascontiguousarray(a).tobytes() for a in arrays))

    @cached_property
    def downstream(self) -> np.ndarray:
        """[n] float32: probability of pairing with a base nearer the 3' end."""
        return np.bincount(self.first, self.probability, minlength=self.length).astype(np.float32)

    @cached_property
    def upstream(self) -> np.ndarray:
        """[n] float32: probability of pairing with a base nearer the 5' end."""
        return np.bincount(self.second, self.probability, minlength=self.length).astype(np.float32)

    def profile(self, points: int = 40) -> np.ndarray:
        """[2 * points] upstream and downstream pairing, each read at ``points`` places evenly from end to end: an untrained fingerprint of where
        along the molecule pairing is probable, and in which direction."""
        at = np.linspace(0, 1, self.length)
        wanted = np.linspace(0, 1, points)
        return np.concatenate([np.interp(wanted, at, values) for values in (self.upstream, self.downstream)])


class PackedEnsembles(Sequence[PairEnsemble | None]):
    """The pair probabilities of many RNAs in four arrays, 12 bytes a pair; None for RNAs whose structure is taken as certain.

    Attributes:
        lengths: [N] int32, of each RNA; -1 where there are no probabilities.
        starts: [N + 1] int64, where each RNA's pairs begin.
        first, second: [P] int32; probability: [P] float32, as in :class:`PairEnsemble`.
    """

    def __init__(self, lengths: np.ndarray, starts: np.ndarray, first: np.ndarray, second: np.ndarray, probability: np.ndarray) -> None:
        self.lengths, self.starts, self.first, self.second, self.probability = lengths, starts, first, second, probability

    @classmethod
    def of(cls, ensembles: Iterable[PairEnsemble | None]) -> PackedEnsembles:
        """Packs them one after the other, without holding them all."""
        lengths: list[int] = []
        counts = [0]
        first, second, probability = ([np.empty(0, dtype=kind)] for kind in (np.int32, np.int32, np.float32))
        for one in ensembles:
            lengths.append(-1 if one is None else one.length)
            counts.append(0 if one is None else len(one.probability))
            if one is not None:
                first.append(one.first.astype(np.int32))
                second.append(one.second.astype(np.int32))
                probability.append(one.probability.astype(np.float32))
        starts = np.cumsum(counts, dtype=np.int64)
        return cls(np.array(lengths, dtype=np.int32), starts, np.concatenate(first), np.concatenate(second), np.concatenate(probability))

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, place: int) -> PairEnsemble | None: ...
    @overload
    def __getitem__(self, place: slice) -> list[PairEnsemble | None]: ...
    def __getitem__(self, place: int | slice) -> PairEnsemble | list[PairEnsemble | None] | None:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        if self.lengths[place] < 0:
            return None
        own = slice(self.starts[place], self.starts[place + 1])
        return PairEnsemble(int(self.lengths[place]), self.first[own].astype(np.int64), self.second[own].astype(np.int64), self.probability[own])


def fold_ensemble(sequence: str, *, temperature: float = 37.0, samples: int = 0, seed: int = 0) -> tuple[str, PairEnsemble, list[str]]:
    """The structure of minimum free energy, the pair probabilities and structures drawn from the ensemble, by one call of ViennaRNA.

    Quicker than :func:`core.rna.folding.fold`, which keeps every probability and measures more.

    Args:
        sequence: n bases.
        temperature: °C.
        samples: how many structures to draw, with their Boltzmann probability; ``seed`` determines them.

    Raises:
        InputError: longer than :data:`core.rna.folding.PARTITION_LIMIT`.
    """
    import RNA

    from core.rna.folding import FOLD_LOCK, PARTITION_LIMIT, model_details

    if len(sequence) > PARTITION_LIMIT:
        raise InputError(f"{len(sequence):,} bases are too long for pair probabilities (the limit is {PARTITION_LIMIT:,}); give a structure.")
    with FOLD_LOCK:
        compound = RNA.fold_compound(sequence, model_details(temperature))
        structure, energy = compound.mfe()
        compound.exp_params_rescale(energy)
        compound.pf()
        pairs = [(pair.i - 1, pair.j - 1, pair.p) for pair in compound.plist_from_probs(LEAST)]
        drawn: list[str] = []
        if samples:
            RNA.init_rand(seed)
            drawn = list(compound.pbacktrack(samples))
    table = np.array(pairs, dtype=np.float64).reshape(-1, 3)
    ensemble = PairEnsemble(len(sequence), table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].astype(np.float32))
    return str(structure), ensemble, drawn
