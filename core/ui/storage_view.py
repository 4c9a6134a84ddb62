"""The folders of the user data as rows: what each is for, its size, and a button that empties it."""

from __future__ import annotations

import streamlit as st

from core import storage
from core.runs import list_runs
from core.ui import networks
from core.ui.session_file import adopted_networks, remove_adopted
from core.ui.text import plain, size

_FOLDERS = {
    "uploads": ("Uploads", "Models you loaded, by the hash of their content: a link to one works until it is cleared."),
    "libraries": ("RNA libraries", "Your own libraries of RNAs, as you loaded them. Cleared, they are gone."),
    "encoders": ("Encoders of others", "GINFINITY's weights, as you gave them with their licence accepted. Cleared, they are no longer offered."),
    "cache": ("Cache", "Models already read and computed. Cleared, they are read and computed again when needed."),
    "runs": ("Training runs", "Settings, progress, logs and trained weights of your runs. Cleared, they are gone."),
}


def draw_folder(name: str, held: int) -> None:
    """One folder with its size in bytes ``held``; the folder of runs cannot be cleared while one is running."""
    title, meaning = _FOLDERS[name]
    busy = name == "runs" and any(run.running for run in list_runs())
    with st.container(border=True, key=f"folder_{name}"):
        text, number, action = st.columns([6, 2, 2], vertical_alignment="center")
        with text:
            st.subheader(title, anchor=False)
            st.caption(meaning)
        number.metric(f"Size of {title.lower()}", size(held), label_visibility="collapsed")
        first = "Says how much it is and asks once more before anything is deleted."
        with action, st.popover("Clear", icon=":material/delete:", disabled=not held or busy, width="stretch", help=first):
            st.markdown(f"Delete {size(held)} of {title.lower()}?")
            gone = "Empties this folder for good; the other folders stay as they are."
            st.button("Delete", key=f"clear_{name}", type="primary", on_click=_clear, args=(name,), help=gone)
        if name == "runs":
            _adopted()
        if busy:
            st.caption("A run is going on: cancel it first.")


def _adopted() -> None:
    """The networks that came in session files, which are no runs: each with a button that removes it."""
    for run in adopted_networks():
        text, action = st.columns([8, 2], vertical_alignment="center")
        text.markdown(plain(networks.label(networks.RUN + run)))
        with action:
            how = "Deletes this network here; opening its session file again brings it back."
            st.button("Remove", key=f"remove_{run}", icon=":material/delete:", width="stretch", on_click=remove_adopted, args=(run,), help=how)


def _clear(name: str) -> None:
    freed = storage.clear(name)
    st.toast(f"{_FOLDERS[name][0]} cleared: {size(freed)} freed.")
