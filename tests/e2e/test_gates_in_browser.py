"""The page of one metabolite in a real browser: a point selects its reaction, the replacement runs and is told."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from core.explain import metabolite_gate_test
from core.explain.atp import standard_conditions
from core.metabolic import load_tables
from core.metabolic.condition import Condition
from tests.e2e.steps import Settled, card, click_on


def test_atps_gates_are_shown_a_point_selects_and_the_replacement_runs(server, page: Page, settled: Settled) -> None:
    tables = load_tables("e_coli_core")
    found = metabolite_gate_test(tables, "core", conditions={"this condition": Condition()} | standard_conditions(tables))
    page.goto(f"{server.url}/gates")
    settled(page)
    verdict = page.locator(".st-key-metabolite_gates_verdict")
    expect(verdict).to_contain_text(found.verdict[:120])
    strip = page.locator(".st-key-metabolite_gates_pathways")
    expect(strip.locator(".point")).to_have_count(13)
    click_on(page, strip.locator(".point").first)
    expect(page).to_have_url(re.compile(r"sel=rxn"))
    settled(page)
    expect(card(page)).to_contain_text("Reaction PPCK")
    settled(page)
    page.get_by_role("button", name="Replace the gates by their mean").click()
    expect(verdict).to_contain_text("Replacing the 13 gates of atp_c by their mean changes the predicted growth", timeout=240_000)
    expect(page.get_by_text("as many random others").first).to_be_visible()
