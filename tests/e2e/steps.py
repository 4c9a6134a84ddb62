"""What the browser tests do over and over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, TimeoutError, expect

Settled = Callable[[Page], None]
HAIRPIN = "GGGGAAAACCCC"
PAYLOAD = "<img/src=x/onerror=document.title='gone'>"


def link(**settings: object) -> str:
    return "&".join(f"s.rna.{name}={json.dumps(value)}" for name, value in settings.items())


def at_rest(page: Page) -> None:
    """What is given to a page that is still running can be lost when its run ends."""
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")


def open_popover(page: Page, name: str) -> Locator:
    """Opens a popover, which runs the page again, and waits for that."""
    page.get_by_role("button", name=name).click()
    body = page.locator("[data-testid=stPopoverBody]")
    expect(body).to_be_visible()
    at_rest(page)
    return body


def choose(page: Page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=re.compile(label))
    box.scroll_into_view_if_needed()  # a page that still scrolls closes the list again
    at_rest(page)
    box.click()
    page.get_by_role("option", name=option, exact=True).click()


def unfold(page: Page, label: str, option: str | re.Pattern[str]) -> Locator:
    """Opens a list, again where the page was drawn anew at that moment and closed it, and gives one of its options."""
    wanted = page.get_by_role("option", name=option, exact=isinstance(option, str))
    for _ in range(6):
        at_rest(page)
        page.get_by_role("combobox", name=label).click()
        try:
            wanted.wait_for(timeout=10_000)
            break
        except TimeoutError:
            continue
    return wanted


def card(page: Page) -> Locator:
    return page.locator(".st-key-detail-card")


def metric(page: Page, label: str) -> Locator:
    return page.locator("[data-testid=stMetric]", has_text=label).locator("[data-testid=stMetricValue]")


def upload(page: Page, path: Path) -> None:
    open_popover(page, "Load a model file").locator("input[type=file]").set_input_files(path)


def canvas(page: Page) -> Locator:
    return page.locator(".gr-canvas").first


def legend(page: Page) -> Locator:
    return page.locator(".gr-legend").first


def paste(page: Page, text: str) -> None:
    body = open_popover(page, "Paste or load an RNA")
    page.get_by_role("textbox", name="Sequence, with or without a structure").fill(text)
    body.locator("[data-testid=stFormSubmitButton] button:visible").click()


def click_on(page: Page, mark: Locator) -> None:
    """Clicks where a mark of a plot is; plotly listens on a layer above its marks."""
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def click_until(page: Page, mark: Locator, shown: Locator) -> None:
    """Clicks a mark of a plot until something is shown: a drawing above it that comes late moves the plot away from under the mouse."""
    _until(page, lambda: click_on(page, mark), shown)


def choose_first_row(page: Page, table: Locator, shown: Locator) -> None:
    """Marks the first row of a table until something is shown: a table that is drawn again meanwhile forgets the click."""
    _until(page, lambda: table.locator(".dvn-scroller").click(position={"x": 16, "y": 52}), shown)


def press_until(page: Page, key: str, shown: Locator) -> None:
    """Presses a key until something is shown."""
    _until(page, lambda: page.keyboard.press(key), shown)


def _until(page: Page, click: Callable[[], None], shown: Locator) -> None:
    for _ in range(6):
        at_rest(page)
        if shown.is_visible():
            return
        click()
        try:
            shown.wait_for(timeout=8_000)
            return
        except TimeoutError:
            continue
    expect(shown).to_be_visible()
