"""The RNA page from top to bottom. The structure is drawn first; what needs the network comes after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import networks
from core.ui.bind import option_row
from core.ui.rna import card, compare, data, drawing, find, graph, plots, structure, tables
from core.ui.rna.begin import begin
from core.ui.rna.data import Given
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.rna import FoldResult

VIEWS: dict[str, tuple[str, Callable[[Given, FoldResult, ViewState], None]]] = {
    "drawing": ("Drawing", drawing.draw),
    "graph": ("Graph", graph.draw),
    "dots": ("Dot plot", plots.dots),
    "layers": ("Layers", plots.layers),
    "compare": ("Compare", compare.draw),
}


def draw() -> None:
    """Draws the page for the current view; input that cannot be used is one sentence, with the last good view still there."""
    view, given, folded, _ = begin("rna", lambda _: None)
    if view.rna.startswith(data.EXAMPLE):
        found = data.examples()[view.rna.removeprefix(data.EXAMPLE)]
        st.caption(plain(f"{found.title}, {found.family}; {found.accession}. Structure: {found.structure_source}"))
    structure.bar(given)
    if folded is not None:
        structure.summary(given, folded)
    structure.waiting(given, folded)
    if folded is None:
        st.code(data.record(given.source, given.record).sequence[:4000], language=None, wrap_lines=True)
        return
    if trouble := _network_trouble(view):
        st.warning(plain(trouble), icon=":material/model_training:")
    left, right = st.columns([7, 4])
    with left:
        now = option_row(
            "View",
            VIEWS,
            "rna.view",
            words=lambda name: VIEWS[name][0],
            unnamed=True,
            help="The drawing of the structure, or the graph that the network reads.",
        )
    with right:
        find.bar(given, folded, view)
    if now == "compare":
        _shown(now, given, folded, view)
    else:
        with left:
            _shown(now, given, folded, view)
        with right, st.container(border=True, key="detail-card"):
            card.card(given, folded, view)
    tables.below(given, folded, view)


def _network_trouble(view: ViewState) -> str:
    """Why there is no network; said without loading one."""
    try:
        networks.source(view.rna_net, "rna")
    except InputError as error:
        return str(error)
    return ""


def _shown(name: str, given: Given, folded: FoldResult, view: ViewState) -> None:
    try:
        VIEWS[name][1](given, folded, view)
    except InputError as error:
        st.info(plain(str(error)))
