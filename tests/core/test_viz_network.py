"""A drawing as data, and what leaves it: colours, widths, words, and nothing that runs."""

from __future__ import annotations

import json
import math
import re
from xml.etree import ElementTree

import networkx
import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.metabolic.tables import ModelTables
from core.viz.colour import BLOCKED_FILL, CASING, DIVERGING, METABOLITE_FILL, REACTION_FILL, UNKNOWN, scale_for
from core.viz.network import (
    NetworkView,
    legend_html,
    neighbourhood,
    network_svg,
    pathway_view,
    payload,
    reaction_box_svg,
    standalone_html,
    to_pyvis,
    vis_network_source,
)
from tests.core.test_viz_layout import CURRENCY
from tests.core.viz_models import HOSTILE, Tabled, chain, incidences_of, model_of

PAIR = {"A2B": {"A": -1.0, "B": 2.0}}


@pytest.mark.parametrize(("gate", "colour", "width"), [(0.0, "#00224e", 1.5), (0.5, "#7d7c76", 4.25), (1.0, "#fee838", 7.0)])
def test_gate_colour_and_width_are_fixed(gate: float, colour: str, width: float) -> None:
    tables = model_of(PAIR)
    view = pathway_view(tables, incidences_of(tables, gate), reactions=["A2B"])
    assert {(e.colour, e.width) for e in view.edges} == {(colour, width)}


def test_gate_scale_is_cividis() -> None:
    from plotly.colors import sequential

    assert scale_for("gate").colours == tuple(sequential.Cividis)


def test_attention_is_centred_on_zero_with_fixed_limits() -> None:
    scale = scale_for("attention")
    assert (scale.low, scale.high) == (-3, 3)
    assert scale.colour(0.0) == DIVERGING[5] and scale.width(0.0) == 1.5
    assert scale.colour(-9.0) == DIVERGING[0] and scale.colour(9.0) == DIVERGING[-1]
    assert scale.width(-1.5) == scale.width(1.5) == 1.5 + 5.5 / 2


def test_message_scale_ends_at_the_maximum_of_all_incidences_and_says_so() -> None:
    tables = chain(3)
    incidences = incidences_of(tables).assign(message=np.arange(6.0))
    view = pathway_view(tables, incidences, reactions=["R1"], colour_by="message")
    assert view.scale.high == 5.0 and "the maximum, 5" in legend_html(view)
    assert sorted(e.value for e in view.edges) == [0.0, 1.0]
    assert pathway_view(tables, incidences, reactions=["R1"], colour_by="message", message_max=8.0).scale.high == 8.0


def test_spokes_point_from_consumed_to_produced_and_only_consumed_are_dashed() -> None:
    network = to_pyvis(pathway_view(model_of(PAIR), None, reactions=["A2B"]))
    label = {node["id"]: node["label"] for node in network.nodes}
    drawn = {(label[e["from"]], label[e["to"]], e["label"], bool(e["dashes"])) for e in network.edges}
    assert drawn == {("A", "A2B", "-1", True), ("A2B", "B", "+2", False)}
    assert {e["color"]["color"] for e in network.edges} == {UNKNOWN}
    assert all(e["arrows"]["to"]["enabled"] and e["casing"] == CASING for e in network.edges)
    assert {n["label"]: (n["shape"], n["color"]["background"]) for n in network.nodes} == {
        "A2B": ("box", REACTION_FILL),
        "A": ("dot", METABOLITE_FILL),
        "B": ("dot", METABOLITE_FILL),
    }


def test_every_incidence_of_e_coli_core_is_drawn_once(tabled: Tabled) -> None:
    tables = tabled("e_coli_core")
    view = pathway_view(tables, None, reactions=tables.reactions, currency=CURRENCY, currency_mode="clone")
    drawn = sorted((e.reaction, e.metabolite, e.coefficient) for e in view.edges)
    assert drawn == sorted((tables.reactions[e], tables.metabolites[v], s) for v, e, s in zip(tables.rows, tables.cols, tables.stoich, strict=True))
    assert len(drawn) == 360
    nodes = {node.id for node in view.nodes}
    assert {"met:atp_c@PFK", "met:atp_c@PYK"} <= nodes and "met:atp_c" not in nodes
    assert next(n.entity for n in view.nodes if n.id == "met:atp_c@PFK") == "met:atp_c"


def test_hidden_currency_is_left_out_unless_a_reaction_has_nothing_else() -> None:
    tables = model_of({"PFK": {"f6p": -1, "atp": -1, "fdp": 1, "adp": 1}, "ATPM": {"atp": -1, "adp": 1}})
    view = pathway_view(tables, None, reactions=["PFK", "ATPM"], currency={"atp", "adp"})
    assert {n.id for n in view.nodes} == {"rxn:PFK", "rxn:ATPM", "met:f6p", "met:fdp", "met:atp@ATPM", "met:adp@ATPM"}
    assert view.notes == ("2 currency metabolites hidden",)
    shown = pathway_view(tables, None, reactions=["PFK", "ATPM"], currency={"atp", "adp"}, currency_mode="show")
    assert {n.id for n in shown.nodes} == {"rxn:PFK", "rxn:ATPM", "met:f6p", "met:fdp", "met:atp", "met:adp"}


def test_selection_and_blocked_reactions_show() -> None:
    tables = chain(2)
    view = pathway_view(tables, incidences_of(tables), reactions=["R1", "R2"], selected="rxn:R2", blocked=["R1"])
    assert [n.id for n in view.nodes if n.selected] == ["rxn:R2"]
    assert {e.reaction for e in view.edges if e.selected} == {"R2"}
    assert {e.colour for e in view.edges if e.blocked} == {UNKNOWN} and {e.reaction for e in view.edges if e.blocked} == {"R1"}
    fills = {n["label"]: n["color"]["background"] for n in to_pyvis(view).nodes}
    assert fills["R1"] == BLOCKED_FILL and fills["R2"] == REACTION_FILL
    assert "blocked" in legend_html(view)


def test_hover_text_states_flux_bounds_and_values() -> None:
    tables = model_of(PAIR, {"A2B": "doubling"})
    view = pathway_view(tables, incidences_of(tables, 0.25), reactions=["A2B"], fluxes=pd.Series({"A2B": 3.5}))
    reaction = next(n for n in view.nodes if n.kind == "reaction")
    assert reaction.tooltip == ("A2B: doubling", "A → 2 B", "bounds 0 to 1000 mmol/gDW/h", "flux by FBA 3.5 mmol/gDW/h", "mean gate 0.250")
    assert view.edges[0].tooltip[:2] == ("A2B consumes 1 A", "gate 0.250")


def test_hover_text_of_an_ensemble_has_the_spread_over_seeds() -> None:
    tables = model_of(PAIR, {"A2B": "doubling"})
    seeded = incidences_of(tables, 0.25).assign(gate_seed_sd=[0.0312, 0.5])
    view = pathway_view(tables, seeded, reactions=["A2B"], gate_sd=pd.Series({"A2B": 0.02}))
    assert next(n for n in view.nodes if n.kind == "reaction").tooltip[-1] == "mean gate 0.250 ± 0.020 over seeds"
    assert [e.tooltip[1] for e in view.edges] == ["gate 0.250 ± 0.031 over seeds", "gate 0.250 ± 0.500 over seeds"]


def test_neighbourhood_equals_networkx(tabled: Tabled) -> None:
    tables = tabled("e_coli_core")
    graph = networkx.Graph()
    for v, e in zip(tables.rows, tables.cols, strict=True):
        if tables.metabolites[v] not in CURRENCY:
            graph.add_edge(f"met:{tables.metabolites[v]}", f"rxn:{tables.reactions[e]}")
    for hops in (0, 1, 2, 3):
        reach = networkx.single_source_shortest_path_length(graph, "rxn:PFK", cutoff=2 * hops)
        assert {f"rxn:{r}" for r in neighbourhood(tables, "rxn:PFK", hops, CURRENCY).reactions} == {n for n in reach if n.startswith("rxn:")}
    assert set(neighbourhood(tables, "rxn:PFK", 1, CURRENCY).reactions) == {
        "PFK",
        "FBP",
        "FBA",
        "PGI",
        "FRUpts2",
        "TALA",
        "TKT2",
        "Biomass_Ecoli_core",
    }


def test_neighbourhood_states_what_it_leaves_out() -> None:
    near = neighbourhood(chain(9), "rxn:R5", 3, limit=4)
    assert near.reactions == ("R5", "R4", "R6", "R3") and near.left_out == 3
    assert near.sentence == "4 reactions; 3 more within reach are left out."
    assert set(neighbourhood(chain(9), "met:A4", 1).reactions) == {"R4", "R5"}


def test_unknown_ids_are_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="'R9' is not in the model small"):
        pathway_view(chain(2), None, reactions=["R9"])
    with pytest.raises(InputError, match="'met:zzz' is no reaction or metabolite"):
        neighbourhood(chain(2), "met:zzz", 1)


def hostile_view() -> tuple[ModelTables, NetworkView]:
    """A model whose every name is markup, and its drawing."""
    tables = model_of({"R<b>&": {"A<i>": -1.0, "B": 1.0}}, {"R<b>&": HOSTILE, "A<i>": HOSTILE})
    return tables, pathway_view(tables, None, reactions=["R<b>&"], selected="rxn:R<b>&")


def test_hostile_names_never_reach_markup() -> None:
    tables, view = hostile_view()
    for text in (network_svg(view, title=HOSTILE), reaction_box_svg(tables, None, "R<b>&"), standalone_html(view, HOSTILE), legend_html(view)):
        assert "<img" not in text and "<b>&" not in text and "alert(2)</script>" not in text
    assert all("<" not in node["title"] for node in to_pyvis(view).nodes)
    assert any(HOSTILE in node["title"] for node in payload(view)["nodes"]), "the browser shows titles as text, so they arrive as they are"


def test_svg_is_well_formed_and_holds_every_entity() -> None:
    tables, view = hostile_view()
    root = ElementTree.fromstring(network_svg(view, title=HOSTILE))
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"R<b>&", "A<i>", "B", "-1", "+1", HOSTILE} <= texts
    ElementTree.fromstring(reaction_box_svg(tables, None, "R<b>&"))


def test_spokes_say_stoich_only_where_it_is_asked_for() -> None:
    view = pathway_view(model_of(PAIR), None, reactions=["A2B"])
    assert "stoich:" not in network_svg(view)
    texts = [element.text for element in ElementTree.fromstring(network_svg(view, stoich=True)).iter("{http://www.w3.org/2000/svg}text")]
    assert {"stoich:[-1]", "stoich:[+2]"} <= set(texts) and not {"-1", "+2"} & set(texts)


def test_reaction_box_states_groups_coefficients_and_equation() -> None:
    tables = model_of(PAIR)
    root = ElementTree.fromstring(reaction_box_svg(tables, {("A2B", "B"): 0.8}, "A2B"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"reactants", "products", "stoich:[-1]", "stoich:[+2]  gate 0.80", "A → 2 B"} <= set(texts)


def test_standalone_page_asks_no_host() -> None:
    page = standalone_html(pathway_view(chain(2), None, reactions=["R1", "R2"]), "Chain")
    assert not re.findall(r'(?:src|href)\s*=\s*["\']?(?:https?:)?//', page.replace(vis_network_source(), ""))
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)", page)
    assert "sourceMappingURL" not in page and vis_network_source() in page
    data = json.loads(re.search(r"const data = (\{.*\});", page).group(1))
    assert [n["label"] for n in data["nodes"]] == ["R1", "R2", "A0", "A1", "A2"]


def test_payload_is_json_and_its_structure_ignores_colour_and_selection() -> None:
    tables = chain(3)
    names = ["R1", "R2", "R3"]
    first = payload(pathway_view(tables, incidences_of(tables), reactions=names))
    other = payload(pathway_view(tables, incidences_of(tables, seed=1), reactions=names, selected="met:A1", colour_by="message"))
    fewer = payload(pathway_view(tables, incidences_of(tables), reactions=names[:2]))
    assert json.loads(json.dumps(first, allow_nan=False)) == first
    assert first["structure"] == other["structure"] != fewer["structure"]
    assert [other["entities"][i] for i in other["selected"]] == ["met:A1"]
    assert {first["entities"][e["id"]] for e in first["edges"]} == {"rxn:R1", "rxn:R2", "rxn:R3"}
    assert not first["options"]["physics"]["enabled"] and first["options"]["edges"]["smooth"] is False


def test_values_that_do_not_exist_are_grey_and_thin() -> None:
    scale = scale_for("gate")
    assert scale.colour(math.nan) == UNKNOWN and scale.width(math.nan) == 1.5
