"""A genome-scale model opens with its own network, and what growth is read from is shown by uptake and by closed reaction."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.explain import reaction_importance
from core.metabolic import load_tables
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")


def texts(test: AppTest) -> str:
    return " ".join(str(element.value) for kind in (test.markdown, test.caption) for element in kind).replace("\\", "")


def test_choosing_a_model_chooses_the_network_that_knows_it_and_undo_takes_both_back() -> None:
    test = opened("explorer", sel="rxn:PFK")
    model = next(box for box in test.selectbox if box.label == "Model")
    model.set_value("iJO1366").run()
    assert not test.exception
    assert next(box.value for box in test.selectbox if box.label == "Network") == "genome"
    assert "".join(test.query_params["net"]) == "genome"
    test.button(key="undo").click().run()
    assert [box.value for box in test.selectbox if box.label in ("Model", "Network")] == ["e_coli_core", "core"]


def test_growth_is_shown_by_what_brings_and_what_costs_it() -> None:
    found = reaction_importance(load_tables("iJO1366"), "genome", knockouts=["ENO"], methods=("gate",)).table.set_index("reaction")
    test = opened("explorer", model="iJO1366", net="genome", ko="ENO", sel="rxn:ENO", view="neighbourhood")
    assert f"From EX_glc__D_e {found.loc['EX_glc__D_e', 'growth_brought']:+.2f}" in texts(test)
    assert f"closed, which costs {found.loc['ENO', 'growth_lost']:.1%} of the network's prediction" in texts(test)
    table = next(frame.value for frame in test.dataframe if "growth_brought" in frame.value).set_index("reaction")
    told = table["growth_brought"].dropna()
    assert told["EX_glc__D_e"] == pytest.approx(found.loc["EX_glc__D_e", "growth_brought"], abs=1e-6)
    assert set(told.index) == set(found.index[found["growth_brought"] != 0])


def test_a_link_that_names_no_network_takes_the_one_that_knows_the_model() -> None:
    test = opened("explorer", model="iJO1366")
    assert next(box.value for box in test.selectbox if box.label == "Network") == "genome"
    test = opened("explorer", model="iJO1366", net="core")
    assert next(box.value for box in test.selectbox if box.label == "Network") == "core"
