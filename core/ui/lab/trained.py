"""A reaction of the loaded model with trained weights: the factors of its messages in a layer and head of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.metabolic.equation import MOST
from core.ui import data, device, state
from core.ui.bind import bind, option_row
from core.ui.explorer.begin import begin
from core.ui.explorer.head import select
from core.ui.text import plain
from core.ui.view_state import MAX_TEXT

if TYPE_CHECKING:
    from core.metabolic import ModelTables

SIZES = {"linear": "|s_k|", "sqrt": r"\sqrt{|s_k|}", "log1p": r"\log(1 + |s_k|)"}
WORDED = {"linear": "|s|", "sqrt": "√|s|", "log1p": "log(1 + |s|)"}
"""What stands for the size of a coefficient in a message."""


def draw() -> None:
    """The reaction that is selected, or the first of the model."""
    from core.explain.anatomy import trained_messages
    from core.viz.svg import reaction_box_svg

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
    config = data.checkpoint(view.checkpoint)[0].config
    left, right = st.columns(2)
    with left:
        layer = option_row("Layer", list(range(1, config.layers + 1)), "lab.layer", help="The layer of the network, counted from 1.")
    with right:
        head = option_row("Head", list(range(1, config.heads + 1)), "lab.head", help="The head of the layer, counted from 1.")
    passed = trained_messages(data.checkpoint(view.checkpoint)[0], found.graph, name, layer, head, device=device.choice().device)
    rows, e = passed.table, index[name]
    gates = {(name, m): float(g) for m, g in zip(rows["metabolite"], rows["gate"], strict=True)}
    st.image(reaction_box_svg(tables, gates, name), width=640, alt=f"{name}: {tables.equation(e)}, spokes coloured by gate")
    attention = r"\; \alpha_k" if passed.attention else ""
    st.latex(rf"\lVert m_k \rVert = B_e {attention} \; g_k \; {SIZES[passed.size]} \; \lVert (x W)_{{v_k}} \rVert")
    called = {"size": WORDED[passed.size], "B": "B", "value": "length of x W", "message": "length of m"}
    number = st.column_config.NumberColumn
    st.dataframe(
        rows,
        hide_index=True,
        column_config={column: number(called.get(column, column), format="%.4g") for column in rows.columns[1:]},
        alt=f"Factors of the messages to {name} in layer {layer}, head {head}",
    )
    st.markdown(plain(f"Their sum, substrates and products with opposite signs, has the length {passed.heard:.4g}: that is what {name} hears."))
    shared = {"reaction": "the reaction's metabolites", "metabolite": "the metabolite's reactions"}
    share = f"Attention is a share among {shared[passed.attention]}." if passed.attention else "This network has no attention."
    st.caption(
        plain(
            f"The network {view.checkpoint} on this condition, layer {layer}, head {head}, on the way to the reaction. Unlike in a typed reaction "
            f"gates are learned. {share} On the way back to the metabolites the same "
            "gates stand before what the reaction says."
        )
    )
    typed = _typed(tables, e)
    st.button(
        "Type it into the lab",
        icon=":material/science:",
        on_click=_type,
        key="lab_type",
        args=(typed,),
        disabled=typed is None,
        help="With values of your own." if typed is not None else f"It has more than {MOST} metabolites, or none on one side's balance.",
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
