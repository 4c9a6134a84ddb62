"""The Train page in a real browser: a run from the form to its comparison, with the tab and the server closed in between."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from core import storage
from core.runs import list_runs, record
from tests.e2e.steps import at_rest, unfold

Settled = Callable[[Page], None]


def an_older_run() -> None:
    """A finished run as an earlier visit left it."""
    folder = storage.folder("runs") / "20250101-000000-aaaaaa"
    about = {"schema": record.SCHEMA, "kind": "train-metabolic", "name": "an older run", "arguments": ["train"], "created": 1_700_000_000.0}
    storage.write_json(folder / record.STATE_FILE, {"state": "finished", "ended": 1_700_000_060.0})
    storage.write_json(folder / record.CONFIG_FILE, about)
    storage.write_json(folder / "settings.json", {"seed": 10, "epochs": 2, "network": {"gate": "none"}})
    rows = [{"epoch": e, "growth_r2": 0.2 * e, "growth_r2_growing": 0.1 * e, "flux_r2_median": 0.1 * e} for e in (1, 2)]
    storage.write_bytes(folder / record.HISTORY_FILE, "".join(json.dumps(row) + "\n" for row in rows).encode())


def fill(page: Page, **values: int) -> None:
    for label, value in values.items():
        box = page.get_by_role("spinbutton", name=label.replace("_", " "))
        at_rest(page)  # a run that is still under way replaces the box
        box.fill(str(value))
        box.press("Enter")


def badge(page: Page, state: str) -> Any:
    return page.locator("[data-testid=stMarkdownContainer]").filter(has_text=re.compile(f"{state}$"))


def test_a_run_is_started_cancelled_resumed_and_compared_while_tab_and_server_come_and_go(fresh_server: Any, page: Page, settled: Settled) -> None:
    page.goto(f"{fresh_server.url}/train")
    settled(page)
    expect(page.get_by_text("No runs yet.")).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("a *starred* run")
    page.get_by_text("More settings").click()
    fill(page, Growth_conditions_to_learn_from=64, Epochs=100, Hidden_width=4, Layers=1, Validation_conditions=16, Test_conditions=16)
    expect(page.get_by_text(re.compile(r"Parameters: \d"))).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", name="a *starred* run")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile("training: .* left of this stage"))).to_be_visible(timeout=90_000)
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=90_000)
    page.get_by_role("button", name="Cancel").click()
    expect(badge(page, "Cancelled")).to_be_visible(timeout=60_000)
    (run,) = list_runs()
    assert (run.name, run.state, run.kind, run.total) == ("a *starred* run", "cancelled", "train-metabolic", 200)
    assert 0 < run.done < 200
    assert json.loads((run.folder / "settings.json").read_text())["network"]["hidden"] == 4

    page.goto("about:blank")
    an_older_run()
    page.goto(f"{fresh_server.url}/train")
    settled(page)
    expect(page.locator(".js-plotly-plot")).to_have_count(4, timeout=90_000)
    page.get_by_role("button", name="Resume").click()
    expect(badge(page, "Running")).to_be_visible()
    page.goto("about:blank")
    fresh_server.restart()
    page.goto(f"{fresh_server.url}/train")
    settled(page)
    expect(badge(page, "Finished")).to_be_visible(timeout=180_000)
    run = next(one for one in list_runs() if one.id == run.id)
    assert (run.state, run.sittings) == ("finished", 2)
    assert [row["epoch"] for row in run.history()] == list(range(1, 101))
    expect(page.get_by_role("link", name="See its gates")).to_have_attribute("href", re.compile(f"net=run%3A{run.id}|net=run:{run.id}"))

    page.get_by_role("button", name="Name and notes").click()
    page.get_by_role("textbox", name="Notes").fill("kept for later")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("kept for later", exact=True)).to_be_visible()
    settled(page)
    for name in ("an older run", "a *starred* run"):  # the page is drawn anew after each, which may close the list
        unfold(page, "Runs to compare", name).click()
        page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Comparison, CSV")).to_be_visible()
    expect(page.locator(".js-plotly-plot").last.locator(".legendtext")).to_have_text(["a *starred* run", "an older run"])
    expect(page).to_have_url(re.compile(r"s\.train\.compare="))

    page.get_by_role("button", name="Delete").click()
    page.locator(f".st-key-delete_{run.id} button:visible").click()
    expect(page.get_by_role("heading", name="a *starred* run")).to_have_count(0)
    assert not run.folder.exists()
