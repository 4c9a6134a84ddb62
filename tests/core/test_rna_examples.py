"""The bundled RNAs are the molecules they claim to be."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.rna.examples import DEFAULT_EXAMPLE, SHIPPED, Example, list_examples, load_example
from core.rna.records import parse_pairs, partners

DEV_DATA = Path(os.environ.get("GATESCOPE_DEV_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
MEMBERS = DEV_DATA / "rna" / "known_families_check.tsv"
CANONICAL = {"GC", "CG", "AU", "UA", "GU", "UG"}

every_example = pytest.mark.parametrize("example", list_examples(), ids=lambda example: example.id)


def alignment_scores(query: str, target: str) -> np.ndarray:
    """Smith-Waterman scores [len(query) + 1, len(target) + 1]: match 1, mismatch -1, gap -2 a base."""
    letters = np.frombuffer(target.encode(), dtype=np.uint8)
    slope = 2 * np.arange(len(target) + 1)
    scores = np.zeros((len(query) + 1, len(target) + 1), dtype=np.int64)
    for row, letter in enumerate(query.encode(), start=1):
        above = scores[row - 1]
        best = np.zeros(len(target) + 1, dtype=np.int64)
        best[1:] = np.maximum(above[:-1] + np.where(letters == letter, 1, -1), above[1:] - 2).clip(0)
        scores[row] = np.maximum.accumulate(best + slope) - slope  # gaps in the query, all lengths at once
    return scores


def local_identity(query: str, target: str) -> tuple[int, int]:
    """Equal columns and all columns of one best local alignment."""
    scores = alignment_scores(query, target)
    i, j = (int(place) for place in np.unravel_index(scores.argmax(), scores.shape))
    equal = columns = 0
    while scores[i, j] > 0:
        same = query[i - 1] == target[j - 1]
        columns += 1
        if scores[i, j] == scores[i - 1, j - 1] + (1 if same else -1):
            i, j, equal = i - 1, j - 1, equal + same
        elif scores[i, j] == scores[i - 1, j] - 2:
            i -= 1
        else:
            j -= 1
    return equal, columns


def words(sequence: str, size: int = 6) -> Counter[str]:
    return Counter(sequence[place : place + size] for place in range(len(sequence) - size + 1))


def best_member(sequence: str, members: list[dict[str, str]], keep: int) -> dict[str, str]:
    """The member with the highest alignment score, among those of like length (half to twice) the ``keep`` that share most words of six."""
    own = words(sequence)
    alike = [member for member in members if len(sequence) <= 2 * len(member["sequence"]) <= 4 * len(sequence)]
    near = sorted(alike, key=lambda member: -(own & words(member["sequence"])).total())[:keep]
    return max(near, key=lambda member: int(alignment_scores(sequence, member["sequence"]).max()))


def test_the_examples_are_those_promised_with_the_default_first_and_a_long_one_last():
    shown = {example.id: example.record.length for example in list_examples()}
    assert next(iter(shown)) == DEFAULT_EXAMPLE == "trna-phe"
    assert shown == {
        "trna-phe": 76,
        "5s-rrna": 120,
        "hammerhead": 54,
        "adenine-riboswitch": 71,
        "hdv-ribozyme": 89,
        "hiv-1-tar": 61,
        "16s-rrna": 1542,
    }


@every_example
def test_every_example_states_accession_sources_and_licence(example: Example):
    for stated in (example.title, example.accession, example.source, example.licence, example.structure_source):
        assert len(stated) > 3
    assert example.family.startswith("RF0") and example.check.family == example.family
    assert example.record.id == example.id and example.accession in example.record.description
    assert example.licence in SHIPPED.with_name("README.md").read_text(encoding="utf-8")


@every_example
def test_structures_are_balanced_and_nearly_all_pairs_canonical(example: Example):
    record = example.record
    assert record.structure is not None and len(record.structure) == record.length
    assert set(record.sequence) <= set("ACGU")
    canonical = [record.sequence[i] + record.sequence[j] in CANONICAL for i, j in record.pairs]
    assert len(canonical) >= 0.2 * record.length
    assert np.mean(canonical) >= 0.8
    assert min(j - i for i, j in record.pairs) > 3


def test_trna_phe_is_the_cloverleaf_with_its_known_landmarks():
    trna = load_example("trna-phe")
    assert trna.sequence[33:36] == "GAA"  # anticodon, positions 34 to 36
    assert trna.sequence.endswith("CCA") and trna.sequence[53:60] == "UUCGAUC"  # T loop, positions 54 to 60
    assert trna.sequence[13:15] == "AG" and trna.sequence[17:19] == "GG"  # A14 and G15, G18 and G19 of the D loop
    stems = [(1, 72, 7), (10, 25, 4), (27, 43, 5), (49, 65, 5)]  # acceptor, D, anticodon and T stem: outer pair and length
    assert trna.pairs == tuple(sorted((left - 1 + k, right - 1 - k) for left, right, size in stems for k in range(size)))


def test_tar_has_its_bulge_and_its_loop():
    tar = load_example("hiv-1-tar")
    partner = partners(tar.structure or "")
    assert tar.sequence[22:25] == "UCU" and (partner[22:25] == -1).all()
    assert tar.sequence[29:35] == "CUGGGA" and (partner[29:35] == -1).all()
    assert partner[25] == 38  # the upper stem begins with G26-C39
    assert partner[21] == 39  # the lower stem ends with A22-U40


def test_hammerhead_has_three_stems_around_the_conserved_core():
    hammerhead = load_example("hammerhead")
    partner = partners(hammerhead.structure or "")
    core, tail = hammerhead.sequence.index("CUGAUGA"), hammerhead.sequence.index("GAAA", 40)
    assert (partner[core : core + 7] == -1).all() and (partner[tail + 1 : tail + 3] == -1).all()
    helix_ends = [(i, j) for i, j in hammerhead.pairs if partner[i + 1] != j - 1]
    assert len(helix_ends) == 3


def test_pseudoknots_are_written_in_brackets_of_another_kind():
    for name in ("hdv-ribozyme", "adenine-riboswitch"):
        pairs = load_example(name).pairs
        assert any(i < k < j < m for i, j in pairs for k, m in pairs)
    knot = load_example("hdv-ribozyme").structure or ""
    assert {"(", "[", "{"} <= set(knot)
    assert knot.count("[") == 7 and knot.count("{") == 2  # helices P2 and P1.1


def test_adenine_riboswitch_binds_its_ligand_with_u74_and_kisses_with_its_loops():
    riboswitch, first = load_example("adenine-riboswitch"), 13  # the crystal numbers its bases from 13
    assert riboswitch.sequence[74 - first] == "U"  # C in the guanine riboswitch
    assert {(37 - first, 61 - first), (38 - first, 60 - first)} <= set(riboswitch.pairs)  # loop-loop pairs G37-C61 and G38-C60


def test_ribosomal_rnas_carry_their_signature_sequences():
    small, five = load_example("16s-rrna"), load_example("5s-rrna")
    assert small.sequence[514:530] == "GUGCCAGCAGCCGCGG" and small.sequence.endswith("GGAUCACCUCCUUA")  # 515 to 530; anti-Shine-Dalgarno
    assert {(26, 555), (499, 544), (1505, 1528)} <= set(small.pairs)  # helices 3, 18 and 45
    assert len(small.pairs) == 462
    assert five.sequence.startswith("UGCCUGGCGGC") and five.sequence.endswith("GCCAGGCAU")
    assert {(2, 116), (8, 110)} <= set(five.pairs)  # helix I


def test_an_unknown_example_is_refused_with_the_names_there_are():
    with pytest.raises(InputError, match=r"no bundled RNA 'trna'; choose one of trna-phe, "):
        load_example("trna")


def test_examples_load_once():
    assert load_example("trna-phe") is load_example("trna-phe")


@every_example
def test_best_hit_among_known_families_is_in_the_claimed_family(example: Example):
    if not MEMBERS.exists():
        pytest.skip("known_families_check.tsv is not beside the project")
    with MEMBERS.open(encoding="utf-8") as lines:
        members = list(csv.DictReader(lines, delimiter="\t"))
    found = best_member(example.record.sequence, members, keep=60 if example.record.length < 500 else 3)
    equal, columns = local_identity(example.record.sequence, found["sequence"])
    assert f"{found['family']} {found['name']}" == example.check.family
    assert (found["accession"], columns) == (example.check.hit, example.check.columns)
    assert equal / columns == pytest.approx(example.check.identity, abs=5e-4)
    assert parse_pairs(example.record.structure or "")
