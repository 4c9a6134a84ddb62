"""Biology as the judge on the page: numbers are core's, one reaction at once, all of them in the background, and only of growth."""

from __future__ import annotations

import threading

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.errors import Cancelled
from core.explain import judged_by_fba as core_judge
from core.explain.flux_references import flux_references
from core.explain.judged_by_fba import Judged, hypotheses, judged_by_fba
from core.metabolic import load_tables
from core.ui.explain.judge import screens
from tests.app.steps import explained, told

pytestmark = pytest.mark.usefixtures("own_home")
LABELS = ["Network, messages masked", "Network, bounds closed", "FBA knock-out"]


@pytest.fixture(autouse=True)
def nothing_judged_yet() -> None:
    screens.clear()


def page(query: dict[str, str] | None = None, **settings: object) -> AppTest:
    return explained("explain", settings, **(query or {}))


def metrics(test: AppTest) -> dict[str, str]:
    return {str(m.label): str(m.value) for m in test.metric}


def tables(test: AppTest, column: str) -> list[pd.DataFrame]:
    return [frame.value for frame in test.dataframe if column in frame.value.columns]


def compared(test: AppTest) -> AppTest:
    test.button(key="explain_compare").click().run()
    for job in list(screens()._jobs.values()):
        assert job.ended.wait(180)
    test.run()
    assert not test.exception
    return test


def said(share: float) -> str:
    return f"{abs(share):.1%} {'lost' if share > 0 else 'gained'}"


def test_a_selected_reaction_has_its_three_numbers_at_once() -> None:
    (row,) = judged_by_fba(load_tables("e_coli_core"), "core", ["PGI"]).table.to_dict("records")
    test = page({"sel": "rxn:PGI"})
    shown = metrics(test)
    assert [shown[label] for label in LABELS] == [said(row["ablation_share"]), said(1 - row["network_ratio"]), said(1 - row["fba_ratio"])]
    assert "**Growth without PGI**: only the network leans on it" in told(test) and f"bounds closed {row['network_ratio']:.1%}" in told(test)
    assert not tables(test, "hypothesis") and "Hypothesis:" not in told(test)
    exchange = page({"sel": "rxn:EX_glc__D_e"})
    assert metrics(exchange)["FBA knock-out"] == "100.0% lost"  # also a reaction that does not count


def test_all_reactions_are_compared_in_the_background() -> None:
    known = load_tables("e_coli_core")
    judged = judged_by_fba(known, "core")
    expected = hypotheses(judged, flux_references(known), known)
    test = page({"sel": f"rxn:{expected['reaction'][0]}"})
    before = len(test.get("plotly_chart"))
    compared(test)
    assert judged.sentence() in told(test) and len(test.get("plotly_chart")) == before + 1
    shown = metrics(test)
    assert {name: shown[name] for name in judged.counts.index[:4]} == {name: str(n) for name, n in judged.counts[:4].items()}
    (listed,) = tables(test, "hypothesis")
    assert listed["hypothesis"].tolist() == expected["hypothesis"].tolist()
    assert listed["fba"].tolist() == pytest.approx((100 * (1 - expected["fba_ratio"])).tolist(), abs=0.06)
    assert f"Hypothesis: {expected['hypothesis'][0]}" in told(test)
    (agreed,) = tables(test, "average_precision")
    assert {"own knock-out (closed)", "occlusion (masked)", "integrated gradients", "gate", "number of metabolites"} <= set(agreed["score"])
    assert agreed["average_precision"].is_monotonic_decreasing and agreed["score"].iloc[0] == "own knock-out (closed)"
    text = told(test)
    assert "This is plausibility, not faithfulness" in text and "trained on FBA with knock-outs" in text
    assert "69 reactions, of which 13 leave less than a hundredth of growth by FBA." in text
    other = page({"sel": "met:atp_c"}, method="deep_lift")  # the comparison stays, the ranking shown joins it
    assert set(LABELS).isdisjoint(metrics(other)) and "Select a reaction" in told(other)
    (agreed,) = tables(other, "average_precision")
    assert "DeepLift" in set(agreed["score"]) and len(agreed) == 10 and not [b for b in other.button if b.key == "explain_compare"]


def test_only_growth_is_judged() -> None:
    for settings in ({"target": "PFK"}, {"against": "anaerobic glucose"}):
        test = page({"sel": "rxn:PGI"}, **settings)
        assert "FBA knock-outs judge growth under one condition" in told(test)
        assert set(LABELS).isdisjoint(metrics(test)) and not [b for b in test.button if b.key == "explain_compare"]


def test_without_growth_by_fba_there_is_one_sentence() -> None:
    test = page({"sel": "rxn:PFK", "medium": "EX_o2_e:10"})
    assert "FBA finds no growth under this condition" in told(test) and "Biology as the judge: plausibility" in [s.value for s in test.subheader]


def test_the_comparison_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def endless(*_: object, should_stop, on_progress, **__: object) -> Judged:  # type: ignore[no-untyped-def]
        on_progress("reactions masked", 7, 69)
        begun.set()
        while not should_stop():
            pass
        cancelled.set()
        raise Cancelled

    monkeypatch.setattr(core_judge, "judged_by_fba", endless)
    test = page()
    test.button(key="explain_compare").click().run()
    assert begun.wait(60)
    (job,) = screens()._jobs.values()
    assert job.message == "reactions masked: 7 of 69" and 0 < job.share < 1
    test.run()
    test.button(key="explain_judge_cancel").click().run()
    assert cancelled.wait(60) and job.ended.wait(60) and not screens()._done
    test.run()
    assert [b for b in test.button if b.key == "explain_compare"] and not test.exception
