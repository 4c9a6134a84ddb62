"""The bar of the map and of the search: which RNA, which collection, read by which network; place to add and remove own libraries."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.bind import bind
from core.ui.library.data import LIBRARY, REFERENCE, Asked, choices
from core.ui.popover import done, popover
from core.ui.text import plain

OWN = "library_own"


def library_box(asked: Asked) -> None:
    """Choice of the collection, and place for own ones."""
    with st.container(key="pairs-library"):
        left, right = st.columns([5, 2], vertical_alignment="bottom")
    known = choices()
    key = bind("library_shown", asked.library)
    left.selectbox(
        "Look in",
        list(known),
        format_func=lambda name: known.get(name, name),
        key=key,
        on_change=lambda: state.update(settings={LIBRARY: None if st.session_state[key] == REFERENCE else st.session_state[key]}),
        help="The reference library comes with Gatescope: well-known RNAs of many families, each with its accession. Your own stay on this computer.",
    )
    how = "Add a file of RNAs to look in, or remove one that you added."
    with popover(right, "Own libraries", OWN, ":material/library_add:", help=how):
        _add()
        _remove()
    for notice in st.session_state.pop("library_notices", ()):
        st.info(plain(notice))


def _add() -> None:
    from core.rna.libraries import LONGEST, MOST

    st.caption(
        f"FASTA, Vienna, Stockholm or a table with columns id, sequence and, where known, structure and family: up to {MOST:,} RNAs of {LONGEST:,} "
        "nt. Further columns of a table (organism, Kd, year ...) colour the motif map. They stay on this computer, also for the next visit."
    )
    given = st.file_uploader("Library file", key="library_file", label_visibility="collapsed", help="FASTA, Vienna, Stockholm or a table of RNAs.")
    if given is None:
        return
    handled = st.session_state.setdefault("library_handled", {})
    if given.file_id not in handled:
        handled[given.file_id] = _refused(given.getvalue(), given.name)
        if handled[given.file_id] is None:
            st.rerun()
    if handled[given.file_id]:
        st.error(plain(handled[given.file_id]))


def _refused(content: bytes, name: str) -> str | None:
    """Adds and opens a library; why it cannot be, else None."""
    from core.rna.libraries import add_library

    try:
        added = add_library("", content, name)
    except InputError as error:
        return str(error)
    st.session_state["library_notices"] = added.notices
    done(OWN)
    state.update(settings={LIBRARY: added.key})
    return None


def _remove() -> None:
    from core.rna.libraries import list_libraries, remove_library

    own = {library.key: library for library in list_libraries()}
    if not own:
        return
    chosen = st.selectbox(
        "Remove",
        list(own),
        format_func=lambda key: own[key].name,
        index=None,
        key="library_remove",
        placeholder="a library",
        help="A library of your own to remove from this computer.",
    )

    def remove() -> None:
        key = st.session_state["library_remove"]
        remove_library(key)
        st.session_state["library_remove"] = None
        if state.current().settings.get(LIBRARY) == key:
            state.update(settings={LIBRARY: None})

    gone = "Deletes the copy kept here, for good; vectors made of it stay in the cache until that is cleared under Stored data."
    st.button("Remove it", icon=":material/delete:", disabled=chosen is None, on_click=remove, key="library_remove_now", help=gone)
