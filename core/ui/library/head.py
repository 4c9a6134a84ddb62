"""How the pages of collections begin: the RNA of the view, its structure, and the collection that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.library.data import Asked
from core.ui.rna import data, source, structure
from core.ui.rna.data import Given
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.rna import FoldResult


class Begun(NamedTuple):
    """What a page goes on with; ``folded`` is None while the RNA has no structure."""

    view: ViewState
    given: Given
    folded: FoldResult | None
    asked: Asked


def begin(name: str) -> Begun:
    """Draws the bar of the RNA; what cannot be used is one sentence, with the last good view still there.

    Args:
        name: of the page, under which its last good view is remembered.
    """
    key, view = f"{name}_good", state.current()
    source.bar(view, encoders=True)
    try:
        found = _of(view)
    except InputError as error:
        st.error(plain(str(error)))
        found = _of(st.session_state.get(key, ViewState()))
    st.session_state[key] = found.view
    source.records(found.view)
    return found


def _of(view: ViewState) -> Begun:
    given = Given.of(view)
    data.reactivities(given)
    return Begun(view, given, structure.current(given), Asked.of(view))
