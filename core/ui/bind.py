"""Widgets that show the view: their value is set from it before each run and their callbacks write it back."""

from __future__ import annotations

from typing import Any

import streamlit as st


def bind(key: str, value: Any) -> str:
    """Sets the value of the widget with this key (call it right before drawing the widget) and returns the key."""
    st.session_state[key] = value
    return key
