"""The page of measurements under Streamlit's own test runner: what it shows are core's own numbers."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.explain.disagreements import disagreements
from core.explain.flux_references import flux_references, references_key
from core.explain.measured_ranking import compare_scores
from core.explain.measurements import open_measurement
from core.metabolic import load_tables
from core.ui.data import Given
from core.ui.measurements import data
from core.ui.measurements.source import ELSEWHERE
from core.ui.text import plain
from core.ui.view_state import ViewState
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")
ESSENTIAL = b"locus,note,essential\nb0720,x,yes\nb1136,x,yes\nb3916,x,no\nb1723,x,no\nb0114,x,no\nb2779,x,yes\nnope,x,no\n"
CHANGES = b"gene\tlog2FoldChange\nb0720\t-1.5\nb3916\t2\nb1723\t1\nb0114\t0.5\nb0115\t0.1\nb0116\t-3\n"


def measurements(**query: str) -> AppTest:
    return opened("measurements", **query)


def loaded(content: bytes, name: str = "m.csv", **query: str) -> AppTest:
    test = measurements(**query)
    test.file_uploader(key="measurements_upload").set_value([(name, content, "text/csv")]).run()
    assert not test.exception
    return test


def said(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.success, test.warning, test.error)
    return " ".join(str(element.value) for kind in kinds for element in kind)


def view_of(test: AppTest) -> ViewState:
    return test.session_state["view_history"].now


def panel(test: AppTest, name: str) -> AppTest:
    next(control for control in test.segmented_control if control.label == "Panel").set_value(name).run()
    assert not test.exception
    return test


def test_a_file_is_mapped_ranked_and_reopened_by_its_link() -> None:
    test = loaded(ESSENTIAL)
    assert "**6** genes of e" in said(test) and "**3** essential of 6 compared" in said(test) and "**1** ids not matched" in said(test)
    assert [test.selectbox(key=f"measurements_{name}").value for name in ("ids", "values", "kind", "yes")] == ["locus", "essential", "yes_no", "yes"]
    tables = load_tables("e_coli_core")
    _, measured = open_measurement(ESSENTIAL, tables)
    expected = compare_scores(measured, tables, checkpoints=["core"])
    shown = test.dataframe[-1].value
    assert shown["score"].tolist() == expected.table["score"].tolist() == ["gate", "|message|", "attention", "degree", "1/isozymes"]
    assert shown["auroc"].tolist() == pytest.approx(expected.table["auroc"].tolist())
    low, high = expected.table.loc[0, ["auroc_low", "auroc_high"]]
    assert shown["auroc_interval"].iloc[0] == f"{low:.3f} to {high:.3f}"
    assert "scores are computed on the same medium" in said(test)
    link = {name: value[0] if isinstance(value, list) else value for name, value in dict(test.query_params).items()}
    assert json.loads(link["s.measurements.file"]) == data.FILES.listed()[0][0]
    again = measurements(**link)
    assert again.dataframe[-1].value.equals(shown)


def test_fba_is_computed_when_asked_and_conflicts_are_listed_with_reasons() -> None:
    test = panel(loaded(ESSENTIAL), "Disagreements")
    assert "compute the FBA references above" in said(test)
    test.button(key="measurements_fba").click().run()
    tables = load_tables("e_coli_core")
    job = data.references().job(references_key(tables))
    if job is not None:
        assert job.ended.wait(60)
    test.run()
    assert not test.exception
    _, measured = open_measurement(ESSENTIAL, tables)
    solved = flux_references(tables)
    found = compare_scores(measured, tables, checkpoints=["core"], references=solved)
    expected = disagreements(found, solved, tables, score="core: gate")
    shown = test.dataframe[-1].value
    assert shown["id"].tolist() == expected["id"].tolist()
    assert shown["reason"].tolist() == expected["reason"].tolist()
    panel(test, "Ranking")
    assert test.dataframe[-1].value["score"].tolist()[:3] == ["FBA knock-out", "pFBA |v|", "FVA-forced |v|"]
    assert not [button for button in test.button if button.key == "measurements_fba"]
    test.button(key="measurements_screen_core").click().run()
    asked = data.Asked(Given.of(view_of(test)), data.FILES.listed()[0][0], measured.choice, "max", ("core",))
    job = data.screens().job(data.screen_key(asked, "core"))
    if job is not None:
        assert job.ended.wait(60)
    test.run()
    assert "predicted knock-out" in test.dataframe[-1].value["score"].tolist()
    panel(test, "Pathways")
    assert "pathways** are over-represented" in said(test)
    panel(test, "Export")
    assert not test.exception


def test_references_that_are_ready_only_after_the_scores_were_looked_up_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    flux_references(load_tables("e_coli_core"))  # kept on disk, from where the page takes them
    first, known = iter([None]), data.known_references
    monkeypatch.setattr(data, "known_references", lambda given: next(first, known(given)))
    assert loaded(ESSENTIAL).dataframe[-1].value["score"].tolist()[:3] == ["FBA knock-out", "pFBA |v|", "FVA-forced |v|"]


def test_another_medium_than_the_files_is_said_and_mended() -> None:
    test = loaded(ESSENTIAL, medium="acetate")
    assert "Measured on aerobic glucose, but scores are computed on acetate" in said(test)
    test.selectbox(key="measurements_medium").set_value(ELSEWHERE).run()
    assert "is not known" in said(test)
    test.selectbox(key="measurements_medium").set_value("aerobic glucose").run()
    test.button(key="measurements_same_medium").click().run()
    assert view_of(test).medium == "aerobic glucose"
    assert "scores are computed on the same medium" in said(test)


def test_fold_changes_are_shown_beside_the_scores_of_their_reactions() -> None:
    test = panel(loaded(CHANGES, "fc.tsv"), "Values")
    shown = test.dataframe[-1].value.set_index("reaction")
    assert shown.loc["PFK", ["value", "measured_genes", "genes"]].tolist() == [2, 2, 2]
    assert shown.loc["PDH", "value"] == -3  # the least of its subunits
    test.selectbox(key="measurements_join").set_value("mean").run()
    assert test.dataframe[-1].value.set_index("reaction").loc["PFK", "value"] == 1.5
    assert view_of(test).settings["measurements.join"] == "mean"


def test_a_bad_file_is_one_sentence_and_the_good_one_stays() -> None:
    test = loaded(ESSENTIAL)
    test.file_uploader(key="measurements_upload").set_value([("bad.csv", bytes(range(256)), "text/csv")]).run()
    assert not test.exception
    assert [error.value for error in test.error] == [plain("The file is not a text table; save it as CSV or TSV and choose that.")]
    assert "**6** genes of e" in said(test)
    assert len(data.FILES.listed()) == 1


def test_a_file_that_is_gone_and_columns_that_do_not_fit_are_said() -> None:
    gone = measurements(**{"s.measurements.file": json.dumps("upload:" + "0" * 64)})
    assert "no longer stored on this computer" in said(gone)
    test = loaded(ESSENTIAL)
    test.selectbox(key="measurements_ids").set_value("note").run()
    assert not test.exception
    assert "None of the 1 ids in column" in said(test)
    test.selectbox(key="measurements_ids").set_value("locus").run()
    assert "**6** genes of e" in said(test)


def test_what_cannot_be_computed_is_said() -> None:
    assert "There is no network" in said(measurements(net="nosuch"))
    test = loaded(b"reaction,essential\nPFK,no\nCS,yes\nENO,yes\n", medium="EX_o2_e:10")
    test.button(key="measurements_fba").click().run()
    key = references_key(load_tables("e_coli_core"), medium={"EX_o2_e": 10})
    job = data.references().job(key)
    assert job is not None and job.ended.wait(60)
    test.run()
    assert not test.exception
    assert any("FBA finds no growth" in error.value for error in test.error)
    test.button(key="measurements_fba_dismiss").click().run()
    assert data.references().job(key) is None
    assert not test.error
    panel(test, "Disagreements")
    assert "compute the FBA references above" in said(test)
