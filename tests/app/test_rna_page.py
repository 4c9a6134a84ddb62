"""The RNA page under Streamlit's own test runner: sources, folds, the selection, bad input, what needs no network."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest
from streamlit.testing.v1 import AppTest

from core.rna import boltzmann_samples, decompose, fold, given_structure, load_example, suboptimal
from core.rna.records import RnaRecord
from core.storage import digest
from core.ui.rna import uploads
from core.ui.rna.data import SAMPLES, Given
from core.ui.rna.find import hits
from core.ui.rna.folds import folds
from core.ui.rna.values import read_values
from core.ui.text import plain
from core.ui.view_state import ViewState
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")
HAIRPIN = "GGGGAAAACCCC"


def rna(**query: str) -> AppTest:
    return opened("rna", **query)


def setting(name: str, value: object) -> dict[str, str]:
    return {f"s.rna.{name}": json.dumps(value)}


def shown(test: AppTest) -> str:
    return " ".join(str(element.value) for kind in (test.markdown, test.caption, test.info, test.warning, test.error) for element in kind)


def paste(test: AppTest, text: str) -> None:
    test.text_area(key="rna_text").set_value(text)
    next(button for button in test.button if button.label == "Open").click().run()
    assert not test.exception


def bases(test: AppTest):  # type: ignore[no-untyped-def]
    return next(frame.value for frame in test.dataframe if "paired_with" in frame.value.columns)


def test_the_first_view_is_the_trna_with_its_own_structure() -> None:
    test = rna()
    record = load_example("trna-phe")
    known = given_structure(record)
    assert f"{record.length} nt" in shown(test)
    assert f"{known.energy:+.2f} kcal/mol" in shown(test)
    assert f"ensemble defect {known.ensemble_defect:.1%}" in shown(test)
    table = bases(test)
    assert "".join(table["nucleotide"]) == record.sequence
    assert tuple(table["element"]) == decompose(str(record.structure)).of_base
    assert table["entropy"].to_numpy() == pytest.approx(known.entropy)


@pytest.mark.parametrize("method", ["mfe", "centroid", "mea"])
def test_each_method_shows_viennas_own_energy(method: str) -> None:
    record = load_example("trna-phe")
    assert f"{fold(record, method=method).energy:+.2f} kcal/mol" in shown(rna(**setting("fold", method)))  # type: ignore[arg-type]


def test_temperature_and_suboptimal_structures_follow_the_link() -> None:
    record = load_example("trna-phe")
    test = rna(**setting("fold", "mfe"), **setting("temperature", 55.0))
    assert f"{fold(record, temperature=55.0).energy:+.2f} kcal/mol at 55 °C" in shown(test)
    listed = suboptimal(record)
    assert f"{listed[3][1]:+.2f} kcal/mol" in shown(rna(**setting("fold", "sub"), **setting("number", 3)))


def test_samples_are_listed_with_the_most_frequent_first() -> None:
    record = load_example("trna-phe")
    drawn = Counter(boltzmann_samples(record, SAMPLES, seed=0)).most_common()
    assert len(drawn) > 1
    test = rna(**setting("fold", "sample"), **setting("number", 1))
    energy = given_structure(RnaRecord("x", record.sequence, drawn[1][0])).energy
    assert test.selectbox(key="rna_number").value == 1
    assert len(test.selectbox(key="rna_number").options) == len(drawn)
    assert f"{energy:+.2f} kcal/mol" in shown(test)
    assert "structure: Boltzmann sample" in shown(test)


def test_a_given_structure_constrains_the_fold() -> None:
    sequence, structure = "GGGGAAAACCCCUUUGGGGAAAACCCC", "........((((.......))))....."[:27]
    test = rna()
    paste(test, f">x\n{sequence}\n{structure}\n")
    test.selectbox(key="rna_method").set_value("keep").run()
    expected = fold(RnaRecord("x", sequence), constraint=structure)
    assert expected.structure not in (structure, fold(RnaRecord("x", sequence)).structure)
    assert f"{expected.energy:+.2f} kcal/mol" in shown(test)
    assert "structure: given pairs kept" in shown(test)


def test_a_pasted_text_is_called_after_its_first_record() -> None:
    test = rna()
    paste(test, f">one\n{HAIRPIN}\n>two\n{HAIRPIN}\n")
    assert uploads.label(uploads.listed()[0]) == "one_(12_nt)_+1"


def test_a_base_and_an_element_are_selected_by_link_and_by_button() -> None:
    test = rna(sel="base:1")
    assert "Base G1" in shown(test)
    test.button(key="rna-near-element").click().run()
    assert "Element s0, stem" in shown(test)
    assert test.query_params["sel"] in ("elem:s0", ["elem:s0"])
    test.button(key="undo").click().run()
    assert "Base G1" in shown(test)
    test.button(key="rna-card-close").click().run()
    assert "Nothing selected" in shown(test)
    assert "This RNA has no base 4000" in shown(rna(sel="base:4000"))


def test_bases_elements_and_motifs_are_found() -> None:
    elements = decompose("((((....))))")
    sequence = "GGGGAAAACCCC"
    assert hits(sequence, elements, "5") == hits(sequence, elements, "a5") == [("base:5", "base A5")]
    assert hits(sequence, elements, "G5") == hits(sequence, elements, "13") == hits(sequence, elements, "0") == []
    assert hits(sequence, elements, "hairpin") == hits(sequence, elements, "h0") == [("elem:h0", "element h0, hairpin")]
    assert hits(sequence, elements, "gnga") == [("base:2", "GNGA at 2-5")]
    assert [entity for entity, _ in hits(sequence, elements, "AA")] == ["base:5", "base:6", "base:7"]
    test = rna(**setting("find", "<b>"))
    assert plain("<b>") in shown(test)
    test = rna(**setting("find", "h1"))
    test.pills(key="rna_hits").select("elem:h1").run()
    assert "Element h1, hairpin" in shown(test)


def test_a_selection_of_the_other_half_is_nothing_here() -> None:
    assert "Nothing selected" in shown(rna(sel="rxn:PFK"))


def test_pasted_text_is_kept_by_its_content_and_folded() -> None:
    test = rna()
    paste(test, f">one\n{HAIRPIN}\n>two\n{HAIRPIN}\n((((....))))\n")
    assert f"{fold(RnaRecord('one', HAIRPIN)).energy:+.2f} kcal/mol" in shown(test)
    [source] = uploads.listed()
    assert test.query_params["rna"] in (source, [source])
    test.selectbox(key="rna_record").select(1).run()
    assert "structure: given" in shown(test)
    other = rna(rna=source, record="1")
    assert "**two**" in shown(other)


def test_a_record_that_cannot_be_read_is_told_beside_the_others() -> None:
    test = rna()
    paste(test, f">bad\nGGJJ\n>good\n{HAIRPIN}\n")
    assert "**good**" in shown(test)
    assert any("bad" in warning.value for warning in test.warning)


@pytest.mark.parametrize("text", ["", ">x\nMKVLLAGE\n", ">x\nGGGAAACCC\n(((...))\n", ">x\nGGGAAACCC\n(((...)))))\n", "GGGAAACCC&GGG"])
def test_what_cannot_be_read_is_one_sentence_and_the_view_stays(text: str) -> None:
    test = rna()
    paste(test, text)
    assert len(test.error) == 1
    assert "76 nt" in shown(test)
    assert not uploads.listed()


def test_a_link_to_what_is_not_here_leaves_the_last_good_view() -> None:
    for source in ("example:nosuch", "upload:" + "0a" * 32):
        test = rna(rna=source)
        assert len(test.error) == 1
        assert "76 nt" in shown(test)


def test_names_are_shown_as_text() -> None:
    test = rna()
    paste(test, f">**x**<script>alert(1)</script>\n{HAIRPIN}\n")
    assert plain("**x**<script>alert(1)</script>") in shown(test)


def test_reactivities_move_the_fold_and_bad_ones_are_one_sentence() -> None:
    values = ",".join(["0.0"] * 4 + ["2.0"] * 4 + ["0.0"] * 4)
    test = rna()
    paste(test, HAIRPIN)
    test.text_area(key="text-rna-shape").set_value("1,2,3")
    next(button for button in test.button if button.label == "Use them").click().run()
    assert any("reactivities" in error.value for error in test.error)
    test.text_area(key="text-rna-shape").set_value(values)
    next(button for button in test.button if button.label == "Use them").click().run()
    expected = fold(RnaRecord("x", HAIRPIN), reactivities=[float(v) for v in values.split(",")])
    assert f"{expected.energy:+.2f} kcal/mol" in shown(test)
    assert list(bases(test)["reactivity"]) == [float(v) for v in values.split(",")]


def test_a_long_sequence_is_folded_when_asked_and_cancel_ends_it() -> None:
    sequence = "GGGGAAAACCCCUUAUCG" * 60
    kept = uploads.keep(f">long\n{sequence}\n".encode(), "long.fa")
    test = rna(rna=kept)
    assert "no structure yet" in shown(test)
    test.button(key="rna_fold").click().run()
    job = folds().job(Given(kept, method="mfe"))
    assert job is not None
    assert not job.stopped()
    folds().forget(Given(kept, method="mfe"))
    assert job.stopped()
    assert job.ended.wait(60)
    assert folds().result(Given(kept, method="mfe")) is None


def test_a_sequence_too_long_to_fold_offers_the_windowed_fold() -> None:
    kept = uploads.keep(b">longer\n" + b"ACGU" * 500, "longer.fa")
    test = rna(rna=kept)
    assert "too long to fold while you wait" in shown(test)
    assert test.button(key="rna_windowed")


def test_texts_of_rnas_are_no_models_and_values_are_no_rnas() -> None:
    from core.metabolic import list_uploads

    kept = uploads.keep(f">a\n{HAIRPIN}\n".encode(), "a.fa")
    numbers = uploads.keep(b"1,2,3", "values.csv", sequences=False)
    assert list_uploads() == []
    assert uploads.listed() == [kept]
    assert kept == "upload:" + digest(f">a\n{HAIRPIN}\n".encode())
    assert uploads.label(kept) == "a.fa"
    assert uploads.stored(numbers).read_bytes() == b"1,2,3"


def test_the_default_view_and_the_settings_come_back_from_the_url() -> None:
    view = ViewState(rna="example:trna-phe", rna_record=3, rna_net="rna_standard", selection="elem:s0", settings={"rna.colour": "message"})
    assert ViewState.from_query(view.to_query()) == (view, [])
    for bad in ("file:/etc/passwd", "example:", "upload:12", "../x"):
        assert ViewState.from_query({"rna": bad})[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2 3", [1, 2, 3]),
        ("1\nNA\n3\n", [1, math.nan, 3]),
        ("base,value\n3,0.5\n1,-999\n", [math.nan, math.nan, 0.5]),
        ("1\t0.1\r\n2\t0.2\r\n3\t0.3\r\n", [0.1, 0.2, 0.3]),
    ],
)
def test_numbers_for_bases(text: str, expected: list[float]) -> None:
    assert read_values(text, 3) == pytest.approx(tuple(expected), nan_ok=True)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("", "no values"),
        ("1 2", "2 values for 3 bases"),
        ("0,1\n1,2", "position 0"),
        ("1,1\n1,2", "twice"),
        ("a b\n1 x 3", "'x'"),
        ("inf 1 2", "not finite"),
    ],
)
def test_numbers_that_do_not_fit_are_one_sentence(text: str, fragment: str) -> None:
    from core.errors import InputError

    with pytest.raises(InputError, match=fragment):
        read_values(text, 3)
