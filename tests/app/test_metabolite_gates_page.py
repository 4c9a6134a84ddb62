"""The page of one metabolite under Streamlit's own test runner: core's numbers, other metabolites, the replacement, what cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.explain import metabolite_gate_test, replace_gates
from core.explain.atp import controls_of, standard_conditions
from core.metabolic import load_tables, named_media
from core.metabolic.condition import Condition
from core.models import load_card
from core.ui.metabolite_gates.data import replacements

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path))


def page(**query: str) -> AppTest:
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.query_params.update(query)
    test.run()
    test.switch_page("pages/gates.py").run()
    assert not test.exception
    return test


def shown(test: AppTest) -> str:
    """All texts of the page, without the backslashes that keep Markdown from reading names as its own signs."""
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error)
    return " ".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def test_the_page_says_what_core_finds() -> None:
    tables = load_tables("e_coli_core")
    named = standard_conditions(tables)
    assert named.pop("succinate") == Condition(named_media(tables)["succinate"])  # the view's own, which does not count twice
    conditions = {"this condition": Condition("succinate")} | named
    controls = controls_of(load_card("core"))
    assert controls == ["core-shuffled"]
    found = metabolite_gate_test(tables, "core", controls=controls, conditions=conditions)
    test = page(medium="succinate")
    assert found.verdict in shown(test)
    table = next(frame.value for frame in test.dataframe if "spread" in frame.value.columns)
    assert table["spread"].tolist() == pytest.approx(found.networks["spread"].tolist())
    assert "acetate" in shown(test) and "succinate" not in shown(test)


def test_another_metabolite_is_asked_about_and_an_unknown_one_is_one_sentence() -> None:
    test = page()
    box = next(b for b in test.selectbox if b.label == "Metabolite")
    assert box.value == "atp_c"
    box.set_value("pyr_c").run()
    assert not test.exception
    assert "gives pyr_c gates that differ over its 11 reactions" in shown(test)
    # Streamlit's test runner knows no typed options: the address says what a typed one would.
    linked = page(**{"s.metabolite_gates.id": '"nope"'})
    assert next(b for b in linked.selectbox if b.label == "Metabolite").value == "atp_c"


def test_a_selected_metabolite_is_the_one_shown() -> None:
    test = page(sel="met:nadh_c")
    assert next(b for b in test.selectbox if b.label == "Metabolite").value == "nadh_c"


def test_the_replacement_is_offered_and_its_result_joins_the_verdict() -> None:
    replacements.clear()
    test = page()
    button = next(b for b in test.button if b.label == "Replace the gates by their mean")
    button.click().run()
    job = next(iter(replacements()._jobs.values()), None)
    if job is not None:
        assert job.ended.wait(120)
    test.run()
    assert not test.exception
    assert replace_gates(load_tables("e_coli_core"), "core").sentence in shown(test)
    assert not [b for b in test.button if b.label == "Replace the gates by their mean"]


def test_a_condition_that_cannot_be_used_is_one_sentence() -> None:
    test = page(medium="lunar soil")
    assert "has no medium called 'lunar soil'" in shown(test)
    assert "gives atp_c gates that differ" in shown(test)


def test_without_named_media_the_models_own_is_used() -> None:
    test = page(model="toy")
    assert "A" in next(b for b in test.selectbox if b.label == "Metabolite").options[0]
    assert "averaged over one condition" in shown(test)
