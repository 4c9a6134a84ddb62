"""Kinetic parameters from a CSV: loaded in a popover, their coverage of the model stated, and whether the network reads them."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import InputError
from core.ui import data, kinetics, state
from core.ui.data import Given
from core.ui.popover import done, popover
from core.ui.text import plain
from core.ui.view_state import ViewState

_POPOVER = "explorer_kinetics"
EXAMPLE = "reaction,metabolite,kcat_forward,kcat_backward,km\nPFK,,110,,\nPFK,atp_c,,,0.12\n"


def box(place: DeltaGenerator, view: ViewState) -> None:
    """The popover that loads them, or takes them away again."""
    how = "Turnover numbers (1/s) and Michaelis constants (mM) from a file; the page then says whether the network reads them."
    with popover(place, "Kinetic parameters", _POPOVER, ":material/speed:", help=how):
        st.caption(
            "CSV with the columns reaction, kcat_forward, kcat_backward (1/s), or reaction, metabolite, km (mM); both kinds of rows in one file or "
            "in two. Empty cells are unknown. Files stay on this computer."
        )
        given = st.file_uploader(
            "Kinetic parameters, CSV",
            key="upload-kinetics",
            accept_multiple_files=True,
            label_visibility="collapsed",
            help="Turnover numbers and Michaelis constants by reaction and metabolite; the example shows the columns.",
        )
        _handle(given)
        if kinetics.chosen(view):
            kept = "The view goes on without them; the stored file stays, so that Undo brings them back."
            st.button("Remove", icon=":material/close:", key="kinetics-remove", on_click=kinetics.remove, args=(view,), help=kept)
        rows = "The names of the columns and two rows: a turnover number (1/s) and a Michaelis constant (mM) of PFK."
        st.download_button("Example, CSV", EXAMPLE, "kinetics.csv", "text/csv", on_click="ignore", key="kinetics-example", type="tertiary", help=rows)


def _handle(given: list) -> None:  # type: ignore[type-arg]
    handled = st.session_state.setdefault("kinetics_handled", {})
    key = tuple(file.file_id for file in given)
    if not key:
        return
    if key not in handled:
        try:
            found = kinetics.keep([(file.getvalue(), file.name) for file in given])
        except InputError as error:
            handled[key] = str(error)
        else:
            handled[key] = None
            done(_POPOVER)
            state.update(settings={kinetics.SETTING: found})
            st.rerun()
    if handled[key]:
        st.error(plain(handled[key]))


def told(given: Given, view: ViewState) -> None:
    """What of the model the parameters cover, and whether the network shown reads them."""
    from core.metabolic.kinetics import ignored

    key = kinetics.chosen(view)
    if key is None:
        return
    try:
        covered = kinetics.stored(key).coverage(data.tables(given.model, given.model_objective))
        name = kinetics.label(key)
    except InputError as error:
        st.warning(plain(str(error)), icon=":material/speed:")
        return
    use = f"The network {view.checkpoint} reads them." if kinetics.read_by(view.checkpoint) else ignored(view.checkpoint)
    st.info(plain(f"{name}: {covered.sentence} {use}"), icon=":material/speed:")


def left_out(given: Given, where: str) -> None:
    """Says that loaded parameters the network would read are not used ``where``."""
    if given.kinetics is not None:
        text = f"The kinetic parameters of {kinetics.label(given.kinetics)} are not used {where}: the network reads them as unknown there."
        st.info(plain(text), icon=":material/speed:")
