"""The page of attributions under Streamlit's own test runner: numbers are core's, targets and conditions change them, a stop keeps what is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.explain.attribution import INTEGRATED_GRADIENTS, OCCLUSION, attribute
from core.explain.metabolic_masks import condition_masks, feature_masks, incidence_masks
from core.metabolic import build_hypergraph, load_tables
from core.models import load_checkpoint
from core.ui.explain.trial import trials
from core.ui.text import plain
from tests.app.steps import attribution_table as table
from tests.app.steps import charts, explained, opened, replays, told

pytestmark = pytest.mark.usefixtures("own_home")


def page(query: dict[str, str] | None = None, **settings: object) -> AppTest:
    return explained("explain", settings, **(query or {}))


def expected(**what: object):  # type: ignore[no-untyped-def]
    return incidence_masks(load_checkpoint("core"), build_hypergraph(load_tables("e_coli_core")), **what)


def test_growth_is_attributed_and_adds_up() -> None:
    test, masked = page(), expected()
    found = attribute(masked, INTEGRATED_GRADIENTS)
    assert table(test, "reaction") == pytest.approx(found.at(masked, "reaction").to_dict(), abs=1e-4)
    assert "Baseline: the network without messages. Gates live." in told(test)
    assert {"explain_ledger", "explain_ranking"} <= charts(test)
    assert f"F(1) - F(0) = {masked.effect:+.4g} 1/h with {found.settings['steps']} points on the way: good." in told(test)
    assert table(page(level="subsystem"), "subsystem") == pytest.approx(found.at(masked, "subsystem").to_dict(), abs=1e-4)
    assert "Genes share reactions" in told(page(level="gene"))


def test_target_gates_and_the_other_medium_are_what_the_link_says() -> None:
    frozen = expected(target="PFK", frozen_gates=True)
    test = page(target="PFK", gates="frozen")
    assert "Target: flux of PFK (mmol/gDW/h)" in told(test) and "Gates frozen." in told(test)
    assert table(test, "reaction") == pytest.approx(attribute(frozen, INTEGRATED_GRADIENTS).at(frozen, "reaction").to_dict(), abs=1e-3)
    assert "Target: growth (1/h)" in told(page(target="no reaction", against="no medium", method="none", level="none"))
    tables = load_tables("e_coli_core")
    from core.metabolic.media import named_media

    medium = list(named_media(tables))[1]
    both = expected(minus=build_hypergraph(tables, medium=medium))
    assert f"F(1) - F(0) = {both.effect:+.4g} 1/h" in told(page(against=medium))


def test_groups_are_left_out_and_have_no_ledger() -> None:
    test, masked = page(method="occlusion", level="reaction"), expected()
    assert table(test, "reaction") == pytest.approx(attribute(masked, OCCLUSION, level="reaction").at(masked, "reaction").to_dict(), abs=1e-4)
    assert "Completeness" not in told(test)
    assert "explain_ranking" in charts(test) and "explain_ledger" not in charts(test)
    assert "poor" in told(page(method="deep_lift"))


def test_the_ledger_opens_where_the_link_says() -> None:
    test = page(within="subsystem|Citric Acid Cycle")
    (button,) = [b for b in test.button if b.label == "the model"]
    assert "**Citric Acid Cycle**" in told(test)
    button.click().run()
    assert "**Citric Acid Cycle**" not in told(test) and not test.exception
    deep = page(within="reaction|CS")
    assert [b.label for b in deep.button if b.key and b.key.startswith("explain_back_")] == ["the model", "Citric Acid Cycle"]
    assert "**<b>" not in told(page(within="subsystem|<b>"))


def test_rankings_stand_trial_and_the_badge_follows() -> None:
    test = page()
    assert "not on trial yet" in told(test)
    test.button(key="explain_try").click().run()
    for job in list(trials()._jobs.values()):
        assert job.ended.wait(180)
    test.run()
    assert not test.exception
    (trial,) = trials()._done.values()
    verdict, why = trial.judged(INTEGRATED_GRADIENTS)
    assert trial.sentence() in told(test) and f"{verdict}: {why}"[:120] in told(test)
    gate, reason = trial.judged("gate")
    assert f"gate {gate}: {reason}"[:120] in told(opened("explorer"))  # the verdict follows the ranking
    assert "these rankings are not on trial yet" in told(opened("explorer", ko="PFK"))
    (shown,) = [one.value for one in test.table if "why" in one.value.columns]
    assert shown.loc["integrated gradients", "why"] == plain(why) and trial.control == "core-shuffled"
    assert "trained on shuffled labels" in told(test) and trial.skill.sentence in told(test)
    assert set(trial.stability["seeds"]) == {5} and len(test.tabs) == 6
    assert set(shown.index) == {
        "gate",
        r"\|message\|",
        "attention",
        "saliency",
        "input x gradient",
        "integrated gradients",
        "number of metabolites",
    }


def badges(test: AppTest) -> str:
    return " ".join(str(e.value) for e in test.markdown)


def test_node_features_are_masked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    masked = feature_masks(load_checkpoint("core"), build_hypergraph(load_tables("e_coli_core")))
    found = attribute(masked, INTEGRATED_GRADIENTS)
    test = page(over="features", against="acetate", gates="frozen")
    assert table(test, "feature") == pytest.approx(found.at(masked, "feature").to_dict(), abs=1e-4)
    assert "Baseline: features at zero." in told(test) and "Gates" not in told(test) and "on trial" not in told(test)
    assert [b.label for b in test.selectbox if b.label.startswith(("Less", "Baseline"))] == [] and not [
        b for b in test.button if b.key == "explain_try"
    ]
    sides = page(over="features", **{"level.features": "side", "within": "side|reaction"})
    assert table(sides, "side") == pytest.approx(found.at(masked, "side").to_dict(), abs=1e-4) and "**reaction**" in told(sides)
    made = replays(monkeypatch, tmp_path, lambda: page(over="features", against="acetate", method="occlusion"))
    assert made["masked"] == "features" and made["other"] is None and made["shows"][0] == "attribution_feature.csv"


def test_what_differs_from_another_condition_is_masked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "Choose the medium to compare with" in told(page(over="condition")) and not charts(page(over="condition")) & {
        "explain_ledger",
        "explain_ranking",
    }
    tables = load_tables("e_coli_core")
    graph, other = build_hypergraph(tables), build_hypergraph(tables, medium="anaerobic glucose")
    masked = condition_masks(load_checkpoint("core"), graph, other)
    test = page(over="condition", against="anaerobic glucose")
    assert table(test, "part") == pytest.approx(attribute(masked, INTEGRATED_GRADIENTS).at(masked, "part").to_dict(), abs=1e-4)
    assert "features and bounds of the other condition (anaerobic glucose)" in told(test) and f"F(1) - F(0) = {masked.effect:+.4g} 1/h" in told(test)
    assert set(table(test, "part")) >= {"rxn:EX_o2_e", "met:o2_e"} and "rxn:PFK" not in table(test, "part") and "not on trial yet" not in told(test)
    assert [b.label for b in test.selectbox if b.label.startswith(("Less", "Baseline"))] == ["Baseline: the same in"]
    made = replays(
        monkeypatch, tmp_path, lambda: page(over="condition", against="anaerobic glucose", method="occlusion", **{"level.condition": "side"})
    )
    assert made["masked"] == "condition" and made["other"] == {"medium": "anaerobic glucose"} and made["level"] == "side"


def test_the_manifest_of_the_page_gives_its_numbers_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {"medium": "anaerobic glucose", "ko": "PPC"}
    made = replays(monkeypatch, tmp_path, lambda: page(given, method="occlusion", target="PFK", gates="frozen", against="acetate", level="subsystem"))
    assert made["condition"] == {"medium": "anaerobic glucose", "knockouts": ["PPC"], "objective": None} and made["gates"] == "frozen"
    assert made["target"] == "PFK" and made["other"] == {"medium": "acetate"} and made["figures"]["values"]["count"] > 5
