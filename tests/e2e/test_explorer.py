"""The explorer in a real browser: what it shows are core's own numbers."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from urllib.parse import quote_plus

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from core.explain import reaction_importance
from core.metabolic import assign_subsystems, currency_metabolites, fba, load_model, load_tables, model_label, named_media
from core.models import predict
from core.viz.overview import overview_view, subsystem_links, subsystem_table
from core.viz.view import NetworkView
from tests.e2e.steps import Settled, choose, metric, upload


@pytest.fixture(scope="module")
def on_glucose():
    return reaction_importance(load_tables("e_coli_core"), "core", methods=("gate", "message", "attention"))


def test_the_first_view_shows_cores_numbers(server, page: Page, settled: Settled, on_glucose) -> None:
    page.goto(f"{server.url}/explorer")
    settled(page)
    expect(page.get_by_text("72 metabolites · 95 reactions · 360 incidences")).to_be_visible()
    expect(metric(page, "Growth, network")).to_have_text(f"{on_glucose.prediction:.3f} /h")
    expect(metric(page, "Growth, FBA")).to_have_text(f"{fba(load_model('e_coli_core')).growth:.3f} /h")


def test_a_click_on_a_reaction_reaches_the_card_and_the_address(server, page: Page, settled: Settled, on_glucose) -> None:
    page.goto(f"{server.url}/explorer?sel=rxn:PFK")
    settled(page)
    row = on_glucose.table.set_index("reaction").loc["PFK"]
    card = page.locator(".st-key-detail-card")
    expect(card).to_contain_text("Reaction PFK")
    expect(card).to_contain_text(f"mean {row['gate']:.3f}, max {row['gate_max']:.3f}, spread {row['gate_spread']:.3f}")
    # A selection from the search is brought to the centre of the drawing; what is clicked there is the reaction itself.
    page.emulate_media(reduced_motion="reduce")
    field = page.get_by_role("textbox", name=re.compile("Find"))
    field.fill("GAPD")
    field.press("Enter")
    page.locator(".st-key-explorer_hits").get_by_role("radio", name=re.compile("reaction GAPD")).click()
    expect(card).to_contain_text("Reaction GAPD")
    expect(page.locator(".gs-canvas")).to_have_attribute("data-selected", "rxn:GAPD")
    page.locator(".st-key-card-close button:visible").first.click()
    expect(page).not_to_have_url(re.compile("sel="))
    expect(card).to_contain_text("Nothing selected")
    expect(page.locator(".gs-canvas")).to_have_attribute("data-selected", "")
    canvas = page.locator(".gs-canvas canvas").first
    canvas.scroll_into_view_if_needed()
    settled(page)
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(page).to_have_url(re.compile(r"sel=rxn(:|%3A)GAPD"))
    expect(card).to_contain_text(f"mean {on_glucose.table.set_index('reaction').loc['GAPD', 'gate']:.3f}")


def test_another_medium_changes_gates_prediction_and_truth(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/explorer?sel=rxn:PFL")
    settled(page)
    choose(page, "Medium", "anaerobic glucose")
    expect(page).to_have_url(re.compile("medium=anaerobic"))
    without = reaction_importance(load_tables("e_coli_core"), "core", medium="anaerobic glucose", methods=("gate",))
    expect(metric(page, "Growth, network")).to_have_text(f"{without.prediction:.3f} /h")
    expect(metric(page, "Growth, FBA")).to_have_text(f"{fba(load_model('e_coli_core'), medium='anaerobic glucose').growth:.3f} /h")
    gate = without.table.set_index("reaction").loc["PFL", "gate"]
    expect(page.locator(".st-key-detail-card")).to_contain_text(f"mean {gate:.3f}")


def test_what_is_missing_is_named(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/explorer?medium=EX_glc__D_e:10,EX_o2_e:20,EX_pi_e:100,EX_h2o_e:100,EX_h_e:100")
    settled(page)
    expect(page.get_by_text(re.compile(r"Missing from the medium: .*EX_nh4_e"))).to_be_visible()


def test_another_model_opens_with_its_own_condition(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/explorer?medium=acetate&ko=PFK&sel=rxn:PFK")
    settled(page)
    choose(page, "Model", model_label("toy"))
    expect(page.get_by_text("2 metabolites · 3 reactions · 4 incidences")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/explorer\?model=toy&net=core$"))
    expect(page.get_by_text("were never seen")).to_be_visible()
    expect(metric(page, "Growth, network")).to_have_text(f"{predict(load_tables('toy'), 'core').growth:.3f} /h")
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(re.compile("medium=acetate"))
    expect(page.locator(".st-key-detail-card")).to_contain_text("Reaction PFK")


def click_circle(page: Page, drawn: NetworkView) -> str:
    """Clicks a large circle near the middle of the overview, where the drawing's fit to its canvas moves it least; its subsystem."""
    canvas = page.locator(".gs-canvas canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    low, high = (np.array([f(n.x for n in drawn.nodes), f(n.y for n in drawn.nodes)]) for f in (min, max))
    low, high = low - np.array([45, 20]), high + np.array([45, 60])
    scale = min(box["width"] / (high - low)[0], box["height"] / (high - low)[1]) / 1.1
    node = max(drawn.nodes, key=lambda n: n.width - 0.1 * np.hypot(*(np.array([n.x, n.y]) - (low + high) / 2)))
    at = np.array([box["width"], box["height"]]) / 2 + (np.array([node.x, node.y]) - (low + high) / 2) * scale
    canvas.click(position={"x": float(at[0]), "y": float(at[1])})
    return node.entity.removeprefix("sub:")


def test_a_genome_scale_model_opens_as_its_pathways(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/explorer?model=iJO1366")
    settled(page)
    expect(page.get_by_text("1,805 metabolites · 2,583 reactions · 10,183 incidences")).to_be_visible()
    tables = load_tables("iJO1366")
    found = reaction_importance(tables, "genome", methods=("gate",)).table
    names = assign_subsystems(tables).names
    links = subsystem_links(tables, names, currency_metabolites(tables))
    drawn = overview_view(subsystem_table(tables, names, found), links, over="mean over layers and heads")
    canvas = page.locator(".gs-canvas[data-selected]")
    expect(canvas).to_have_attribute("aria-label", drawn.sentence)
    clicked = click_circle(page, drawn)
    expect(page).to_have_url(re.compile(f"sub={re.escape(quote_plus(clicked))}"))
    expect(page.locator(".st-key-detail-card")).to_contain_text(f"Reactions: {names.count(clicked)}")
    page.goto(f"{server.url}/explorer?model=iJO1366&sel=sub:Glycolysis/Gluconeogenesis&view=pathway&sub=Glycolysis/Gluconeogenesis")
    settled(page)
    mine = found[found["subsystem"] == "Glycolysis/Gluconeogenesis"]
    expect(page.locator(".st-key-detail-card")).to_contain_text(f"Mean gate: {mine['gate'].mean():.3f}")
    expect(page.locator(".st-key-detail-card")).to_contain_text(f"Reactions: {len(mine)}")


def test_search_finds_by_name_gene_ec_and_identifier(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/explorer?model=iJO1366&q=2.7.1.11")
    settled(page)
    hits = page.locator(".st-key-explorer_hits")
    hits.get_by_role("radio", name=re.compile("reaction PFK:")).click()
    expect(page).to_have_url(re.compile(r"sel=rxn(:|%3A)PFK"))
    expect(page).to_have_url(re.compile("view=neighbourhood"))
    page.goto(f"{server.url}/explorer")
    settled(page)
    field = page.get_by_role("textbox", name=re.compile("Find"))
    field.fill("pfkA")
    field.press("Enter")
    expect(hits.get_by_role("radio", name=re.compile("gene b3916"))).to_be_visible()
    field.fill("no such thing")
    field.press("Enter")
    expect(page.get_by_text("Nothing in this model is called no such thing.")).to_be_visible()


def test_a_good_upload_opens_and_stays_in_the_list(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    from cobra.io import save_json_model

    model = load_model("e_coli_core")
    model.id = "my_core"
    model.remove_reactions(["PFL"])
    save_json_model(model, str(tmp_path / "my core.json"))
    page.goto(f"{server.url}/explorer")
    settled(page)
    upload(page, tmp_path / "my core.json")
    expect(page.get_by_text(re.compile("94 reactions · [0-9]+ incidences"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"model=upload(:|%3A)[0-9a-f]{64}"))
    settled(page)
    expect(metric(page, "Growth, FBA")).to_have_text(f"{model.slim_optimize():.3f} /h")
    expect(page.get_by_role("combobox", name=re.compile("Model"))).to_have_value(re.compile("core"))


def test_downloads_hold_cores_tables(server, page: Page, settled: Settled, on_glucose) -> None:
    page.goto(f"{server.url}/explorer?sel=rxn:PFK")
    settled(page)
    page.locator(".st-key-explorer_panel").get_by_text("Export", exact=True).click()
    settled(page)

    def download(label: str) -> bytes:
        with page.expect_download() as event:
            page.get_by_role("button", name=label).click()
        return Path(event.value.path()).read_bytes()

    reactions = pd.read_csv(io.BytesIO(download("Reactions, CSV"))).set_index("reaction")
    expected = on_glucose.table.set_index("reaction")
    assert np.allclose(reactions["gate"], expected["gate"].loc[reactions.index])
    flux = fba(load_model("e_coli_core"), parsimonious=True).fluxes
    assert np.allclose(reactions["flux_fba"], flux.loc[reactions.index], atol=1e-6)
    incidences = pd.read_parquet(io.BytesIO(download("Incidences, Parquet")))
    assert np.allclose(incidences["message"], on_glucose.incidences["message"])
    manifest = json.loads(download("Manifest, JSON"))
    assert manifest["key"] == on_glucose.manifest["key"]
    assert manifest["fba"]["growth"] == pytest.approx(fba(load_model("e_coli_core")).growth)
    drawing = download("Network, HTML").decode()
    assert not re.search(r"""(src|href)=["']https?:""", drawing)
    svg = download("Network, SVG").decode()
    assert svg.count("PFK") >= 1
    assert "<script" not in svg


def test_named_media_of_the_model_are_offered_and_no_other(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/explorer")
    settled(page)
    page.get_by_role("combobox", name=re.compile("Medium")).click()
    expect(page.get_by_role("option")).to_have_text(["the model's own", *named_media(load_tables("e_coli_core"))])
