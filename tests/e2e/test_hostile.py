"""Bad files and hostile names in a real browser: one sentence each, the last good view stays, no text becomes markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.errors import InputError
from core.metabolic import load_tables
from core.models import predict
from core.rna import read_rna
from tests.core.hostile import hostile_files, payload_model
from tests.e2e.steps import HAIRPIN, Settled, card, link, metric, open_popover, upload


def test_a_bad_model_file_of_every_format_is_one_sentence_and_the_last_good_model_stays(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    page.goto(f"{server.url}/explorer?model=toy")
    settled(page)
    growth = f"{predict(load_tables('toy'), 'core').growth:.3f} /h"
    field = open_popover(page, "Load a model file").locator("input[type=file]")
    cases = {name: case for name, case in hostile_files(tmp_path).items() if case.uploadable and not case.path.is_dir()}
    first = {case.path.suffix: name for name, case in reversed(cases.items())}  # core's tests read every one
    for name, case in ((name, cases[name]) for name in first.values()):
        field.set_input_files(case.path)
        alert = page.locator("[data-testid=stPopoverBody] [data-testid=stAlert]")
        expect(alert, name).to_contain_text(case.expected_fragment)
        expect(alert, name).to_contain_text(case.path.name)
        expect(metric(page, "Growth, network")).to_have_text(growth)


def test_a_model_of_script_payloads_leaves_the_page_unharmed(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    path = payload_model(tmp_path)
    page.goto(f"{server.url}/explorer")
    settled(page)
    upload(page, path)
    expect(page).to_have_url(re.compile("model=upload"))
    settled(page)
    tables = load_tables(path)
    for view in ("overview", "pathway", "matrix"):
        page.goto(f"{page.url.split('&')[0]}&view={view}&sel=rxn:{tables.reactions[1]}")
        settled(page)
    for panel in ("Incidences", "Plots", "Export", "Reactions"):
        page.locator(".st-key-explorer_panel").get_by_text(panel, exact=True).click()
        settled(page)
    expect(page.locator(".st-key-detail-card")).to_contain_text(tables.reaction_names[1])
    expect(page).to_have_title("Metabolic explorer · Gatescope")
    assert page.evaluate("window.hostile") is None
    assert page.locator("img[src=x]").count() == 0


BAD = {  # one of each format; core's tests read many more
    "letters.fa": ">x\nGGGJAAACCC\n",
    "longer.dbn": ">x\nGGGAAACCC\n(((...))).\n",
    "twice.ct": "4 x\n1 G 0 2 4 1\n2 A 1 3 4 2\n3 A 2 4 0 3\n4 C 3 0 1 4\n",
    "outside.bpseq": "1 G 30\n2 A 0\n",
    "unbalanced.sto": "# STOCKHOLM 1.0\na GGGAAACCC\n#=GC SS_cons <<<...>>>>\n//\n",
    "empty.fa": "",
    "binary.txt": "\x00\x01\x02GATTACA\x00",
}


def test_bad_rnas_in_every_format_is_one_sentence_and_the_view_stays(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    page.goto(f"{server.url}/rna?sel=base:20")
    settled(page)
    body = open_popover(page, "Paste or load an RNA")
    for name, text in BAD.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
        with pytest.raises(InputError) as error:
            read_rna((tmp_path / name).read_bytes())
        body.locator("input[type=file]").set_input_files(tmp_path / name)
        expect(body).to_contain_text(name)
        expect(body.locator("[data-testid=stAlert]")).to_have_count(1)
        expect(body.locator("[data-testid=stAlert]")).to_contain_text(" ".join(str(error.value).split()), use_inner_text=True)
    expect(page.locator(".gr-canvas [data-index]")).to_have_count(76)
    expect(card(page)).to_contain_text("Base G20")


SCRIPT = "</script><script>window.hostile=1</script><img src=x onerror=window.hostile=1>**b**[l](javascript:alert(1))"
NAMED = {
    "a.fa": f">{SCRIPT}\n{HAIRPIN}\n",
    "a.dbn": f">{SCRIPT}\n{HAIRPIN}\n((((....))))\n",
    "a.ct": f"2 {SCRIPT}\n1 G 0 2 0 1\n2 A 1 0 0 2\n",
    "a.bpseq": f"# {SCRIPT}\n1 G 0\n2 A 0\n",
    "a.sto": f"# STOCKHOLM 1.0\n#=GF DE {SCRIPT}\n{SCRIPT.replace(' ', '_')} {HAIRPIN}\n#=GC SS_cons <<<<....>>>>\n//\n",
}


def test_names_with_scripts_are_text_in_every_format_and_view(server, page: Page, settled: Settled, tmp_path: Path) -> None:
    page.goto(f"{server.url}/rna?sel=base:1")
    settled(page)
    for name, text in NAMED.items():
        (tmp_path / name).write_text(text)
        open_popover(page, "Paste or load an RNA").locator("input[type=file]").set_input_files(tmp_path / name)
        expect(page.locator(".gr-canvas [data-index]")).to_have_count(2 if name in ("a.ct", "a.bpseq") else 12)
        settled(page)
        assert page.evaluate("window.hostile") is None
    source = page.url.split("rna=")[1].split("&")[0]
    for view in ("graph", "dots", "layers", "compare"):
        page.goto(f"{server.url}/rna?rna={source}&{link(view=view, panel='Export')}")
        settled(page)
        expect(page.get_by_role("radio", name="Export")).to_be_visible()
    with page.expect_download() as got:
        page.get_by_role("button", name="Graph, HTML that opens offline").click()
    page.set_content(Path(got.value.path()).read_text())
    expect(page.locator("canvas").first).to_be_visible()
    assert page.evaluate("window.hostile") is None
    assert page.locator("img[src=x]").count() == 0
