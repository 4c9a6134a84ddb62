"""Undo and redo of the view, sessions as files, and what a link asked for in vain."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core.errors import InputError
from core.ui import state
from core.ui.nav import PAGES, entry, page_of
from core.ui.popover import done, popover
from core.ui.session_file import SUFFIX, Session, checked, pack, suggested_name, unpack
from core.ui.text import plain

SESSION = "session_popover"


def history_buttons() -> None:
    """Undo and redo, disabled where there is no step. Ctrl+Z stays with the text fields, which have their own."""
    can_undo, can_redo = state.steps()
    with st.container(horizontal=True, key="history", gap="small"):
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo",
            on_click=state.undo,
            disabled=not can_undo,
            help="The view before the last change (Alt+Z).",
            width="stretch",
            shortcut="Alt+Z",
        )
        st.button(
            "Redo",
            icon=":material/redo:",
            key="redo",
            on_click=state.redo,
            disabled=not can_redo,
            help="The change undone last (Alt+Shift+Z).",
            width="stretch",
            shortcut="Alt+Shift+Z",
        )


def session_box(page: StreamlitPage) -> None:
    """Saving what is shown as a file, and opening such a file."""
    with popover(st, "Session", SESSION, ":material/save:", help="What is shown as one file, to keep or to give away, and the place to open one."):
        if not st.session_state.get(SESSION):
            return  # what is in it is found out when it is opened
        st.caption(
            "The view as one file, with the models, RNAs and networks of this computer that it names: a colleague can open it. "
            "A layout read from an Escher map is not in it."
        )
        _save(Session(state.current(), page.url_path or PAGES[0].path))
        given = st.file_uploader(
            "Open a session", type=[SUFFIX.removeprefix("."), "json"], key="session_open", help="A file saved here or by a colleague."
        )
        if given is not None:
            _open(given.file_id, given.getvalue())


def _save(session: Session) -> None:
    problem = None
    try:
        checked(session.view)
    except InputError as error:
        problem = str(error)
    st.download_button(
        "Save session",
        lambda: pack(session),
        suggested_name(session),
        "application/zip",
        icon=":material/download:",
        key="session_save",
        on_click="ignore",
        width="stretch",
        disabled=problem is not None,
        help="A zip file; results are not in it, they are computed again where it is opened.",
    )
    if problem is not None:
        st.error(plain(problem))


def _open(file: str, data: bytes) -> None:
    """Shows the session of a file that was given, once; one that cannot be used says why until another is given."""
    handled = st.session_state.setdefault("sessions_handled", {})
    if file not in handled:
        try:
            found = unpack(data)
        except InputError as error:
            handled[file] = str(error)
        else:
            handled[file] = None
            done(SESSION)
            view = state.replace_view(found.view)
            place = found.page if found.page in {page.path for page in PAGES} else "explorer"
            st.switch_page(page_of(entry(place)), query_params=view.to_query())
    if handled[file]:
        st.error(plain(handled[file]))


def link_notices() -> None:
    """One warning with every part of a link that could not be used."""
    found = state.notices()
    if found:
        with st.container(key="link_notices"):
            st.warning("\n\n".join(plain(notice) for notice in found), icon=":material/link_off:")
            said = "Takes the message away; what could be used of the link stays."
            st.button("Dismiss", key="dismiss_notices", on_click=state.discard_notices, help=said)
