"""A report holds the numbers of the page, says how they were made, and asks a browser for nothing."""

from __future__ import annotations

import json
from html import escape
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest

from core.explain.attribution import attribute
from core.explain.bases import base_importance
from core.explain.manifest import condition_in_manifest, explanation, metabolic_inputs, model_in_manifest, rna_inputs
from core.explain.metabolic_masks import incidence_masks
from core.explain.methods_text import REFERENCES, methods_of
from core.explain.reactions import INSTANT, reaction_importance
from core.explain.replay import read_manifest
from core.explain.reports import attribution_report, bases_report, reactions_report
from core.explain.rna_masks import rna_masks
from core.explain.rna_targets import TargetRecipe
from core.explain.trial import WORDS
from core.explain.whole_trial import reactions_on_trial
from core.metabolic import build_hypergraph, load_tables
from core.models import load_checkpoint
from core.rna.library import list_library
from core.viz.plots import finished
from core.viz.report import chart, facts, report, table


class Read(HTMLParser):
    """Headings, cells, what is loaded from elsewhere, and the manifest of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.cells: list[str] = []
        self.loaded: list[str] = []
        self.manifest = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = "manifest" if given.get("id") == "manifest" else tag
        if tag in ("script", "img", "link", "iframe", "source", "object"):
            self.loaded += [v for k, v in attrs if k in ("src", "href", "data") and v]
        if tag in ("h1", "h2"):
            self.headings.append("")
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("h1", "h2"):
            self.headings[-1] += data
        if self._inside == "td":
            self.cells[-1] += data
        if self._inside == "manifest":
            self.manifest += data


@pytest.fixture(scope="module")
def growth(tabled) -> tuple[Any, Any, dict[str, Any], Any]:
    tables, network = tabled("e_coli_core"), load_checkpoint("core")
    graph = build_hypergraph(tables, medium="acetate")
    function = incidence_masks(network, graph, target="growth")
    found = attribute(function, "integrated_gradients")
    asked = {"model": model_in_manifest(tables, "e_coli_core"), "condition": condition_in_manifest("acetate", (), None)}
    told = explanation(function, found, "reaction", "metabolic", metabolic_inputs(graph, network[1], network="core", target="growth", **asked))
    return function, found, told, network[1]


def test_the_report_holds_the_pages_numbers_and_a_manifest_that_replays(growth):
    function, found, told, card = growth
    text = attribution_report(function, found, "reaction", told, about={"Medium": "acetate"}, card=card.content, coarse="subsystem")
    read = Read(text)
    values = found.at(function, "reaction")
    first = values.abs().idxmax()
    at = read.cells.index(first)
    assert float(read.cells[at + 1]) == pytest.approx(values[first], rel=1e-3)
    assert read.headings[0] == f"Gatescope: {function.target}"
    assert {"What was asked", "Ledger by subsystem", "Attribution by reaction", "Methods", "Manifest"} <= set(read.headings)
    assert json.loads(read.manifest) == json.loads(json.dumps(told))
    assert read_manifest(read.manifest.encode()).weights == card.weights_sha256
    assert "the medium &#x27;acetate&#x27;" in text and "has not been on trial" in text and "not what the cell needs" in text


def test_nothing_is_fetched(growth):
    function, found, told, card = growth
    text = attribution_report(function, found, "reaction", told, about={}, card=card.content)
    assert Read(text).loaded == [] and "default-src 'none'" in text


def test_the_verdicts_stand_in_the_report(growth):
    function, found, told, card = growth
    network = load_checkpoint("core")
    factors = reaction_importance(load_tables("e_coli_core"), network, medium="acetate", methods=INSTANT)
    trial = reactions_on_trial(function, network, factors, target="growth", found=found)
    text = attribution_report(function, found, "reaction", told, about={}, card=card.content, trial=trial)
    cells = Read(text).cells
    for _, row in trial.table.iterrows():
        at = cells.index(WORDS.get(row["ranking"], row["ranking"]))
        assert row["verdict"] in cells and row["why"] in cells and at >= 0
    assert escape(trial.sentence()) in text and "deleted from the graph in these orders" in text and "over 5 seeds" not in text
    assert REFERENCES["randomisation"][:20] in text


def test_an_rnas_report_says_how_it_was_folded():
    network = load_checkpoint("rna")
    record = next(one.record for one in list_library() if one.id == "hammerhead")
    recipe = TargetRecipe("itself")
    function = rna_masks(network, record, over="bases", target=recipe.made(network, record))
    found = attribute(function, "saliency")
    fold = {"method": "given", "temperature": 37.0}
    told = explanation(function, found, "base", "rna", rna_inputs(record, None, network[1], recipe, network="rna", fold=fold))
    text = attribution_report(function, found, "base", told, about={"RNA": record.id}, card=network[1].content)
    assert (
        "structure of the RNA hammerhead was taken as given" in text and "at 37 degrees Celsius" in text and REFERENCES["forgi"].split(":")[0] in text
    )
    assert REFERENCES["saliency"][:20] in text and REFERENCES["cobrapy"][:20] not in text


def test_what_a_user_wrote_cannot_become_part_of_the_document():
    evil = "<script>alert(1)</script>"
    rows = pd.DataFrame({evil: [evil]})
    text = report(evil, evil, [facts(evil, {evil: evil}), table(evil, rows, evil)], methods=[evil], references=[evil], manifest={"name": evil})
    assert "<script>alert" not in text and json.loads(Read(text).manifest) == {"name": evil}


def test_every_figure_has_an_alternative_text_and_long_tables_say_so():
    import plotly.graph_objects as go

    figure = finished(go.Figure(go.Bar(x=[1], y=["a"])), "A title", "Bars of a.", height=200)
    assert 'role="img" aria-label="Bars of a."' in chart("A chart", figure).html
    assert "The first 2 of 3 rows." in table("Rows", pd.DataFrame({"n": [1, 2, 3]}), most=2).html


def test_methods_cite_what_was_used():
    model = {"id": "iJO1366", "reactions": 2583, "metabolites": 1805}
    condition = {"medium": None, "knockouts": [], "objective": "ATPM"}
    manifest = {"half": "metabolic", "model": model, "condition": condition, "checkpoint": {"name": "genome", "sha256": "0" * 64}}
    found = methods_of(manifest, card=load_checkpoint("genome")[1].content)
    assert "(2,583 reactions, 1,805 metabolites) under its own medium, with ATPM as the objective" in found.paragraphs[0]
    assert REFERENCES["iJO1366"] in found.references and REFERENCES["deletion"] not in found.references
    assert "shared out within a metabolite" in found.paragraphs[1]
    assert REFERENCES["viennarna"] not in found.references and len(set(found.references)) == len(found.references)


def test_methods_tell_settings_in_words_and_cite_captum_where_it_was_called(growth):
    _, found, told, card = growth

    def said(**changed: object) -> tuple[str, bool]:
        methods = methods_of(told | changed, card=card.content)
        return methods.paragraphs[2], REFERENCES["captum"] in methods.references

    assert f"({found.settings['steps']} points, placed where they were needed); baseline: {function_words(told)}." in said()[0] and not said()[1]
    assert "(50 points, Gauss-Legendre)" in said(settings={"steps": 50})[0] and said(settings={"steps": 50})[1]
    shapley = said(method="shapley", settings={"orders": 25, "seed": 0, "groups": 40})
    assert "Shapley values from random orders (25 orders of 40 groups, seed 0)" in shapley[0] and shapley[1]
    assert not said(method="occlusion", settings={})[1]


def function_words(manifest: dict[str, Any]) -> str:
    return str(manifest["words"]["baseline"])


def test_what_the_network_lets_through_as_a_document(tabled):
    found = reaction_importance(tabled("e_coli_core"), load_checkpoint("core"), medium="anaerobic glucose", methods=INSTANT)
    table = found.table.sort_values("gate", ascending=False, kind="stable")
    drawn = "<?xml version='1.0'?><svg viewBox='0 0 1 1'></svg>"
    text = reactions_report(table, found.manifest, about={"Model": "e_coli_core"}, card={"summary": "A network."}, drawn=drawn, said="Spokes")
    read = Read(text)
    first = table.iloc[0]
    assert read.cells[0] == first["reaction"] and float(read.cells[3]) == pytest.approx(first["gate"], rel=1e-3)
    assert "the medium &#x27;anaerobic glucose&#x27;" in text and 'aria-label="Spokes"' in text and "<?xml" not in text and read.loaded == []


def test_an_rna_as_a_document():
    record = next(one.record for one in list_library() if one.id == "hammerhead")
    found = base_importance(record, load_checkpoint("rna"))
    fold = {"temperature": 37.0, "method": "given"}
    manifest = {**found.manifest, "fold": fold}
    text = bases_report(found.bases, found.elements, manifest, about={"RNA": record.id}, card={}, drawn="<svg></svg>", said="The structure")
    read = Read(text)
    assert read.headings[:4] == ["Gatescope: hammerhead", "What was asked", "The structure", "Elements"]
    assert REFERENCES["viennarna"].split(":")[0] in text and "was taken as given" in text and read.loaded == []
