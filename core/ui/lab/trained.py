"""A reaction of the loaded model with trained weights: the factors of its messages in a layer and head of the network."""

from __future__ import annotations

import streamlit as st

from core.ui import data, state
from core.ui.bind import bind, option_row
from core.ui.explorer.begin import begin
from core.ui.explorer.head import select
from core.ui.text import plain


def draw() -> None:
    """The reaction that is selected, or the first of the model."""
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
    detail = found.of_reaction(name)
    layers, heads = sorted(detail["layer"].unique()), sorted(detail["head"].unique())
    left, right = st.columns(2)
    with left:
        layer = option_row("Layer", [int(n) for n in layers], "lab.layer", help="The layer of the network, counted from 1.")
    with right:
        head = option_row("Head", [int(n) for n in heads], "lab.head", help="The head of the layer, counted from 1.")
    rows = detail[(detail["layer"] == layer) & (detail["head"] == head)]
    gates = {(name, m): float(g) for m, g in zip(rows["metabolite"], rows["gate"], strict=True)}
    e = index[name]
    st.image(reaction_box_svg(tables, gates, name), width=640, alt=f"{name}: {tables.equation(e)}, spokes coloured by gate")
    st.latex(r"\lVert m_k \rVert = B_e \; \alpha_k \; g_k \; |s_k| \; \lVert (x W)_{v_k} \rVert")
    columns = ["metabolite", "coefficient", "gate", *(["attention"] if data.checkpoint(view.checkpoint)[1].has_attention else []), "norm", "message"]
    number = st.column_config.NumberColumn
    st.dataframe(
        rows[columns],
        hide_index=True,
        column_config={name: number(name, format="%.4g") for name in columns[1:]},
        alt=f"Factors of the messages of {name} in layer {layer}, head {head}",
    )
    st.caption(
        plain(
            f"The network {view.checkpoint} on this condition, layer {layer}, head {head}, on the way to the reaction. Unlike in a "
            "typed reaction every incidence has a gate of its own, learned. Attention is a share among the reaction's metabolites; the norm "
            "holds the coefficients; the message is the length of the vector that is passed."
        )
    )
    st.button(
        "Type it into the lab",
        icon=":material/science:",
        on_click=_type,
        key="lab_type",
        args=(tables.equation(e),),
        help="With values of your own.",
    )


def _type(equation: str) -> None:
    state.update(settings={"lab.part": None, "lab.equation": equation.replace("→", "->").replace("⇌", "<=>").replace("↔", "<=>")[:200]})
