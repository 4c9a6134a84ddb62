"""The one selection of the RNA page."""

from __future__ import annotations

import streamlit as st

from core.ui import state
from core.ui.bind import take
from core.ui.explorer.drawing import picked_entity


def select(entity: str | None) -> None:
    """Makes a base or an element the selection; anything else is left alone."""
    if entity is None or entity.startswith(("base:", "elem:")):
        state.update(selection=entity)


def plot(figure: object, name: str, *, selects: bool = True) -> None:
    """A plotly figure whose points select what they stand for."""
    from core.viz.plots import alt_text

    alt = alt_text(figure)  # type: ignore[arg-type]
    if not selects:
        st.plotly_chart(figure, key=f"rna-plot-{name}", alt=alt)
        return
    event = st.plotly_chart(figure, key=f"rna-plot-{name}", on_select="rerun", selection_mode="points", alt=alt)
    entity = picked_entity(event)
    take(entity if entity and entity.startswith(("base:", "elem:")) else None, f"rna-{name}", select)
