"""How the pages of an RNA begin: the RNA of the view, its structure, and what else the page reads of the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.rna import data, source, structure
from core.ui.rna.data import Given
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.rna import FoldResult

Read = TypeVar("Read")


class Begun(NamedTuple, Generic[Read]):
    """What a page goes on with; ``folded`` is None while the RNA has no structure, ``read`` is what the page itself read of the view."""

    view: ViewState
    given: Given
    folded: FoldResult | None
    read: Read


def begin(name: str, read: Callable[[ViewState], Read], *, encoders: bool = False) -> Begun[Read]:
    """Draws the bar of the RNA; what cannot be used is one sentence, with the last good view still there.

    Args:
        name: of the page, under which its last good view is remembered.
        read: from the view what the page needs; it may raise InputError.
        encoders: whether networks that give vectors alone are offered.
    """
    key, view = f"{name}_good", state.current()
    source.bar(view, encoders=encoders)
    try:
        found = _of(view, read)
    except InputError as error:
        st.error(plain(str(error)))
        found = _of(st.session_state.get(key, ViewState()), read)
    st.session_state[key] = found.view
    source.records(found.view)
    return found


def _of(view: ViewState, read: Callable[[ViewState], Read]) -> Begun[Read]:
    given = Given.of(view)
    data.reactivities(given)
    return Begun(view, given, structure.current(given), read(view))
