"""The way from a hit or a point to the RNA page, with its motif selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.ui import state
from core.ui.library.data import REFERENCE, Asked
from core.ui.nav import entry, page_of
from core.ui.rna import data, uploads
from core.ui.view_state import with_changes

if TYPE_CHECKING:
    from core.rna import RnaRecord

LABEL, ICON = "Open in the RNA page", ":material/genetics:"


def open_in_rna(asked: Asked, record: RnaRecord, element: str, key: str, *, own: bool = False) -> None:
    """A link (for an RNA of an own library a button, as its text has to be stored first) to the RNA page.

    Args:
        element: selected there; "" for the whole RNA.
        key: of the button.
        own: the RNA is the one of the view already, with the structure chosen for it.
    """
    changes: dict[str, object] = {"selection": f"elem:{element}" if element else None}
    if not own:
        changes |= {"rna_record": 0, "settings": {"rna.fold": None, "rna.number": None, "rna.shape": None}}  # its elements are of its own structure
    how = f"Its structure, its graph and what the network passes along the edges{', with this element selected' if element else ''}."
    if own or asked.library == REFERENCE:
        view = with_changes(state.current(), changes if own else changes | {"rna": data.EXAMPLE + record.id})
        query = {"rna": view.rna, **view.to_query()}
        st.page_link(page_of(entry("rna")), label=LABEL, icon=ICON, query_params=query, help=how)
    elif st.button(LABEL, icon=ICON, key=key, help=f"{how} A copy of its text is kept on this computer."):
        text = f">{record.id}\n{record.sequence}\n{record.structure}\n"
        state.update(**changes, rna=uploads.keep(text.encode(), record.id))
        st.switch_page(page_of(entry("rna")))
