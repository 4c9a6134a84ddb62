"""A reaction of the loaded model with trained weights: the factors of its messages in a layer and head of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.metabolic.equation import LARGEST, LEAST, MOST
from core.ui import data, device, state
from core.ui.bind import bind, option_row
from core.ui.explorer.begin import begin
from core.ui.explorer.head import select
from core.ui.lab import controls, drawing
from core.ui.lab.numbers import columns
from core.ui.text import plain
from core.ui.view_state import MAX_TEXT

if TYPE_CHECKING:
    from core.explain.anatomy import Trained
    from core.metabolic import ModelTables

SIZES = {"linear": "|s_k|", "sqrt": r"\sqrt{|s_k|}", "log1p": r"\log(1 + |s_k|)"}
WORDED = {"linear": "|s|", "sqrt": "√|s|", "log1p": "log(1 + |s|)"}
"""What stands for the size of a coefficient in a message."""


def draw() -> None:
    """The reaction that is selected, or the first of the model."""
    from core.explain.anatomy import trained_messages

    view, given = begin("lab")
    tables, found = data.tables(given.model, given.model_objective), data.importance(given, view.checkpoint)
    chosen = (view.selection or "").removeprefix("rxn:")
    index = tables.reaction_index()
    key = bind("lab_reaction", chosen if chosen in index else next((r for r in ("PFK", "HEX1") if r in index), tables.reactions[0]))
    st.selectbox(
        "Reaction",
        tables.reactions,
        key=key,
        on_change=lambda: select(f"rxn:{st.session_state[key]}"),
        help="A reaction of the model of the view; the page shows it with trained weights.",
    )
    name = st.session_state[key]
    network = data.checkpoint(view.checkpoint)[0]
    config = network.config
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    with left:
        layer = option_row("Layer", list(range(1, config.layers + 1)), "lab.layer", help="The layer of the network, counted from 1.")
    with middle:
        head = option_row("Head", list(range(1, config.heads + 1)), "lab.head", help="The head of the layer, counted from 1.")
    with right:
        backwards = controls.switch(
            "Written backwards",
            "lab.backwards",
            help="The sign of every coefficient of this reaction turns, in every layer; its bounds and features stay, and the network runs anew.",
        )
    passed = trained_messages(network, found.graph, name, layer, head, backwards=backwards, device=device.choice().device)
    e = index[name]
    drawing.draw(tables, name, dict(zip(passed.table["metabolite"], passed.table["gate"], strict=True)), f"layer {layer}, head {head}")
    if backwards:
        st.caption("The drawing shows the reaction as the model writes it; the numbers below are of the reaction written backwards.")
    _lengths(passed, f"the messages to {name} in layer {layer}, head {head}")
    shared = {"reaction": "the reaction's metabolites", "metabolite": "the metabolite's reactions"}
    share = f"Attention is a share among {shared[passed.attention]}." if passed.attention else "This network has no attention."
    last = " Of the last layer only the reactions are read: there nobody hears what goes back." if layer == config.layers else ""
    st.caption(
        plain(
            f"The network {view.checkpoint} on this condition, layer {layer}, head {head}. Unlike in a typed reaction gates are learned. {share} "
            f"Ungated is the same message were the gate 1. On the way back the same gates stand before s', which {name} says.{last}"
        )
    )
    _unit(passed, name, layer, head, config.activation)
    typed = _typed(tables, e)
    st.button(
        "Type it into the lab",
        icon=":material/science:",
        on_click=_type,
        key="lab_type",
        args=(typed,),
        disabled=typed is None,
        help="With values of your own."
        if typed is not None
        else f"The lab reads at most {MOST} metabolites, with coefficients from {LEAST:f} to {LARGEST:,.0f}.",
    )


def _lengths(passed: Trained, what: str) -> None:
    """Every factor of the messages, and how long these are."""
    attention = r"\; \alpha_k" if passed.attention else ""
    factors = rf"{attention} \; g_k \; {SIZES[passed.size]} \; \mathrm{{sgn}}(s_k)"
    st.latex(rf"m_k = B_e {factors} \; (x W)_{{v_k}}")
    st.latex(rf"m'_k = D_{{v_k}} {factors} \; s'_e")
    called = {
        "size": WORDED[passed.size],
        "B": "B",
        "value": "length of x W",
        "ungated": "length of m, ungated",
        "message": "length of m",
        "back": "length of m', heard back",
    }
    st.dataframe(passed.table, hide_index=True, column_config=columns(passed.table, called), alt=f"Factors of {what}")
    st.markdown(
        plain(
            f"Their sum, each with the sign of its coefficient times that of x W, has the length {passed.heard:.4g}: that is what the reaction hears."
        )
    )


def _unit(passed: Trained, name: str, layer: int, head: int, activation: str) -> None:
    """One number of every message with its sign, their sum, and what the reaction makes of it."""
    step, ungated = passed.step, passed.ungated
    st.subheader("One unit of these messages", anchor=False)
    unit = int(
        controls.number(
            "Unit",
            "lab.hidden",
            float(step.z.abs().argmax()),
            low=0.0,
            high=float(len(step.z) - 1),
            step=1.0,
            help="One number of the messages of this head, counted from 0; at first the one whose sum z is largest in size.",
        )
    )
    table = pd.DataFrame(
        {
            "metabolite": passed.table["metabolite"],
            "sgn(s)": passed.signs.tolist(),
            "x W": passed.values[:, unit].tolist(),
            "m, ungated (g = 1)": ungated[:, unit].tolist(),
            "m, gated": passed.messages[:, unit].tolist(),
            "m', heard back": passed.replies[:, unit].tolist(),
        }
    )
    st.dataframe(table, hide_index=True, column_config=columns(table), alt=f"Messages to {name} and back in unit {unit}, with their signs")
    st.latex(r"z = \sum_k m_k \qquad s' = s + V \varphi\big(U\, \mathrm{LN}(z) + T\, \mathrm{LN}(s) + b\big) + c")
    table = pd.DataFrame(
        {
            "z, ungated": [float(ungated[:, unit].sum())],
            "z": [float(step.z[unit])],
            "LN(z)": [float(step.normed[unit])],
            "state s before": [float(step.before[unit])],
            "added": [float(step.after[unit] - step.before[unit])],
            "state s' after": [float(step.after[unit])],
        }
    )
    st.dataframe(table, hide_index=True, column_config=columns(table), alt=f"What {name} makes of the sum in unit {unit}")
    negative = float((step.met < 0).double().mean())
    left = float((step.left[step.met < 0] != 0).double().mean()) if negative else 1.0
    st.caption(
        plain(
            f"Unit {unit} of head {head}, layer {layer}. s is the reaction's own state, LN a layer norm over all units, and φ is {activation}: it "
            f"does not meet z but a mix of all {len(step.met)} units, of which {negative:.0%} are negative here; of these it leaves {left:.0%} other "
            "than 0. The state stays beside what is added."
        )
    )


def _typed(tables: ModelTables, e: int) -> str | None:
    """The reaction as the lab reads it; None where it is too long for that."""
    from core.metabolic.equation import read_equation

    text = tables.equation(e).replace("∅", "").replace("→", "->").replace("←", "<-").replace("⇌", "<=>").strip()
    try:
        read_equation(text)
    except InputError:
        return None
    return text if len(text) <= MAX_TEXT else None


def _type(equation: str) -> None:
    state.update(settings={"lab.part": None, "lab.equation": equation})
