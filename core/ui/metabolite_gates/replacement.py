"""Gates replaced by their mean: offered with an estimate, followed with a bar and Cancel, then a plot and its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.ui.background import follow
from core.ui.metabolite_gates.data import Asked, replacement_key, replacement_seconds, replacements, start_replacement
from core.ui.text import duration, plain
from core.viz.plots import alt_text

if TYPE_CHECKING:
    from core.explain import MetaboliteGateTest


def replacement(asked: Asked, test: MetaboliteGateTest) -> None:
    """What the predictions lose without the differences between the metabolite's gates."""
    from core.viz.gate_test_plots import replacement_plot

    st.subheader("Does the prediction use these differences?")
    if test.replacement is not None:
        figure = replacement_plot(test.replacement.table, asked.metabolite)
        st.plotly_chart(figure, key="metabolite_gates_replacement", alt=alt_text(figure))
        st.caption(plain(test.replacement.sentence))
        return
    if replacements().result(replacement_key(asked)) is not None:
        st.rerun()  # it was finished after the test had been looked up
    if replacements().job(replacement_key(asked)) is not None:
        follow(replacements(), replacement_key(asked), "metabolite_gates_replacement")
        return
    st.caption(
        plain(
            f"Every gate of {asked.metabolite} is replaced by their mean, as if there were one gate per metabolite, and growth and fluxes are "
            "predicted again on 64 sampled conditions; beside it the same with as many random other gates."
        )
    )
    if st.button(
        "Replace the gates by their mean",
        icon=":material/play_arrow:",
        key="metabolite_gates_replace",
        help=f"About {duration(replacement_seconds(asked))}.",
    ):
        start_replacement(asked)
        st.rerun()
