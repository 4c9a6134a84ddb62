"""The RNA page in a real browser: what it shows are core's own numbers, and one selection is everywhere."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.explain import base_importance
from core.rna import decompose, given_structure, load_example

Settled = Callable[[Page], None]
HAIRPIN = "GGGGAAAACCCC"
PAYLOAD = "<img/src=x/onerror=document.title='gone'>"


def link(**settings: object) -> str:
    return "&".join(f"s.rna.{name}={json.dumps(value)}" for name, value in settings.items())


def canvas(page: Page):  # type: ignore[no-untyped-def]
    return page.locator(".gr-canvas").first


def paste(page: Page, text: str) -> None:
    page.get_by_role("button", name="Paste or load an RNA").click()
    page.get_by_role("textbox", name="Sequence, with or without a structure").fill(text)
    page.locator("[data-testid=stPopoverBody] [data-testid=stFormSubmitButton] button").click()


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()


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


@pytest.mark.parametrize("layout", ["naview", "circle", "arc"])
def test_every_layout_draws_every_base(server, page: Page, settled: Settled, layout: str) -> None:
    page.goto(f"{server.url}/rna?{link(layout=layout, colour='message')}")
    settled(page)
    expect(page.locator(".gr-canvas [data-index]")).to_have_count(76)
    expect(page.locator(".gr-legend")).to_contain_text("message")


def test_every_view_opens(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna")
    settled(page)
    for name, seen in (("Graph", ".gs-canvas canvas"), ("Dot plot", ".js-plotly-plot"), ("Layers", ".js-plotly-plot"), ("Compare", ".gr-canvas")):
        page.get_by_role("radio", name=name).click()
        expect(page.locator(seen).first).to_be_visible()
        settled(page)
    expect(page.locator(".gr-canvas")).to_have_count(2)
    expect(page.get_by_text("pairs in both")).to_be_visible()


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
    page.get_by_role("button", name="Paste or load an RNA").click()
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(tmp_path / "two.fa")
    expect(page.get_by_text("Record, 2 in this text")).to_be_visible()
    choose(page, "Record", "2: two (9 nt)")
    expect(page.locator(".gr-canvas [data-index]")).to_have_count(9)


def test_cancel_ends_a_long_fold(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rna")
    settled(page)
    paste(page, "GGGGAAAACCCCUUAUCGAGG" * 70)
    expect(page.locator("[data-testid=stPopoverBody]")).to_have_count(0)
    settled(page)
    page.get_by_role("button", name=re.compile("Fold it")).click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name=re.compile("Fold it"))).to_be_visible()


def test_exports_hold_the_tables(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    page.goto(f"{server.url}/rna?{link(panel='Export')}")
    settled(page)
    with page.expect_download() as got:
        page.get_by_role("button", name="Structure, Vienna dot-bracket").click()
    got.value.save_as(tmp_path / "s.dbn")
    record = load_example("trna-phe")
    assert (tmp_path / "s.dbn").read_text().splitlines()[1:2] == [record.sequence]
    with page.expect_download() as got:
        page.get_by_role("button", name="Embeddings, npz").click()
    got.value.save_as(tmp_path / "e.npz")
    assert (tmp_path / "e.npz").stat().st_size > 1000


def test_a_phone_shows_the_drawing(server, page: Page, settled: Settled) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/rna")
    settled(page)
    box = canvas(page).bounding_box()
    assert box is not None
    assert box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
