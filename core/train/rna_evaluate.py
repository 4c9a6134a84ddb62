"""How near related RNAs lie: pair AUC on held-out synthetic families, beside untrained scores."""

from __future__ import annotations

import numpy as np

from core.explain.pairs import DISTANT, Pairs, auc, matched_pairs
from core.models.rna import RnaGine
from core.rna.ensemble import PairEnsemble
from core.rna.fingerprints import FINGERPRINTS, FoldedRnas, Score
from core.train.rna_families import RELATIVES, SHUFFLES, Families
from core.train.rna_graphs import DESIGNED, FamilyGraphs, View, aligned_bases, embed_parts

FIGURES = ("folded", "folded_distant", "given", "given_distant", "shuffles")
"""AUC on synthetic families: folded or with the designed structures, all pairs or the distant ones; and against the families' own shuffles."""


def synthetic_pairs(families: Families) -> Pairs:
    """Pairs of relatives, numbered family by family."""
    lengths = np.char.str_len(families.sequences[:, :RELATIVES]).ravel()
    return matched_pairs(lengths, np.repeat(np.arange(len(families)), RELATIVES), seed=0, alike=lambda a, b: _identity(families, a, b))


def synthetic_figures(network: RnaGine, graphs: FamilyGraphs, device: str = "cpu") -> dict[str, float]:
    """:data:`FIGURES` of a network."""
    families = graphs.families
    views = [View(f, m) for f in range(len(families)) for m in range(RELATIVES + SHUFFLES)]
    folded, given = views, [View(f, m, DESIGNED) for f, m, _ in views if m < RELATIVES]
    vectors = [embed_parts(network, [graphs.parts(view) for view in chosen], device) for chosen in (folded, given)]
    return _figures(Score(vectors[0]), Score(vectors[1]), families)


def fingerprint_figures(families: Families) -> dict[str, dict[str, float]]:
    """:data:`FIGURES` of every untrained score."""
    folded = relatives(families, RELATIVES + SHUFFLES)
    designed = [families.designed[f, m].decode() for f in range(len(families)) for m in range(RELATIVES)]
    given = FoldedRnas(relatives(families).sequences, designed, [PairEnsemble.certain(s) for s in designed])
    return {name: _figures(score(folded), score(given), families) for name, score in FINGERPRINTS.items()}


def relatives(families: Families, members: int = RELATIVES) -> FoldedRnas:
    """The first members of every family, family by family, as they fold."""
    chosen = [(f, m) for f in range(len(families)) for m in range(members)]
    return FoldedRnas(
        [families.sequences[f, m].decode() for f, m in chosen],
        [families.folded[f, m].decode() for f, m in chosen],
        [families.ensemble(f, m) for f, m in chosen],
    )


def _figures(folded: Score, given: Score, families: Families) -> dict[str, float]:
    """Of scores of all sequences as folded, and of the relatives with their designed structures."""
    pairs = synthetic_pairs(families)
    members = RELATIVES + SHUFFLES

    def at(rows: np.ndarray) -> np.ndarray:
        return rows // RELATIVES * members + rows % RELATIVES

    found = {}
    for suffix, chosen in (("", pairs), ("_distant", pairs.below(DISTANT))):
        a, b, other = at(chosen.a), at(chosen.b), at(chosen.other)
        found[f"folded{suffix}"] = auc(folded.of_pairs(a, b), folded.of_pairs(a, other))
        found[f"given{suffix}"] = auc(given.of_pairs(chosen.a, chosen.b), given.of_pairs(chosen.a, chosen.other))
    # a shuffle has its relative's length and composition: pairs of relatives against pairs of the first of them and a shuffle of the second
    near = [
        (f * members + a, f * members + b, f * members + RELATIVES + b)
        for f in range(len(families))
        for b in range(SHUFFLES)
        for a in range(RELATIVES)
    ]
    a, b, shuffled = np.array([row for row in near if row[0] != row[1]], dtype=np.int64).T
    found["shuffles"] = auc(folded.of_pairs(a, b), folded.of_pairs(a, shuffled))
    return {name: found[name] for name in FIGURES}


def _identity(families: Families, one: int, other: int) -> float:
    """Share of alignment columns in which two relatives agree; inserted bases are columns of their own."""
    family = one // RELATIVES
    a, b = one % RELATIVES, other % RELATIVES
    first, second = aligned_bases(families, family, a, b)
    rows = [np.frombuffer(families.sequences[family, member], dtype=np.uint8) for member in (a, b)]
    same = int((rows[0][first] == rows[1][second]).sum())
    return same / (len(rows[0]) + len(rows[1]) - len(first))
