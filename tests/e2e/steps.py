"""What the browser tests do over and over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

Settled = Callable[[Page], None]
HAIRPIN = "GGGGAAAACCCC"
PAYLOAD = "<img/src=x/onerror=document.title='gone'>"


def link(**settings: object) -> str:
    return "&".join(f"s.rna.{name}={json.dumps(value)}" for name, value in settings.items())


def choose(page: Page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=re.compile(label))
    box.scroll_into_view_if_needed()  # a page that still scrolls closes the list again
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")
    box.click()
    page.get_by_role("option", name=option, exact=True).click()


def card(page: Page) -> Locator:
    return page.locator(".st-key-detail-card")


def metric(page: Page, label: str) -> Locator:
    return page.locator("[data-testid=stMetric]", has_text=label).locator("[data-testid=stMetricValue]")


def upload(page: Page, path: Path) -> None:
    page.get_by_role("button", name="Load a model file").click()
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(path)


def canvas(page: Page) -> Locator:
    return page.locator(".gr-canvas").first


def legend(page: Page) -> Locator:
    return page.locator(".gr-legend").first


def paste(page: Page, text: str) -> None:
    page.get_by_role("button", name="Paste or load an RNA").click()
    page.get_by_role("textbox", name="Sequence, with or without a structure").fill(text)
    page.locator("[data-testid=stPopoverBody] [data-testid=stFormSubmitButton] button").click()


def click_on(page: Page, mark: Locator) -> None:
    """Clicks where a mark of a plot is; plotly listens on a layer above its marks."""
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
