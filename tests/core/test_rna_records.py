"""Dot-bracket strings in and out, and what a record refuses."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
import RNA

from core.errors import InputError
from core.rna import RnaRecord, dot_bracket, parse_pairs, partners
from core.rna.records import nested_part


def random_pairs(rng: random.Random, n: int) -> list[tuple[int, int]]:
    places = rng.sample(range(n), n)
    return sorted((min(a, b), max(a, b)) for a, b in zip(places[: n // 3 : 2], places[1 : n // 3 : 2]))


@pytest.mark.parametrize(
    ("structure", "pairs"),
    [
        ("....", ()),
        ("((..))", ((0, 5), (1, 4))),
        ("((..[[..))..]]", ((0, 9), (1, 8), (4, 13), (5, 12))),
        ("(A{<.)a}>", ((0, 5), (1, 6), (2, 7), (3, 8))),
        ("()", ((0, 1),)),
        ("(:,_-~)", ((0, 6),)),
    ],
)
def test_pairs_of_a_structure(structure: str, pairs: tuple[tuple[int, int], ...]) -> None:
    assert parse_pairs(structure) == pairs
    expected = np.full(len(structure), -1)
    for i, j in pairs:
        expected[[i, j]] = j, i
    assert partners(structure).tolist() == expected.tolist()
    assert partners(structure).dtype == np.int64


@pytest.mark.parametrize(
    ("structure", "place"),
    [("((..)", "'(' at position 1"), ("(..))", "')' at position 5"), ("(a.)", "'a' at position 2"), ("..?", "'?' at position 3")],
)
def test_an_unbalanced_structure_names_its_place(structure: str, place: str) -> None:
    with pytest.raises(InputError, match="position") as caught:
        parse_pairs(structure)
    assert place in str(caught.value)


def test_brackets_are_those_of_viennarna() -> None:
    rng = random.Random(1)
    for _ in range(300):
        n = rng.randint(1, 40)
        pairs = random_pairs(rng, n)
        table = [n, *[0] * n]
        for i, j in pairs:
            table[i + 1], table[j + 1] = j + 1, i + 1
        written = dot_bracket(rng.sample(pairs, len(pairs)), n)
        assert written == RNA.db_from_ptable(table)
        assert parse_pairs(written) == tuple(pairs)


@pytest.mark.parametrize(
    ("pairs", "n", "said"), [([(0, 4)], 4, "1-5"), ([(2, 2)], 4, "3-3"), ([(0, 3), (3, 5)], 6, "Base 4 is in two pairs"), ([(-1, 2)], 4, "Pair 0-3")]
)
def test_impossible_pairs_are_refused(pairs: list[tuple[int, int]], n: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        dot_bracket(pairs, n)


def test_more_crossings_than_bracket_types_are_refused() -> None:
    with pytest.raises(InputError, match="30"):
        dot_bracket([(i, i + 31) for i in range(31)], 62)
    assert parse_pairs(dot_bracket([(i, i + 30) for i in range(30)], 60))[29] == (29, 59)


@pytest.mark.parametrize(
    ("structure", "hairpin", "nested"),
    [
        ("((..[[..))..]]", 0, "((......))...."),
        ("[[..]]", 0, "((..))"),
        ("((..AA..))..aa..[[...]]", 0, "((......))......((...))"),
        ("((()))....", 3, "(....)...."),
        ("(..).(...)", 3, ".....(...)"),
        ("(.(..).)", 3, "(......)"),
    ],
)
def test_the_nested_part(structure: str, hairpin: int, nested: str) -> None:
    assert nested_part(structure, hairpin=hairpin) == nested


def test_the_nested_part_never_crosses_and_cannot_grow() -> None:
    rng = random.Random(2)
    for _ in range(200):
        n = rng.randint(2, 50)
        pairs = random_pairs(rng, n)
        kept = parse_pairs(nested_part(dot_bracket(pairs, n)))
        assert set(kept) <= set(pairs)
        crossed = [any(a < i < b < j or i < a < j < b for a, b in kept) for i, j in pairs]
        assert [pair in kept for pair in pairs] == [not crosses for crosses in crossed]


def test_a_record() -> None:
    record = RnaRecord("hairpin", "GGGAAACCC", "(((...)))")
    assert (record.length, record.pairs) == (9, ((0, 8), (1, 7), (2, 6)))
    assert RnaRecord("x", "ACGU").pairs == ()
    assert record.key == RnaRecord("other", "GGGAAACCC", "(((...)))", notices=("a",)).key
    assert len({record.key, RnaRecord("hairpin", "GGGAAACCC").key, RnaRecord("hairpin", "GGGAAACCC", "((.....))").key}) == 3
    assert pickle.loads(pickle.dumps(record)) == record


@pytest.mark.parametrize(
    ("sequence", "structure", "said"),
    [("", None, "no bases"), ("ACgU", None, "'g' at position 3"), ("ACGT", None, "'T'"), ("ACGU", "...", "3 signs")],
)
def test_a_record_refuses(sequence: str, structure: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        RnaRecord("x", sequence, structure)
