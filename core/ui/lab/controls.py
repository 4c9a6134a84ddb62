"""Controls of the lab, each a setting of the view: what is set here is in the link, in undo and in a saved session."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.ui import state
from core.ui.bind import bind


def number(label: str, setting: str, default: float, *, low: float = -5.0, high: float = 5.0, step: float = 0.1, help: str | None = None) -> float:
    """A number between two ends."""
    key = bind(setting.replace(".", "_"), _between(setting, default, low, high))
    st.number_input(label, low, high, step=step, format="%g", key=key, help=help, on_change=_kept(setting, key, default))
    return float(st.session_state[key])


def slider(
    label: str, setting: str, default: float, *, low: float = 0.0, high: float = 1.0, step: float = 0.01, help: str | None = None, exact: bool = False
) -> float:
    """A number between two ends, by default from 0 to 1; where it is to be exact it is typed instead."""
    if exact:
        return number(label, setting, default, low=low, high=high, step=step, help=help)
    key = bind(setting.replace(".", "_"), _between(setting, default, low, high))
    st.slider(label, low, high, step=step, format="%g", key=key, help=help, on_change=_kept(setting, key, default))
    return float(st.session_state[key])


def switch(label: str, setting: str, *, help: str | None = None) -> bool:
    """On or off; off at first."""
    key = bind(setting.replace(".", "_"), state.current().settings.get(setting) is True)
    st.toggle(label, key=key, help=help, on_change=_kept(setting, key, False))
    return bool(st.session_state[key])


def text(label: str, setting: str, default: str, *, help: str | None = None) -> str:
    """A line of text."""
    wanted = state.current().settings.get(setting)
    key = bind(setting.replace(".", "_"), wanted if isinstance(wanted, str) else default)
    st.text_input(label, key=key, max_chars=200, help=help, on_change=_kept(setting, key, default))
    return str(st.session_state[key])


def _between(setting: str, default: float, low: float, high: float) -> float:
    wanted = state.current().settings.get(setting)
    fits = isinstance(wanted, (int, float)) and not isinstance(wanted, bool) and low <= wanted <= high
    return float(wanted) if fits else default  # type: ignore[arg-type]


def _kept(setting: str, key: str, default: object) -> Callable[[], None]:
    """Writes a widget's value into the view; the default is none."""
    return lambda: state.update(settings={setting: None if st.session_state[key] == default else st.session_state[key]})
