"""The structure drawing on the page: an SVG without an iframe, with zoom, keys and clicks that come back as entity ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

_STATIC = Path(__file__).parent / "static"


def rna_drawing(
    svg: str,
    *,
    key: str,
    on_pick: Callable[[str], None],
    sentence: str,
    name: str,
    entity: str | None = None,
    selected: Sequence[int] = (),
    height: int = 620,
) -> None:
    """Shows a drawing of :func:`core.viz.rna_drawing.rna_svg`; a click calls ``on_pick`` with the entity id ("base:12") before the next run.

    Args:
        svg: the whole SVG text, every text in it escaped.
        sentence: the drawing in words.
        name: what a downloaded file is called, without ending.
        entity: the selected entity; selected: the 1-based bases to mark for it.
        height: of the canvas at most, in px.
    """

    def picked() -> None:
        chosen = st.session_state[key].picked
        if isinstance(chosen, str):
            on_pick(chosen)

    data = {"svg": svg, "sentence": sentence, "name": name, "entity": entity or "", "selected": list(selected), "height": height}
    _component()(key=key, data=data, on_picked_change=picked)


@lru_cache(maxsize=1)
def _component() -> Any:
    """Registers the component once per process."""
    return st.components.v2.component(
        "gatescope_rna",
        html=(_STATIC / "rna.html").read_text(encoding="utf-8"),
        css=(_STATIC / "rna.css").read_text(encoding="utf-8"),
        js=(_STATIC / "rna.js").read_text(encoding="utf-8"),
    )
