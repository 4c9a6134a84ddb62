"""The gate lab: its numbers are the layer's, its controls are the link's, and what is no reaction leaves the last one standing."""

from __future__ import annotations

import pytest

from core.explain.reactions import reaction_importance
from core.metabolic import load_tables
from core.models import load_checkpoint
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


def test_without_an_activation_the_layer_cannot_tell_which_way_a_reaction_runs() -> None:
    assert "the sign acts twice" in told(opened("lab", **{"s.lab.activation": '"identity"'}))
    assert "the layer can tell substrate from product" in told(opened("lab"))


@pytest.mark.parametrize("typed", ["A + B", "<b>", "A -> A"])
def test_what_is_no_reaction_is_one_sentence_and_the_last_one_stays(typed: str) -> None:
    test = opened("lab")
    test.text_input(key="lab_equation").set_value(typed).run()
    assert len(test.error) == 1 and "2 A" in test.error[0].value and not test.exception
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
    assert found["message"].to_dict() == pytest.approx(product.to_dict(), rel=1e-6) and "√|s|" in test.latex[0].value.replace(r"\sqrt{|s_k|}", "√|s|")
    test.button(key="lab_type").click().run()
    assert test.text_input(key="lab_equation").value == "g6p_c <=> f6p_c" and not test.exception


def test_a_base_hears_what_adds_up() -> None:
    test = opened("lab", **{"s.lab.part": '"rna"', "s.lab.unit": "5", "s.lab.rnalayer": "1", "sel": "base:20"})
    found = table(test, "W e + b")
    terms = found["c"] * (found["h of the sender"] + found["W e + b"]).clip(lower=0)
    assert found["message"].tolist() == pytest.approx(terms.tolist(), abs=1e-6) and len(found) >= 3
    assert f"{found['message'].sum():.4f}" in "".join(one.value for one in test.latex)
    test.toggle(key="lab_turned").set_value(True).run()
    turned = table(test, "W e + b")
    assert set(turned["direction"]) == set(found["direction"]) and not turned["W e + b"].equals(found["W e + b"]) and not test.exception
