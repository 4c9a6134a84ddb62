"""Attributions in a real browser: the ledger is opened down to incidences and closed again, a ranking selects, a stop keeps what is known."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from core.explain.attribution import INTEGRATED_GRADIENTS, attribute
from core.explain.ledger import ledger
from core.explain.metabolic_masks import incidence_masks
from core.explain.rna_masks import like_itself, rna_masks
from core.metabolic import build_hypergraph, load_tables
from core.models import load_checkpoint
from core.rna import load_example
from tests.e2e.steps import Settled, card, click_until, metric


def test_the_ledger_is_opened_entry_by_entry_and_a_bar_selects(server, page: Page, settled: Settled) -> None:
    masked = incidence_masks(load_checkpoint("core"), build_hypergraph(load_tables("e_coli_core")))
    found = attribute(masked, INTEGRATED_GRADIENTS)
    whole = ledger(masked, found, "subsystem").table
    page.goto(f"{server.url}/explain")
    settled(page)
    waterfall = page.locator(".st-key-explain_ledger")
    bars = waterfall.locator(".bars .point path")
    expect(bars).to_have_count(len(whole) + 2, timeout=90_000)
    expect(waterfall.locator(".bartext").nth(1)).to_have_text(f"{whole['value'][0]:+.3g}".replace("-", "-"))
    click_until(page, bars.nth(1), page.get_by_role("button", name="the model"))
    settled(page)
    first = whole["name"][0]
    inside = ledger(masked, found, "reaction", within=("subsystem", first)).table
    expect(bars).to_have_count(len(inside) + 1)
    reaction = inside["name"][0]
    click_until(page, bars.nth(0), card(page).get_by_text(f"Reaction {reaction}").first)
    settled(page)
    parts = ledger(masked, found, "incidence", within=("reaction", reaction)).table
    expect(bars).to_have_count(len(parts) + 1)
    expect(page).to_have_url(re.compile(rf"within=.*reaction%7C{reaction}"))
    page.get_by_role("button", name="the model").click()
    expect(bars).to_have_count(len(whole) + 2)
    settled(page)
    top = found.at(masked, "reaction").abs().idxmax()
    click_until(page, page.locator(".st-key-explain_ranking .bars .point path").first, card(page).get_by_text(f"Reaction {top}").first)


def test_a_stopped_method_keeps_what_is_known(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/explain?model=iJO1366&net=genome&s.explain.method=%22occlusion%22&s.explain.level=%22reaction%22")
    expect(page.get_by_text(re.compile(r"Occlusion: [\d,]+ of 2,583"))).to_be_visible(timeout=120_000)
    expect(page.locator(".st-key-explain_so_far .bars .point path").first).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text(re.compile(r"Stopped after [\d,]+ of 2,583"))).to_be_visible()
    expect(page.locator(".st-key-explain_ranking .bars .point path").first).to_be_visible()
    expect(page.get_by_role("button", name="Compute all of it")).to_be_visible()
    settled(page)


def test_an_rna_is_taken_apart_by_element_and_base(server, page: Page, settled: Settled) -> None:
    network, record = load_checkpoint("rna"), load_example("trna-phe")
    masked = rna_masks(network, record, target=like_itself(network, record))
    found = attribute(masked, INTEGRATED_GRADIENTS)
    whole = ledger(masked, found, "element").table
    page.goto(f"{server.url}/rnaexplain?rna=example%3Atrna-phe")
    settled(page)
    bars = page.locator(".st-key-explain_ledger .bars .point path")
    expect(bars).to_have_count(len(whole) + 2, timeout=90_000)
    settled(page)
    element = whole["name"][0].removeprefix("elem:")
    click_until(page, bars.nth(1), page.get_by_role("button", name="the RNA"))
    expect(card(page)).to_contain_text(re.compile(f"[Ee]lement {element}"))
    settled(page)
    inside = ledger(masked, found, "base", within=("element", f"elem:{element}")).table
    expect(bars).to_have_count(len(inside) + 1)
    place = int(found.names[int(abs(found.values).argmax())].removeprefix("base:"))
    base = card(page).get_by_text(f"Base {record.sequence[place - 1]}{place}").first
    click_until(page, page.locator(".st-key-explain_ranking .bars .point path").first, base)
    expect(page).to_have_url(re.compile(rf"sel=base%3A{place}"))


def test_two_sessions_explain_at_once_and_the_shared_network_predicts_as_before(server, browser: Browser, settled: Settled) -> None:
    first, second = (browser.new_context().new_page() for _ in range(2))
    first.goto(f"{server.url}/explorer")
    settled(first)
    before = metric(first, "Growth, network").inner_text()
    first.goto(f"{server.url}/explain?s.explain.method=%22deep_lift%22")
    second.goto(f"{server.url}/explain?s.explain.target=%22PFK%22&s.explain.method=%22shapley%22&s.explain.level=%22subsystem%22")
    expect(first.get_by_text(re.compile("Target: growth"))).to_be_visible(timeout=90_000)
    expect(second.get_by_text(re.compile("Target: flux of PFK"))).to_be_visible(timeout=90_000)
    for page in (first, second):
        page.goto(f"{server.url}/explorer")
        settled(page)
        expect(metric(page, "Growth, network")).to_have_text(before)
        page.context.close()


def test_rankings_of_bases_stand_trial_and_lie_side_by_side(server, page: Page, settled: Settled) -> None:
    page.goto(f"{server.url}/rnaexplain?rna=example%3Ahammerhead")
    page.locator(".st-key-explain_try button:visible").click(timeout=90_000)
    expect(page.locator(".st-key-explain_verdict")).to_be_visible(timeout=180_000)
    page.get_by_role("tab", name="Side by side").click()
    squares = page.locator(".st-key-explain_side .points path")
    expect(squares.first).to_be_visible()
    settled(page)
    click_until(page, squares.first, card(page).get_by_text(re.compile(r"Base [ACGU]\d+")).first)
    expect(page).to_have_url(re.compile(r"sel=base%3A\d+"))
    expect(card(page)).to_contain_text(re.compile(r"Base [ACGU]\d+"))
