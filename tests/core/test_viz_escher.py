"""Coordinates from Escher maps."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.viz.escher import map_positions, read_escher
from core.viz.network import pathway_view
from tests.core.viz_models import Tabled, chain, model_of

DEV_DATA = Path(os.environ.get("GATESCOPE_DEV_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
MAP = DEV_DATA / "metabolic" / "e_coli_core.escher_map.json"


def node(kind: str, x: float, y: float, name: str = "") -> dict[str, Any]:
    return {"node_type": kind, "x": x, "y": y} | ({"bigg_id": name, "node_is_primary": True} if name else {})


def reaction(name: str, *pairs: tuple[str, str]) -> dict[str, Any]:
    return {"bigg_id": name, "segments": {str(i): {"from_node_id": a, "to_node_id": b, "b1": None, "b2": None} for i, (a, b) in enumerate(pairs)}}


def tiny() -> bytes:
    """A0 - R1 - A1 - R2 - A2 in a column, with A0 drawn once more beside R2, and a reaction the model does not have."""
    nodes = {
        "1": node("metabolite", 0, 0, "A0"),
        "2": node("midmarker", 0, 100),
        "3": node("metabolite", 0, 200, "A1"),
        "4": node("midmarker", 0, 300),
        "5": node("metabolite", 0, 400, "A2"),
        "6": node("metabolite", 100, 300, "A0"),
        "7": node("midmarker", 900, 900),
    }
    reactions = {
        "a": reaction("R1", ("1", "2"), ("2", "3")),
        "b": reaction("R2", ("3", "4"), ("4", "5"), ("6", "4")),
        "c": reaction("OTHER", ("3", "7")),
    }
    return json.dumps([{"map_name": "tiny"}, {"reactions": reactions, "nodes": nodes}]).encode()


def test_positions_are_those_of_the_map_up_to_one_factor() -> None:
    positions, coverage = map_positions(read_escher(tiny()), chain(3))
    factor = positions["met:A2"][1] / 400
    assert factor == pytest.approx(0.62)
    assert positions == {
        "rxn:R1": (0, 62),
        "met:A0": (0, 0),
        "met:A1": (0, 124),
        "rxn:R2": (0, 186),
        "met:A2": (0, 248),
        "met:A0@R2": (62, 186),
    }
    assert (coverage.matched_reactions, coverage.map_reactions, coverage.model_reactions) == (2, 3, 3)
    assert coverage.sentence == "2 of the map's 3 reactions are in the model, which places 2 of the model's 3 reactions."


def test_a_view_uses_the_node_joined_to_its_reaction() -> None:
    tables = model_of({"R1": {"A0": -1, "A1": 1}, "R2": {"A0": -1, "A1": -1, "A2": 1}})
    view = pathway_view(tables, None, reactions=["R1", "R2"], positions=map_positions(read_escher(tiny()), tables)[0])
    at = {n.id: (n.x, n.y) for n in view.nodes}
    assert at["met:A0"] == (0, 0) and at["met:A0@R2"] == (62, 186) and at["rxn:R2"] == (0, 186)
    assert next(e.source for e in view.edges if e.reaction == "R2" and e.metabolite == "A0") == "met:A0@R2"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a JSON file"),
        (b"\xff\xfe\x00", "not a JSON file"),
        (b"<sbml/>", "not a JSON file"),
        (json.dumps({"metabolites": [], "reactions": [], "genes": []}).encode(), "a metabolic model, not a map"),
        (b"[1, 2, 3]", "not an Escher map"),
        (b'{"a": 1}', "not an Escher map"),
        (b'[{}, {"reactions": {}, "nodes": {}}]', "no reactions"),
        (b'[{}, {"reactions": {"1": {"bigg_id": "R"}}, "nodes": {}}]', "damaged"),
        (b'[{}, {"reactions": [], "nodes": {}}]', "damaged"),
        (tiny().replace(b'"x": 900', b'"x": NaN'), "damaged"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as refusal:
        read_escher(data)
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith(".")


@pytest.mark.skipif(not MAP.exists(), reason=f"the E. coli core map is not at {MAP}")
def test_e_coli_core_map_places_94_of_95_reactions(tabled: Tabled) -> None:
    tables = tabled("e_coli_core")
    positions, coverage = map_positions(read_escher(MAP.read_bytes()), tables)
    assert (coverage.matched_reactions, coverage.map_reactions, coverage.model_reactions) == (94, 95, 95)
    assert sum(name.startswith("rxn:") for name in positions) == 94
    x = {name: at[0] for name, at in positions.items()}
    assert x["rxn:PFK"] == pytest.approx(x["rxn:PYK"], abs=1), "glycolysis is one column on this map"
