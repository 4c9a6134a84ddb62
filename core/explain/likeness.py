"""How alike whole RNAs are, by what one chooses: a network's embedding, a score that needs no training, or both joined.

The scores are those of :mod:`core.explain.scoreboard`, so that its figures say what to expect of each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.embedded import EmbeddedRnas
from core.explain.scoreboard import JOINED, WORDS, hybrid
from core.rna.ensemble import PackedEnsembles, PairEnsemble
from core.rna.fingerprints import FINGERPRINTS, FoldedRnas, Score
from core.rna.neighbours import SAME, Neighbours

NETWORK = "network"
_PAIRS, _SEED = 20_000, 0


@dataclass(frozen=True, eq=False)
class Likeness:
    """How alike one RNA is to each of a collection.

    Attributes:
        measure: "cosine", or "l1" for the negative of the summed differences; higher is more alike in both.
        scores: [N].
        background: scores of random pairs of the collection, ascending.
        same: [N] bool, where the descriptions are equal.
    """

    measure: str
    scores: np.ndarray
    background: np.ndarray
    same: np.ndarray

    def nearest(self, k: int, exclude: np.ndarray) -> Neighbours:
        """The ``k`` most alike, the most alike first, equal ones in their order; ``cosines`` holds the scores, whatever the measure.

        Args:
            exclude: rows to leave out.

        Raises:
            InputError: none is left.
        """
        allowed = np.ones(len(self.scores), dtype=bool)
        allowed[exclude] = False
        rows = np.flatnonzero(allowed)
        if not len(rows):
            raise InputError("No RNA of the library is left to search; add RNAs to it.")
        rows = rows[np.argsort(-self.scores[rows], kind="stable")][:k]
        return Neighbours(rows, self.scores[rows], self.same[rows])


def ways() -> dict[str, str]:
    """What whole RNAs can be compared by, with its kind: "network", "hybrid" or "untrained", the best untrained ones first."""
    joint = {f"{NETWORK} + {counts}": "hybrid" for counts in JOINED}
    return {NETWORK: "network", **joint, **dict.fromkeys(reversed(FINGERPRINTS), "untrained")}


def likeness(found: EmbeddedRnas, own: EmbeddedRnas, by: str) -> Likeness:
    """Compares an RNA with a collection.

    Args:
        own: a collection of that one RNA, by the same network.
        by: a name of :func:`ways`.

    Raises:
        InputError: no such way, or fewer than two RNAs in the collection.
    """
    if by not in ways():
        raise InputError(f"RNAs are not compared by {by!r}; choose one of {', '.join(ways())}.")
    n = len(found)
    if n < 2:
        raise InputError("There is no pair of RNAs to compare with: the library holds fewer than two; add RNAs.")
    score = _score(found, own, by)
    rows, query = np.arange(n), np.full(n, n)
    draw = np.random.default_rng(_SEED)
    one, step = draw.integers(n, size=_PAIRS), draw.integers(1, n, size=_PAIRS)
    return Likeness(
        measure=score.measure,
        scores=score.of_pairs(rows, query),
        background=np.sort(score.of_pairs(one, (one + step) % n)),
        same=np.abs(score.ready[:n] - score.ready[n]).max(axis=1) <= SAME,
    )


def _score(found: EmbeddedRnas, own: EmbeddedRnas, by: str) -> Score:
    """Of the collection's RNAs, and in the last row of the one that is compared."""
    rnas = FoldedRnas(
        [r.sequence for r in (*found.records, *own.records)],
        [str(r.structure) for r in (*found.records, *own.records)],
        [ensemble for one in (found, own) for ensemble in _pairs(one)],
    )
    if by in FINGERPRINTS:
        return FINGERPRINTS[by](rnas)
    vectors = Score(np.concatenate([found.vectors["rna"].vectors, own.vectors["rna"].vectors]))
    return vectors if by == NETWORK else hybrid(vectors, FINGERPRINTS[by.removeprefix(f"{NETWORK} + ")](rnas))


def _pairs(found: EmbeddedRnas) -> list[PairEnsemble]:
    """Pair probabilities of each RNA, those of its structure where it counts as certain."""
    known = found.ensembles if found.ensembles is not None else PackedEnsembles.of([None] * len(found))
    return [PairEnsemble.certain(str(r.structure)) if e is None else e for r, e in zip(found.records, known, strict=True)]


def which_is_better(scores: pd.DataFrame, network: str) -> list[str]:
    """For each source of structures a sentence: which way finds relatives (under 60% identity) best, and how far the others are behind.

    Args:
        scores: rows as in :class:`core.explain.scoreboard.Scoreboard`, of the network's card.
        network: its name there.
    """
    told = []
    for source, words in WORDS.items():
        rows = scores[(scores["structures"] == source) & scores["hit_1"].notna()]
        own = (rows["score"] == network) | ((rows["kind"] == "hybrid") & rows["score"].str.startswith(f"{network} + "))
        rows = rows[own | (rows["kind"] == "untrained")]
        best = rows.sort_values("hit_1", ascending=False, kind="stable").drop_duplicates("kind")
        parts = [f"{row['hit_1']:.0%} by {row['score']} ({row['kind']}, AUC {row['distant']:.3f})" for _, row in best.iterrows()]
        if parts:
            told.append(f"{words[:1].upper()}{words[1:]}, the nearest RNA is a relative for {', '.join(parts)}.")
    return told
