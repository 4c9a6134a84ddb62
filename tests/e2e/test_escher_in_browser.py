"""Escher's own builder, from its wheel, draws our values on a map of the model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from core.explain.interchange import escher_metabolites, escher_reactions
from core.explain.reactions import INSTANT, reaction_importance
from core.metabolic import load_tables
from core.models import load_checkpoint

WHEEL = "Escher==1.8.1"
"""Its Python side asks for an older pytest, so that it cannot be installed beside ours; the builder inside needs no Python."""
DEV_DATA = Path(os.environ.get("GATESCOPE_DEV_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
CORE_MAP = DEV_DATA / "metabolic" / "e_coli_core.escher_map.json"
PLACE = "http://127.0.0.1:1"
"""Nobody listens there: the test answers itself, since Escher wants to know where its script came from."""
SCRIPT = {"content_type": "text/javascript"}
BODY = '<link rel="icon" href="data:,"><div id="map" style="width: 1200px; height: 800px"></div><script src="escher.min.js"></script>'
DOCUMENT = {"content_type": "text/html", "body": f"<!DOCTYPE html>{BODY}"}
BUILD = """([map, reactions, metabolites]) => new Promise((done, failed) => {
  const place = document.getElementById('map');
  escher.Builder(map, null, null, escher.libs.d3_select(place), {
    reaction_data: reactions, metabolite_data: metabolites, menu: 'none', never_ask_before_quit: true,
    first_load_callback: builder => done({
      reactions: Object.values(builder.map.reactions).filter(r => r.data !== null).map(r => [r.bigg_id, r.data]),
      metabolites: Object.values(builder.map.nodes).filter(n => n.node_type === 'metabolite' && n.data != null).map(n => [n.bigg_id, n.data]),
      drawn: place.querySelectorAll('.reaction').length,
      labels: [...place.querySelectorAll('.reaction-label')].map(l => l.textContent),
    }),
  });
  setTimeout(() => failed(new Error('Escher did not load the map')), 30000);
})"""


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of Escher's builder; without a package index the test is skipped, and fails where CI is set."""
    folder = tmp_path_factory.mktemp("escher")
    asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
    got = subprocess.run(asked, capture_output=True, text=True)
    if got.returncode:
        reason = f"{WHEEL} cannot be had from the package index"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read("escher/static/escher.min.js").decode()


def small_map() -> list[Any]:
    """Three reactions of glycolysis in a column, in Escher's format."""
    chain = [("PGI", "g6p_c", "f6p_c"), ("PFK", "f6p_c", "fdp_c"), ("FBA", "fdp_c", "dhap_c")]
    names = ["g6p_c", "f6p_c", "fdp_c", "dhap_c"]
    nodes = {
        str(i): {
            "node_type": "metabolite",
            "x": 500,
            "y": 300 * i,
            "bigg_id": name,
            "name": name,
            "label_x": 520,
            "label_y": 300 * i,
            "node_is_primary": True,
        }
        for i, name in enumerate(names)
    }
    reactions = {}
    for i, (name, start, end) in enumerate(chain):
        middle = str(10 + i)
        nodes[middle] = {"node_type": "midmarker", "x": 500, "y": 300 * i + 150}
        reactions[str(100 + i)] = {
            "name": name,
            "bigg_id": name,
            "reversibility": False,
            "label_x": 520,
            "label_y": 300 * i + 150,
            "gene_reaction_rule": "",
            "genes": [],
            "metabolites": [{"bigg_id": start, "coefficient": -1}, {"bigg_id": end, "coefficient": 1}],
            "segments": {
                f"{i}0": {"from_node_id": str(i), "to_node_id": middle, "b1": None, "b2": None},
                f"{i}1": {"from_node_id": middle, "to_node_id": str(i + 1), "b1": None, "b2": None},
            },
        }
    head = {
        "map_name": "three reactions",
        "map_id": "three",
        "map_description": "",
        "homepage": "https://escher.github.io",
        "schema": "https://escher.github.io/escher/jsonschema/1-0-0#",
    }
    return [head, {"reactions": reactions, "nodes": nodes, "text_labels": {}, "canvas": {"x": 0, "y": -100, "width": 1000, "height": 1200}}]


@pytest.mark.parametrize("which", ["small", "core"])
def test_eschers_builder_draws_our_values(page: Page, builder: str, which: str) -> None:
    if which == "core" and not CORE_MAP.is_file():
        pytest.skip("Escher's core map is not here; give the folder of the data in GATESCOPE_DEV_DATA")
    drawn_map = small_map() if which == "small" else json.loads(CORE_MAP.read_text())
    found = reaction_importance(load_tables("e_coli_core"), load_checkpoint("core"), methods=INSTANT)
    reactions, metabolites = (json.loads(json.dumps(values)) for values in (escher_reactions(found, "gate"), escher_metabolites(found)))
    page.route(f"{PLACE}/**", lambda route: route.fulfill(**({"body": builder, **SCRIPT} if route.request.url.endswith(".js") else DOCUMENT)))
    page.goto(f"{PLACE}/map.html")
    seen = page.evaluate(BUILD, [drawn_map, reactions, metabolites])
    named = {r["bigg_id"] for r in drawn_map[1]["reactions"].values()}
    assert seen["drawn"] == len(drawn_map[1]["reactions"])
    assert {name for name, _ in seen["reactions"]} == named & set(reactions) and len(named & set(reactions)) >= (3 if which == "small" else 90)
    for name, value in seen["reactions"]:
        assert value == pytest.approx(reactions[name], abs=1e-9)
    assert {name for name, _ in seen["metabolites"]} >= {"g6p_c", "f6p_c", "fdp_c"}
    for name, value in seen["metabolites"]:
        assert value == pytest.approx(metabolites[name], abs=1e-9)
