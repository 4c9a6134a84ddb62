"""Popovers that close once what they were opened for is done."""

from __future__ import annotations

from typing import Any

import streamlit as st


def popover(where: Any, label: str, key: str, icon: str, *, help: str) -> Any:
    """A popover in a column, with what is in it as its tooltip; ``done(key)`` closes it at the next run."""
    if st.session_state.pop(f"{key}-done", False):
        st.session_state[key] = False
    return where.popover(label, icon=icon, key=key, on_change="rerun", width="stretch", help=help)


def done(key: str) -> None:
    """Closes the popover with this key at the next run; a widget's state cannot be set after it was drawn."""
    st.session_state[f"{key}-done"] = True
