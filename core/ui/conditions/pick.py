"""Figures of this page, whose points select what they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.ui.bind import take
from core.ui.explorer.drawing import picked_entity
from core.ui.explorer.head import select
from core.viz.plots import alt_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def plot(figure: Figure, name: str, *, selects: bool = True) -> None:
    """A figure; a click on a point makes its reaction the selection."""
    key, alt = f"conditions-plot-{name}", alt_text(figure)
    if not selects:
        st.plotly_chart(figure, key=key, alt=alt)
        return
    event = st.plotly_chart(figure, key=key, on_select="rerun", selection_mode="points", alt=alt)
    take(picked_entity(event), f"conditions-{name}", select)
