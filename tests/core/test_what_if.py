"""Edits of RNAs: what is changed and kept, and embeddings of folded originals and edits compared as embed itself gives them."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import Cancelled, InputError
from core.explain.what_if import change_base, change_pair, delete_element, single_mutants, what_if
from core.rna import RnaRecord, embed, fold, load_example
from core.rna.fingerprints import unit
from tests.core.test_rna_embedding import checkpoint
from tests.core.test_rna_ensemble import soft_network

HAIRPIN = RnaRecord("h", "AGGGCUUCGGCCCA", ".((((....)))).")
NETWORK = (soft_network().requires_grad_(False), checkpoint()[1])


def cosine(one: str, other: str, network=NETWORK) -> float:
    vectors = embed([RnaRecord("a", one), RnaRecord("b", other)], checkpoint=network, device="cpu").vectors
    return float(np.dot(*unit(vectors.astype(float))))


def test_edits_by_hand():
    edit = change_base(HAIRPIN, 4, "A")
    assert (edit.title, edit.record.sequence, edit.places) == ("G4A", "AGGACUUCGGCCCA", (3,)) and edit.record.structure is None
    pair = change_pair(HAIRPIN, 12, "AU")
    assert (pair.title, pair.record.sequence, pair.places) == ("3-12 to AU", "AGAGCUUCGGCUCA", (2, 11))
    gone = delete_element(HAIRPIN, "h0")
    assert (gone.title, gone.record.sequence, gone.places) == ("h0 deleted", "AGGGCGCCCA", (5, 6, 7, 8)) and gone.kept == (
        0,
        1,
        2,
        3,
        4,
        9,
        10,
        11,
        12,
        13,
    )


def test_edits_that_cannot_be_are_said():
    for call, message in (
        (lambda: change_base(HAIRPIN, 15, "A"), "no base 15; choose one from 1 to 14"),
        (lambda: change_base(HAIRPIN, 2, "N"), "'N' is no base"),
        (lambda: change_base(HAIRPIN, 2, "G"), "is G already"),
        (lambda: change_pair(HAIRPIN, 7, "GC"), "has no partner"),
        (lambda: change_pair(HAIRPIN, 2, "GCC"), "no pair of bases"),
        (lambda: change_pair(HAIRPIN, 2, "GC"), "is GC already"),
        (lambda: delete_element(HAIRPIN, "s9"), "no element 's9' in the structure shown; it has f0, t0, s0, h0"),
        (lambda: delete_element(RnaRecord("f", "AAA", "..."), "f0"), "nothing of f is left"),
        (lambda: delete_element(RnaRecord("f", "AAA"), "f0"), "has no structure"),
        (lambda: single_mutants(RnaRecord("long", "A" * 401), NETWORK), "1,203 single mutants"),
    ):
        with pytest.raises(InputError, match=message):
            call()


@pytest.mark.parametrize("edit", [change_base(HAIRPIN, 4, "A"), delete_element(HAIRPIN, "h0")])
def test_an_edit_is_folded_again_and_compared(edit):
    found = what_if(HAIRPIN, edit, NETWORK)
    assert found.before.structure == fold(RnaRecord("h", HAIRPIN.sequence)).structure
    assert found.after.structure == fold(edit.record).structure
    assert found.cosine == pytest.approx(cosine(HAIRPIN.sequence, edit.record.sequence), abs=1e-6)
    assert found.bases["after"].tolist()[edit.kept[-1]] == edit.record.sequence[-1]
    deleted = [place for place in edit.places if place not in edit.kept]
    assert np.flatnonzero(found.bases["moved"].isna()).tolist() == deleted == np.flatnonzero(found.bases["after"] == "").tolist()
    before = fold(RnaRecord("h", HAIRPIN.sequence)).pair_probabilities.sum(1)
    assert found.bases["unpaired_before"].to_numpy() == pytest.approx(1 - before, abs=0.06)  # pairs below 2% are left out


def test_pairs_lost_and_gained_are_counted_in_places_of_the_original():
    found = what_if(HAIRPIN, delete_element(HAIRPIN, "h0"), NETWORK)
    after = fold(found.edit.record).structure
    assert found.pairs_lost == 4 - sum((i, j) in {(1, 12), (2, 11), (3, 10), (4, 9)} for i, j in _mapped(after, found.edit.kept))
    assert found.pairs_gained == len(_mapped(after, found.edit.kept)) - (4 - found.pairs_lost)


def _mapped(structure: str, kept: tuple[int, ...]) -> list[tuple[int, int]]:
    stack: list[int] = []
    pairs = []
    for place, sign in enumerate(structure):
        if sign == "(":
            stack.append(place)
        elif sign == ")":
            pairs.append((kept[stack.pop()], kept[place]))
    return pairs


def test_all_single_mutants_are_those_one_by_one():
    record = load_example("trna-phe")
    short = RnaRecord("acceptor", record.sequence[:30])
    told: list[str] = []
    found = single_mutants(short, NETWORK, on_progress=lambda what, i, n: told.append(what))
    assert found.moved.shape == (4, 30) and len(found.table) == 90 and set(told) == {"folding mutants", "embedding mutants"}
    own = np.array([["ACGU"[k] == base for base in short.sequence] for k in range(4)])
    assert (found.moved[own] == 0).all() and (found.moved[~own] > 0).all()
    for row in found.table.sample(4, random_state=1).itertuples():
        edit = change_base(short, row.base, row.to)
        assert row.mutant == edit.title
        assert row.moved == pytest.approx(1 - cosine(short.sequence, edit.record.sequence), abs=1e-6)
        assert row.moved == found.moved["ACGU".index(row.to), row.base - 1]
    with pytest.raises(Cancelled):
        single_mutants(short, NETWORK, should_stop=lambda: True)
