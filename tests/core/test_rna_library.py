"""The reference library: its RNAs are what they claim to be."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.rna import library_build, list_examples
from core.rna._library_sources import ARCHIVES
from core.rna.examples import SHIPPED, Example
from core.rna.family_check import FamilyCheck, Member, best_scores, check_family, local_identity, members_for, read_members
from core.rna.library import LIBRARY, library_records, list_library
from core.rna.records import partners
from tests.core.rna_examples import canonical, check_is_reproduced, states_its_sources

ADDED = list_library()[len(list_examples()) :]
SEQUENCES = {example.id: example.record.sequence for example in list_library()}
every_rna = pytest.mark.parametrize("example", ADDED, ids=lambda example: example.id)


def test_the_library_is_broad_and_begins_with_the_examples() -> None:
    library = list_library()
    assert library[: len(list_examples())] == list_examples()
    assert [example.family for example in ADDED] == sorted(example.family for example in ADDED)
    assert (len(library), len({example.family for example in library})) == (97, 55)
    assert [record.id for record in library_records()] == [example.id for example in library]


def test_no_two_rnas_are_one() -> None:
    library = list_library()
    for values in ([e.id for e in library], [e.title for e in library], [e.accession for e in library], [e.record.sequence for e in library]):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_members_of_a_family_are_apart() -> None:
    """Neighbours in one family say something only when they are not nearly the same molecule; the s2m motif is that conserved."""
    close = []
    for first in ADDED:
        for second in ADDED:
            if first.id < second.id and first.family == second.family:
                equal, columns = local_identity(first.record.sequence, second.record.sequence)
                if equal > 0.82 * columns and columns > 0.6 * min(first.record.length, second.record.length):
                    close.append((first.id, second.id))
    assert close == [("s2m-astrovirus", "s2m-sars")]


@every_rna
def test_every_rna_states_accession_sources_and_licence(example: Example) -> None:
    states_its_sources(example)


@every_rna
def test_every_structure_pairs_nearly_all_in_canonical_pairs(example: Example) -> None:
    record = example.record
    assert set(record.sequence) <= set("ACGU") and record.structure is not None and len(record.structure) == record.length
    assert len(record.pairs) >= 0.1 * record.length
    assert np.mean(canonical(record)) >= 0.8
    assert 20 < record.length < 400


@every_rna
def test_best_hit_among_known_families_is_in_the_claimed_family(example: Example) -> None:
    check_is_reproduced(example)


@pytest.mark.parametrize(
    ("name", "anticodon"),
    [
        ("trna-glu", "CUC"),
        ("trna-3amt", "CAU"),
        ("trna-5ud5", "CUA"),
        ("trna-lys", "UUU"),
        ("trna-leu", "UAG"),
        ("trna-ser", "CGA"),
        ("trna-sec-3a3a", "UCA"),
    ],
)
def test_anticodons_lie_in_the_middle_of_their_loop(name: str, anticodon: str) -> None:
    """The second hairpin of a tRNA, whatever its length."""
    record = next(example.record for example in ADDED if example.id == name)
    nested = [pair for pair in record.pairs if (record.structure or "")[pair[0]] == "("]
    inner = [(i, j) for i, j in nested if not any(i < k < j for k, _ in nested)]
    i, j = inner[1]
    assert record.sequence[(i + j) // 2 - 1 : (i + j) // 2 + 2] == anticodon


@pytest.mark.parametrize(
    ("name", "landmark"),
    [
        ("u1-m28012", "AUACUUACCUG"),  # the 5' end, which pairs with the 5' splice site
        ("u1-x06880", "AUACUUACCUG"),
        ("u5-6id0", "GCCUUUUAC"),  # loop 1, which holds the exons
        ("u6-5tf6", "ACAGAGAUGAUCAGC"),  # the ACAGAGA box and the AGC of the catalytic triplex
        ("srp-ecoli", "AGGUCCGGAAGGAAGCAGCC"),  # the GGAA loop and the asymmetric loop that Ffh binds
        ("rnase-p-ecoli", "GAGGAAAGUCCGGGCUCCAUAGGGC"),  # conserved region I of bacterial RNase P
        ("rnase-p-tmaritima", "GAGGAAAGUCCGGACUC"),
        ("srp-human", "GCCGGGCGCGGUGGCGCGUGCCUGUAGUCCCAGCUACUCGGGAGGCUGAG"),  # the Alu part
        ("s2m-sars", "GAUCGAGGGUACAG"),
        ("s2m-astrovirus", "GAUCGAGGGUACAG"),
        ("sam-4kqy", "GAGGGACUGGCCCGA"),  # the conserved strands of the SAM-I core
        ("sam-3iqp", "GAGGGACUGGCCCGA"),
        ("tpp-2hoo", "CUGAGA"),  # the conserved loop that holds the pyrimidine
        ("tpp-2cky", "CUGAGA"),
    ],
)
def test_well_known_rnas_carry_their_signatures(name: str, landmark: str) -> None:
    assert landmark in SEQUENCES[name]


@pytest.mark.parametrize(("name", "loop"), [("ire-m55010", "AGU"), ("ire-ay277900", "AGU"), ("hiv-1-dis", "GCGCGC"), ("srp-ecoli", "GGAA")])
def test_loops_that_proteins_and_partners_bind_are_unpaired(name: str, loop: str) -> None:
    record = next(example.record for example in ADDED if example.id == name)
    partner = partners(record.structure or "")
    places = [place for place in range(record.length) if record.sequence.startswith(loop, place)]
    assert any((partner[place : place + len(loop)] == -1).all() for place in places)


@pytest.mark.parametrize("name", ["rnase-p-ecoli", "fse-oc43", "sam-4kqy", "preq1-ii-2miy", "fluoride-5kh8", "upsk"])
def test_pseudoknots_that_a_source_writes_are_kept(name: str) -> None:
    pairs = next(example.record.pairs for example in ADDED if example.id == name)
    assert any(i < k < j < m for i, j in pairs for k, m in pairs)


def test_the_readme_shows_the_table_of_what_is_shipped() -> None:
    entries = json.loads(LIBRARY.read_text(encoding="utf-8"))
    readme = SHIPPED.with_name("README.md").read_text(encoding="utf-8")
    assert library_build.with_table(readme, entries) == readme
    for archive in ARCHIVES.values():
        assert f"`{archive.fetch}`" in readme
    with pytest.raises(InputError, match=r"README.md has no place for the table; put the lines <!-- written by"):
        library_build.with_table("# Nothing", entries)


# The alignment behind the check.


def slow_score(query: str, target: str) -> int:
    """Smith and Waterman's recurrence, cell by cell."""
    scores = [[0] * (len(target) + 1) for _ in range(len(query) + 1)]
    for i, a in enumerate(query, 1):
        for j, b in enumerate(target, 1):
            scores[i][j] = max(0, scores[i - 1][j - 1] + (1 if a == b else -1), scores[i - 1][j] - 2, scores[i][j - 1] - 2)
    return max(map(max, scores))


def test_scores_of_many_targets_at_once_are_those_of_each_alone() -> None:
    draw = random.Random(1)
    sequences = ["".join(draw.choices("ACGU", k=draw.randint(5, 60))) for _ in range(30)]
    query = sequences.pop()
    targets = [*sequences, query[:20] + query[23:]]  # one with a gap of three
    assert best_scores(query, targets).tolist() == [slow_score(query, target) for target in targets]


@pytest.mark.parametrize(
    ("query", "target", "expected"),
    [
        ("GGGGAAAACCCC", "GGGGAAAACCCC", (12, 12)),
        ("UUGCAUCGAUUGCA", "GCAUCGCAUUGCAGG", (12, 13)),  # a base more, and ends that do not match
        ("GCAUCGCAUUGCA", "GCAUCGAUUGCA", (12, 13)),
        ("ACGUACGUAC", "ACGUUCGUAC", (9, 10)),  # a mismatch in the middle costs less than ending there
        ("AAAA", "CCCC", (0, 0)),
    ],
)
def test_identity_is_that_of_the_best_local_alignment(query: str, target: str, expected: tuple[int, int]) -> None:
    assert local_identity(query, target) == expected


STEM = "GGGCUAUCGAUAUGCCAUCGAGCUAAGG"
OTHER = "ACCAGAUUUCACACUUGGUGUGAAUCUG"


def test_the_check_names_the_family_of_the_best_hit_among_members_of_like_length() -> None:
    members = [Member("F1 stem", "m1", "CC" + STEM[:25]), Member("F2 other", "m2", OTHER), Member("F3 long", "m3", 3 * STEM)]
    assert check_family(STEM, members) == FamilyCheck("F1 stem", "m1", 1.0, 25)
    with pytest.raises(InputError, match=r"No known member is half to twice as long as 28 bases"):
        check_family(STEM, members[2:])
    twin = Member("F4 twin", "m4", STEM[2:])
    with pytest.raises(InputError, match=r"The best hit, m4 of F4 twin, is hardly better than one of another family; leave the sequence out"):
        check_family(STEM, [*members, twin], lead=3)


def test_a_family_is_held_against_as_many_files_as_it_takes() -> None:
    first, second = [Member("F1 a", "m1", STEM)], [Member("F2 b", "m2", OTHER)]
    assert members_for("F1 a", [first, second]) == tuple(first)
    assert members_for("F2 b", [first, second]) == (*first, *second)
    with pytest.raises(InputError, match="No file of known members holds the family F3 c; give one that does"):
        members_for("F3 c", [first, second])


def test_a_file_of_members_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.tsv").write_text("family\tname\tsequence\nRF1\ta\tACGU\n")
    with pytest.raises(InputError, match=r"m.tsv has no column accession; give a TSV with the columns family, name, accession, sequence"):
        read_members(tmp_path / "m.tsv")
    with pytest.raises(InputError, match=r"There is no file n.tsv of known family members"):
        read_members(tmp_path / "n.tsv")
