"""The page of edits under Streamlit's own test runner."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.explain.what_if import change_base, what_if
from core.models import load_checkpoint
from core.rna import fold, load_example
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")
TRNA = replace(load_example("trna-phe"), structure=None)


def page(edit: str | None = None, **query: str) -> AppTest:
    return opened("whatif", **({} if edit is None else {"s.whatif.edit": json.dumps(edit)}), **query)


def metrics(test: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in test.metric}


def press(test: AppTest, key: str) -> None:
    test.button(key=key).click().run()
    assert not test.exception


def test_a_base_is_changed_and_changed_back():
    test = page()
    assert not test.metric
    test.number_input(key="whatif_place").set_value(27).run()
    test.selectbox(key="whatif_letter").select("A").run()
    press(test, "whatif_apply")
    expected = what_if(TRNA, change_base(TRNA, 27, "A"), load_checkpoint("rna"))
    assert metrics(test) == {
        "Cosine to the original": f"{expected.cosine:.3f}",
        "Pairs lost": str(expected.pairs_lost),
        "Pairs gained": str(expected.pairs_gained),
    }
    press(test, "whatif_reset")
    assert not test.metric


def test_a_pair_offers_what_pairs_and_an_unpaired_base_says_so():
    structure = fold(TRNA).structure
    paired, loose = structure.index("(") + 1, structure.index(".") + 1
    test = page(sel=f"base:{paired}", **{"s.whatif.kind": json.dumps("pair")})
    options = test.selectbox(key="whatif_pair").options
    assert len(options) == 7 and {"AA, which cannot pair", "CC, which cannot pair"} <= set(options)
    test.number_input(key="whatif_place").set_value(loose).run()
    assert any("is unpaired in the structure below" in str(text.value) for text in test.caption)
    assert test.button(key="whatif_apply").disabled


def test_an_element_is_deleted():
    test = page(**{"s.whatif.kind": json.dumps("element")})
    name = next(option.partition(":")[0] for option in test.selectbox(key="whatif_element").options if option.startswith("h"))
    test.selectbox(key="whatif_element").select(name).run()
    press(test, "whatif_apply")
    assert any(f"{name} deleted" in str(text.value) for text in test.markdown) and len(test.metric) == 3


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [("G1G", "is G already"), ("A999C", "no base 999"), ("rubbish", "is no edit"), ("-s99", "no element 's99'")],
)
def test_a_link_with_an_edit_that_cannot_be_is_one_sentence(edit: str, sentence: str):
    test = page(edit)
    assert not test.exception and not test.metric
    assert any(sentence in str(error.value) for error in test.error)


def test_long_rnas_have_no_map_of_mutants():
    test = page(rna="example:16s-rrna")
    assert not test.exception
    assert any(
        "single mutants are folded for up to 400 bases" in str(info.value) or "too long" in str(info.value) for info in [*test.info, *test.error]
    )
