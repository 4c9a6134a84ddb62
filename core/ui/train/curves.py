"""The plots of a training, where there is something to plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.viz.plots import alt_text
from core.viz.training_plots import Line, held_out_plot, loss_plot


def plots(lines: Sequence[Line], titles: Mapping[str, str], key: str) -> None:
    """Loss and held-out figures beside each other, below each other where it is narrow.

    Args:
        titles: the figures' columns and titles; key: of the widgets.
    """
    with_losses = [line for line in lines if line.losses["loss"].notna().any()]
    drawn = {"loss": loss_plot(with_losses)} if with_losses else {}
    drawn |= {name: held_out_plot(lines, name, title) for name, title in titles.items() if any(name in line.history for line in lines)}
    if not drawn:
        return
    for place, (name, figure) in zip(st.columns(len(drawn)), drawn.items(), strict=True):
        with place:
            st.plotly_chart(figure, key=f"{key}_{name}", alt=alt_text(figure))
    if len(drawn) > 1:
        st.caption("Loss by training step; the figures on held-out validation conditions after each epoch.")
