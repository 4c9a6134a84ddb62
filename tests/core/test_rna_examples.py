"""The bundled RNAs are the molecules they claim to be."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.rna.examples import DEFAULT_EXAMPLE, Example, list_examples, load_example
from core.rna.records import partners
from tests.core.rna_examples import canonical, check_is_reproduced, states_its_sources

every_example = pytest.mark.parametrize("example", list_examples(), ids=lambda example: example.id)


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
    states_its_sources(example)


@every_example
def test_structures_are_balanced_and_nearly_all_pairs_canonical(example: Example):
    record = example.record
    assert record.structure is not None and len(record.structure) == record.length
    assert set(record.sequence) <= set("ACGU")
    assert len(record.pairs) >= 0.2 * record.length
    assert np.mean(canonical(record)) >= 0.8
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
    check_is_reproduced(example)
