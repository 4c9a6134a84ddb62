"""The small ablation in a real browser: it starts, trains in processes of its own, is cancelled and can go on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psutil
from playwright.sync_api import Page, expect

from core.runs import list_runs

Settled = Callable[[Page], None]


def test_a_small_ablation_starts_is_followed_and_leaves_no_process_when_cancelled(fresh_server: Any, page: Page, settled: Settled) -> None:
    page.goto(f"{fresh_server.url}/gating")
    settled(page)
    page.get_by_role("button", name="Run a small version here").click()
    bar = page.locator("[data-testid=stProgress]")
    expect(bar).to_contain_text(re.compile(r"training: [\d,]+ of 3,600"), timeout=120_000)
    expect(page.locator(".st-key-gating_start")).to_have_count(0)
    (run,) = list_runs()
    assert (run.kind, run.state) == ("ablation", "running")
    workers = psutil.Process(run.pid).children(recursive=True)
    assert workers
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The small version was stopped")).to_be_visible(timeout=60_000)
    assert list_runs()[0].state == "cancelled"
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
