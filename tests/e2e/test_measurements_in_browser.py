"""Measurements in a real browser: from the file to the table, the curves and a conflict's reaction; a bad file leaves everything as it was."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from core.explain.disagreements import disagreements
from core.explain.flux_references import LETHAL, flux_references
from core.explain.measured_ranking import compare_scores
from core.explain.measurements import open_measurement
from core.metabolic import load_tables
from tests.e2e.steps import Settled, at_rest, choose_first_row, open_popover

FLIPPED = ("b1723", "b2779")


def load(page: Page, path: Path) -> None:
    open_popover(page, "Load a measurement").locator("input[type=file]").set_input_files(path)


def panel(page: Page, name: str) -> None:
    page.locator(".st-key-measurements_panel").get_by_role("radio", name=name).click()


def test_a_measurement_from_file_to_conflict(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    tables = load_tables("e_coli_core")
    solved = flux_references(tables)
    calls = {g: (r < LETHAL) != (g in FLIPPED) for g, r in zip(solved.genes["gene"], solved.genes["ratio"], strict=True)}
    file = tmp_path / "keio.csv"
    file.write_text("\n".join(["gene,essential", *(f"{gene},{'yes' if call else 'no'}" for gene, call in calls.items()), "b9999,no"]))
    page.goto(f"{server.url}/measurements")
    settled(page)
    load(page, file)
    expect(page.get_by_text("137 genes of e_coli_core measured")).to_be_visible()
    expect(page.get_by_text("1 ids not matched")).to_be_visible()
    expect(page).to_have_url(re.compile("s.measurements.file="))
    page.get_by_role("button", name="Compute the FBA references").click()
    expect(page.get_by_role("button", name="Compute the FBA references")).to_have_count(0)
    expect(page.locator(".st-key-measurements-recall").get_by_text("Precision and recall (average precision)").last).to_be_visible()
    _, measured = open_measurement(file.read_bytes(), tables)
    found = compare_scores(measured, tables, checkpoints=["core"], references=solved)
    average = dict(zip(found.labels, found.table["ap"], strict=True))
    legend = page.locator(".st-key-measurements-recall .legend")  # for a moment the plot without FBA stands beside the one with it
    expect(legend.filter(has_text=f"FBA knock-out ({average['FBA knock-out']:.2f})")).to_be_visible()
    panel(page, "Disagreements")
    first = disagreements(found, solved, tables, score="core: gate").iloc[0]
    settled(page)
    frame = page.locator("[data-testid=stDataFrame]").last
    expect(frame.locator("[data-testid=data-grid-canvas]")).to_contain_text(str(first["id"]))  # drawn, so that a click finds its row
    chosen = page.locator(".st-key-measurements-chosen")
    choose_first_row(page, frame, chosen.get_by_text(re.compile("^Reason: ")))
    expect(chosen).to_contain_text(f"Reason: {first['reason']}")
    reaction = first["reactions"].split(", ")[0]
    expect(page).to_have_url(re.compile(f"sel=rxn(:|%3A){reaction}"))
    chosen.get_by_role("link", name=f"See {reaction} in the explorer").click()
    expect(page.locator(".st-key-detail-card")).to_contain_text(f"Reaction {reaction}")


def test_a_bad_file_is_one_sentence(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(bytes(range(256)) * 8)
    (tmp_path / "hostile.csv").write_text("gene,<img src=x onerror=alert(1)>\nb0720,yes\nb1723,no\n<b>x</b>,no\n")
    page.goto(f"{server.url}/measurements")
    settled(page)
    load(page, tmp_path / "bad.csv")
    expect(page.get_by_text("The file is not a text table; save it as CSV or TSV and choose that.")).to_be_visible()
    at_rest(page)
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(tmp_path / "hostile.csv")
    expect(page.get_by_text("2 genes of e_coli_core measured")).to_be_visible()
    expect(page.get_by_text("is essential where <img src=x onerror=alert(1)> is 'yes'")).to_be_visible()
    expect(page.locator("[data-testid=stMain] img[src=x]")).to_have_count(0)
