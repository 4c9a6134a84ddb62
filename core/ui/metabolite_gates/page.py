"""The page of one metabolite from top to bottom: its gates under the condition at once, then the controls and the verdict."""

from __future__ import annotations

import streamlit as st

from core.ui import data, state
from core.ui.bind import bind, take
from core.ui.explorer import card, kinetics
from core.ui.explorer.begin import begin
from core.ui.explorer.drawing import picked_entity
from core.ui.explorer.head import select
from core.ui.metabolite_gates import tables
from core.ui.metabolite_gates.data import METABOLITE, Asked, choices, tested
from core.ui.metabolite_gates.replacement import replacement
from core.ui.text import plain
from core.ui.view_state import ViewState
from core.viz.plots import alt_text


def draw() -> None:
    """Draws the page for the current view; a condition that cannot be used is one sentence, with the last good one still there."""
    view, given = begin("metabolite_gates")
    asked = Asked.of(given, view)
    _metabolite_box(asked)
    for text in data.warnings(given, view.checkpoint):
        st.warning(plain(text), icon=":material/travel_explore:")
    kinetics.left_out(given, "in the comparison of networks and in the replacement of gates")
    verdict = st.empty()
    left, right = st.columns([7, 4])
    with left:
        _strip(asked, view)
        controls = st.container()
    with right, st.container(border=True, key="detail-card"):
        finish = card.card(given, view)
    below = st.container()
    with controls:
        found = tested(asked)
        tables.networks(asked, found, view)
    with below:
        replacement(asked, found)
        tables.below(asked, found)
    with verdict.container(border=True, key="metabolite_gates_verdict"):
        st.markdown(plain(found.verdict))
    finish()


def _metabolite_box(asked: Asked) -> None:
    found = data.tables(asked.given.model, asked.given.model_objective)
    names = dict(zip(found.metabolites, found.metabolite_names, strict=True))
    options = list(dict.fromkeys([asked.metabolite, *choices(asked.given)]))
    key = bind("metabolite_gates_id", asked.metabolite)

    def choose() -> None:
        typed = str(st.session_state[key]).strip()
        if typed in names:
            state.update(settings={METABOLITE: typed}, selection=None)
        else:
            st.session_state["metabolite_gates_unknown"] = typed

    left, right = st.columns([3, 4], vertical_alignment="bottom")
    left.selectbox(
        "Metabolite",
        options,
        format_func=lambda m: f"{m}: {names[m]}" if names.get(m) and names[m] != m else m,
        key=key,
        on_change=choose,
        accept_new_options=True,
        help="The metabolites in most reactions are listed; type the id of any other.",
    )
    unknown = st.session_state.pop("metabolite_gates_unknown", None)
    if unknown:
        right.error(plain(f"{unknown[:60]} is no metabolite of this model; type an id such as {asked.metabolite}."))
    else:
        right.caption(
            "An incidence gate may differ between the reactions of one metabolite, a gate per metabolite cannot. Central: glycolysis, pentose "
            "phosphates, citric acid cycle, anaplerotic reactions, oxidative phosphorylation, pyruvate metabolism. Neither: transport, exchange, "
            "biomass, unknown pathways."
        )


def _strip(asked: Asked, view: ViewState) -> None:
    from core.explain.atp import gates_over_reactions
    from core.viz.gate_test_plots import pathway_strip

    gates = gates_over_reactions(data.with_seeds(asked.given, view), asked.metabolite)
    pick(pathway_strip(gates, asked.metabolite, asked.network, over=f"{data.over(view)}, this condition", selected=view.selection), "pathways")


def pick(figure: object, name: str) -> None:
    """A figure whose points select the reaction they stand for."""
    key, alt = f"metabolite_gates_{name}", alt_text(figure)  # type: ignore[arg-type]
    event = st.plotly_chart(figure, key=key, on_select="rerun", selection_mode="points", alt=alt)
    take(picked_entity(event), key, select)
