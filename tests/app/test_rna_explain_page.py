"""The page of attributions of an RNA under Streamlit's own test runner: targets, masks and baselines are core's, and rankings stand trial."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.explain.attribution import INTEGRATED_GRADIENTS, OCCLUSION, attribute
from core.explain.controls import STEPS
from core.explain.masked import Masked
from core.explain.rna_masks import like_itself, like_rnas, rna_masks
from core.explain.rna_targets import TargetRecipe
from core.models import load_checkpoint, load_members
from core.rna import RnaRecord, load_example
from core.ui.explain.trial import trials
from core.ui.rna import uploads
from core.ui.rna.data import examples
from tests.app.steps import attribution_table as table
from tests.app.steps import charts, explained, opened, replays, settled, told

pytestmark = pytest.mark.usefixtures("own_home")


def page(rna: str = "hammerhead", source: str = "", **settings: object) -> AppTest:
    return explained("rnaexplain", settings, rna=source or f"example:{rna}")


def masked(rna: str = "hammerhead", **how: object) -> Masked:
    network, record = load_checkpoint("rna"), load_example(rna)
    return rna_masks(network, record, **({"target": like_itself(network, record)} | how))  # type: ignore[arg-type]


def test_likeness_to_itself_is_attributed_to_bases_and_elements() -> None:
    test, function = page(), masked()
    found = attribute(function, INTEGRATED_GRADIENTS)
    assert table(test, "base") == pytest.approx(found.at(function, "base").to_dict(), abs=1e-4)
    assert "Target: likeness to itself. Baseline: bases without features." in told(test)
    assert f"F(1) - F(0) = {function.effect:+.4g} with" in told(test)
    elements = page(**{"level.bases": "element"})
    assert table(elements, "element") == pytest.approx(found.at(function, "element").to_dict(), abs=1e-4)
    assert {"explain_ledger", "explain_ranking"} <= charts(elements) and "[base-colours]" not in told(test)


def test_targets_masks_and_baselines_are_what_the_link_says() -> None:
    network, record = load_checkpoint("rna"), load_example("hammerhead")
    other = load_example("trna-phe")
    like = masked(target=like_rnas(network, [other], "x"), over="pairs")
    test = page(target="example:trna-phe", over="pairs", method="occlusion")
    assert table(test, "pair") == pytest.approx(attribute(like, OCCLUSION).at(like, "pair").to_dict(), abs=1e-4)
    assert "Target: likeness to Yeast tRNA-Phe. Baseline: no messages along pairs." in told(test)
    relatives = [e.record for e in examples().values() if e.family == "RF00008 Hammerhead_3" and e.record.sequence != record.sequence]
    family = masked(target=like_rnas(network, relatives, "x"))
    test = page(target="family:RF00008 Hammerhead_3")
    assert len(relatives) >= 2 and "Target: likeness to the family RF00008 Hammerhead_3" in told(test)
    assert f"F(1) - F(0) = {family.effect:+.4g} with" in told(test)
    shuffled = masked(target=None, baseline="shuffled")
    test = page(target="length", baseline="shuffled")
    assert f"F(1) - F(0) = {shuffled.effect:+.4g} with" in told(test) and "the same bases in another order (seed 0)" in told(test)
    assert "Target: likeness to itself" in told(page(target="nobody", method="none", over="atoms", baseline="none"))
    kinds = table(page(over="edges"), "kind")
    assert "backbone, forward" in kinds and "pair, backward" in kinds
    assert len(table(page(over="features"), "feature")) == 18
    assert record.id == "hammerhead"


def tried(test: AppTest) -> AppTest:
    test.button(key="explain_try").click().run()
    for job in list(trials()._jobs.values()):
        assert job.ended.wait(180)
    test.run()
    assert not test.exception
    return test


def test_rankings_of_bases_stand_trial() -> None:
    test = tried(page())
    trial = next(one for one in trials()._done.values() if one.level == "base")
    verdict, why = trial.judged(INTEGRATED_GRADIENTS)
    assert trial.sentence() in told(test) and f"{verdict}: {why}"[:120] in told(test)
    assert "This network has one seed" not in told(test) and trial.gates is None and trial.deletion is not None
    (stable,) = [frame.value for frame in test.dataframe if {"spearman", "jaccard"} <= set(frame.value.columns)]
    record = load_example("hammerhead")
    functions = [rna_masks(one, record, target=like_itself(one, record)) for one in load_members("rna")]
    found = [attribute(function, INTEGRATED_GRADIENTS, steps=STEPS).at(function, "base").to_numpy() for function in functions]
    ranks = pd.DataFrame(np.abs(found)).rank(axis=1).T.corr().to_numpy()[np.triu_indices(5, 1)]
    own = stable[stable["method"] == "integrated gradients"].iloc[0]
    assert trial.judged("saliency")[0] == "cannot be told"
    assert own["seeds"] == 5 and own["spearman"] == pytest.approx(ranks.mean(), abs=1e-4)
    verdict, why = trial.judged("attention")
    assert f"attention {verdict}: {why}"[:120] in told(opened("rna", rna="example:hammerhead"))
    assert {"openness", "attention", "edges"} <= set(trial.table["ranking"])


def test_likeness_to_itself_has_no_slope_and_the_page_says_so() -> None:
    assert "These values are rounding errors" in told(page(method="saliency"))
    assert "These values are rounding errors" not in told(page(method="saliency", target="example:trna-phe"))
    assert "These values are rounding errors" not in told(page())


def test_a_single_seed_says_that_stability_cannot_be_told() -> None:
    test = tried(explained("rnaexplain", {}, rna="example:hammerhead", rnanet="rna_standard"))
    assert "This network has one seed: how stable its rankings are over seeds cannot be told." in told(test)
    assert not any("jaccard" in frame.value.columns for frame in test.dataframe)


def test_the_ledger_opens_an_element() -> None:
    test = page(within="element|elem:s0")
    assert "**s0, stem**" in told(test)
    ledger = next(json.loads(chart.proto.spec) for chart in test.get("plotly_chart") if "s0, stem by base" in chart.proto.spec)
    assert ledger["data"][0]["y"][0][0] in "ACGU" and not any(name.startswith("base:") for name in ledger["data"][0]["y"])
    (back,) = [b for b in test.button if b.label == "the RNA"]
    back.click().run()
    assert "**s0, stem**" not in told(test) and not test.exception


TWO = b">first\nGGGGAAAACCCCAAGGGCUUUUGCCC\n((((....))))..((((....))))\n>second\nGGCGAAAACGCC\n((((....))))\n"


def test_an_rna_of_the_same_text_is_a_target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = uploads.keep(TWO, "two")
    network = load_checkpoint("rna")
    first, second = RnaRecord("first", *TWO.decode().split()[1:3]), RnaRecord("second", *TWO.decode().split()[4:6])
    function = rna_masks(network, first, target=like_rnas(network, [second], "x"))
    test = page(source=source, target="record:1")
    assert "Target: likeness to second. Baseline" in told(test)
    assert table(test, "base") == pytest.approx(attribute(function, INTEGRATED_GRADIENTS).at(function, "base").to_dict(), abs=1e-4)
    (targets,) = [one for one in test.selectbox if one.label == "Explain"]
    assert "likeness to second, 2 of this text" in targets.options and not any("first" in option for option in targets.options)
    assert "Target: likeness to itself" in told(page(source=source, target="record:0"))
    made = replays(monkeypatch, tmp_path, lambda: page(source=source, target="record:1"))
    assert made["target"]["rnas"] == [{"id": "second", "sequence": second.sequence, "structure": second.structure}]


def test_an_element_is_compared_with_a_motif_of_another_rna(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network, record, other = load_checkpoint("rna"), load_example("hammerhead"), load_example("trna-phe")
    recipe = TargetRecipe("motif", "hairpin h1 of Yeast tRNA-Phe", (other,), "s0", "h1")
    function = rna_masks(network, record, target=recipe.made(network, record))
    chosen = {"target": "motif", "element": "s0", "motif_of": "example:trna-phe", "motif": "h1"}
    test = page(**chosen)
    assert "Target: likeness of s0 to hairpin h1 of Yeast tRNA-Phe." in told(test) and "the distance of the element from the motif" in told(test)
    assert table(test, "base") == pytest.approx(attribute(function, INTEGRATED_GRADIENTS).at(function, "base").to_dict(), abs=1e-4)
    assert "likeness of h0 to hairpin h0 of" in told(page(target="motif", element="none", motif="none", motif_of="example:none"))
    made = replays(monkeypatch, tmp_path, lambda: page(**chosen, method="occlusion", **{"level.bases": "element"}))
    assert (made["target"]["element"], made["target"]["motif"], made["level"]) == ("s0", "h1", "element")
    lists = {one.label: one for one in test.selectbox}
    lists["Motif"].select("s1").run()
    assert "to stem s1 of Yeast tRNA-Phe" in told(settled(test))


def test_choosing_a_motif_takes_the_selected_element() -> None:
    test = explained("rnaexplain", {}, rna="example:hammerhead", sel="elem:s1")
    (targets,) = [one for one in test.selectbox if one.label == "Explain"]
    targets.select("motif").run()
    assert not test.exception and [one.value for one in test.selectbox if one.label == "Element"] == ["s1"]
