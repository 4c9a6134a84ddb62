"""The current view of a browser session: kept in session state, mirrored in the URL, with undo and redo."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import streamlit as st

from core.ui.data import fitting_network
from core.ui.view_state import History, ViewState, is_parameter, with_changes

__all__ = ["History", "ViewState", "current", "discard_notices", "notices", "redo", "replace_view", "restore", "steps", "undo", "update"]

_HISTORY, _NOTICES, _URL = "view_history", "view_notices", "view_url"

IN_FLIGHT_SECONDS = 1.0
"""A run that still carries the previous URL this soon after a change left the browser before it heard of the change."""


def current() -> ViewState:
    """The view shown now."""
    return _history().now


def update(**changes: Any) -> None:
    """Replaces fields of the view, records the step for undo and writes the URL; unchanged views record nothing.

    Call it from a widget's callback, or follow it with ``st.rerun()``: what was drawn before in this run showed the old view.
    ``settings`` are merged into the ones there are.
    """
    replace_view(with_changes(current(), changes))


def replace_view(view: ViewState) -> ViewState:
    """Makes ``view`` the current one, as :func:`update` does."""
    if _history().push(view):
        _write_url(view)
    return view


def undo() -> None:
    """Goes back one step."""
    _write_url(_history().undo())


def redo() -> None:
    """Takes the last undo back."""
    _write_url(_history().redo())


def steps() -> tuple[bool, bool]:
    """Whether there is a step to undo, and one to redo."""
    return _history().can_undo, _history().can_redo


def notices() -> list[str]:
    """What a link asked for and could not be used, one sentence each."""
    return list(st.session_state.get(_NOTICES, []))


def discard_notices() -> None:
    """Forgets the notices once they have been read."""
    st.session_state.pop(_NOTICES, None)


def restore(page: str) -> None:
    """Brings view and URL together at the start of a run: app.py calls it once per run, before anything is drawn.

    A new session takes its view from the URL. Later, a URL other than the one written last is a link, an edited address
    or the browser's back or forward button, and is followed; moving to another page with no view in the URL keeps the view.
    A URL that is followed is left as it is: rewriting it would add a step to the browser's history and break its way back.
    """
    query = _query()
    seen = st.session_state.get(_URL)
    if _HISTORY not in st.session_state or seen is None:
        _follow(query)
    elif query != seen["query"]:
        left_too_early = query == seen["previous"] and time.monotonic() - seen["written"] < IN_FLIGHT_SECONDS
        if left_too_early or (not query and page != seen["page"]):
            _write_url(current())
        else:
            _follow(query)
    st.session_state[_URL]["page"] = page


def _follow(query: dict[str, str]) -> None:
    view, st.session_state[_NOTICES] = ViewState.from_query(query)
    if "model" in query and "net" not in query:
        view = replace(view, checkpoint=fitting_network(view.model, view.checkpoint))
    if _HISTORY in st.session_state:
        _history().go(view)
    else:
        st.session_state[_HISTORY] = History(view)
    st.session_state[_URL] = {"query": query, "previous": None, "written": time.monotonic(), "page": None}


def _history() -> History:
    if _HISTORY not in st.session_state:
        st.session_state[_HISTORY] = History(ViewState())
    history = st.session_state[_HISTORY]
    assert isinstance(history, History)
    return history


def _query() -> dict[str, str]:
    return {name: value for name, value in st.query_params.to_dict().items() if is_parameter(name)}


def _write_url(view: ViewState) -> None:
    """Writes the view's parameters, in one message, beside any that are not the view's."""
    query, before = view.to_query(), _query()
    if query != before:
        others = {name: st.query_params.get_all(name) for name in st.query_params if not is_parameter(name)}
        st.query_params.from_dict({**others, **query})
    page = st.session_state.get(_URL, {}).get("page")
    st.session_state[_URL] = {"query": query, "previous": before, "written": time.monotonic(), "page": page}
