"""Elements by hand, and the walk against forgi: the same names, members and connections for every structure tried."""

from __future__ import annotations

import random
import time

import pytest

from core.errors import InputError
from core.rna import _forgi, elements
from core.rna.elements import Elements, decompose, walk
from tests.core.rna_structures import every_structure, family_structures, is_knotted, random_nested, random_structures

needs_forgi = pytest.mark.skipif(_forgi.version() is None, reason="forgi has no wheel for this platform")

BY_HAND = {
    "((...))": ({"s0": [0, 1, 5, 6], "h0": [2, 3, 4]}, {"h0-s0"}),
    ".((...))..": ({"f0": [0], "t0": [8, 9], "s0": [1, 2, 6, 7], "h0": [3, 4, 5]}, {"f0-s0", "s0-t0", "h0-s0"}),
    # an interior loop is one element; a bulge on the 3' strand is numbered where its bases are
    "((.((...))..))": ({"s0": [0, 1, 12, 13], "s1": [3, 4, 8, 9], "i0": [2, 10, 11], "h0": [5, 6, 7]}, {"i0-s0", "i0-s1", "h0-s1"}),
    "((((.(...))).))": (
        {"s0": [0, 1, 13, 14], "s1": [2, 3, 10, 11], "s2": [5, 9], "i0": [4], "i1": [12], "h0": [6, 7, 8]},
        {"i1-s0", "i1-s1", "i0-s1", "i0-s2", "h0-s2"},
    ),
    # a multiloop is one segment for each gap, also of length zero
    "(((...)(...)))": (
        {"s0": [0, 1, 12, 13], "s1": [2, 6], "s2": [7, 11], "m0": [], "m1": [], "m2": [], "h0": [3, 4, 5], "h1": [8, 9, 10]},
        {"m0-s0", "m0-s1", "m1-s1", "m1-s2", "m2-s0", "m2-s2", "h0-s1", "h1-s2"},
    ),
    # so is the gap between exterior stems
    "(...).(...)": ({"s0": [0, 4], "s1": [6, 10], "m0": [5], "h0": [1, 2, 3], "h1": [7, 8, 9]}, {"m0-s0", "m0-s1", "h0-s0", "h1-s1"}),
    # hairpins without bases are none, but take a number
    "(())": ({"s0": [0, 1, 2, 3]}, set()),
    "()(...)": ({"s0": [0, 1], "s1": [2, 6], "m0": [], "h1": [3, 4, 5]}, {"m0-s0", "m0-s1", "h1-s1"}),
    # pseudoknots are stems like any other
    "((..[[..))..]]": (
        {"s0": [0, 1, 8, 9], "s1": [4, 5, 12, 13], "m0": [2, 3], "m1": [6, 7], "m2": [10, 11]},
        {"m0-s0", "m0-s1", "m1-s0", "m1-s1", "m2-s0", "m2-s1"},
    ),
    "(([[))]]": (
        {"s0": [0, 1, 4, 5], "s1": [2, 3, 6, 7], "m0": [], "m1": [], "m2": []},
        {"m0-s0", "m0-s1", "m1-s0", "m1-s1", "m2-s0", "m2-s1"},
    ),
    "...": ({"f0": [0, 1, 2]}, set()),
    ".": ({"f0": [0]}, set()),
}


def facts(found: Elements) -> tuple:
    """All that must be the same whoever did it."""
    return found.elements, found.connections, found.of_base


def differing(structures: list[str]) -> list[str]:
    return [structure for structure in structures if facts(decompose(structure, method="forgi")) != facts(walk(structure))]


@pytest.mark.parametrize("structure", BY_HAND)
@pytest.mark.parametrize("method", [pytest.param("forgi", marks=needs_forgi), "walk"])
def test_small_structures_worked_by_hand(structure: str, method: elements.Method) -> None:
    members, connections = BY_HAND[structure]
    found = decompose(structure, method=method)
    assert found.method == method
    assert {element.name: list(element.bases) for element in found.elements} == members
    assert {f"{a}-{b}" for a, b in found.connections} == connections
    assert list(found.of_base) == [next(name for name, bases in members.items() if place in bases) for place in range(len(structure))]


def test_order_kinds_and_indices() -> None:
    found = walk(".((.(...).(...))).")
    assert [element.name for element in found.elements] == ["f0", "t0", "s0", "s1", "s2", "m0", "m1", "m2", "h0", "h1"]
    assert [element.kind for element in found.elements[:3]] == ["five-prime", "three-prime", "stem"]
    assert [element.kind for element in found.elements[-2:]] == ["hairpin", "hairpin"]
    assert walk("((.((...))))").elements[2].kind == "internal"
    assert found.connections == tuple(sorted(found.connections)) and all(a < b for a, b in found.connections)
    assert [found.elements[place].name for place in found.index_of_base] == list(found.of_base)


@needs_forgi
def test_what_is_taken_from_forgi_is_all_it_has() -> None:
    for structure in random_structures(100, seed=10, longest=40):
        graph = _forgi.load().BulgeGraph.from_dotbracket(structure)
        found = decompose(structure, method="forgi")
        assert "".join(name[0] for name in found.of_base) == graph.to_element_string()
        assert [element.name for element in found.elements] == list(graph.defines)
        assert set(found.connections) == {(a, b) for a, others in graph.edges.items() for b in others if a < b}


@needs_forgi
def test_walk_equals_forgi_on_every_small_structure() -> None:
    structures = [structure for n in range(1, 8) for structure in every_structure(n)]
    assert len(structures) == len(set(structures)) == 1 + 2 + 4 + 10 + 26 + 76 + 232
    assert differing(structures) == []


@needs_forgi
@pytest.mark.slow
def test_walk_equals_forgi_on_every_structure_of_eight_to_ten_bases() -> None:
    structures = [structure for n in (8, 9, 10) for structure in every_structure(n)]
    assert len(structures) == 764 + 2620 + 9496
    print(f"\nevery structure of 8 to 10 nt: {len(structures)}, with pseudoknots {sum(map(is_knotted, structures))}")
    assert differing(structures) == []


@needs_forgi
def test_walk_equals_forgi() -> None:
    structures = list(random_structures(1000, seed=11, longest=40))
    assert sum(map(is_knotted, structures)) > 100
    assert sum("()" in structure for structure in structures) > 200
    assert differing(structures) == []


@needs_forgi
@pytest.mark.slow
def test_walk_equals_forgi_on_thousands_of_structures() -> None:
    structures = list(random_structures(6000, seed=12, longest=120))
    structures += [random_nested(random.Random(n), n) for n in (500, 999, 1000, 1001, 1500)]
    print(f"\nrandom: {len(structures)}, of them with pseudoknots {sum(map(is_knotted, structures))}")
    assert differing(structures) == []


@needs_forgi
@pytest.mark.slow
def test_walk_equals_forgi_on_real_families() -> None:
    structures = family_structures()
    lengths = sorted(map(len, structures))
    print(f"\nreal: {len(structures)} distinct, {lengths[0]} to {lengths[-1]} nt, with pseudoknots {sum(map(is_knotted, structures))}")
    assert len(structures) > 5000
    assert differing(structures) == []


def test_auto_is_forgi_up_to_the_limit_and_the_walk_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "FORGI_LIMIT", 7)
    if _forgi.version() is not None:
        assert decompose("((...))").method == "forgi"
    assert decompose("((...)).").method == "walk"
    monkeypatch.setattr(_forgi, "version", lambda: None)
    assert decompose("((...))").method == "walk"
    with pytest.raises(InputError, match="not installed here; use method 'walk'"):
        decompose("((...))", method="forgi")


@needs_forgi
def test_signs_of_consensus_notation_are_unpaired_bases() -> None:
    assert facts(decompose(":<<_,_>>~", method="forgi")) == facts(walk(".<<...>>.")) == facts(walk(":<<_,_>>~"))


@pytest.mark.parametrize("method", ["auto", "forgi", "walk"])
def test_bad_structures_are_refused_in_one_sentence(method: elements.Method) -> None:
    with pytest.raises(InputError, match="empty"):
        decompose("", method=method)
    with pytest.raises(InputError, match="position 2"):
        decompose(".(..", method=method)
    with pytest.raises(InputError, match="position 3"):
        decompose("..?", method=method)


def test_unknown_method() -> None:
    with pytest.raises(InputError, match="Unknown method 'dssr'"):
        decompose("...", method="dssr")  # type: ignore[arg-type]


@pytest.mark.parametrize("structure", ["(" * 20_000 + ")" * 20_000, "()" * 20_000, "(." * 15_000 + ".)" * 15_000], ids=["deep", "wide", "loops"])
def test_the_walk_stays_linear_on_extreme_structures(structure: str) -> None:
    began = time.process_time()
    assert len(walk(structure).of_base) == len(structure)
    assert time.process_time() - began < 5
