"""The RNA page in a real browser: what it shows are core's own numbers, and one selection is everywhere."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import Page, expect

from core.explain import base_importance
from core.rna import decompose, embed, fold, fold_windowed, given_structure, load_example, parse_pairs, suboptimal
from tests.e2e.steps import HAIRPIN, PAYLOAD, Settled, canvas, card, choose, choose_first_row, click_on, legend, link, open_popover, paste, unfold


def test_the_trna_is_drawn_and_a_base_is_selected_everywhere(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/")
    settled(page)
    page.get_by_role("link", name="Open the tRNA").click()
    expect(page.locator(".gr-canvas [data-index]")).to_have_count(76)
    settled(page)
    record = load_example("trna-phe")
    expect(page.get_by_text(f"{given_structure(record).energy:+.2f} kcal/mol at 37 °C").first).to_be_visible()
    page.locator('.gr-canvas [data-entity="base:20"]').click()
    expect(page).to_have_url(re.compile(r"sel=base(:|%3A)20"))
    card = page.locator(".st-key-detail-card")
    expect(card).to_contain_text("Base G20")
    expect(canvas(page)).to_have_attribute("data-selected", "base:20")
    message = base_importance(record, "rna").bases.set_index("base").loc[20, "message"]
    expect(card).to_contain_text(f"{message:.4g}")
    card.get_by_role("button", name="h0").click()
    expect(card).to_contain_text("Element h0, hairpin")
    expect(page.locator(".gr-canvas .gr-mark")).to_have_count(sum(element == "h0" for element in decompose(str(record.structure)).of_base))
    page.get_by_role("button", name="Undo").click()
    expect(card).to_contain_text("Base G20")


def test_wheel_keys_and_buttons_move_the_drawing(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna")
    settled(page)
    drawing = canvas(page)
    expect(drawing).to_have_attribute("data-zoom", "1.00")
    page.get_by_role("button", name="Zoom in").click()
    expect(drawing).to_have_attribute("data-zoom", "1.30")
    drawing.focus()
    page.keyboard.press("0")
    expect(drawing).to_have_attribute("data-zoom", "1.00")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".gr-tip")).to_contain_text("G3")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-detail-card")).to_contain_text("Base G3")
    drawing.hover()
    page.mouse.wheel(0, -400)
    expect(drawing).not_to_have_attribute("data-zoom", "1.00")


def test_the_drawing_is_saved_as_svg_and_png(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    page.goto(f"{server.url}/rna")
    settled(page)
    with page.expect_download() as got:
        page.locator('.gr-buttons [data-do="svg"]').click()
    got.value.save_as(tmp_path / "d.svg")
    assert len([e for e in ElementTree.parse(tmp_path / "d.svg").iter() if e.get("data-index")]) == 76
    with page.expect_download() as got:
        page.locator('.gr-buttons [data-do="png"]').click()
    got.value.save_as(tmp_path / "d.png")
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")


def test_layouts_colours_layers_and_own_values(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna?sel=base:20")
    settled(page)
    for layout, name in (("naview", "naview"), ("circle", "circle"), ("arcs", "arc")):
        choose(page, "Layout", layout)
        expect(canvas(page)).to_have_attribute("aria-label", re.compile(f"{name} layout"))
        expect(page.locator(".gr-canvas [data-index]")).to_have_count(76)
    titles = {"nucleotide": "nucleotide", "pair probability": "probability", "positional entropy": "entropy", "attention": "attention"}
    for colour, title in titles.items():
        choose(page, "Colour", colour)
        expect(legend(page)).to_contain_text(re.compile(title, re.IGNORECASE))
    choose(page, "Colour", "reactivity")
    expect(page.get_by_text("No reactivities are in use")).to_be_visible()
    choose(page, "Colour", "|message|")
    expect(legend(page)).to_contain_text("mean over layers")
    layer = page.get_by_role("slider", name=re.compile("Layer"))
    layer.focus()
    layer.press("ArrowRight")
    expect(legend(page)).to_contain_text("layer 1")
    expect(page).to_have_url(re.compile("layer=0"))
    layer.press("ArrowLeft")
    expect(legend(page)).to_contain_text("mean over layers")
    page.get_by_role("button", name="Own values").click()
    body = page.locator("[data-testid=stPopoverBody]")
    body.get_by_role("textbox", name=re.compile("Values for the bases")).fill("1, 2, 3")
    body.get_by_role("button", name="Use them").click()
    expect(body.locator("[data-testid=stAlert]")).to_contain_text("3 values for 76 bases")
    body.get_by_role("textbox", name=re.compile("Values for the bases")).fill("position,mine\n5,0.25\n20,7.5\n")
    body.get_by_role("button", name="Use them").click()
    expect(body).to_have_count(0)
    expect(legend(page)).to_contain_text("7.5")
    page.get_by_role("button", name="Own values").click()
    body.get_by_role("button", name="Remove them").click()
    expect(page.get_by_text("There are no own values yet")).to_be_visible()


def test_every_way_to_a_structure_shows_viennas_energy(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna?sel=base:20")
    settled(page)
    record = load_example("trna-phe")
    facts = page.locator("[data-testid=stMain]")
    folds = {
        "minimum free energy": fold(record),
        "centroid": fold(record, method="centroid"),
        "maximum expected accuracy": fold(record, method="mea"),
        "given pairs kept": fold(record, constraint=record.structure),
        "windowed": fold_windowed(record),
    }
    for name, expected in folds.items():
        choose(page, "Structure", name)
        expect(facts).to_contain_text(f"{expected.energy:+.2f} kcal/mol at 37 °C")
        expect(facts).to_contain_text(f"structure: {'mea, windows of 76 nt' if name == 'windowed' else name}")
    choose(page, "Structure", "suboptimal")
    listed = suboptimal(record)
    choose(page, "Which of", f"3: {listed[2][1]:+.2f} kcal/mol")
    expect(facts).to_contain_text(f"{listed[2][1]:+.2f} kcal/mol at 37 °C")
    choose(page, "Structure", "Boltzmann sample")
    expect(facts).to_contain_text("structure: Boltzmann sample")
    choose(page, "Structure", "minimum free energy")
    expect(facts).to_contain_text("structure: minimum free energy")
    settled(page)
    heat = page.get_by_role("spinbutton", name=re.compile("Temperature"))
    expect(heat).to_have_count(1)
    heat.fill("55")
    heat.press("Enter")
    expect(facts).to_contain_text(f"{fold(record, temperature=55).energy:+.2f} kcal/mol at 55 °C")
    heat.fill("37")
    heat.press("Enter")
    expect(facts).to_contain_text("kcal/mol at 37 °C")
    values = [2.0 if sign == "." else 0.0 for sign in str(record.structure)]
    page.get_by_role("button", name="Reactivities").click()
    body = page.locator("[data-testid=stPopoverBody]")
    body.get_by_role("textbox", name="SHAPE reactivities").fill("x")
    body.get_by_role("button", name="Use them").click()
    expect(body.locator("[data-testid=stAlert]")).to_have_count(1)
    body.get_by_role("textbox", name="SHAPE reactivities").fill(" ".join(map(str, values)))
    body.get_by_role("button", name="Use them").click()
    expect(facts).to_contain_text(f"{fold(record, reactivities=values).energy:+.2f} kcal/mol at 37 °C")
    choose(page, "Colour", "reactivity")
    expect(legend(page)).to_contain_text("reactivity")
    page.get_by_role("button", name="Reactivities in use").click()
    body.get_by_role("button", name="Remove them").click()
    expect(facts).to_contain_text(f"{fold(record).energy:+.2f} kcal/mol at 37 °C")


def test_the_graph_its_controls_and_a_click_on_a_node(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna?{link(view='graph')}")
    settled(page)
    page.emulate_media(reduced_motion="reduce")
    drawing = page.locator(".gs-canvas").first
    expect(drawing).to_have_attribute("data-selected", "")
    choose(page, "Edges show", "|message|")
    expect(page.locator(".gs-legend").first).to_contain_text("|message|")
    page.get_by_role("slider", name=re.compile("Layer")).press("ArrowRight")
    expect(page.locator(".gs-legend").first).to_contain_text("layer 1")
    page.get_by_role("button", name="backbone").click()
    expect(page).to_have_url(re.compile("s.rna.kinds="))
    expect(page.locator(".gs-legend").get_by_text("backbone", exact=True)).to_have_count(0)
    page.get_by_text("Elements only").click()
    expect(page.locator(".gs-legend").get_by_text("membership", exact=True)).to_have_count(0)
    page.get_by_role("radio", name="Elements", exact=True).click()
    expect(page.get_by_text("named as forgi names them")).to_be_visible()
    settled(page)
    choose_first_row(page, page.locator("[data-testid=stDataFrame]").last, page.locator(".gs-canvas[data-selected^='elem:']"))
    chosen = str(drawing.get_attribute("data-selected"))
    page.locator(".st-key-rna-card-close button:visible").first.click()
    expect(drawing).to_have_attribute("data-selected", "")
    # A selection from a table was brought to the middle, so that is where its node is.
    nodes = drawing.locator("canvas").first
    nodes.scroll_into_view_if_needed()
    settled(page)
    box = nodes.bounding_box()
    assert box is not None
    nodes.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(drawing).to_have_attribute("data-selected", chosen)
    expect(card(page)).to_contain_text(f"Element {chosen.removeprefix('elem:')}")
    with page.expect_download() as got:
        page.locator('.gs-buttons [data-do="png"]').click()
    assert Path(got.value.path()).read_bytes().startswith(b"\x89PNG")


def test_plots_select_and_follow_the_selection(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna?{link(view='dots')}&sel=base:3")
    settled(page)
    plot = page.locator(".js-plotly-plot").first
    expect(plot.locator(".shapelayer path")).not_to_have_count(0)
    click_on(page, plot.locator(".scatterlayer .trace").last.locator("path.point").first)
    expect(page).to_have_url(re.compile(r"sel=base(:|%3A)1(&|$)"))
    expect(card(page)).to_contain_text("Base G1")
    page.get_by_role("radio", name="Layers").click()
    settled(page)
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    page.get_by_role("radio", name="openness").click()
    expect(page.locator(".js-plotly-plot").first).to_contain_text("Openness of the edges to a base")
    click_on(page, page.locator(".js-plotly-plot").first.locator(".barlayer path").nth(4))
    expect(card(page)).to_contain_text("Base A5")
    page.get_by_role("radiogroup", name="Layer of W_e").get_by_role("radio", name="2").click()
    expect(page).to_have_url(re.compile("layer=1"))


def test_two_structures_and_two_rnas_beside_each_other(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna?{link(view='compare', colour='message')}")
    settled(page)
    expect(page.locator(".gr-canvas")).to_have_count(2)
    given, folded = load_example("trna-phe"), fold(load_example("trna-phe"))
    shared = set(given.pairs) & set(parse_pairs(folded.structure))
    expect(page.get_by_text(f"{len(shared)} pairs in both")).to_be_visible()
    ends = [text.split()[-1] for text in page.locator(".gr-legend").all_inner_texts()]
    assert ends[0] == ends[1], "two scales"
    same = shared == set(given.pairs) == set(parse_pairs(folded.structure))
    expect(page.get_by_text("Both are the same structure")).to_have_count(int(same))
    centroid = set(parse_pairs(fold(given, method="centroid").structure))
    choose(page, "Compare with", "this RNA, centroid")
    expect(page.get_by_text(f"{len(centroid & set(given.pairs))} pairs in both")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    page.evaluate("scrollTo(0, 0)")
    hiv = load_example("hiv-1-tar")
    unfold(page, "Compare with", re.compile("TAR")).click()
    expect(page.locator(".gr-canvas").nth(1).locator("[data-index]")).to_have_count(hiv.length)
    expect(page.get_by_text(f"Two RNAs of 76 and {hiv.length} bases")).to_be_visible()


def test_tables_cards_and_the_other_network(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna?sel=base:20")
    settled(page)
    record = load_example("trna-phe")
    choose_first_row(page, page.locator("[data-testid=stDataFrame]").last, card(page).get_by_text(re.compile(r"^Base G1$")))
    card(page).get_by_role("button", name="C72").click()
    expect(card(page)).to_contain_text("Base C72")
    card(page).get_by_role("button", name="G71").click()
    expect(card(page)).to_contain_text("Base G71")
    page.locator(".st-key-rna-card-close button:visible").first.click()
    expect(card(page)).to_contain_text("Nothing selected")
    expect(page).not_to_have_url(re.compile("sel="))
    page.get_by_role("radio", name="Elements", exact=True).click()
    expect(page.get_by_text("named as forgi names them")).to_be_visible()
    settled(page)
    choose_first_row(page, page.locator("[data-testid=stDataFrame]").last, card(page).get_by_text(re.compile(r"^Element [a-z]\d+, ")))
    field = page.get_by_role("textbox", name=re.compile("Find"))
    field.fill("h1")
    field.press("Enter")
    page.get_by_role("radio", name="element h1, hairpin").click()
    expect(card(page)).to_contain_text("Element h1, hairpin")
    page.get_by_role("radio", name="Edges").click()
    edges = base_importance(record, "rna").edges
    expect(page.get_by_text(f"{len(edges):,} directed edges")).to_be_visible()
    choose(page, "Network", "rna_standard")
    edges = base_importance(record, "rna_standard").edges
    expect(page.get_by_text(f"{len(edges):,} directed edges")).to_be_visible()
    expect(page).to_have_url(re.compile("rnanet=rna_standard"))


def test_pasted_and_loaded_text_open_and_bad_text_is_one_sentence(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    page.goto(f"{server.url}/rna")
    settled(page)
    paste(page, ">x\nMKVLLAGE\n")
    expect(page.locator("[data-testid=stPopoverBody] [data-testid=stAlert]")).to_have_count(1)
    expect(page.locator(".gr-canvas [data-index]")).to_have_count(76)
    page.reload()
    settled(page)
    paste(page, f">{PAYLOAD}\n{HAIRPIN}\n")
    expect(page.locator(".gr-canvas [data-index]")).to_have_count(12)
    expect(page).to_have_url(re.compile("rna=upload"))
    expect(page).to_have_title("RNA · Gatescope")
    address = page.url
    page.goto(f"{server.url}/storage")
    settled(page)
    page.goto(address)
    expect(page.locator(".gr-canvas [data-index]")).to_have_count(12)
    (tmp_path / "two.fa").write_text(f">one\n{HAIRPIN}\n>two\nGGGAAACCC\n(((...)))\n")
    open_popover(page, "Paste or load an RNA").locator("input[type=file]").set_input_files(tmp_path / "two.fa")
    expect(page.get_by_text("Record, 2 in this text")).to_be_visible()
    choose(page, "Record", "2: two (9 nt)")
    expect(page.locator(".gr-canvas [data-index]")).to_have_count(9)


def test_cancel_ends_a_long_fold(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna")
    settled(page)
    paste(page, "GGGGAAAACCCCUUAUCGAGG" * 600)
    expect(page.locator("[data-testid=stPopoverBody]")).to_have_count(0)
    settled(page)
    page.get_by_role("button", name="Use the windowed fold").click()
    settled(page)
    page.get_by_role("button", name=re.compile("Fold it")).click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name=re.compile("Fold it"))).to_be_visible()


def test_exports_hold_the_tables(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna?{link(panel='Export')}")
    settled(page)
    record = load_example("trna-phe")
    expected = base_importance(record, "rna")

    def download(label: str) -> bytes:
        with page.expect_download() as event:
            page.get_by_role("button", name=label).click()
        return Path(event.value.path()).read_bytes()

    bases = pd.read_csv(io.BytesIO(download("Bases, CSV")))
    assert np.allclose(bases["message"], expected.bases["message"])
    assert pd.read_parquet(io.BytesIO(download("Bases, Parquet"))).shape == bases.shape
    elements = pd.read_csv(io.BytesIO(download("Elements, CSV")))
    assert list(elements["element"]) == [e.name for e in decompose(str(record.structure)).elements]
    assert len(pd.read_parquet(io.BytesIO(download("Elements, Parquet")))) == len(elements)
    edges = pd.read_parquet(io.BytesIO(download("Edges, Parquet")))
    assert np.allclose(edges["openness"], expected.edges["openness"])
    assert len(pd.read_csv(io.BytesIO(download("Edges, CSV")))) == len(edges)
    assert download("Structure, Vienna dot-bracket").decode().splitlines()[1] == record.sequence
    assert download("Drawing, SVG").count(b"data-index") == 76
    assert b"<script" not in download("Graph, SVG")
    page_of_graph = download("Graph, HTML").decode()
    assert not re.search(r"""(src|href)=["']https?:""", page_of_graph)
    page.reload()  # Chromium lets a page download ten files in a row and then wants to be asked
    settled(page)
    arrays = np.load(io.BytesIO(download("Embeddings, npz")))
    assert np.allclose(arrays["base_vectors"], embed([record], checkpoint="rna", level="base").vectors, atol=1e-5)
    assert download("Embeddings, AnnData").startswith(b"\x89HDF")
    manifest = json.loads(download("Manifest, JSON"))
    assert manifest["rna"]["key"] == record.key
    assert manifest["fold"]["structure"] == record.structure


def test_a_phone_shows_the_drawing(server, page: Page, settled: Settled) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/rna")
    settled(page)
    box = canvas(page).bounding_box()
    assert box is not None
    assert box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
