"""The FORGI graph as a drawing: kinds of lines, both directions, layers, filters, and what the browser is given."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.rna.elements import decompose
from core.rna.records import RnaRecord, parse_pairs
from core.viz.network import legend_html, network_svg, payload, standalone_html
from core.viz.rna_graph import EDGE_KINDS, graph_view
from core.viz.rna_layout import RADIUS, positions
from tests.core.test_rna_drawing import PHE, SVG, parsed
from tests.core.viz_models import HOSTILE


def importance_of(record: RnaRecord, *, forgi: bool = True) -> Any:
    """Made-up openness and |message| on the edges of an RNA, two layers."""
    assert record.structure is not None
    elements = decompose(record.structure)
    joined = {(i, i + 1): "backbone" for i in range(record.length - 1)}
    for pair in parse_pairs(record.structure):
        joined[pair] = "pair+backbone" if pair in joined else "pair"
    rows = [(f"base:{i + 1}", f"base:{j + 1}", kind, kind) for (i, j), kind in joined.items()]
    if forgi:
        rows += [(f"elem:{name}", f"base:{i + 1}", "element to base", "base to element") for i, name in enumerate(elements.of_base)]
        rows += [(f"elem:{a}", f"elem:{b}", "element to element", "element to element") for a, b in elements.connections]
    directed = [row for a, b, there, back in rows for row in ((a, b, there), (b, a, back))]
    edges = pd.DataFrame(directed, columns=["source", "target", "kind"])
    openness = np.random.default_rng(0).random((2, len(edges)))
    edges["openness"], edges["message"] = openness.mean(axis=0), 4 * openness.mean(axis=0)
    return SimpleNamespace(edges=edges, trace=SimpleNamespace(openness=openness, message=4 * openness))


@pytest.fixture
def phe() -> tuple[RnaRecord, Any, np.ndarray]:
    return PHE, importance_of(PHE), positions(PHE.structure or "", "puzzler")


def test_both_directions_are_one_line_with_their_mean(phe: Any) -> None:
    view = graph_view(*phe)
    edges = phe[1].edges
    assert len(view.links) == len(edges) / 2
    link = next(link for link in view.links if {link.source, link.target} == {"base:1", "base:2"})
    both = edges[edges["source"].isin(["base:1", "base:2"]) & edges["target"].isin(["base:1", "base:2"])]
    assert len(both) == 2 and link.colour == view.scale.colour(both["openness"].mean()) and not link.arrow
    assert [line.split(":")[0] for line in link.tooltip[1:]] == ["base 1 to base 2", "base 2 to base 1"]
    assert (view.scale.low, view.scale.high) == (0, 1)


def test_one_direction_points(phe: Any) -> None:
    view = graph_view(*phe, kinds=["element to base"])
    assert len(view.links) == 76 and all(link.arrow and link.source.startswith("elem:") for link in view.links)
    assert all(edge["arrows"]["to"]["enabled"] for edge in payload(view)["edges"])


def test_kinds_look_different(phe: Any) -> None:
    links = graph_view(*phe).links
    looks = {link.kind: (link.dashes, link.rim, link.rim_width) for link in links}
    assert set(looks) == {"backbone", "base pair", "membership", "element to element"} and len(set(looks.values())) == 4
    sharp = RnaRecord("sharp", "GGAC", "(())")
    view = graph_view(sharp, importance_of(sharp), positions("(())", "arc"))
    assert "pair of neighbours" in {link.kind for link in view.links}


def test_a_layer_keeps_the_scale_of_all(phe: Any) -> None:
    first, second = (graph_view(*phe, layer=layer, colour_by="message") for layer in (0, 1))
    assert first.scale.high == second.scale.high == phe[1].trace.message.max()
    assert "layer 1" in first.scale.quantity and first.links != second.links
    assert payload(first)["structure"] == payload(second)["structure"] != payload(graph_view(*phe, kinds=["pair"]))["structure"]
    with pytest.raises(InputError, match="no layer 3"):
        graph_view(*phe, layer=2)


def test_collapsed_to_elements(phe: Any) -> None:
    view = graph_view(*phe, collapse=True)
    assert {node.kind for node in view.nodes} == {"element"}
    assert len(view.links) == len(decompose(PHE.structure or "").connections)
    assert {link.kind for link in view.links} == {"element to element"}


def test_element_boxes_stay_off_bases_and_each_other(phe: Any) -> None:
    nodes = graph_view(*phe).nodes
    boxes = [node for node in nodes if node.kind == "element"]
    for box in boxes:
        half = np.array((box.width, box.height)) / 2
        gaps = [np.linalg.norm(np.maximum(np.abs(np.array((n.x - box.x, n.y - box.y))) - half, 0)) for n in nodes if n.kind == "base"]
        assert min(gaps) > RADIUS - 1
        for other in boxes:
            assert other is box or max(np.abs(np.array((other.x - box.x, other.y - box.y))) - half - (other.width / 2, other.height / 2)) >= 0


def test_element_without_bases_stands_between_its_stems() -> None:
    record = RnaRecord("r", "GGGAAACCCGGGAAACCC", "(((...)))(((...)))")
    elements = decompose(record.structure or "")
    empty = [element.name for element in elements.elements if not element.bases]
    assert empty
    view = graph_view(record, importance_of(record), positions(record.structure or "", "arc"))
    node = next(node for node in view.nodes if node.entity == f"elem:{empty[0]}")
    assert abs(node.x - 1.5 * 170) < 60


def test_the_standard_encoding_has_no_elements() -> None:
    view = graph_view(PHE, importance_of(PHE, forgi=False), positions(PHE.structure or "", "naview"))
    assert {node.kind for node in view.nodes} == {"base"}


def test_payload_selects_bases_and_elements(phe: Any) -> None:
    view = graph_view(*phe, selected="elem:s0")
    drawn = payload(view)
    json.dumps(drawn)
    assert [drawn["entities"][node] for node in drawn["selected"]] == ["elem:s0"]
    assert drawn["entities"]["n0"] == "base:1" and drawn["entities"]["l0"].startswith(("base:", "elem:"))
    shapes = {node["shape"] for node in drawn["nodes"]}
    assert shapes == {"circle", "box"} and drawn["options"]["physics"] == {"enabled": False}
    assert "Selected: s0." in drawn["sentence"] and "76 bases" in drawn["sentence"]


def test_legend_and_svg_name_quantity_and_lines(phe: Any) -> None:
    view = graph_view(*phe)
    legend, text = legend_html(view), network_svg(view)
    for words in ("Line colour and width", "openness", "fixed scale 0 to 1", "base pair", "backbone", "membership", "element to element"):
        assert words in legend and words in text
    assert "stoichiometric" not in text and "consumed" not in legend
    root = parsed(text)
    assert sum(1 for _ in root.iter(f"{SVG}circle")) == 76
    assert "</html>" in standalone_html(view, "graph")


def test_hostile_letters_do_not_run(phe: Any) -> None:
    record = RnaRecord(HOSTILE, PHE.sequence, PHE.structure)
    page = standalone_html(graph_view(record, phe[1], phe[2], selected=f"base:{HOSTILE}"), HOSTILE)
    assert "<img src=x" not in page


def test_wrong_kinds_and_foreign_edges_are_refused(phe: Any) -> None:
    with pytest.raises(InputError, match="Unknown kind of edge 'love'"):
        graph_view(*phe, kinds=["love"])
    with pytest.raises(InputError, match="openness or message"):
        graph_view(*phe, colour_by="gate")  # type: ignore[call-overload]
    short = RnaRecord("r", "GGGAAACCC", "(((...)))")
    with pytest.raises(InputError, match="is no base or element of this RNA"):
        graph_view(short, phe[1], positions("(((...)))", "arc"))
    assert len(EDGE_KINDS) == 6
