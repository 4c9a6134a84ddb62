"""axe-core finds no serious or critical issue on any page, on both themes; every figure has an alternative text."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from core.ui.nav import PAGES
from tests.e2e.steps import Settled

GRAVE = ("serious", "critical")
UNNAMED = """() => [...document.querySelectorAll('[data-testid=stPlotlyChart], [data-testid=stImage] img, .gr-canvas')]
  .filter(e => e.offsetParent && !(e.getAttribute('aria-label') || e.getAttribute('alt') || e.getAttribute('aria-labelledby')
    || e.querySelector(':scope > [aria-label][role=img], :scope > svg > title') || e.parentElement.getAttribute('aria-label')))
  .map(e => e.outerHTML.slice(0, 120))"""
"""Figures that say nothing to those who cannot see them."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_keeps_anybody_out(server, browser: Browser, settled: Settled, theme: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{server.url}/storage")
    settled(page)
    found = {}
    for entry in PAGES:
        page.locator(f".st-key-nav_{entry.path} a:visible, .st-key-nav_current a[href*='/{entry.path}']:visible").first.click()
        expect(page.locator(".st-key-nav_current")).to_contain_text(entry.title)
        settled(page)
        seen = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        grave = [f"{v['id']}: {node['html'][:120]}" for v in seen if v["impact"] in GRAVE for node in v["nodes"]]
        unnamed = page.evaluate(UNNAMED)
        if grave or unnamed:
            found[entry.path] = [*grave, *(f"no alternative text: {html}" for html in unnamed)]
    context.close()
    assert found == {}
