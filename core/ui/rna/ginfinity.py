"""The place where a person gives GINFINITY's weights, accepts their licence and removes them again; and the credit that goes with its numbers."""

from __future__ import annotations

import time
from pathlib import Path

import streamlit as st

from core.errors import InputError
from core.rna.ginfinity_kept import GINFINITY, keep_ginfinity, kept_ginfinity, remove_ginfinity
from core.ui import state
from core.ui.popover import done, popover
from core.ui.text import plain
from core.ui.view_state import ViewState

OWN = "ginfinity_own"
"""Key of the popover."""
_ACCEPTED, _PATH, _ERROR = "ginfinity_licence", "ginfinity_path", "ginfinity_error"


def place(where: st.delta_generator.DeltaGenerator) -> None:
    """The popover in a column: the licence and the file, or what is kept."""
    how = "Another group's network for RNAs: give its weights, or remove them."
    with popover(where, "GINFINITY", OWN, ":material/extension:", help=how):
        found = kept_ginfinity()
        if found is None:
            _give()
            return
        when = time.strftime("%d %B %Y", time.localtime(found.accepted))
        st.markdown(f"Weights of GINFINITY {found.version} are kept on this computer; their licence, {found.licence}, was accepted on {when}.")
        st.caption(f"sha256 {found.sha256}")
        _licence()
        gone = "Deletes the weights here and forgets that the licence was accepted."
        st.button("Remove them", icon=":material/delete:", on_click=_remove, key="ginfinity_remove", width="stretch", help=gone)
        st.caption("What was computed with them stays in the cache until that is cleared under *Stored data*.")


def credit(view: ViewState) -> None:
    """Whose numbers the page shows and how they are made, where they are GINFINITY's."""
    from core.rna.ginfinity import LICENCE

    found = kept_ginfinity()
    if view.rna_net != GINFINITY or found is None:
        return
    st.caption(
        f"The vectors here are made with {LICENCE.credit}: weights of {found.version}, run by Gatescope, for non-commercial use with this credit. "
        "It gives vectors of bases; an RNA or an element has the mean of its bases', and all are compared by cosine. Mean with standard deviation, "
        "compared by L1 distance, is on the scoreboard alone."
    )


def _licence() -> None:
    from core.rna.ginfinity import LICENCE

    st.markdown(f"**{LICENCE.name}.** {plain(LICENCE.statement)}")


def _give() -> None:
    from core.rna.ginfinity import CHECKSUMS

    st.markdown(
        f"GINFINITY is another group's trained network for RNAs. Gatescope neither brings nor downloads it: give the wheel of the Python package "
        f"ginfinity {' or '.join(CHECKSUMS.values())}, or the encoder.pt inside it. Nothing of the file is run."
    )
    _licence()
    accepted = st.checkbox(
        "I have read this and accept the licence", key=_ACCEPTED, help="GINFINITY's weights are under CC BY-NC 4.0: no commercial use, with credit."
    )
    with st.form("ginfinity_form", border=False):
        st.text_input("Path on this computer", key=_PATH, placeholder="ginfinity-1.2.2-py3-none-any.whl", help="Where the wheel of GINFINITY lies.")
        how = "Checks the file, keeps its weights on this computer and chooses the network."
        if st.form_submit_button("Keep it", type="primary", disabled=not accepted, width="stretch", help=how):
            path = st.session_state[_PATH].strip().strip("\"'")
            if path:
                _take(Path(path).expanduser())
            else:
                st.session_state[_ERROR] = "The path is empty; give that of GINFINITY's wheel, or load the file below."
    given = st.file_uploader("Or load the file", key="ginfinity_file", disabled=not accepted, help="The wheel of GINFINITY from PyPI.")
    handled = st.session_state.setdefault("ginfinity_handled", set())
    if given is not None and accepted and given.file_id not in handled:
        handled.add(given.file_id)
        _take(given.getvalue(), given.name)
    if st.session_state.get(_ERROR):
        st.error(plain(st.session_state[_ERROR]))


def _take(source: Path | bytes, name: str = "") -> None:
    """Keeps a file and chooses the network; of another, the sentence is kept."""
    try:
        keep_ginfinity(source, name, accept_licence=bool(st.session_state[_ACCEPTED]))
    except InputError as error:
        st.session_state[_ERROR] = str(error)
        return
    st.session_state.pop(_ERROR, None)
    done(OWN)
    state.update(rna_net=GINFINITY)
    st.rerun()


def _remove() -> None:
    remove_ginfinity()
    if state.current().rna_net == GINFINITY:
        state.update(rna_net=ViewState().rna_net)
