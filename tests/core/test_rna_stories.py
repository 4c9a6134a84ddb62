"""Findings of the stories of RNAs: their numbers are those of the pages they point to, and their rules tell a part from any other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.explain.attribution import attribute
from core.explain.outcomes import AGREES, AGREES_NOT, UNTOLD
from core.explain.rna_masks import like_itself, rna_masks
from core.explain.rna_stories import (
    DRAWS,
    MEMBERSHIP,
    _across,
    _part,
    _without,
    elements_carry,
    found_across,
    longest_in_common,
    moved_along,
    places,
    through_elements,
)
from core.models import load_checkpoint
from core.rna.elements import decompose
from core.rna.fingerprints import Score, kmer_counts, unit
from core.rna.library import list_library
from core.rna.records import RnaRecord
from core.ui.stories.scripts import PARTS, TYPES


@pytest.fixture(scope="module")
def trna() -> RnaRecord:
    return next(one.record for one in list_library() if one.id == "trna-phe")


def test_a_set_of_bases_moves_to_everywhere_it_is_not() -> None:
    assert moved_along(np.array([0, 1]), 6).tolist() == [[2, 3], [3, 4], [4, 5]]
    assert moved_along(np.array([1, 4]), 6).tolist() == [[2, 5], [3, 0], [5, 2], [0, 3]]


def test_a_part_carries_more_only_where_no_other_place_does() -> None:
    draw, own = np.random.default_rng(0), np.arange(30, 37)
    flat = draw.random((5, 76))
    loud = flat.copy()
    loud[:, own] += 2
    assert _part("it", own, loud / loud.sum(1, keepdims=True))[0] == AGREES
    assert _part("it", np.arange(50, 57), loud / loud.sum(1, keepdims=True))[0] == AGREES_NOT  # what stands out elsewhere is not its doing
    assert _part("it", own, flat / flat.sum(1, keepdims=True))[0] != AGREES
    # Neighbours carry alike: a slope along the chain gives every part near its top more than its share, and makes none special.
    slope = np.tile(np.linspace(0, 1, 76), (5, 1))
    assert _part("it", np.arange(50, 57), slope / slope.sum(1, keepdims=True))[0] == AGREES_NOT
    assert _part("it", own, loud[:1] / loud[:1].sum())[0] == UNTOLD
    assert _part("it", np.arange(38), loud / loud.sum(1, keepdims=True))[0] == UNTOLD  # too few other places


def test_the_parts_are_the_anticodon_loop_and_the_t_arm(trna: RnaRecord) -> None:
    found = decompose(str(trna.structure))
    (loop,), (stem, hairpin) = PARTS.values()
    assert trna.sequence[33:36] == "GAA" and set(range(33, 36)) <= set(found.elements[found.index[loop]].bases)
    assert (hairpin, stem) in found.connections and max(found.elements[found.index[stem]].bases) == 64


def test_elements_carry_what_the_explanation_says(trna: RnaRecord) -> None:
    network = load_checkpoint("rna")
    found = elements_carry(trna, [network], PARTS)
    masked = rna_masks(network, trna, target=like_itself(network, trna))
    told = attribute(masked)
    by_element = told.at(masked, "element") / told.values.sum()
    assert found.table.set_index("element")["share of attribution"].add_prefix("elem:").to_dict() == pytest.approx(by_element.to_dict(), abs=1e-5)
    assert found.table["share of bases"].sum() == pytest.approx(1)
    for name, elements in PARTS.items():
        carried = sum(by_element[f"elem:{element}"] for element in elements)
        assert found.numbers[f"{name}: share of attribution"] == pytest.approx(carried, abs=1e-5) and name in found.reason
    assert found.numbers["the anticodon loop: share of bases"] == pytest.approx(7 / 76)
    assert found.outcome == UNTOLD and "one network alone" in found.reason
    with pytest.raises(InputError, match="no element 'h9'"):
        elements_carry(trna, [network], {"it": ("h9",)})


def test_as_many_other_edges_are_masked() -> None:
    kind = np.array(["backbone"] * 12 + ["pair"] * 4 + ["element to base"] * 5 + ["base to element"] * 5)
    masks, rows, counts = _without(kind)
    assert masks.shape == (4 + 1 + DRAWS, len(kind)) and len(rows) == 6
    gone = masks == 0
    assert gone[4:].sum(1).tolist() == [10] * (1 + DRAWS) == [counts[rows[-1]]] * (1 + DRAWS)
    assert gone[4, np.isin(kind, MEMBERSHIP)].all() and not gone[5:, np.isin(kind, MEMBERSHIP)].any()
    assert [int(one.sum()) for one in gone[:4]] == [counts[name] for name in rows[:4]]
    with pytest.raises(InputError, match="fewer other edges"):
        _without(kind[10:])


def test_what_is_lost_without_messages_is_what_the_masks_say(trna: RnaRecord) -> None:
    network = load_checkpoint("rna")
    found = through_elements(trna, [network])
    masked = rna_masks(network, trna, over="edges", target=like_itself(network, trna))
    kind = masked.parts["kind"].str.rpartition(", ")[0]
    table = found.table.set_index("without")
    for name, members in (("pair", ("pair",)), ("both between base and element", MEMBERSHIP)):
        whole, without = masked.of(np.stack([np.ones(len(kind)), ~kind.isin(members).to_numpy()]))
        assert table.loc[name, "change"] == pytest.approx(whole - without, abs=1e-5) and table.loc[name, "edges"] == kind.isin(members).sum()
    ratio = table["change"].iloc[-2] / table["change"].iloc[-1]
    assert found.numbers["ratio to other edges"] == pytest.approx(ratio)
    assert found.outcome == UNTOLD and "one network alone" in found.reason
    assert through_elements(trna, [network, network]).outcome == (AGREES if ratio > 1 else AGREES_NOT)
    with pytest.raises(InputError, match="no elements"):
        through_elements(trna, [load_checkpoint("rna_standard")])


def test_places_by_hand() -> None:
    vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.5, 0.5]])
    assert places(Score(vectors), [(0, 1), (0, 3), (0, 2), (2, 3)]).tolist() == [1, 2, 3, 1]
    lengths = np.array([[1.0], [2.0], [2.0], [5.0]])
    assert places(Score(lengths, "l1"), [(0, 1), (0, 2), (0, 3)]).tolist() == [1.5, 1.5, 3]
    assert longest_in_common("GGGAAACCC", "UUGAAACUU") == 5


def test_being_ahead_of_letters_is_not_being_ahead_of_structures() -> None:
    library, pairs = list_library(), [(0, 1), (1, 0), (0, 2), (2, 0)]
    near, far = np.array([1.0, 2.0, 1.0, 3.0]), np.array([30.0, 40.0, 20.0, 50.0])
    seeds = [near, near * 1.1]
    assert _across(library, pairs, seeds, {"4-mers": far, "element counts": far}).outcome == AGREES
    behind = _across(library, pairs, seeds, {"4-mers": far, "element counts": np.ones(4)})
    assert behind.outcome == AGREES_NOT and "hardest to beat is element counts" in behind.reason
    shuffled = np.random.default_rng(0).permuted(np.tile(np.arange(1.0, 97.0), (5, 1)), axis=1)[:, :4]
    assert _across(library, pairs, list(shuffled), {"4-mers": near}).outcome == AGREES_NOT
    assert _across(library, pairs, seeds[:1], {"4-mers": far}).outcome == UNTOLD


def test_hammerheads_are_found_where_the_search_finds_them() -> None:
    from core.explain.likeness import NETWORK, likeness
    from core.explain.reference import open_reference

    found = found_across(TYPES, [load_checkpoint("rna")])
    table, library = found.table, list_library()
    mine = {one.title: (i, one) for i, one in enumerate(library) if one.id.startswith("hammerhead")}
    assert len(table) == found.numbers["pairs"] == 12
    assert all({mine[a][1].family, mine[b][1].family} == set(TYPES) for a, b in zip(table["from"], table["to"], strict=True))
    reference = open_reference("rna")
    row = table.iloc[0]
    (a, first), (_, second) = mine[row["from"]], mine[row["to"]]
    own = type(reference)(
        "own",
        (reference.record(first.id),),
        {level: _only(of, reference.place[first.id]) for level, of in reference.vectors.items() if level == "rna"},
        ("",),
        ("",),
    )
    near = likeness(reference, own, NETWORK).nearest(len(library) - 1, np.array([reference.place[first.id]]))
    assert row["place, network"] == 1 + [reference.records[i].id for i in near.rows].index(second.id)
    counts = unit(np.stack([kmer_counts(one.record.sequence) for one in library]))
    cosines = pd.Series((counts @ counts[a]).round(9), index=[one.id for one in library]).drop(first.id)
    assert row["place, 4-mers"] == pytest.approx(cosines.rank(ascending=False)[second.id])
    gain = np.log(table["place, 4-mers"] / table["place, network"]).mean()
    assert found.numbers["mean log ratio to 4-mers"] == pytest.approx(gain)
    assert found.outcome == UNTOLD and "one network alone" in found.reason
    with pytest.raises(InputError, match="no RNA of 'RF9'"):
        found_across(("RF9", TYPES[0]), [load_checkpoint("rna")])


def _only(found, row: int):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(found, names=[found.names[row]], vectors=found.vectors[row : row + 1])
