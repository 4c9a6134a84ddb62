"""Plots beside the drawing: pair probabilities, the sequence as a track, messages by layer, the network's edge weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.ui import state
from core.ui.bind import bind, option_row
from core.ui.rna import data
from core.ui.rna.data import Given
from core.ui.rna.pick import plot
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.rna import FoldResult

COLUMNS = {"message": "|message|", "openness": "openness", "attention": "attention"}


def dots(given: Given, folded: FoldResult, view: ViewState) -> None:
    """Pair probabilities with the chosen structure."""
    from core.viz import rna_plots

    if folded.pair_probabilities is None:
        st.info("Pair probabilities are not computed for this RNA, so there is no dot plot.")
        return
    st.caption("Above the diagonal the probability of each pair, below it the structure shown. Click a dot to select its 5' base.")
    plot(rna_plots.highlight(rna_plots.dot_plot(folded.pair_probabilities, folded.structure), _selected(folded, view), rows=True), "dots")


def _selected(folded: FoldResult, view: ViewState) -> tuple[int, ...]:
    return data.bases_of(view.selection, data.elements(folded.structure))


def layers(given: Given, folded: FoldResult, view: ViewState) -> None:
    """Sequence track, heat map of bases and layers, weights of each relation."""
    from core.rna import EDGE_FEATURES
    from core.viz import rna_plots

    found = data.importance(given, folded, view.rna_net)
    offered = [name for name in COLUMNS if not found.bases[name].isna().all()]
    track = option_row(
        "Quantity",
        offered,
        "rna.track",
        words=COLUMNS.__getitem__,
        help="Openness is the share of units the ReLU lets through; |message| is the length of what is passed.",
    )
    chosen = _selected(folded, view)
    plot(rna_plots.highlight(rna_plots.sequence_track(found.bases, track), chosen), "track")
    st.caption("|message| arriving at each base, layer by layer.")
    plot(rna_plots.highlight(rna_plots.layer_heatmap(data.by_layer(found, "message")), chosen), "layers", selects=False)
    st.caption("W_e, how each relation enters each unit of the messages: it is the network's own and the same for every RNA.")
    weights = found.trace.edge_weights
    one = bind("rna_weights", min(view.layer or 0, len(weights) - 1))
    st.segmented_control(
        "Layer of W_e",
        range(len(weights)),
        format_func=lambda n: str(n + 1),
        key=one,
        required=True,
        on_change=lambda: state.update(layer=st.session_state[one]),
        help="The layer whose edge weights are shown, counted from 1.",
    )
    encoding = data.network(view.rna_net)[0].config.encoding
    plot(rna_plots.weight_matrix(data.numbers(weights[st.session_state[one]]), EDGE_FEATURES[encoding]), "weights", selects=False)
