"""Seconds a person waits, in a real browser: ``python -m tests.e2e.timings``. Prints figures; asserts nothing.

Cold is a server process nobody has talked to, on empty user data; warm is the same process and browser, asked again in a
new tab.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from core.ui.stories.scripts import STORIES
from tests.e2e.conftest import LAUNCH, start_server


def seconds(act: Callable[[], object], until: Callable[[], object]) -> float:
    """From just before ``act`` until ``until`` returns."""
    start = time.perf_counter()
    act()
    until()
    return time.perf_counter() - start


def tab(browser: Browser, *, known: bool = False) -> Page:
    """A new tab: of a browser that has never seen the app or, when ``known``, of the one that has."""
    context = browser.contexts[0] if known else browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(120_000)
    return page


def drawn(page: Page) -> Callable[[], object]:
    """Waits for the reaction network's drawing."""
    return lambda: page.wait_for_selector(".gs-canvas[data-selected]", timeout=120_000)


def overview(page: Page) -> Callable[[], object]:
    """Waits for the circles of the subsystem overview."""
    return lambda: page.wait_for_selector(".gs-canvas[aria-label^='Overview'][data-selected]", timeout=120_000)


def idle(page: Page) -> None:
    """Waits for the script to end."""
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning", timeout=120_000)
    page.wait_for_timeout(1500)  # the browser itself comes to rest


def from_home(browser: Browser, url: str, name: str, until: Callable[[Page], Callable[[], object]], *, known: bool = True) -> float:
    """From the click on a link of the front page to what it opens."""
    page = tab(browser, known=known)
    page.goto(url)
    link = page.get_by_role("link", name=name)
    link.wait_for()
    idle(page)
    waited = seconds(link.click, until(page))
    idle(page)
    page.close()
    return waited


def genome_overview(browser: Browser, url: str, *, known: bool = True) -> float:
    """From entering a deep link to the overview of iJO1366: the app's own scripts load too."""
    page = tab(browser, known=known)
    waited = seconds(lambda: page.goto(f"{url}/explorer?model=iJO1366"), overview(page))
    idle(page)
    page.close()
    return waited


def click_to_card(browser: Browser, url: str, model: str, reaction: str, *, known: bool = True) -> float:
    """From a click on a reaction of the drawing to its card."""
    page = tab(browser, known=known)
    page.goto(f"{url}/explorer?model={model}&view=pathway&sub=Glycolysis/Gluconeogenesis")
    drawn(page)()
    idle(page)
    field = page.get_by_role("textbox", name=re.compile("Find"))
    field.fill(reaction)
    field.press("Enter")
    page.locator(".st-key-explorer_hits").get_by_role("radio", name=re.compile(f"reaction {reaction}:")).click()
    card = page.locator(".st-key-detail-card")
    expect(card).to_contain_text(f"Reaction {reaction}", timeout=60_000)
    expect(page.locator(".gs-canvas")).to_have_attribute("data-selected", f"rxn:{reaction}")
    page.locator(".st-key-card-close button:visible").first.click()
    expect(card).to_contain_text("Nothing selected", timeout=60_000)
    canvas = page.locator(".gs-canvas canvas").first
    canvas.scroll_into_view_if_needed()
    idle(page)
    box = canvas.bounding_box()
    assert box is not None
    middle = {"x": box["width"] / 2, "y": box["height"] / 2}
    waited = seconds(
        lambda: canvas.click(position=middle), lambda: page.wait_for_selector(f".st-key-detail-card :text('Reaction {reaction}')", timeout=60_000)
    )
    page.close()
    return waited


def bases(page: Page, count: int) -> Callable[[], object]:
    """Waits for the drawing of an RNA with so many bases."""
    return lambda: expect(page.locator(".gr-canvas [data-index]")).to_have_count(count, timeout=120_000)


def trna(page: Page) -> Callable[[], object]:
    """Waits for the drawing of yeast tRNA-Phe."""
    return bases(page, 76)


def long_rna(browser: Browser, url: str) -> list[tuple[str, float]]:
    """From pasting 3,000 bases with their fold to the drawing, and from the choice of each layout to it."""
    import random

    from core.rna import RnaRecord, fold_windowed

    sequence = "".join(random.Random(0).choices("ACGU", k=3000))
    text = f">random\n{sequence}\n{fold_windowed(RnaRecord('random', sequence)).structure}\n"
    page = tab(browser, known=True)
    page.goto(f"{url}/rna")
    bases(page, 76)()
    idle(page)
    page.get_by_role("button", name="Paste or load an RNA").click()
    page.get_by_role("textbox", name="Sequence, with or without a structure").fill(text)
    idle(page)
    opened = page.locator("[data-testid=stPopoverBody] [data-testid=stFormSubmitButton] button:visible")
    rows = [("3,000 nt with its fold, from Open to the drawing", seconds(opened.click, bases(page, 3000)))]
    for option, layout in (("circle", "circle"), ("arcs", "arc"), ("naview", "naview")):
        idle(page)
        page.get_by_role("combobox", name=re.compile("Layout")).click()
        choice = page.get_by_role("option", name=option, exact=True)
        choice.wait_for()
        shown = f".gr-canvas[aria-label*='{layout} layout']"
        rows.append(
            (f"3,000 nt, from the choice of another layout to it: {option}", seconds(choice.click, lambda shown=shown: page.wait_for_selector(shown)))
        )
    page.close()
    return rows


def story(browser: Browser, url: str, key: str, step: int) -> float:
    """From entering a story's link, in a browser that has never seen the app, to the step it names."""
    page = tab(browser)
    shown = page.locator(".st-key-story").get_by_role("heading" if step < 4 else "button", name=re.compile(".") if step < 4 else "Table, CSV").first
    link = f"{url}/stories?s.stories.story=%22{key}%22" + (f"&s.stories.step={step}" if step > 1 else "")
    waited = seconds(lambda: page.goto(link), lambda: shown.wait_for(timeout=120_000))
    page.context.close()
    return waited


def main() -> None:
    """Prints the table."""
    path = next(found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=LAUNCH)
        genome = start_server(Path(folder) / "genome")
        rows = [("iJO1366 overview, cold, deep link", genome_overview(browser, genome.url, known=False))]
        rows += [("iJO1366 overview, warm, after the click", from_home(browser, genome.url, "Open the iJO1366 overview", overview)) for _ in range(3)]
        rows += [("iJO1366 overview, warm, deep link", genome_overview(browser, genome.url)) for _ in range(2)]
        rows += [("iJO1366 pathway, click on a reaction to its card", click_to_card(browser, genome.url, "iJO1366", "PFK")) for _ in range(2)]
        genome.stop()
        core = start_server(Path(folder) / "core")
        rows += [("E. coli core network after the click, cold", from_home(browser, core.url, "Open E. coli core", drawn, known=False))]
        rows += [("E. coli core network after the click, warm", from_home(browser, core.url, "Open E. coli core", drawn)) for _ in range(3)]
        rows += [("E. coli core, click on a reaction to its card", click_to_card(browser, core.url, "e_coli_core", "GAPD")) for _ in range(3)]
        rows += [("tRNA after the click, warm server, first look at RNA", from_home(browser, core.url, "Open the tRNA", trna))]
        rows += [("tRNA after the click, warm", from_home(browser, core.url, "Open the tRNA", trna)) for _ in range(3)]
        rows += long_rna(browser, core.url)
        rows += [(f"story {one.key}, cold browser, its link", story(browser, core.url, one.key, 1)) for one in STORIES]
        rows += [(f"story {one.key}, cold browser, link to its numbers", story(browser, core.url, one.key, 4)) for one in STORIES]
        core.stop()
        rna = start_server(Path(folder) / "rna")
        rows += [("tRNA after the click, cold", from_home(browser, rna.url, "Open the tRNA", trna, known=False))]
        rna.stop()
        browser.close()
    for what, waited in rows:
        print(f"{waited:6.2f} s  {what}")


if __name__ == "__main__":
    main()
