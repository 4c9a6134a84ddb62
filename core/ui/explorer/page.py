"""The explorer from top to bottom. What is fast is drawn first; the other seeds of an ensemble and flux balance analysis
of a large model fill their places when they are ready."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.ui import data, state
from core.ui.data import Given
from core.ui.explorer import card, condition, drawing, head, kinetics, tables
from core.ui.text import plain
from core.ui.view_state import ViewState


def draw() -> None:
    """Draws the page for the current view; input that cannot be used is one sentence, with the last good view still there."""
    from core.metabolic import model_label

    view = state.current()
    condition.model_bar(view)
    given = Given.of(view)
    try:
        data.tables(given.model, given.model_objective)
        found = data.importance(given, view.checkpoint)
    except InputError as error:
        st.error(plain(str(error)))
        view = _last_good()
        given = Given.of(view)
        found = data.importance(given, view.checkpoint)
    st.session_state["explorer_good"] = view
    condition.condition_bar(view)
    vertices, reactions, incidences = found.graph.tables.shape
    with st.container(key="size-bar"):
        size, predicted, solved, finder, parameters = st.columns([3, 2, 2, 3, 3], vertical_alignment="center")
    with size:
        name = model_label(view.model)
        st.markdown(f"**{plain(name)}**  \n{vertices:,} metabolites · {reactions:,} reactions · {incidences:,} incidences")
    network, growth = predicted.empty(), solved.empty()
    with network.container():
        head.network_growth(given, view)
    with finder:
        head.search(view)
    kinetics.box(parameters, view)
    trouble = st.empty()
    for text in data.warnings(given, view.checkpoint):
        st.warning(plain(text), icon=":material/travel_explore:")
    kinetics.told(given, view)
    drawing.view_bar(given, view)
    left, right = st.columns([7, 4])
    with left:
        drawing.draw(given, view)
        drawing.currency_bar(given, view)
    with right, st.container(border=True, key="detail-card"):
        finish = card.card(given, view)
    if data.seeds(view.checkpoint) > 1:
        with network.container():
            head.network_growth(given, view, spread=True)
    tables.below(given, view)
    with growth.container():
        head.fba_growth(given)
    with trouble.container():
        head.fba_trouble(given)
    finish()


def _last_good() -> ViewState:
    """The view shown before the one that cannot be, or the default."""
    return st.session_state.get("explorer_good", ViewState())
