"""The shell in a real browser: deep links into a cold server, navigation, the view in the URL, stored data."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.ui.nav import PAGES, PageEntry
from core.ui.text import size
from core.ui.view_state import ViewState

Settled = Callable[[Page], None]


def bytes_under(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def heading(page: Page, entry: PageEntry) -> None:
    links = page.locator(".st-key-nav a:visible")
    expect(links).to_have_text([re.compile(re.escape(other.title)) for other in PAGES])
    expect(page.locator(".st-key-nav_current a:visible")).to_have_text(re.compile(re.escape(entry.title)))
    expect(page.locator("[data-testid=stSidebarNav]")).to_have_count(0)
    expect(page).to_have_title("Gatescope" if entry is PAGES[0] else f"{entry.title} · Gatescope")


@pytest.mark.parametrize("path", ["", "explorer", "rna"])
def test_a_deep_link_into_a_cold_server_opens_inside_the_app(server: Any, page: Page, settled: Settled, path: str) -> None:
    """A link to a page of a server nobody has talked to yet ran that page's file alone, without app.py: no sidebar, no view."""
    entry = next((one for one in PAGES if one.path == path), PAGES[0])
    server.forget_visitors()
    page.goto(f"{server.url}/{path}?ko=PFK,b3916")
    settled(page)
    heading(page, entry)
    expect(page.locator(".st-key-nav_conditions a:visible")).to_have_attribute("href", re.compile(r"conditions\?ko=PFK"))


def test_every_page_opens_from_the_sidebar_and_fits_a_phone(server: Any, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/storage?ko=PFK,b3916")
    settled(page)
    for entry in PAGES:
        page.locator(".st-key-nav a:visible").filter(has_text=re.compile(rf"{re.escape(entry.title)}$")).first.click()
        expect(page.locator(".st-key-nav_current a:visible")).to_have_text(re.compile(re.escape(entry.title)))
        settled(page)
        heading(page, entry)
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollWidth <= 390")
        page.set_viewport_size({"width": 1440, "height": 900})


def test_the_view_follows_links_undo_and_the_browsers_own_buttons(server: Any, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/storage?model=iJO1366&hops=2")
    settled(page)
    explorer = page.locator(".st-key-nav_explorer a:visible")
    expect(explorer).to_have_attribute("href", re.compile("model=iJO1366"))
    page.locator(".st-key-nav_train a:visible").click()
    settled(page)
    expect(page).to_have_url(re.compile(r"/train\?model=iJO1366&net=genome&hops=2$"))
    page.locator(".st-key-nav_home a:visible").click()
    expect(page.get_by_text("E. coli core on glucose", exact=True)).to_be_visible()  # its picture is captioned so, too
    expect(page).to_have_url(re.compile(r"/\?model=iJO1366&net=genome&hops=2$"))
    page.goto(f"{server.url}/storage?hops=3&ko=PFK")
    settled(page)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    expect(explorer).to_have_attribute("href", re.compile(r"hops=3"))


def test_undo_and_redo_move_the_view_and_the_url(server: Any, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/?ko=PFK")
    settled(page)
    page.get_by_role("link", name="Open the iJO1366 overview").click()
    expect(page).to_have_url(re.compile(r"/explorer\?model=iJO1366"))
    undo, redo = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Redo")
    page.locator(".st-key-nav_storage a:visible").click()
    expect(page).to_have_url(re.compile(r"/storage\?model=iJO1366&net=genome$"))
    settled(page)
    undo.click()
    expect(page).to_have_url(re.compile(r"/storage\?ko=PFK$"))
    expect(undo).to_be_disabled()
    redo.click()
    expect(page).to_have_url(re.compile(r"/storage\?model=iJO1366&net=genome$"))
    settled(page)
    page.wait_for_timeout(1100)
    page.go_back()
    expect(undo).to_be_disabled()
    expect(page.locator(".st-key-nav_explorer a:visible")).to_have_attribute("href", re.compile(r"explorer\?ko=PFK$"))
    page.wait_for_timeout(1100)
    page.go_forward()
    expect(page.locator(".st-key-nav_explorer a:visible")).to_have_attribute("href", re.compile(r"explorer\?model=iJO1366&net=genome$"))


def test_a_broken_link_says_what_was_left_out_and_shows_markup_as_text(server: Any, page: Page, settled: Settled) -> None:
    query = {"hops": "99", "sel": "<img src=x onerror=document.title='gone'>", "ko": "PFK"}
    view, notices = ViewState.from_query(query)
    page.goto(f"{server.url}/storage?" + "&".join(f"{name}={value}" for name, value in query.items()))
    settled(page)
    box = page.locator(".st-key-link_notices [data-testid=stAlert]")
    for notice in notices:
        expect(box).to_contain_text(notice)
    expect(box.locator("img")).to_have_count(0)
    expect(page.locator(".st-key-nav_explorer a:visible")).to_have_attribute("href", re.compile(rf"explorer\?ko={view.knockouts[0]}$"))
    page.get_by_role("button", name="Dismiss").click()
    expect(box).to_have_count(0)


def test_a_device_that_is_missing_is_said_to_be_missing(server: Any, page: Page, settled: Settled) -> None:
    from core.models.device import available_devices, resolve_device

    if "mps" in available_devices():
        pytest.skip("this machine has MPS")
    page.goto(f"{server.url}/storage")
    settled(page)
    page.locator(".st-key-device_wish").get_by_text("MPS", exact=True).click()
    message = resolve_device("mps").message
    assert message is not None
    assert "MPS" in message
    expect(page.locator("[data-testid=stSidebar] [data-testid=stAlert]")).to_contain_text(message.split(";")[0])


def test_larger_text_enlarges_everything(server: Any, page: Page, settled: Settled) -> None:
    def heading_size() -> float:
        return float(page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)"))

    page.goto(f"{server.url}/storage")
    settled(page)
    before = heading_size()
    page.get_by_text("Larger text").click()
    page.wait_for_function(f"() => parseFloat(getComputedStyle(document.querySelector('h1')).fontSize) > {before * 1.2}")


def test_stored_data_shows_what_is_on_disk_and_clears_it(fresh_server: Any, page: Page, settled: Settled) -> None:
    (fresh_server.home / "uploads").mkdir()
    (fresh_server.home / "uploads" / "model.xml").write_bytes(b"x" * 123_456)
    (fresh_server.home / "cache" / "deep").mkdir(parents=True)
    (fresh_server.home / "cache" / "deep" / "table.npz").write_bytes(b"y" * 789)
    page.goto(f"{fresh_server.url}/storage")
    settled(page)
    expect(page.locator(".st-key-nav_current a:visible")).to_have_text(re.compile("Stored data"))  # a link into a process that is new in every way
    expect(page.get_by_text(str(fresh_server.home), exact=True)).to_be_visible()
    for name in ("uploads", "libraries", "encoders", "cache", "runs"):
        expect(page.locator(f".st-key-folder_{name} [data-testid=stMetricValue]")).to_have_text(size(bytes_under(fresh_server.home / name)))
    expect(page.locator(".st-key-folder_runs").get_by_role("button", name="Clear")).to_be_disabled()
    page.locator(".st-key-folder_uploads").get_by_role("button", name="Clear").click()
    page.locator(".st-key-clear_uploads button:visible").click()
    expect(page.locator(".st-key-folder_uploads [data-testid=stMetricValue]")).to_have_text("0 B")
    assert bytes_under(fresh_server.home / "uploads") == 0
    assert bytes_under(fresh_server.home / "cache") == 789
