"""The page of measurements from top to bottom: model and condition, the file and its columns, then what the scores make of it."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.ui import data, state
from core.ui.bind import option_row
from core.ui.data import Given
from core.ui.explorer import condition, kinetics
from core.ui.measurements import conflicts, export, pathways, ranking, source, values
from core.ui.measurements import data as measured
from core.ui.measurements.data import Asked
from core.ui.text import plain
from core.ui.view_state import ViewState

PANELS = ("Ranking", "Disagreements", "Pathways", "Export")
OMICS_PANELS = ("Ranking", "Values", "Pathways", "Export")


def draw() -> None:
    """Draws the page for the current view; input that cannot be used is one sentence, with everything that can be still there."""
    view = state.current()
    condition.model_bar(view)
    given = Given.of(view)
    try:
        data.tables(given.model, given.model_objective)
        data.checkpoint(view.checkpoint)
        measured.references_key_of(given)
    except InputError as error:
        st.error(plain(str(error)))
        view = st.session_state.get("measurements_good", ViewState())
        given = Given.of(view)
    st.session_state["measurements_good"] = view
    condition.condition_bar(view)
    file = source.bar(view)
    if file is None:
        source.template(given)
        return
    try:
        sheet = measured.sheet_of(given, file)
        choice = measured.choice_of(view, given, file)
    except InputError as error:
        st.error(plain(str(error)))
        source.template(given)
        return
    join = measured.join_of(view, choice)
    source.reading_bar(sheet, choice, join)
    asked = Asked(given, file, choice, join, measured.networks_of(view))
    try:
        _results(view, asked)
    except InputError as error:
        st.error(plain(str(error)))


def _results(view: ViewState, asked: Asked) -> None:
    given = asked.given
    found = measured.measurement(given.model, given.model_objective, asked.file, asked.choice)
    comparison = measured.comparison(asked)
    source.medium_bar(view, given)
    source.mapped(found, comparison.targets, data.tables(given.model, given.model_objective).id)
    for name in asked.networks:
        for text in data.warnings(given, name):
            st.warning(plain(text), icon=":material/travel_explore:")
    kinetics.left_out(given, "on this page")
    source.networks_box(view)
    ranking.computing(asked, comparison)
    if comparison.scores.empty:
        st.info("None of what was measured has a gene-associated reaction in this model, so there is nothing to compare.")
        return
    panel = option_row(
        "Panel", OMICS_PANELS if found.is_omics else PANELS, "measurements.panel", unnamed=True, help="Which part of the comparison is shown."
    )
    if panel == "Ranking":
        ranking.draw(asked, comparison)
    elif panel == "Disagreements":
        conflicts.draw(view, asked, comparison)
    elif panel == "Values":
        values.draw(view, asked, comparison)
    elif panel == "Pathways":
        pathways.draw(view, comparison)
    else:
        export.draw(view, asked, comparison)
