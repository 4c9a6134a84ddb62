"""Two conditions in a real browser: one selection, one layout for A, B and A - B, and numbers that are core's."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from core.explain import compare
from core.metabolic import fba, load_model, load_tables
from core.metabolic.condition import Condition
from tests.e2e.steps import Settled, card, choose, click_on, metric


@pytest.fixture(scope="module")
def found():
    """The model's own medium against acetate."""
    model, tables = load_model("e_coli_core"), load_tables("e_coli_core")
    solved = (fba(model, parsimonious=True), fba(model, medium="acetate", parsimonious=True))
    return compare(tables, "core", Condition(), "core", Condition("acetate"), solved=solved)


def test_a_second_medium_moves_gates_and_a_click_on_a_strip_selects(server, page: Page, settled: Settled, found) -> None:
    page.goto(f"{server.url}/conditions")
    settled(page)
    choose(page, "Medium B", "acetate")
    expect(page).to_have_url(re.compile("mediumb=acetate"))
    settled(page)
    expect(metric(page, "Growth, network").nth(1)).to_have_text(f"{found.growth.loc['B', 'predicted']:.3f} /h")
    expect(metric(page, "Growth, FBA").nth(1)).to_have_text(f"{found.growth.loc['B', 'fba']:.3f} /h")
    first = found.reactions.sort_values("rank_gate", kind="stable").iloc[0]
    click_on(page, page.locator(".st-key-conditions-plot-strips .scatterlayer .trace").nth(2).locator("path.point").first)
    expect(page).to_have_url(re.compile(rf"sel=rxn(:|%3A){first['reaction']}"))
    expect(card(page)).to_contain_text(f"Reaction {first['reaction']}")
    canvas = page.locator(".gs-canvas")
    expect(canvas).to_have_attribute("data-selected", f"rxn:{first['reaction']}")
    expect(page.locator(".gs-legend")).to_contain_text(re.compile(r"A - B of the gate.*fixed scale -0\.\d+ to 0\.\d+, red: more in A"))
    page.locator(".st-key-conditions_side").get_by_role("radio", name="B", exact=True).click()
    expect(page.locator(".gs-legend")).to_contain_text("fixed scale 0 to 1")
    expect(canvas).to_have_attribute("data-selected", f"rxn:{first['reaction']}")
    settled(page)
    card(page).get_by_role("link", name="Open B in the explorer").click()
    expect(page).to_have_url(re.compile(r"/explorer\?.*medium=acetate"))
    expect(card(page)).to_contain_text(f"mean {first['gate_b']:.3f}")


def test_the_verdict_and_the_files_are_cores(server, page: Page, settled: Settled, found) -> None:
    page.goto(f"{server.url}/conditions?mediumb=acetate&s.conditions.view=%22moved%22&s.conditions.panel=%22Export%22")
    settled(page)
    expect(page.get_by_text(found.headline.sentence)).to_be_visible()
    expect(page.locator(".st-key-conditions-plot-moved .scatterlayer path.point")).to_have_count(len(found.reactions))

    def download(label: str) -> bytes:
        with page.expect_download() as event:
            page.get_by_role("button", name=label).click()
        return Path(event.value.path()).read_bytes()

    reactions = pd.read_csv(io.BytesIO(download("Reactions, CSV"))).set_index("reaction")
    expected = found.reactions.set_index("reaction").loc[reactions.index]
    for column in ("gate_difference", "flux_fba_difference", "rank_gate"):
        assert np.allclose(reactions[column], expected[column].astype(float), atol=1e-6, equal_nan=True), column
    manifest = json.loads(download("Manifest, JSON"))
    assert manifest["key"] == found.manifest["key"] and manifest["B"]["condition"]["medium"] == "acetate"
    svg = download("Network A - B, SVG").decode()
    assert "red: more in A" in svg and "<script" not in svg


def test_a_cell_of_the_matrix_selects_its_reaction(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/conditions?s.conditions.view=%22media%22")
    settled(page)
    cells = page.locator(".st-key-conditions-plot-matrix .scatterlayer path.point")
    expect(cells).to_have_count(25 * 5)
    click_on(page, cells.nth(12))
    expect(page).to_have_url(re.compile(r"sel=rxn(:|%3A)\w+"))
    expect(card(page)).to_contain_text("Reaction ")
