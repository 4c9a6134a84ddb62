"""Logo, style sheet and the larger text for projectors."""

from __future__ import annotations

import streamlit as st

from core.ui.nav import ROOT

LARGER_PERCENT = 125
"""Root font size with larger text on; every size of the interface follows it."""

_LARGER = "larger_text"


def apply() -> None:
    """The logo and the style sheet; larger text when its switch is on."""
    st.logo(str(ROOT / "assets" / "logo.svg"), size="large")
    st.html(ROOT / "assets" / "style.css")
    if st.session_state.get(_LARGER):
        st.html(f"<style>html {{ font-size: {LARGER_PERCENT}% !important; }}</style>")


def larger_text_switch() -> None:
    """The switch for projectors."""
    st.toggle("Larger text", key=_LARGER, help="For a projector: everything is drawn a quarter larger.")


def larger_text() -> bool:
    """Whether larger text is on, for figures that carry their own font sizes."""
    return bool(st.session_state.get(_LARGER))
