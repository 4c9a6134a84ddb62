"""Widgets that show the view: their value is set from it before each run and their callbacks write it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st


def bind(key: str, value: Any) -> str:
    """Sets the value of the widget with this key (call it right before drawing the widget) and returns the key."""
    st.session_state[key] = value
    return key


def take(entity: str | None, where: str, select: Callable[[str], object]) -> None:
    """Follows a click in a table or plot once: a selection that stays marked there must not win over a later click elsewhere."""
    taken = st.session_state.setdefault("taken", {})
    if entity and taken.get(where) != entity:
        taken[where] = entity
        select(entity)
        st.rerun()
    if not entity:
        taken.pop(where, None)
