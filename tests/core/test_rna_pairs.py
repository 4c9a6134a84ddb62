"""Pairs, AUC, intervals and hits by hand; the labelled set and its halves; the scoreboard on RNAs whose families are known by construction."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from core.errors import Cancelled, InputError
from core.explain.labelled import LabelledRnas, read_labelled, related_group
from core.explain.motif_scores import motif_scores
from core.explain.pairs import Pairs, auc, auc_over_families, hits, identity, matched_pairs
from core.explain.scoreboard import beside, prepare_all, scoreboard
from core.rna import RnaRecord
from core.rna.fingerprints import FINGERPRINTS, Score, element_histogram, joined, kmer_counts, kmers_by_place
from core.train.rna_card import RFAM
from tests.core.test_rna_embedding import checkpoint


def test_auc_and_identity_by_hand():
    assert auc(np.array([4.0, 2.0]), np.array([3.0, 1.0])) == 0.75
    assert auc(np.ones(2), np.ones(2)) == 0.5
    assert np.isnan(auc(np.ones(2), np.ones(0)))
    assert identity("AC-G-", "AU-GG") == 0.5


def test_pairs_are_matched_in_length_and_relatives_are_no_negatives():
    rng = np.random.default_rng(4)
    lengths, families = rng.integers(50, 120, 80), np.repeat(np.arange(20), 4).astype(str)
    groups = np.array([f"clan{int(f) // 2}" for f in families])
    pairs = matched_pairs(lengths, families, seed=1, groups=groups, alike=lambda a, b: (a + b) / 200)
    for other in (pairs.b, pairs.other):
        assert (np.abs(lengths[pairs.a] - lengths[other]) <= 0.07 * np.maximum(lengths[pairs.a], lengths[other])).all()
    assert (families[pairs.a] == families[pairs.b]).all() and (groups[pairs.a] != groups[pairs.other]).all()
    assert len(pairs) > 10 and pairs.identity == pytest.approx((pairs.a + pairs.b) / 200)
    assert (pairs.below(0.3).identity < 0.3).all() and len(pairs.below(0.3)) == (pairs.identity < 0.3).sum()
    again = matched_pairs(lengths, families, seed=1, groups=groups)
    assert np.array_equal(pairs.other, again.other) and np.isnan(again.identity).all()


def test_the_interval_is_that_of_families_drawn_one_by_one():
    rng = np.random.default_rng(2)
    family = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 6])
    related, strange = rng.normal(1, 1, 21), rng.normal(0, 1, 21).round(1)
    found = auc_over_families(related, strange, family, seed=3, draws=200)
    draw = np.random.default_rng(3)
    slow = []
    for _ in range(200):
        rows = np.concatenate([np.flatnonzero(family == f) for f in draw.integers(6, size=6)])
        slow.append(auc(related[rows], strange[rows]))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])))
    assert found.value == auc(related, strange) and (found.pairs, found.families) == (21, 6)
    assert np.isnan(auc_over_families(np.zeros(0), np.zeros(0), np.zeros(0)).value)


def test_hits_by_hand():
    families = ["a", "a", "a", "b", "b", "b", "c", "c"]
    place = np.array([0.0, 1.0, 9.0, 1.9, 2.5, 3.0, 50.0, 51.0])
    near = hits(lambda row: -np.abs(place - place[row]), families, k=(1, 2)).near
    assert hits(lambda row: place, families).queries.tolist() == list(range(6))  # the two of c have no third
    assert near[1].tolist() == [True, False, False, True, True, True]  # 1 is nearest to 1.9 of b, 9 to 3
    assert near[2].tolist() == [True, True, False, True, True, True]
    alike = hits(lambda row: -np.abs(place - place[row]), families, k=(1,), alike=lambda a, b: 1.0 if {a, b} == {0, 1} else 0.1).near
    assert alike[1].tolist() == [False, False, False, True, True, True]  # its twin is taken away
    grouped = hits(lambda row: -np.abs(place - place[row]), families, groups=["x"] * 6 + ["y"] * 2, k=(1,)).near
    assert grouped[1].all()  # members of a related family are neither right nor wrong


def test_fingerprints_by_hand():
    assert np.expm1(element_histogram(".((..))...")).tolist() == pytest.approx([1, 1, 0, 0, 1, 1, 0, 2, 4, 0, 0, 1, 3, 0])
    counts = kmer_counts("AAAAACNAAAA")
    assert counts.sum() == 4 and counts[0] == 3 and counts[1] == 1
    assert kmer_counts("AC").sum() == 0
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5, 3))
    score = Score(vectors, centred=True)
    a, b = vectors[0] - vectors.mean(0), vectors[4] - vectors.mean(0)
    assert score.of_pairs(np.array([0]), np.array([4]))[0] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert score.of_row(0)[4] == pytest.approx(score.of_pairs(np.array([0]), np.array([4]))[0])
    both = joined((score, 1.0), (Score(vectors), 2.0))
    plain = Score(vectors).of_pairs(np.array([0]), np.array([4]))[0]
    assert both.of_pairs(np.array([0]), np.array([4]))[0] == pytest.approx((score.of_row(0)[4] + 4 * plain) / 5)
    assert Score(vectors, "l1").of_row(0)[4] == pytest.approx(-np.abs(vectors[0] - vectors[4]).sum())


def table(lines: list[str], header: str = "family,sequence") -> bytes:
    return "\n".join([header, *lines]).encode()


def test_a_labelled_set_is_read_and_what_is_wrong_with_it_is_said():
    found = read_labelled(table(["x,ACGU,a,(..)", "y,acgtt,a,", "x,AAAA,b,...."], "family,sequence,id,structure"))
    assert [r.id for r in found.records] == ["a", "a_2", "b"] and [r.sequence for r in found.records] == ["ACGU", "ACGUU", "AAAA"]
    assert [r.structure for r in found.records] == ["(..)", None, "...."] and found.families == ("x", "y", "x")
    for data, message in (
        (table(["x,ACGU"], "kind,sequence"), "no column 'family'"),
        (table(["x,ACGU"], "family,letters"), "no column 'sequence'"),
        (table(["x,ACGU", "x,AC"]), "two families or more"),
        (table(["x,", "y,ACG"]), "Line 2 of the labelled set has no sequence"),
        (table(["x,ACGU,((.)", "y,AC,.."], "family,sequence,structure"), "Line 2 of the labelled set: Bracket"),
        (table([",ACGU"]), "Line 2 of the labelled set has no family"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
    ):
        with pytest.raises(InputError, match=message):
            read_labelled(data)
    long = read_labelled(table(["x," + "ACGU" * 375, "x," + "ACGU" * 376, "y,ACGU", "z," + "A" * 1501]))
    assert long.lengths.tolist() == [1500, 4] and long.families == ("x", "y")
    assert long.notices == ("2 of 4 RNAs left out: longer than 1,500 nt, too long to fold (rna2 with 1,504).",)
    with pytest.raises(InputError, match="two families or more, of at most 1,500 nt"):
        read_labelled(table(["x,ACGU", "y," + "A" * 1501]))


def test_families_of_one_kind_are_related_by_name():
    assert len({related_group(name) for name in ("mir-19", "MIR396", "let-7", "bantam")}) == 1
    assert related_group("tRNA") == related_group("tRNA-Sec")
    assert related_group("Metazoa_SRP") == related_group("Plant_SRP")
    assert related_group("SNORD62") != related_group("SNORA1") and related_group("Purine") == "Purine"


@pytest.mark.skipif(not RFAM.is_file(), reason="Rfam's development families are not here; set GATESCOPE_DEV_DATA")
def test_the_halves_share_no_family_and_stay_the_same():
    labelled = read_labelled(RFAM)
    tuning, reporting = labelled.half("tuning"), labelled.half("reporting")
    assert not set(tuning.families) & set(reporting.families)
    assert (len(set(tuning.families)), len(set(reporting.families))) == (286, 286)
    assert max(np.unique(tuning.families, return_counts=True)[1]) == 8 and min(np.unique(reporting.families, return_counts=True)[1]) >= 3
    assert tuning.lengths.min() >= 40 and tuning.lengths.max() <= 250
    assert labelled.half("reporting").key == reporting.key


def families(count: int = 6, members: int = 4, changed: float = 0.2, seed: int = 5) -> LabelledRnas:
    """Families of one long hairpin each, whose members differ by substitutions (both bases of a pair together), with rows of their alignment."""
    rng = random.Random(seed)
    pair = {"A": "U", "C": "G", "G": "C", "U": "A"}
    records, labels, rows = [], [], []
    for family in range(count):
        stem, loop, ends = (rng.choices("ACGU", k=k) for k in (14, 6, 8))
        for member in range(members):
            own = [[rng.choice("ACGU") if rng.random() < changed else base for base in part] for part in (stem, loop, ends)]
            sequence = "".join([*own[2][:4], *own[0], *own[1], *(pair[b] for b in reversed(own[0])), *own[2][4:]])
            records.append(RnaRecord(f"f{family}m{member}", sequence, "...." + "(" * 14 + "." * 6 + ")" * 14 + "...."))
            labels.append(f"f{family}")
            rows.append(sequence)
    return LabelledRnas(tuple(records), tuple(labels), tuple(labels), tuple(rows))


def test_kmers_by_place_weigh_each_kmer_by_how_near_it_stands():
    found = kmers_by_place("ACGUNACGU", places=3).reshape(256, 3)
    acgu = 0 * 64 + 1 * 16 + 2 * 4 + 3
    assert np.flatnonzero(found.any(axis=1)).tolist() == [acgu]
    middles = (2 / 9, 7 / 9)
    expected = [math.sqrt(sum(math.exp(-0.5 * ((middle - place) * 3) ** 2) for middle in middles)) for place in (0, 0.5, 1)]
    assert found[acgu] == pytest.approx(expected)
    assert not kmers_by_place("ACG").any()
    vectors = np.stack([kmers_by_place(s) for s in ("ACGU" + "A" * 40, "AACGU" + "A" * 39, "A" * 40 + "ACGU")])
    near, far = Score(vectors).of_pairs(np.array([0, 0]), np.array([1, 2]))
    assert near > far


def test_the_scoreboard_on_known_families():
    labelled = families()
    planted = {"truth": lambda rnas, prepared: {"truth": Score(np.eye(6)[[int(f[1:]) for f in rnas.families]])}}
    found = scoreboard(labelled, {**planted, "tiny": checkpoint()})
    rows = found.table.set_index(["score", "structures"])
    assert rows.loc[("truth", "folded"), ["all", "all_low", "hit_1"]].tolist() == [1, 1, 1]
    assert rows.loc[("truth", "folded"), "kind"] == "peer" and rows.loc[("tiny", "family"), "kind"] == "network"
    assert rows.loc[("tiny + 4-mers", "folded"), "kind"] == rows.loc[("tiny + 4-mers by place", "folded"), "kind"] == "hybrid"
    assert rows.loc[("4-mers", "folded"), "all"] == rows.loc[("4-mers", "family"), "all"] > 0.8
    assert rows.loc[("length", "folded"), "all"] == rows.loc[("element counts", "family"), "all"] == 0.5
    near = found.nearest.set_index(["score", "structures"]).sort_index()
    assert near.loc[("truth", "folded"), "hit_1"].tolist() == [1] * 5 and near["queries"].min() >= 1  # one family has no distant members
    for score in ("4-mers", "tiny"):
        own = near.loc[(score, "folded")]
        assert np.average(own["hit_1"], weights=own["queries"]) == pytest.approx(rows.loc[(score, "folded"), "hit_1"])
    shown = beside(found.nearest, "tiny")
    assert (
        shown["family"].tolist() == near.loc[("tiny", "folded"), "family"].tolist()
        and shown["4-mers @5"].tolist() == near.loc[("4-mers", "folded"), "hit_5"].tolist()
    )
    assert set(FINGERPRINTS) <= set(found.table["score"]) and found.manifest["families"] == 6
    with pytest.raises(Cancelled):
        scoreboard(labelled, planted, should_stop=lambda: True)
    bare = LabelledRnas(tuple(RnaRecord(r.id, r.sequence) for r in labelled.records), labelled.families, labelled.groups, labelled.rows)
    without = scoreboard(bare, planted)
    assert set(without.table["structures"]) == {"folded"} and "some RNAs have none" in without.manifest["notes"][0]
    with pytest.raises(InputError, match="No two RNAs of a family match in length"):
        scoreboard(labelled.take([0, 4, 8]), planted)


def test_motif_scores_know_what_is_known_beforehand():
    """Every member has one hairpin and one stem in the same places: aligned bases are told apart by their place, elements of a kind are not."""
    labelled = families(changed=0.7)
    found = motif_scores(labelled, prepare_all(labelled, "family"), checkpoint())
    rows = found.set_index(["level", "score"])["auc"]
    assert rows["base", "distance along the molecule"] == 1
    assert rows["element", "distance along the molecule"] == rows["element", "difference in size"] == 0.5
    assert 0.5 < rows["base", "pairing probabilities"] < 1
    assert (found["pairs"] > 20).all() and found.query("kind == 'network'")["score"].tolist() == ["tiny", "tiny"]
    assert motif_scores(families(changed=0.1), prepare_all(labelled, "family"), checkpoint()).empty


def test_below_keeps_positives_with_their_negatives():
    pairs = Pairs(np.arange(3), np.arange(3) + 1, np.arange(3) + 5, np.array([0, 0, 1]), np.array([0.2, 0.9, np.nan]))
    kept = pairs.below(0.6)
    assert (kept.a.tolist(), kept.b.tolist(), kept.other.tolist(), kept.family.tolist()) == ([0], [1], [5], [0])
