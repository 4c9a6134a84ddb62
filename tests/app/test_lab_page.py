"""The gate lab: its numbers are the layer's, its controls are the link's, and what is no reaction leaves the last one standing."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from core.explain.reactions import reaction_importance
from core.metabolic import load_tables
from core.models import load_checkpoint
from core.ui.lab.numbers import number, tex
from core.ui.rna import uploads
from tests.app.steps import opened, told


def table(test, column: str):
    """The table that has a column."""
    (found,) = [frame.value for frame in test.dataframe if column in frame.value.columns]
    return found


def test_the_worked_examples_are_on_the_page() -> None:
    test = opened("lab")
    found = table(test, "h, gate after").set_index(["s", "activation"])
    assert found.loc[("-1", "gelu"), "h, ungated"] == "[-0.1543, -0.1587]"
    assert (
        found.loc[("-1", "gelu"), "h, gate before (the layer)"] == "[-0.1378, -0.1695]"
        and found.loc[("-1", "gelu"), "h, gate after"] == "[-0.1234, -0.1269]"
    )
    assert (
        found.loc[("+1", "gelu"), "h, gate before (the layer)"] == "[0.2622, 0.6305]"
        and found.loc[("+1", "gelu"), "h, gate after"] == "[0.2766, 0.6731]"
    )
    assert found.loc[("-1", "tanh"), "h, gate before (the layer)"] == "[-0.3799, -0.664]" and found.loc[("-1", "relu"), "h, ungated"] == "[0, 0]"
    assert found.loc[("+1", "relu"), "h, gate before (the layer)"] == "[0.4, 0.8]" and found.loc[("+1", "tanh"), "m, g = 0.8"] == "[0.4, 0.8]"
    assert "m of A is -0.8, m of B is +0.8" in told(test) and "A hears 0.64 = g²" in told(test)
    steps = table(test, "h of A, B, gated").set_index("x of A, B")
    assert steps.loc["[1, 0.5]"].tolist()[1:] == ["[0]", "[0]", "[0, 0]", "[0, 0]"]
    assert steps.loc["[0, 0.5]"].tolist()[1:] == ["[1]", "[0.8]", "[-1, 2]", "[-0.64, 1.28]"]
    assert any(r"m_B &= 0.8 \cdot 2 \cdot (+1) \cdot 0.5 = +0.8" in one.value for one in test.latex)


def test_a_typed_reaction_and_what_is_set_are_in_the_link() -> None:
    test = opened("lab", **{"s.lab.equation": '"2 A + B -> 3 C"', "s.lab.gate": "0.5", "s.lab.activation": '"relu"'})
    messages = table(test, "sgn(s)")
    assert messages["metabolite"].tolist() == ["A", "B", "C"] and messages["s"].tolist() == [-2, -1, 3]
    assert messages["m, gated (g = 0.5)"].tolist() == ["[-1, -0.5]", "[-0.25, -0.5]", "[1.5, 0.75]"]
    sums = table(test, "φ(z)")
    assert sums["z"].tolist() == ["[0.5, -0.5]", "[0.25, -0.25]"] and sums["φ(z)"].tolist() == ["[0.5, 0]", "[0.25, 0]"]
    test.toggle(key="lab_backwards").set_value(True).run()
    assert table(test, "φ(z)")["φ(z)"].tolist() == ["[0, 0.5]", "[0, 0.25]"] and not test.exception
    assert test.query_params["s.lab.backwards"] == "true"


def test_the_first_message_and_what_comes_back_have_their_numbers_put_in() -> None:
    test = opened("lab", **{"s.lab.equation": '"2 A -> B"', "s.lab.activation": '"identity"', "s.lab.gate": "0.5"})
    formulas = [one.value for one in test.latex]
    assert any(r"m_1 &= 1 \cdot 0.5 \cdot 2 \cdot (-1) \cdot [1,\ 0.5] \\ &= [-1,\ -0.5]" in one for one in formulas)
    assert any(r"h_1 &= 1 \cdot 0.5 \cdot 2 \cdot (-1) \cdot [-0.75,\ 0] \\ &= [0.75,\ 0]" in one for one in formulas)


def test_a_coefficient_is_written_into_the_equation_and_features_stay_with_their_metabolites() -> None:
    test = opened("lab", **{"s.lab.equation": '"A + B -> C"', "s.lab.x0.0": "4.0"})
    test.slider(key="lab_s1").set_value(-3.0).run()
    assert test.text_input(key="lab_equation").value == "A + 3 B -> C"
    test.slider(key="lab_s0").set_value(0.0).run()  # across 0: A is made now, and is named after B
    assert test.text_input(key="lab_equation").value == "3 B -> A + C" and not test.exception
    found = table(test, "sgn(s)").set_index("metabolite")
    assert found["s"].to_dict() == {"B": -3, "A": 1, "C": 1} and found["x W"].to_dict() == {"B": "[0.5, 1]", "A": "[4, 0.5]", "C": "[1, 0.5]"}
    test.toggle(key="lab_backwards").set_value(True).run()
    assert test.slider(key="lab_s0").value == 3
    test.slider(key="lab_s0").set_value(2.0).run()
    assert test.text_input(key="lab_equation").value == "2 B -> A + C" and table(test, "sgn(s)")["s"].tolist() == [2, -1, -1]


def test_sliders_or_fields_hold_the_same_numbers() -> None:
    test = opened("lab", **{"s.lab.equation": '"59.8 A + 2 B -> C"', "s.lab.x1.0": "0.37"})
    assert test.number_input(key="lab_s0").value == -59.8 and test.slider(key="lab_s1").value == -2  # no slider is as fine as 59.8
    before = table(test, "sgn(s)")["x W"].tolist()
    test.slider(key="lab_w0_1").set_value(0.3).run()
    after = table(test, "sgn(s)")["x W"].tolist()
    assert (before[1], after[1]) == ("[0.37, 1]", "[0.37, 1.111]") and test.query_params["s.lab.w0.1"] == "0.3"
    test.toggle(key="lab_exact").set_value(True).run()
    assert (test.number_input(key="lab_x1_0").value, test.number_input(key="lab_s1").value) == (0.37, -2)
    assert table(test, "sgn(s)")["x W"].tolist() == after and not test.exception
    test.number_input(key="lab_x1_0").set_value(0.371).run()
    test.toggle(key="lab_exact").set_value(False).run()
    assert test.slider(key="lab_x1_0").value == 0.371 and not test.exception


def test_a_number_without_its_space_is_pointed_out() -> None:
    assert "2B was read as one metabolite; write 2 B for 2 of B." in told(opened("lab", **{"s.lab.equation": '"A -> 2B"'}))


def test_messages_that_cancel_are_not_called_something_else() -> None:
    test = opened("lab", **{"s.lab.equation": '"A + B -> C + D"'})
    assert "The messages cancel" in told(test) and "The sign acts twice" not in told(test)
    assert table(test, "φ(z)")["z"].tolist() == ["[0, 0]", "[0, 0]"] == table(test, "φ(z)")["φ(z)"].tolist()
    assert "No message is passed" in told(opened("lab", **{"s.lab.gate": "0.0"}))
    # A negative z under ReLU comes back as 0, which is not the same as nothing being passed.
    assert "the layer can tell" in told(opened("lab", **{"s.lab.equation": '"A ->"', "s.lab.activation": '"relu"'}))


def test_a_reaction_of_one_metabolite_and_a_large_coefficient() -> None:
    test = opened("lab", **{"s.lab.equation": '"1000000 A ->"'})
    assert table(test, "φ(z)")["z"].tolist() == ["[-1000000, -500000]", "[-800000, -400000]"] and len(table(test, "sgn(s)")) == 1
    assert "nan" not in told(test).split() and "-> 1000000 A" in told(test)


@pytest.mark.parametrize(("equation", "least"), [("A -> 2 B", 3.0), ("A + B -> C + D", 3.0), ("1000000 A ->", 1e6)])
def test_activations_are_drawn_as_far_as_the_sums_go(equation: str, least: float) -> None:
    (chart,) = opened("lab", **{"s.lab.equation": json.dumps(equation)}).get("plotly_chart")
    *curves, marks = json.loads(chart.proto.spec)["data"]
    reach = max(numbers(curve["x"])[-1] for curve in curves)
    assert reach >= least and max(map(abs, numbers(marks["x"]))) <= reach and (reach == 3) == (least == 3)


def numbers(values) -> list[float]:
    """Numbers of a figure, which long ones keep as bytes."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"]).tolist()
    return list(values)


def test_a_reaction_with_more_metabolites_than_spokes_and_one_across_the_boundary() -> None:
    test = opened("lab", **{"s.lab.part": '"trained"', "sel": "rxn:Biomass_Ecoli_core"})
    assert len(test.image) == 1 and len(table(test, "LN(z)")) == 1 and test.button(key="lab_type").disabled
    test = opened("lab", **{"s.lab.part": '"trained"', "sel": "rxn:EX_glc__D_e", "s.lab.layer": "6", "s.lab.backwards": "true"})
    assert len(test.image) == 2 and table(test, "m', heard back")["sgn(s)"].tolist() == [1] and "there nobody hears" in told(test)


def test_small_numbers_keep_their_digits_and_rounding_is_zero() -> None:
    assert [number(x) for x in (2e-5, 0.00123456, -0.664, 0.25, -0.0, 1e6)] == ["2e-05", "0.001235", "-0.664", "0.25", "0", "1000000"]
    assert number(-1.1e-16, 1.0) == "0" != number(-1.1e-16) and tex(number(2e-5)) == r"2\cdot 10^{-5}"


def test_without_an_activation_the_layer_cannot_tell_which_way_a_reaction_runs() -> None:
    assert "The sign acts twice" in told(opened("lab", **{"s.lab.activation": '"identity"'}))
    assert "the layer can tell substrate from product" in told(opened("lab"))


@pytest.mark.parametrize("typed", ["A + B", "<b>", "A -> A", "10000000 A -> B"])
def test_what_is_no_reaction_is_one_sentence_and_the_last_one_stays(typed: str) -> None:
    test = opened("lab")
    test.text_input(key="lab_equation").set_value(typed).run()
    assert len(test.error) == 1 and ("2 A" in test.error[0].value or "1000000" in test.error[0].value) and not test.exception
    assert table(test, "sgn(s)")["metabolite"].tolist() == ["A", "B"]


def test_trained_weights_are_those_of_the_explorer() -> None:
    test = opened("lab", **{"s.lab.part": '"trained"', "s.lab.layer": "2", "s.lab.head": "2", "sel": "rxn:PGI"})
    found = table(test, "value").set_index("metabolite")
    expected = reaction_importance(load_tables("e_coli_core"), load_checkpoint("core"), methods=()).of_reaction("PGI")
    expected = expected[(expected["layer"] == 2) & (expected["head"] == 2)].set_index("metabolite")
    for column in ("gate", "attention"):
        assert found[column].to_dict() == pytest.approx(expected[column].to_dict(), rel=1e-5)
    assert found["B"].to_dict() == pytest.approx(expected["norm"].to_dict(), rel=1e-5)
    assert found["size"].to_dict() == pytest.approx(found["coefficient"].abs().pow(0.5).to_dict())  # this network takes the root of |s|
    product = found["B"] * found["attention"] * found["gate"] * found["size"] * found["value"]
    assert found["message"].to_dict() == pytest.approx(product.to_dict(), rel=1e-5) and "√|s|" in test.latex[0].value.replace(r"\sqrt{|s_k|}", "√|s|")
    assert found["message"].to_dict() == pytest.approx((found["ungated"] * found["gate"]).to_dict()) and (found["back"] > 0).all()
    unit, sums = table(test, "m', heard back"), table(test, "LN(z)")
    assert unit["m, gated"].sum() == pytest.approx(sums["z"][0], rel=1e-4) and unit["m, ungated (g = 1)"].sum() == pytest.approx(
        sums["z, ungated"][0]
    )
    assert sums["state s before"][0] + sums["added"][0] == pytest.approx(sums["state s' after"][0]) and len(test.image) == 2
    test.toggle(key="lab_backwards").set_value(True).run()
    assert table(test, "m', heard back")["sgn(s)"].tolist() == (-unit["sgn(s)"]).tolist() and not test.exception
    test.toggle(key="lab_backwards").set_value(False).run()
    test.button(key="lab_type").click().run()
    assert test.text_input(key="lab_equation").value == "g6p_c <=> f6p_c" and not test.exception


def test_a_base_hears_what_adds_up() -> None:
    test = opened("lab", **{"s.lab.part": '"rna"', "s.lab.unit": "5", "s.lab.rnalayer": "1", "sel": "base:20"})
    found = table(test, "h of the sender")
    terms = found["c"] * (found["h of the sender"] + found["W e, relation"] + found["W e, direction"] + found["b"]).clip(lower=0)
    assert found["message"].tolist() == pytest.approx(terms.tolist(), abs=1e-6) and len(found) >= 3
    assert f"{found['message'].sum():.4f}" in "".join(one.value for one in test.latex)
    sums = table(test, "sum of messages, this unit")
    assert sums["edges"].sum() == len(found) and sums["sum of messages, this unit"].sum() == pytest.approx(found["message"].sum(), abs=1e-6)
    test.toggle(key="lab_turned").set_value(True).run()
    turned = table(test, "h of the sender")
    assert set(turned["direction"]) == set(found["direction"]) and not turned["W e, direction"].equals(found["W e, direction"]) and not test.exception
    assert turned["|message|, as it is"].tolist() == found["|message|, as it is"].tolist() and "not a part of it" in told(test)


def test_a_base_without_edges_is_one_sentence() -> None:
    kept = uploads.keep(b">one\nA\n.\n", "one.fa")
    test = opened("lab", **{"s.lab.part": '"rna"', "rna": kept, "rnanet": "rna_standard"})
    assert "No edge leads to A1" in told(test)
