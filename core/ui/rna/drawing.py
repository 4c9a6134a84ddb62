"""The structure drawing: layouts, colours, and a click that selects a base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.bind import bind
from core.ui.popover import popover
from core.ui.rna import data
from core.ui.rna.data import Given
from core.ui.rna.pick import select
from core.ui.rna.structure import numbers
from core.ui.rna_component import rna_drawing
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.rna import FoldResult
    from core.viz.colour import Scale
    from core.viz.rna_drawing import RnaView

LAYOUTS = {"puzzler": "RNApuzzler", "naview": "naview", "circle": "circle", "arc": "arcs"}
COLOURS = {
    "element": "element",
    "identity": "nucleotide",
    "probability": "pair probability",
    "entropy": "positional entropy",
    "reactivity": "reactivity",
    "attention": "attention",
    "message": "|message|",
    "openness": "openness",
    "values": "own values",
}
ALL = "all"
NETWORK = ("attention", "message", "openness")


@dataclass(frozen=True)
class Numbers:
    """What colours the bases: one number for each, or a sentence on why there are none."""

    values: Sequence[float] | np.ndarray | None = None
    missing: str = ""
    competitors: int | None = None


def chosen(view: ViewState) -> tuple[str, str]:
    """Layout and colour of the view."""
    layout, colour = view.settings.get("rna.layout"), view.settings.get("rna.colour")
    return (str(layout) if layout in LAYOUTS else "puzzler"), (str(colour) if colour in COLOURS else "element")


def controls(given: Given, view: ViewState) -> None:
    """Layout, colour, layer and own values."""
    layout, colour = chosen(view)
    layered = colour in ("message", "openness")
    with st.container(key="twos-drawing"):
        left, middle, *third, right = st.columns([3, 3, 2, 3] if layered else [3, 3, 3], vertical_alignment="bottom")
    where = bind("rna_layout", layout)
    left.selectbox(
        "Layout",
        list(LAYOUTS),
        format_func=LAYOUTS.__getitem__,
        key=where,
        on_change=lambda: state.update(settings={"rna.layout": st.session_state[where]}),
        help="How the structure is laid out in the plane; the network does not see it.",
    )
    by = bind("rna_colour", colour)
    middle.selectbox(
        "Colour",
        list(COLOURS),
        format_func=COLOURS.__getitem__,
        key=by,
        on_change=lambda: state.update(settings={"rna.colour": st.session_state[by]}),
        help="Attention, |message| and openness are three different things: where the read-out looks, how much arrives at a base, "
        "and which share of it passes the gate of the network's ReLU.",
    )
    if layered:
        with third[0]:
            layer_choice(view)
    how = "One number for each base, from a text or a file, to colour the drawing by."
    with popover(right, "Own values", "open-rna.values", ":material/table_rows:", help=how):
        numbers("Values for the bases", "rna.values", given, "They colour the drawing.")


def layer_choice(view: ViewState) -> None:
    """Which layer of the network, or the mean over them."""
    try:
        count = int(data.network(view.rna_net)[0].config.layers)
    except InputError:
        return
    options: list[int | str] = [ALL, *range(count)]
    now = layer_of(view, count)
    key = bind("rna_layer", ALL if now is None else now)
    st.select_slider(
        "Layer",
        options,
        format_func=lambda n: n if isinstance(n, str) else str(n + 1),
        key=key,
        on_change=lambda: state.update(layer=None if st.session_state[key] == ALL else st.session_state[key]),
        help="All: the mean over them.",
    )


def layer_of(view: ViewState, count: int) -> int | None:
    """The layer of the view, None for the mean or where the network has fewer."""
    return view.layer if view.layer is not None and view.layer < count else None


def over(view: ViewState, count: int) -> str:
    """In words, what the numbers are taken over."""
    layer = layer_of(view, count)
    return "mean over layers" if layer is None else f"layer {layer + 1}"


def base_numbers(given: Given, folded: FoldResult, view: ViewState, colour: str) -> Numbers:
    """One number for each base of what colours them."""
    if colour in ("identity", "element"):
        return Numbers()
    if colour == "entropy":
        return Numbers(folded.entropy, "" if folded.entropy is not None else "Positional entropy needs pair probabilities, which are not computed.")
    if colour == "probability":
        known = folded.pair_probabilities
        return Numbers(None if known is None else known.sum(axis=1), "" if known is not None else "Pair probabilities are not computed.")
    if colour == "reactivity":
        found = data.reactivities(given)
        return Numbers(found, "" if found else "No reactivities are in use; give them under Reactivities.")
    if colour == "values":
        kept = view.settings.get("rna.values")
        return Numbers(data.values(str(kept), given)) if kept else Numbers(None, "There are no own values yet; give them under Own values.")
    importance = data.importance(given, folded, view.rna_net)
    column = importance.bases[colour]
    if column.isna().all():
        return Numbers(None, f"The network {view.rna_net} has no {colour}.")
    if colour == "attention":
        return Numbers(column.to_numpy(float), competitors=importance.trace.hidden_norm.shape[1])
    return Numbers(per_base(given, folded, view, colour))


def per_base(given: Given, folded: FoldResult, view: ViewState, colour: str) -> np.ndarray:
    """[n] openness (mean) or |message| (sum) of the edges into each base, for the layer of the view."""
    importance = data.importance(given, folded, view.rna_net)
    layers = int(data.network(view.rna_net)[0].config.layers)
    layer = layer_of(view, layers)
    if layer is None:
        return np.asarray(importance.bases[colour], dtype=float)
    return data.by_layer(importance, colour)[layer]


def svg_view(
    given: Given, folded: FoldResult, view: ViewState, *, colour: str, found: Numbers, scale: Scale | None = None, selected: str | None = None
) -> RnaView:
    """The drawing as data; bases are coloured by kind of element where there are no numbers."""
    from core.viz.rna_drawing import rna_view

    record = data.with_structure(given, folded)
    if found.missing:
        colour = "element"
    extra: dict[str, Any] = {}
    if colour in NETWORK:
        extra["over"] = over(view, int(data.network(view.rna_net)[0].config.layers))
    return rna_view(
        record,
        layout=chosen(view)[0],  # type: ignore[arg-type]
        colour_by=colour,  # type: ignore[arg-type]
        values=found.values,
        scale=scale,
        elements=data.elements(folded.structure),
        probabilities=folded.pair_probabilities,
        competitors=found.competitors,
        selected=selected,
        **extra,
    )


def draw(given: Given, folded: FoldResult, view: ViewState) -> None:
    """The controls and the drawing."""
    controls(given, view)
    _, colour = chosen(view)
    try:
        found = base_numbers(given, folded, view, colour)
    except InputError as error:
        found = Numbers(None, str(error))
    if found.missing:
        st.info(plain(found.missing))
    shown(svg_view(given, folded, view, colour=colour, found=found), given, folded, view, key="rna-drawing")


def shown(drawn: RnaView, given: Given, folded: FoldResult, view: ViewState, *, key: str, height: int = 620) -> None:
    """A drawing on the page with the selection marked."""
    from core.viz.rna_drawing import rna_svg

    bases = data.bases_of(view.selection, data.elements(folded.structure))
    rna_drawing(
        rna_svg(drawn, interactive=True),
        key=key,
        on_pick=select,
        sentence=drawn.sentence,
        name=f"{file_stem(given)}-drawing",
        entity=view.selection if bases else None,
        selected=bases,
        height=height,
    )


def file_stem(given: Given) -> str:
    """What files of this RNA are called: its id as far as file names allow, and the start of the key."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in data.record(given.source, given.record).id)[:60]
    return f"{name.strip('.') or 'rna'}-{given.key[:12]}"
