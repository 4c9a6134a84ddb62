"""Widgets that show the view: their value is set from it before each run and their callbacks write it back; rows and points that select."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from core.ui import state

if TYPE_CHECKING:
    import pandas as pd

Option = TypeVar("Option", str, int)


def bind(key: str, value: Any) -> str:
    """Sets the value of the widget with this key (call it right before drawing the widget) and returns the key."""
    st.session_state[key] = value
    return key


def option_row(
    label: str,
    options: Iterable[Option],
    setting: str,
    *,
    words: Callable[[Option], str] = str,
    default: Option | None = None,
    unnamed: bool = False,
    help: str | None = None,
) -> Option:
    """A row of options kept as a page setting of the view; the widget's key is the setting with ``_`` for its dots.

    Args:
        default: what is chosen while the view names nothing that is offered; None is the first option.
        unnamed: the label is only for those who cannot see the row.
        help: what the question mark beside the label tells.
    """
    offered = list(options)
    key = _bound(offered, setting, default)
    st.segmented_control(
        label,
        offered,
        format_func=words,
        key=key,
        required=True,
        label_visibility="collapsed" if unnamed else "visible",
        help=help,
        on_change=lambda: state.update(settings={setting: st.session_state[key]}),
    )
    chosen: Option = st.session_state[key]
    return chosen


def option_list(label: str, options: Iterable[Option], setting: str, *, words: Callable[[Option], str] = str, help: str | None = None) -> Option:
    """As :func:`option_row` for more options than a row holds: a list that unfolds. Its words are shown as they are, a row's are Markdown."""
    offered = list(options)
    key = _bound(offered, setting, None)
    st.selectbox(
        label,
        offered,
        format_func=words,
        key=key,
        width=400,
        help=help,
        on_change=lambda: state.update(settings={setting: st.session_state[key]}),
    )
    chosen: Option = st.session_state[key]
    return chosen


def _bound(offered: list[Option], setting: str, default: Option | None) -> str:
    """Key of the widget of a setting, bound to what the view names where that is offered."""
    wanted = state.current().settings.get(setting)
    return bind(setting.replace(".", "_"), wanted if wanted in offered else offered[0] if default is None else default)


def clicked_row(table: pd.DataFrame, key: str, **look: Any) -> int | None:
    """Draws a table whose rows can be chosen; the place of the chosen row, None while there is none.

    Args:
        look: what else ``st.dataframe`` takes.
    """
    event = st.dataframe(table, hide_index=True, on_select="rerun", selection_mode="single-row", key=key, **look)
    rows = event["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(table) else None


def take(entity: str | None, where: str, select: Callable[[str], object]) -> None:
    """Follows a click in a table or plot once: a selection that stays marked there must not win over a later click elsewhere."""
    taken = st.session_state.setdefault("taken", {})
    if entity and taken.get(where) != entity:
        taken[where] = entity
        select(entity)
        st.rerun()
    if not entity:
        taken.pop(where, None)
