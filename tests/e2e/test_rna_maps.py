"""Motif map, search, what-if and scoreboard in a real browser, on the reference library and on own files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from playwright.sync_api import Locator, Page, expect

from core.explain.reference import open_reference
from core.explain.what_if import change_base, what_if
from core.models import load_checkpoint
from core.rna import load_example
from tests.app.test_scoreboard_page import labelled_file
from tests.e2e.steps import PAYLOAD, Settled, at_rest, choose, metric, open_popover


def setting(name: str, value: object) -> str:
    return f"s.{name}={quote(json.dumps(value))}"


def lasso_all(page: Page, plot: Locator) -> None:
    """Draws a lasso around the whole map."""
    plot.locator('[data-attr="dragmode"][data-val="lasso"]').click()
    area = plot.locator(".nsewdrag").bounding_box()
    assert area is not None
    left, top, right, bottom = area["x"] + 4, area["y"] + 4, area["x"] + area["width"] - 4, area["y"] + area["height"] - 4
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=6)
    page.mouse.up()
    expect(page.get_by_role("heading", name=re.compile(r"\d+ picked"))).to_be_visible()


def downloaded(page: Page, button: str) -> pd.DataFrame:
    """The CSV that a button gives."""
    with page.expect_download() as got:
        page.get_by_role("button", name=button, exact=True).click()
    return pd.read_csv(got.value.path(), keep_default_na=False)


def test_points_of_the_map_are_lassoed_listed_drawn_and_opened(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/motifs?{setting('map.method', 'pca')}&{setting('map.level', 'rna')}")
    settled(page)
    plot = page.locator(".js-plotly-plot").first
    expect(plot.locator(".scatterlayer .trace").first).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile(r"PCA of 97 vectors by cosine\. Trustworthiness 0\.\d\d"))).to_be_visible()
    lasso_all(page, plot)
    settled(page)
    expect(page.locator(".gr-canvas")).to_have_count(6)
    assert len(downloaded(page, "Picked, CSV")) >= 80
    page.get_by_role("link", name="Open in the RNA page").first.click()
    expect(page.get_by_role("heading", name="RNA", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"rna=example"))


POINT = """([trace, name]) => {
  const plot = document.querySelector('.js-plotly-plot'), layout = plot._fullLayout, area = plot.querySelector('.nsewdrag').getBoundingClientRect();
  const found = plot._fullData.find(t => t.name.startsWith(trace)), i = found.customdata.findIndex(c => c[0] === name);
  return [area.x + layout.xaxis.d2p(found.x[i]), area.y + layout.yaxis.d2p(found.y[i])];
}"""
"""Where on the screen a point of the map stands."""


def test_a_click_on_a_point_draws_it_beside_the_map_and_leads_to_the_rna_page(server, page: Page, settled: Settled) -> None:
    """Streamlit lets a click select only while a drag moves the map; with the lasso as the map's own mode a click did nothing."""
    shown = f"{setting('map.motifs', 'Kink-turn')}&{setting('map.hide', True)}"
    page.goto(f"{server.url}/motifs?{setting('map.method', 'pca')}&{setting('map.level', 'element')}&{shown}")
    settled(page)
    table = open_reference("rna").elements
    turns = table[(table["motif"] == "Kink-turn") & (table["size"] > 0)]
    expect(page.get_by_text(re.compile(rf"^{len(turns)} of [\d,]+ points are of the motif Kink-turn"))).to_be_visible()
    plot = page.locator(".js-plotly-plot").first
    plot.scroll_into_view_if_needed()
    row = turns[turns["kind"] == "internal"].iloc[0]
    x, y = page.evaluate(POINT, ["internal", row["name"]])
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    beside = page.locator(".st-key-map_card")
    expect(beside.locator(".gr-canvas .gr-mark").first).to_be_visible()
    settled(page)
    name = beside.locator("strong").inner_text()
    assert name in set(turns["name"])
    beside.get_by_role("link", name="Open in the RNA page").click()
    expect(page.get_by_role("heading", name="RNA", exact=True)).to_be_visible()
    rna, element = name.split("/")
    expect(page).to_have_url(
        re.compile(rf"rna=example(:|%3A){rna}&.*sel=elem(:|%3A){element}(&|$)|sel=elem(:|%3A){element}&.*rna=example(:|%3A){rna}")
    )
    settled(page)
    expect(page.locator(".gr-canvas").first.locator(".gr-mark").first).to_be_visible()


def test_columns_of_an_own_table_colour_the_map_and_stand_in_its_lists(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    records = [record for record in open_reference("rna").records if record.length < 100][:12]
    kds = {r.id: "" if i == 2 else f"{1.5 * (i + 1)}" for i, r in enumerate(records)}
    organisms = {r.id: "E. coli" if i % 3 else PAYLOAD for i, r in enumerate(records)}
    file = tmp_path / "measured.csv"
    rows = [f"{r.id},{r.sequence},{r.structure},{organisms[r.id]},{kds[r.id]}" for r in records]
    file.write_text("\n".join(["id,sequence,structure,organism,Kd", *rows]))
    page.goto(f"{server.url}/motifs?{setting('map.method', 'pca')}&{setting('map.level', 'rna')}")
    settled(page)
    expect(page.get_by_text("PCA of 97 vectors by cosine")).to_be_visible(timeout=120_000)  # a file given to a page that still runs can be lost
    settled(page)
    body = open_popover(page, "Own libraries")
    expect(body).to_contain_text("Further columns of a table (organism, Kd, year ...) colour the motif map")
    body.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Fold and embed").click()
    expect(page.get_by_text("PCA of 12 vectors by cosine")).to_be_visible(timeout=120_000)
    settled(page)
    plot = page.locator(".js-plotly-plot").first
    page.get_by_role("radio", name="organism", exact=True).click()
    expect(page).to_have_url(re.compile("s.map.colour.rna=%22organism%22"))
    expect(plot.locator(".legendtext", has_text="E. coli, 8")).to_be_visible()
    expect(plot.locator(".legendtext", has_text=f"{PAYLOAD[:39]}…, 4")).to_be_visible()
    settled(page)
    page.get_by_role("radio", name="Kd", exact=True).click()
    expect(plot.locator(".cbtitle")).to_contain_text(re.compile(r"Kd, [\d.]+ to [\d.]+, where 96% lie"))
    expect(plot.locator(".legendtext", has_text="no value, 1")).to_be_visible()
    settled(page)
    plot.scroll_into_view_if_needed()
    x, y = page.evaluate(POINT, ["with a value", records[7].id])
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    card = page.locator(".st-key-map_card")
    expect(card).to_contain_text(re.compile(r"nt, Kd: [\d.]+, organism: "))
    settled(page)
    picked = card.locator("strong").inner_text()
    expect(card).to_contain_text(f"Kd: {float(kds[picked]):g}, organism: {organisms[picked][:39]}")
    lasso_all(page, plot)
    settled(page)
    table = downloaded(page, "Picked, CSV")
    assert len(table) == 12 and list(table.columns)[-2:] == ["organism", "Kd"]
    assert dict(zip(table["name"], table["organism"])) == organisms and dict(zip(table["name"], table["Kd"].astype(str))) == kds
    open_popover(page, "Export the vectors")
    table = downloaded(page, "CSV")
    assert dict(zip(table["name"], table["organism"])) == organisms and "unit 1" in table
    page.get_by_role("link", name="RNA: search").click()
    expect(page.get_by_text("more alike than").first).to_be_visible()
    settled(page)
    table = downloaded(page, "Neighbours, CSV")
    assert {name: organisms[name] for name in table["name"]} == dict(zip(table["name"], table["organism"])) and len(table) >= 11
    assert page.title() != "gone"


def test_the_search_follows_the_motif_and_links_both_drawings(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/search?sel=elem:h2&{setting('search.level', 'element')}&{setting('search.hit', 'trna-lys/h1')}")
    settled(page)
    expect(page.get_by_text("more alike than").first).to_be_visible()
    expect(page.locator(".gr-canvas")).to_have_count(4)
    aligned = page.locator(".gr-canvas").nth(2)
    expect(aligned).to_have_attribute("aria-label", re.compile("cosine of aligned bases"))
    aligned.locator('[data-entity="base:54"]').click()
    expect(page).to_have_url(re.compile(r"sel=base(:|%3A)54"))
    settled(page)
    expect(page.locator(".gr-canvas").nth(3).locator(".gr-mark")).to_have_count(1)


def test_own_libraries_bad_ones_duplicates_and_empty_results(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    page.goto(f"{server.url}/search")
    settled(page)
    bad, twice = tmp_path / "bad.fa", tmp_path / "twice.fa"
    bad.write_text(">protein\nMKVLAAGIVGLCAKRWWQ\n")
    record = load_example("trna-phe")
    twice.write_text(f">trna-phe\n{record.sequence}\n{record.structure}\n>again\n{record.sequence}\n{record.structure}\n")
    body = open_popover(page, "Own libraries")
    body.locator("input[type=file]").set_input_files(bad)
    expect(body.locator("[data-testid=stAlert]")).to_contain_text(re.compile("protein|no base|left out|no RNA", re.I))
    body.locator("input[type=file]").set_input_files(twice)
    expect(page.get_by_text("1 RNAs have no vectors by this network yet")).to_be_visible()
    settled(page)
    expect(page.get_by_text(re.compile("sequence that came before|duplicate|same sequence", re.I)).first).to_be_visible()
    page.get_by_role("button", name="Fold and embed").click()
    expect(page.get_by_text("No vector of the library is left to search")).to_be_visible(timeout=120_000)
    settled(page)
    choose(page, "Look in", f"Reference library ({len(open_reference('rna'))} RNAs)")
    expect(page.get_by_text("more alike than").first).to_be_visible()


def test_a_base_is_changed_and_a_mutant_is_chosen_from_the_map(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/whatif?sel=base:27&{setting('whatif.edit', 'C27A')}")
    settled(page)
    record = load_example("trna-phe")
    expected = what_if(record, change_base(record, 27, "A"), load_checkpoint("rna"))
    expect(metric(page, "Cosine to the original")).to_have_text(f"{expected.cosine:.3f}")
    expect(page.locator(".gr-canvas")).to_have_count(2)
    page.get_by_role("button", name="Original", exact=True).click()
    expect(metric(page, "Cosine to the original")).to_have_count(0)
    settled(page)
    page.goto(f"{server.url}/whatif?rna=upload:nothing")
    settled(page)
    expect(page.locator("[data-testid=stAlert]").first).to_be_visible()


def test_an_own_labelled_set_is_measured(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    page.goto(f"{server.url}/scoreboard")
    settled(page)
    expect(page.get_by_text("Rfam seed members of")).to_be_visible()
    file = tmp_path / "mine.csv"
    file.write_bytes(labelled_file())
    open_popover(page, "Load a labelled set").locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("24 RNAs of 6 families")).to_be_visible()
    at_rest(page)
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.get_by_text(re.compile("Folded from the sequence alone"))).to_be_visible(timeout=120_000)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
