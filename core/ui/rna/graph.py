"""The FORGI graph: bases and elements, edges coloured by what the network passes along them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.ui import state
from core.ui.bind import bind
from core.ui.network_component import network
from core.ui.rna import data
from core.ui.rna.data import Given
from core.ui.rna.drawing import chosen, layer_choice, layer_of
from core.ui.rna.pick import select
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.rna import FoldResult
    from core.viz.view import NetworkView

QUANTITIES = {"openness": "openness", "message": "|message|"}
LARGEST = 400
"""Bases up to which the graph opens with all of them; longer RNAs open as their elements."""


def quantity(view: ViewState) -> str:
    """What colours the edges."""
    found = view.settings.get("rna.edges")
    return str(found) if found in QUANTITIES else "openness"


def collapsed(given: Given, view: ViewState) -> bool:
    """Whether elements alone are drawn."""
    found = view.settings.get("rna.collapse")
    return bool(found) if found is not None else data.record(given.source, given.record).length > LARGEST


def kinds(view: ViewState, offered: list[str]) -> list[str]:
    """The kinds of edges drawn; all where none was chosen."""
    wanted = str(view.settings.get("rna.kinds") or "").split(", ")
    return [kind for kind in offered if kind in wanted] or offered


def controls(given: Given, folded: FoldResult, view: ViewState) -> None:
    """Quantity, layer, kinds of edges, collapse."""
    left, middle, right = st.columns([2, 2, 3], vertical_alignment="bottom")
    what = bind("rna_edges", quantity(view))
    left.selectbox(
        "Edges show",
        list(QUANTITIES),
        format_func=QUANTITIES.__getitem__,
        key=what,
        on_change=lambda: state.update(settings={"rna.edges": st.session_state[what]}),
        help="Openness: the share of units the ReLU lets through, on a fixed 0 to 1. |message|: the length of what is passed on.",
    )
    with middle:
        layer_choice(view)
    folds = bind("rna_collapse", collapsed(given, view))
    right.toggle(
        "Elements only",
        key=folds,
        on_change=lambda: state.update(settings={"rna.collapse": st.session_state[folds]}),
        help="Bases are left out, so that a large RNA can be read.",
    )
    if collapsed(given, view):
        return
    offered = sorted(set(data.importance(given, folded, view.rna_net).edges["kind"]))
    picks = bind("rna_kinds", kinds(view, offered))

    def keep() -> None:
        now = st.session_state[picks]
        state.update(settings={"rna.kinds": None if not now or len(now) == len(offered) else ", ".join(now)})

    st.pills("Edges", offered, selection_mode="multi", key=picks, on_change=keep, help="Kinds of edges drawn; none chosen is all.")


def graph(given: Given, folded: FoldResult, view: ViewState) -> NetworkView:
    """The graph as a drawing."""
    from core.viz.rna_graph import graph_view
    from core.viz.rna_layout import positions

    importance = data.importance(given, folded, view.rna_net)
    return graph_view(
        data.with_structure(given, folded),
        importance,
        positions(folded.structure, chosen(view)[0]),  # type: ignore[arg-type]
        colour_by=quantity(view),  # type: ignore[arg-type]
        layer=layer_of(view, int(data.network(view.rna_net)[0].config.layers)),
        kinds=None if collapsed(given, view) else kinds(view, sorted(set(importance.edges["kind"]))),
        collapse=collapsed(given, view),
        selected=view.selection,
        elements=data.elements(folded.structure),
    )


def draw(given: Given, folded: FoldResult, view: ViewState) -> None:
    """The controls and the graph."""
    controls(given, folded, view)
    if data.record(given.source, given.record).length > LARGEST and collapsed(given, view):
        st.caption(f"Longer than {LARGEST} bases: drawn as its elements. Switch off Elements only for every base; that takes the browser a while.")
    network(graph(given, folded, view), key="rna-graph", on_pick=select)
