"""The page "Does gating help?" under Streamlit's own test runner: before a measurement is installed, with one, and the small version."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core import storage
from core.runs import ProgressWriter, record
from core.train import ablation_report as report
from core.train.ablation_summary import summarise, table_bytes
from core.train.ablation_variants import FULL, QUICK, VARIANTS
from core.ui.text import plain

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data of its own, and no measurement installed."""
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(report, "SHIPPED", tmp_path / "shipped")
    return tmp_path


def page(**query: str) -> AppTest:
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.query_params.update(query)
    test.run()
    test.switch_page("pages/gating.py").run()
    assert not test.exception
    return test


def shown(test: AppTest) -> str:
    return " ".join(str(element.value) for kind in (test.markdown, test.caption, test.info, test.warning, test.error) for element in kind)


def table() -> pd.DataFrame:
    """Every variant with plausible numbers: gates help, sparsity makes no difference."""
    rng = np.random.default_rng(0)
    rows = []
    for variant in VARIANTS:
        for seed in range(variant.seeds):
            growth = {"none": 0.7, "relu": 0.75}.get(variant.name, 0.8) + rng.normal(0, 0.002)
            rows.append(
                {
                    "variant": variant.name,
                    "title": variant.title,
                    "group": variant.group,
                    "seed": seed,
                    "seconds": 60.0,
                    "growth_r2": growth,
                    "flux_r2_median": growth - 0.2,
                    "essentiality_ap": 0.6,
                    "imbalance": 0.2,
                    "parameters": 57_000 + seed,
                    "seconds_per_step": 0.05,
                    "zeroed": 0.5 if variant.name == "relu" else 0.0,
                    "negative_kept": 0.1,
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture
def installed(home: Path) -> report.Ablation:
    """A measurement in the place of the shipped one."""
    rows = [
        {"rule": rule, "iterations": n, "growth_r2": 0.1, "growth_mae": 0.3, "growth_error_median": 0.2, "imbalance": 0.1}
        for rule in ("one step size", "two")
        for n in (10, 1_000)
    ]
    storage.write_bytes(report.SHIPPED / report.TABLE, table_bytes(table()))
    storage.write_json(report.SHIPPED / report.SUMMARY, summarise(table(), FULL, command="python -m core train ablation", iterations=rows))
    found = report.shipped()
    assert found is not None
    return found


def a_run(state: str, finished: list[tuple[str, int]]) -> str:
    folder = storage.folder("runs") / "20260101-000000-abcdef"
    about = {"schema": record.SCHEMA, "kind": "ablation", "name": "small", "arguments": ["train", "ablation"], "created": 1_700_000_000.0}
    storage.write_json(folder / record.CONFIG_FILE, about)
    storage.write_json(folder / record.STATE_FILE, {"state": state, "started": 1_700_000_000.0, "ended": 1_700_000_060.0})
    ProgressWriter(folder).update(1_200, 3_600, "training")
    for name, seed in finished:
        result = {"variant": name, "seed": seed, "growth_r2": 0.5 + 0.1 * seed, "flux_r2_median": 0.1, "essentiality_ap": None}
        storage.write_json(report.job_folder(folder, name, seed) / report.RESULT, result)
    return folder.name


def test_without_a_measurement_the_page_says_how_to_make_one() -> None:
    test = page()
    assert "No measurement is installed" in shown(test)
    assert test.code[0].value == "python -m core train ablation --out DIR"
    assert test.button(key="gating_start").label == "Run a small version here"
    assert not test.dataframe


def test_a_damaged_measurement_is_one_sentence(home: Path) -> None:
    storage.write_bytes(report.SHIPPED / report.SUMMARY, b"{}")
    test = page()
    assert [error.value for error in test.error] == [
        plain("The measured ablation in shipped cannot be read (FileNotFoundError); restore it from the release.")
    ]
    assert test.button(key="gating_start")


def test_every_question_of_a_group_has_its_sentence_the_null_ones_too(installed: report.Ablation) -> None:
    test = page()
    said = shown(test)
    for question in installed.summary["questions"]:
        assert (plain(question["sentence"]) in said) == (report.group_of(question) == "Gate")
    assert plain("better by 0.1") in said
    assert "no difference that five seeds can show" in said
    test.segmented_control(key="gating_group").set_value("Activation").run()
    said = shown(test)
    assert plain("ReLU 50.0%") in said
    assert plain("worse by 0.0") in said
    assert dict(test.query_params)["s.gating.group"] in ('"Activation"', ['"Activation"'])
    test.segmented_control(key="gating_group").set_value("Everything").run()
    assert not test.exception
    said = shown(test)
    assert all(plain(question["sentence"]) in said for question in installed.summary["questions"])
    assert "Flux balance analysis is a linear programme" in said


def test_the_table_holds_the_means_and_the_link_keeps_the_measure(installed: report.Ablation) -> None:
    test = page(**{"s.gating.measure": '"flux_r2_median"', "s.gating.group": '"nonsense"'})
    assert test.segmented_control(key="gating_measure").value == "flux_r2_median"
    assert test.segmented_control(key="gating_group").value == "Gate"
    means = test.dataframe[-1].value.set_index("title")
    assert list(means.index) == [variant.title for variant in VARIANTS]
    own = installed.table.groupby("title", sort=False)["growth_r2"].mean()
    assert np.allclose(means["growth_r2"], own[means.index])
    assert {"parameters", "seconds_per_step", "zeroed", "imbalance"} <= set(means.columns)


def test_the_button_starts_the_small_version(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("core.ui.gating.live.start_job", lambda kind, arguments, **_: started.append((kind, arguments)))
    page().button(key="gating_start").click().run()
    assert started == [("ablation", ["train", "ablation", "--quick", "--out", "{run}"])]


def test_a_stopped_small_version_shows_what_it_finished_and_is_resumed(installed: report.Ablation, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run("cancelled", [("incidence", 0), ("incidence", 1), ("none", 0)])
    resumed: list[str] = []
    monkeypatch.setattr("core.ui.gating.live.resume_run", resumed.append)
    test = page()
    said = shown(test)
    assert "The small version was stopped" in said
    assert "3 of 6 trainings finished, 1 min 0 s in all" in said
    assert "one seed cannot tell a difference from chance" in said
    assert plain(f"{QUICK.steps:,} steps") in said
    rows = test.dataframe[-1].value.set_index("variant")
    assert rows.loc["gate per incidence (the shipped choice)", "growth R², here"] == pytest.approx(0.55)
    measured = installed.table.groupby("variant")["growth_r2"].mean()
    assert rows["growth R², measured"].tolist() == pytest.approx([measured["incidence"], measured["none"]])
    test.button(key="gating_resume").click().run()
    assert resumed == [run]


def test_a_failed_small_version_says_why(home: Path) -> None:
    folder = storage.folder("runs") / a_run("failed", [])
    storage.write_json(folder / record.STATE_FILE, {"state": "failed", "ended": 1_700_000_005.0, "error": "The disk is full; make room."})
    assert plain("The disk is full; make room.") in [error.value for error in page().error]


def test_the_files_hold_the_measurement(installed: report.Ablation) -> None:
    flat = [(q["first"], q["second"], m) for q in installed.summary["questions"] for m in q["measures"]]
    assert len(flat) == 3 * len(report.QUESTIONS)
    labels = [button.proto.label for button in page().get("download_button")]
    assert labels == ["Every seed, CSV", "Variants, CSV", "Questions, CSV", "Everything, JSON"]
    assert json.loads(json.dumps(dict(installed.summary), allow_nan=False)) == installed.summary
