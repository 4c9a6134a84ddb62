"""Whole RNAs compared by what one chooses: scores as on the scoreboard, percentiles among random pairs, pair probabilities kept on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.explain.embedded import EmbeddedRnas, embed_rnas, load_embedded, save_embedded
from core.explain.likeness import NETWORK, likeness, ways, which_is_better
from core.explain.reference import open_reference
from core.explain.scoreboard import JOINED, hybrid
from core.models import load_card
from core.rna import RnaRecord, embed
from core.rna.embedding import embed_levels
from core.rna.ensemble import PackedEnsembles, PairEnsemble, fold_ensemble
from core.rna.fingerprints import FINGERPRINTS, FoldedRnas, Score, kmer_counts, unit

STEM = "((((....))))"


@pytest.fixture(scope="module")
def library() -> EmbeddedRnas:
    return open_reference("rna")


def folded(*sequences: str) -> EmbeddedRnas:
    return embed_rnas("own", [RnaRecord(f"r{i}", sequence) for i, sequence in enumerate(sequences)], "rna", device="cpu")


def test_every_fingerprint_and_hybrid_is_offered_the_best_first() -> None:
    offered = ways()
    assert list(offered)[: 1 + len(JOINED)] == [NETWORK, *(f"{NETWORK} + {counts}" for counts in JOINED)]
    assert {name for name, kind in offered.items() if kind == "untrained"} == set(FINGERPRINTS)
    assert list(offered)[-1] == "length"


def test_scores_by_4mers_are_cosines_of_counts(library: EmbeddedRnas) -> None:
    own = folded("GGGGAAAACCCCAUGCAUGC")
    found = likeness(library, own, "4-mers")
    counts = unit(np.stack([kmer_counts(r.sequence) for r in library.records]))
    assert found.measure == "cosine" and found.scores == pytest.approx(counts @ unit(kmer_counts(own.records[0].sequence)))
    assert found.background.shape == (20_000,) and (np.diff(found.background) >= 0).all()
    # The mean over all pairs of different RNAs, which random pairs have in expectation: 0.2% off with these 97.
    every = (counts @ counts.T)[np.triu_indices(len(library), 1)].mean()
    assert found.background.mean() == pytest.approx(every, rel=0.02)


def test_length_is_a_difference_and_equal_ones_are_marked(library: EmbeddedRnas) -> None:
    record = library.records[library.place["trna-lys"]]
    own = folded("A" * record.length)
    found = likeness(library, own, "length")
    assert found.measure == "l1" and found.scores == pytest.approx([-abs(np.log(r.length / record.length)) for r in library.records])
    assert found.same.tolist() == [r.length == record.length for r in library.records]
    near = found.nearest(5, np.flatnonzero(found.same))
    assert not found.same[near.rows].any() and (np.diff(near.cosines) <= 0).all()
    with pytest.raises(InputError, match="No RNA of the library is left"):
        found.nearest(5, np.arange(len(library)))


def test_the_hybrid_is_that_of_the_scoreboard(library: EmbeddedRnas) -> None:
    own = folded("GGGGAAAACCCCAUGCAUGC")
    vectors = Score(np.concatenate([library.vectors["rna"].vectors, own.vectors["rna"].vectors]))
    sequences = [r.sequence for r in (*library.records, *own.records)]
    counts = Score(np.stack([kmer_counts(s) for s in sequences]))
    n = len(library)
    expected = hybrid(vectors, counts).of_pairs(np.arange(n), np.full(n, n))
    assert likeness(library, own, f"{NETWORK} + 4-mers").scores == pytest.approx(expected)
    plain = unit(library.vectors["rna"].vectors.astype(float)) @ unit(own.vectors["rna"].vectors[0].astype(float))
    assert likeness(library, own, NETWORK).scores == pytest.approx(plain)


def test_profiles_are_of_pair_probabilities_where_an_rna_was_folded(library: EmbeddedRnas) -> None:
    sequences = ("GGGGAAAACCCCAUGCAUGCGGAUCC", "GCGCGAAAGCGCAUAUAUGCGC", "GGCGCAAGCCAUCGAUUCGAUG")
    found, own = folded(*sequences[:2]), folded(sequences[2])
    ensembles = [fold_ensemble(s)[1] for s in sequences]
    expected = FINGERPRINTS["pair-probability profile"](FoldedRnas(sequences, [STEM] * 3, ensembles))
    assert likeness(found, own, "pair-probability profile").scores == pytest.approx(expected.of_pairs(np.array([0, 1]), np.array([2, 2])))
    assert library.ensembles is None or not (library.ensembles.lengths >= 0).any()


def test_what_cannot_be_compared_is_said(library: EmbeddedRnas) -> None:
    own = folded("GGGGAAAACCCC")
    with pytest.raises(InputError, match="not compared by 'colour'; choose one of network, network"):
        likeness(library, own, "colour")
    with pytest.raises(InputError, match="fewer than two"):
        likeness(own, own, "4-mers")


def test_packed_ensembles_give_back_what_was_packed(tmp_path: Path) -> None:
    known = [fold_ensemble("GGGGAAAACCCCAUGC")[1], None, PairEnsemble.certain(STEM), PairEnsemble.certain("....")]
    packed = PackedEnsembles.of(known)
    assert len(packed) == 4 and packed[1] is None and [None if e is None else e.key for e in packed] == [None if e is None else e.key for e in known]
    assert packed[-1] is not None and packed[-1].length == 4 and [e is None for e in packed[:2]] == [False, True]
    with pytest.raises(IndexError):
        packed[4]
    found = embed_rnas("mixed", [RnaRecord("bare", "GGGGAAAACCCCAUGC"), RnaRecord("given", "GGGGAAAACCCC", STEM)], "rna", device="cpu")
    stored = load_embedded(save_embedded(found, tmp_path / "mixed.npz"))
    assert stored is not None and stored.ensembles is not None and stored.key == found.key
    assert stored.ensembles[0] is not None and stored.ensembles[0].key == known[0].key and stored.ensembles[1] is None  # type: ignore[union-attr]


def test_rnas_are_folded_and_embedded_batch_by_batch() -> None:
    """Folding all before embedding held the pair probabilities of every RNA at once."""
    draw = np.random.default_rng(0)
    records = [RnaRecord(f"r{i}", "".join(draw.choice(list("ACGU"), 60))) for i in range(7)]
    order: list[tuple[str, int]] = []
    found = embed_levels(
        records,
        checkpoint="rna",
        levels=("rna",),
        device="cpu",
        batch_size=3,
        on_prepared=lambda batch: order.append(("prepared", len(batch))),
        on_progress=lambda done, _: order.append(("embedded", done)),
    )
    assert order == [("prepared", 3), ("embedded", 3), ("prepared", 3), ("embedded", 6), ("prepared", 1), ("embedded", 7)]
    stages: list[tuple[str, int, int]] = []
    whole = embed_rnas("own", records, "rna", device="cpu", on_progress=lambda *told: stages.append(told))
    assert stages[-1] == ("folding and embedding", 7, 7)
    assert whole.vectors["rna"].vectors == pytest.approx(found["rna"].vectors, abs=1e-5)
    assert [r.structure for r in whole.records] == [fold_ensemble(r.sequence)[0] for r in records]
    assert whole.vectors["rna"].manifest["folded"] == 7


def test_which_is_better_is_read_from_the_cards_figures() -> None:
    rows = [
        ("length", "untrained", "folded", 0.1, 0.51),
        ("profile", "untrained", "folded", 0.7, 0.9),
        ("mine", "network", "folded", 0.6, 0.95),
        ("mine + 4-mers", "hybrid", "folded", 0.8, 0.97),
        ("other + 4-mers", "hybrid", "folded", 0.99, 0.99),
        ("mine", "network", "family", 0.85, 0.98),
        ("element counts", "untrained", "family", 0.86, 0.97),
    ]
    table = pd.DataFrame(rows, columns=["score", "kind", "structures", "hit_1", "distant"])
    first, second = which_is_better(table, "mine")
    assert first.startswith("Folded from the sequence alone, the nearest RNA is a relative for 80% by mine + 4-mers")
    assert first.endswith("(hybrid, AUC 0.970), 70% by profile (untrained, AUC 0.900), 60% by mine (network, AUC 0.950).")
    assert "86% by element counts (untrained, AUC 0.970), 85% by mine" in second
    shipped = load_card("rna").content["rfam"]["scores"]
    assert len(which_is_better(pd.DataFrame(shipped), "rna")) == 2


def test_embed_gives_the_same_vectors_alone() -> None:
    found = folded("GGGGAAAACCCCAUGCAUGCGGAUCC")
    assert found.vectors["rna"].vectors == pytest.approx(embed([RnaRecord("r0", "GGGGAAAACCCCAUGCAUGCGGAUCC")], checkpoint="rna").vectors, abs=1e-5)
