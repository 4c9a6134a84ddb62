"""How the pages of a model under a condition begin."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.ui import data, state
from core.ui.data import Given
from core.ui.explorer import condition
from core.ui.text import plain
from core.ui.view_state import ViewState


def begin(name: str) -> tuple[ViewState, Given]:
    """Draws the bars of model and condition; a condition that cannot be used is one sentence, with the last good one still there.

    Args:
        name: of the page, under which its last good view is remembered.
    """
    key, view = f"{name}_good", state.current()
    condition.model_bar(view)
    given = Given.of(view)
    try:
        data.tables(given.model, given.model_objective)
        data.importance(given, view.checkpoint)
    except InputError as error:
        st.error(plain(str(error)))
        view = st.session_state.get(key, ViewState())
        given = Given.of(view)
    st.session_state[key] = view
    condition.condition_bar(view)
    return view, given
