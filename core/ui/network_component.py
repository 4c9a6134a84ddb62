"""The reaction network on the page: vis-network without an iframe, clicks come back as entity ids.

Streamlit sends a component's whole script whenever its data changes. vis-network (470 kB) therefore rides in a component of its own
whose message never changes, so Streamlit's message cache keeps it in the browser; the drawing component stays small.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.viz.network import payload, vis_network_source

if TYPE_CHECKING:
    from core.viz.view import NetworkView

_STATIC = Path(__file__).parent / "static"
_VIZ_STATIC = Path(__file__).parents[1] / "viz" / "static"


def network(view: NetworkView, *, key: str, on_pick: Callable[[str], None], height: int = 620) -> None:
    """Draws a network; a click calls ``on_pick`` with the entity id ("rxn:PFK", "met:atp_c"; a spoke stands for its reaction) before the next run.

    A view of the same nodes at the same places is updated in place: the zoom stays. A new selection is brought to the centre.
    """
    library, drawing = _components()
    library(key=f"{key}-library", height=1)

    def picked() -> None:
        entity = st.session_state[key].picked
        if isinstance(entity, str):
            on_pick(entity)

    drawing(key=key, data={**payload(view), "height": height}, on_picked_change=picked)


def preload() -> None:
    """Brings vis-network to the browser before a drawing needs it: for a page that leads to one, as its last element."""
    _components()[0](key="preload-library", height=1)


@lru_cache(maxsize=1)
def _components() -> tuple[Any, Any]:
    """Registers the two components once per process."""
    wrapped = f"const module = {{}};\nconst exports = {{}};\n(function () {{\n{vis_network_source()}\n}}).call(globalThis);\n"
    library = wrapped + "globalThis.gatescopeVis = exports;\nexport default function () {}\n"
    style = (_VIZ_STATIC / "network.css").read_text(encoding="utf-8") + (_STATIC / "network.css").read_text(encoding="utf-8")
    return (
        st.components.v2.component("gatescope_vis_library", html="<span hidden></span>", js=library),
        st.components.v2.component(
            "gatescope_network",
            html=(_STATIC / "network.html").read_text(encoding="utf-8"),
            css=style,
            js=(_VIZ_STATIC / "casing.js").read_text(encoding="utf-8") + (_STATIC / "network.js").read_text(encoding="utf-8"),
        ),
    )
