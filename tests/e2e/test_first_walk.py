"""What somebody new does: from the front page to an answer in few clicks, a session handed to a colleague, a report read without the app."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

from core.explain.reference import open_reference
from core.rna import load_example
from tests.e2e.steps import Settled, at_rest, card, open_popover, paste, press_until, upload


class Hand:
    """Clicks, and counts them."""

    def __init__(self, page: Page, settled: Settled) -> None:
        self.page, self.settled, self.clicks = page, settled, 0

    def click(self, mark: Locator) -> None:
        at_rest(self.page)
        mark.click()
        self.clicks += 1

    def go(self, path: str) -> None:
        self.click(self.page.locator(f".st-key-nav_{path} a:visible"))
        expect(self.page.locator(".st-key-nav_current a:visible")).to_have_attribute("href", re.compile(rf"(^|/){path}\b"))
        self.settled(self.page)


def test_from_home_to_what_carries_growth_on_acetate_and_whether_it_is_true(server, page: Page, settled: Settled) -> None:
    page.goto(server.url)
    settled(page)
    hand = Hand(page, settled)
    hand.click(page.get_by_role("link", name="Open E. coli core"))
    expect(page.get_by_role("heading", name="Metabolic explorer")).to_be_visible()
    settled(page)
    hand.go("explain")
    hand.click(page.get_by_role("combobox", name=re.compile("^Medium")))
    hand.click(page.get_by_role("option", name="acetate", exact=True))
    expect(page).to_have_url(re.compile("medium=acetate"))
    bars = page.locator(".st-key-explain_ranking .bars .point path")
    expect(bars.first).to_be_visible(timeout=90_000)  # which reactions carry it
    hand.click(page.get_by_role("button", name="Put the rankings on trial"))
    verdict = page.locator(".st-key-explain_verdict")
    expect(verdict).to_contain_text(
        re.compile("True of this network|On this network|knows|cannot be told"), timeout=240_000
    )  # and whether it is true
    assert hand.clicks <= 6


def test_from_home_to_what_is_nearest_to_a_multiloop(server, page: Page, settled: Settled) -> None:
    page.goto(server.url)
    settled(page)
    hand = Hand(page, settled)
    hand.click(page.get_by_role("link", name="Open the tRNA"))
    expect(page.get_by_role("heading", name="RNA", exact=True)).to_be_visible()
    settled(page)
    hand.go("search")
    hand.click(page.get_by_text("motifs (elements)"))
    box = page.get_by_role("combobox", name="Motif")
    expect(box).to_be_visible()
    hand.click(box)
    hand.click(page.get_by_role("option", name=re.compile("multiloop")).first)
    expect(page).to_have_url(re.compile("sel=elem%3Am"))
    settled(page)
    with page.expect_download() as got:
        page.get_by_role("button", name="Neighbours, CSV").click()
    names = [line.split(",")[2] for line in Path(got.value.path()).read_text().splitlines()[1:]]
    kinds = open_reference("rna").elements.set_index("name")["kind"]
    assert names and {kinds[name] for name in names} == {"multiloop"}
    assert hand.clicks <= 5


def test_a_session_with_an_own_rna_is_opened_after_everything_was_cleared(fresh_server, page: Page, settled: Settled) -> None:
    page.goto(f"{fresh_server.url}/rna")
    settled(page)
    paste(page, ">mine\nGGGGAAAACCCCAAGGGGAAAACCCC\n")
    expect(page).to_have_url(re.compile("rna=upload"))
    settled(page)
    open_popover(page, "Session")
    with page.expect_download() as got:
        page.get_by_role("button", name="Save session").click()
    kept = Path(got.value.path())
    assert got.value.suggested_filename.endswith(".gatescope")
    page.goto(f"{fresh_server.url}/storage")
    settled(page)
    page.locator(".st-key-folder_uploads").get_by_role("button", name="Clear").click()
    page.locator(".st-key-clear_uploads button:visible").click()
    expect(page.locator(".st-key-folder_uploads [data-testid=stMetricValue]")).to_have_text("0 B")
    body = open_popover(page, "Session")
    file = {"name": "from-a-colleague.gatescope", "mimeType": "application/zip", "buffer": kept.read_bytes()}
    body.locator("input[type=file]").set_input_files(files=[file])
    expect(page.get_by_role("heading", name="RNA", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("rna=upload"))
    expect(page.locator(".gr-canvas").first).to_be_visible()
    settled(page)
    body = open_popover(page, "Session")
    body.locator("input[type=file]").set_input_files(files=[{**file, "buffer": b"no session"}])
    expect(body).to_contain_text("not a Gatescope session file")
    expect(page.locator(".gr-canvas").first).to_be_visible()  # what was there is there still


@pytest.mark.parametrize("path", ["explain", "rnaexplain"])
def test_the_report_opens_offline_and_asks_for_nothing(
    server, page: Page, window: BrowserContext, settled: Settled, path: str, tmp_path: Path
) -> None:
    page.goto(f"{server.url}/{path}")
    settled(page)
    expect(page.locator(".st-key-explain_ranking .bars .point path").first).to_be_visible(timeout=90_000)
    settled(page)
    with page.expect_download() as got:
        page.get_by_role("button", name="Report, HTML").click()
    report = tmp_path / "report.html"
    report.write_bytes(Path(got.value.path()).read_bytes())
    asked: list[str] = []
    errors: list[str] = []
    alone = window.new_page()

    def on_request(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            asked.append(request.url)

    alone.on("request", on_request)
    alone.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    alone.goto(report.as_uri())
    expect(alone.locator("section .bars .point path").first).to_be_visible()
    expect(alone.get_by_role("heading", name="Methods")).to_be_visible()
    told = json.loads(alone.locator("#manifest").text_content() or "")
    assert told["half"] == ("metabolic" if path == "explain" else "rna") and told["method"] == "integrated_gradients"
    if path == "rnaexplain":
        assert load_example("trna-phe").sequence in alone.locator("body").inner_text()
        expect(alone.locator("#the-structure svg")).to_be_visible()
    alone.close()
    assert asked == [report.as_uri()] and errors == []


def test_a_story_is_presented_with_the_arrow_keys(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/stories?s.stories.story=%22oxygen%22&s.stories.presenter=true")
    settled(page)
    expect(page.locator("[data-testid=stSidebar]")).to_be_hidden()
    for number in (2, 3, 4):
        press_until(page, "ArrowRight", page.get_by_text(f"{number} of 5 · "))
    expect(page.get_by_role("heading", name="The numbers")).to_be_visible()
    press_until(page, "ArrowLeft", page.get_by_text("3 of 5 · "))


def test_undo_has_a_key(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/explorer?sel=rxn:PFK")
    settled(page)
    page.get_by_text("Matrix", exact=True).click()
    expect(page).to_have_url(re.compile("view=matrix"))
    at_rest(page)
    page.keyboard.press("Alt+z")
    expect(page).not_to_have_url(re.compile("view=matrix"))
    expect(card(page)).to_contain_text("PFK")


def test_a_session_with_an_own_model_carries_the_model(fresh_server, page: Page, settled: Settled, tmp_path: Path) -> None:
    from cobra.io import save_json_model

    from core.metabolic import load_model

    save_json_model(load_model("toy"), tmp_path / "mine.json")
    page.goto(f"{fresh_server.url}/explorer")
    settled(page)
    upload(page, tmp_path / "mine.json")
    expect(page).to_have_url(re.compile("model=upload"))
    settled(page)
    open_popover(page, "Session")
    with page.expect_download() as got:
        page.get_by_role("button", name="Save session").click()
    assert re.fullmatch(r"session-[0-9a-f]{8}\.gatescope", got.value.suggested_filename)
    assert b"mine.json" in Path(got.value.path()).read_bytes()
