"""Files for other programs: HIF by its schema, GraphML read by networkx, Escher's values by name; round trips keep the numbers."""

from __future__ import annotations

import json
from pathlib import Path

import networkx
import numpy as np
import pytest
import xgi
from jsonschema import Draft7Validator

from core.errors import InputError
from core.explain.interchange import escher_metabolites, escher_reactions, read_hif, to_graphml, to_hif
from core.explain.reactions import INSTANT, ReactionImportance, reaction_importance
from core.metabolic import load_tables

_ID = {"type": ["string", "integer"]}


def _records(*names: str, **more: object) -> dict[str, object]:
    own = dict.fromkeys(names, _ID) | {"weight": {"type": "number"}, "attrs": {"type": "object"}} | more
    return {"type": "array", "items": {"type": "object", "properties": own, "additionalProperties": False, "required": list(names)}}


HIF = {
    "type": "object",
    "properties": {
        "network-type": {"enum": ["undirected", "directed", "asc"]},
        "metadata": {"type": "object"},
        "incidences": _records("edge", "node", direction={"enum": ["head", "tail"]}),
        "nodes": _records("node"),
        "edges": _records("edge"),
    },
    "additionalProperties": False,
    "required": ["incidences"],
}
"""The rules of the format's own schema, version 0.1.0, and stricter: a record may hold no other name."""


@pytest.fixture(scope="module")
def found() -> ReactionImportance:
    return reaction_importance(load_tables("e_coli_core"), "core", methods=INSTANT)


def test_hif_is_valid_and_comes_back(found: ReactionImportance) -> None:
    text = json.dumps(to_hif(found), allow_nan=False)
    Draft7Validator(HIF).validate(json.loads(text))
    back = read_hif(text)
    own = found.incidences
    assert back[["reaction", "metabolite"]].equals(own[["reaction", "metabolite"]])
    for column in ("coefficient", "gate", "message"):
        np.testing.assert_array_equal(back[column], own[column])
    bare = read_hif(json.dumps({"incidences": [{k: v for k, v in one.items() if k != "attrs"} for one in json.loads(text)["incidences"]]}))
    np.testing.assert_array_equal(bare["coefficient"], own["coefficient"])  # weight and direction alone hold it as well
    assert {one["node"] for one in json.loads(text)["nodes"]} == set(found.graph.tables.metabolites)


def test_xgi_reads_the_same_hypergraph(found: ReactionImportance, tmp_path: Path) -> None:
    (file := tmp_path / "core.hif.json").write_text(json.dumps(to_hif(found), allow_nan=False), encoding="utf-8")
    graph, tables = xgi.read_hif(file), found.graph.tables
    assert set(graph.nodes) == set(tables.metabolites) and set(graph.edges) == set(tables.reactions)
    for e, reaction in enumerate(tables.reactions):
        mine = tables.cols == e
        consumed, made = (set(np.array(tables.metabolites)[tables.rows[mine & side]]) for side in (tables.stoich < 0, tables.stoich > 0))
        assert (set(graph.edges.tail(reaction)), set(graph.edges.head(reaction))) == (consumed, made)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("[]", "no list of incidences"),
        ('{"incidences": [{"edge": "R"}]}', "Incidence 1 of the HIF file has no edge or no node"),
        ('{"incidences": [{"edge": "R", "node": "m", "direction": "up"}]}', "a direction or attributes that are none"),
        ('{"incidences": [{"edge": "R", "node": "m", "weight": true}]}', "a weight"),
    ],
)
def test_what_is_no_hif_says_where(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_hif(text)


def test_graphml_comes_back(found: ReactionImportance) -> None:
    graph = networkx.parse_graphml(to_graphml(found).decode())
    tables = found.graph.tables
    assert graph.number_of_nodes() == len(tables.metabolites) + len(tables.reactions) and graph.number_of_edges() == len(found.incidences)
    row = found.incidences[(found.incidences["reaction"] == "PFK") & (found.incidences["metabolite"] == "atp_c")].iloc[0]
    edge = graph.edges["met:atp_c", "rxn:PFK"]
    assert edge["coefficient"] == -1 and edge["gate"] == pytest.approx(row["gate"], rel=1e-12)
    assert ("rxn:PFK", "met:adp_c") in graph.edges and ("met:adp_c", "rxn:PFK") not in graph.edges
    assert graph.nodes["rxn:PFK"]["name"] == "phosphofructokinase" and graph.nodes["met:atp_c"]["kind"] == "metabolite"


def test_eschers_values_are_the_tables(found: ReactionImportance) -> None:
    gates = escher_reactions(found, "gate")
    assert gates == {r: g for r, g in zip(found.table["reaction"], found.table["gate"], strict=True) if np.isfinite(g)}
    assert escher_reactions(found, "flux_predicted")["PFK"] == pytest.approx(found.table.set_index("reaction").loc["PFK", "flux_predicted"])
    mean = found.incidences[found.incidences["metabolite"] == "atp_c"]["gate"].mean()
    assert escher_metabolites(found)["atp_c"] == pytest.approx(mean)
