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
    import time; t0=time.time()
    tables = load_tables("e_coli_core")
    print('T', round(time.time()-t0,1), 'tables = load_tables("e_coli_core")', flush=True)
    found = metabolite_gate_test(tables, "core", conditions={"this condition": Condition()} | standard_conditions(tables))
    print('T', round(time.time()-t0,1), 'found = metabolite_gate_test(tables, "core", conditions={"th', flush=True)
    page.goto(f"{server.url}/gates")
    print('T', round(time.time()-t0,1), 'page.goto(f"{server.url}/gates")', flush=True)
    settled(page)
    print('T', round(time.time()-t0,1), 'settled(page)', flush=True)
    verdict = page.locator(".st-key-metabolite_gates_verdict")
    print('T', round(time.time()-t0,1), 'verdict = page.locator(".st-key-metabolite_gates_verdict")', flush=True)
    expect(verdict).to_contain_text(found.verdict[:120])
    print('T', round(time.time()-t0,1), 'expect(verdict).to_contain_text(found.verdict[:120])', flush=True)
    strip = page.locator(".st-key-metabolite_gates_pathways")
    print('T', round(time.time()-t0,1), 'strip = page.locator(".st-key-metabolite_gates_pathways")', flush=True)
    expect(strip.locator(".point")).to_have_count(13)
    print('T', round(time.time()-t0,1), 'expect(strip.locator(".point")).to_have_count(13)', flush=True)
    click_on(page, strip.locator(".point").first)
    print('T', round(time.time()-t0,1), 'click_on(page, strip.locator(".point").first)', flush=True)
    expect(page).to_have_url(re.compile(r"sel=rxn"))
    print('T', round(time.time()-t0,1), 'expect(page).to_have_url(re.compile(r"sel=rxn"))', flush=True)
    settled(page)
    print('T', round(time.time()-t0,1), 'settled(page)', flush=True)
    expect(card(page)).to_contain_text("Reaction PPCK")
    print('T', round(time.time()-t0,1), 'expect(card(page)).to_contain_text("Reaction PPCK")', flush=True)
    settled(page)
    print('T', round(time.time()-t0,1), 'settled(page)', flush=True)
    page.get_by_role("button", name="Replace the gates by their mean").click()
    print('T', round(time.time()-t0,1), 'page.get_by_role("button", name="Replace the gates by their ', flush=True)
    expect(verdict).to_contain_text("Replacing the 13 gates of atp_c by their mean changes the predicted growth", timeout=120_000)
    print('T', round(time.time()-t0,1), 'expect(verdict).to_contain_text("Replacing the 13 gates of a', flush=True)
    expect(page.get_by_text("as many random others").first).to_be_visible()
    print('T', round(time.time()-t0,1), 'expect(page.get_by_text("as many random others").first).to_b', flush=True)
