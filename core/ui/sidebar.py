"""Undo and redo of the view, and what a link asked for in vain."""

from __future__ import annotations

import streamlit as st

from core.ui import state
from core.ui.text import plain


def history_buttons() -> None:
    """Undo and redo, disabled where there is no step."""
    can_undo, can_redo = state.steps()
    with st.container(horizontal=True, key="history", gap="small"):
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo",
            on_click=state.undo,
            disabled=not can_undo,
            help="The view before the last change.",
            width="stretch",
        )
        st.button(
            "Redo", icon=":material/redo:", key="redo", on_click=state.redo, disabled=not can_redo, help="The change undone last.", width="stretch"
        )


def link_notices() -> None:
    """One warning with every part of a link that could not be used."""
    found = state.notices()
    if found:
        with st.container(key="link_notices"):
            st.warning("\n\n".join(plain(notice) for notice in found), icon=":material/link_off:")
            st.button("Dismiss", key="dismiss_notices", on_click=state.discard_notices)
