"""A base or element of an RNA in one layer of a trained network: every message it hears, their sum, and what the layer makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.ui import device, networks
from core.ui.bind import bind, option_row
from core.ui.lab import controls
from core.ui.rna import data, structure
from core.ui.rna.begin import begin
from core.ui.rna.pick import select

if TYPE_CHECKING:
    from core.explain.gine_anatomy import GineAnatomy

BEGIN = 10
"""The base that is looked at while none is selected, 1-based."""


def draw() -> None:
    """Of the RNA, the network and the selection of the view."""
    from core.explain.gine_anatomy import take_gine_apart
    from core.rna.embedding import prepare

    view, given, folded, _ = begin("lab", lambda one: networks.source(one.rna_net, "rna"))
    structure.bar(given)
    structure.waiting(given, folded)
    if folded is None:
        return
    record, elements = data.with_structure(given, folded), data.elements(folded.structure)
    opened, _ = data.network(view.rna_net)
    record, ensemble = prepare(record, opened.config.ensemble, folded.ensemble)
    graph = opened.graph_of(record, elements, ensemble)
    names = [f"{letter}{i}" for i, letter in enumerate(record.sequence, 1)]
    places = [f"base:{i}" for i in range(1, len(names) + 1)]
    if len(graph.x) > len(names):
        names += [f"{e.name}, {e.kind}" for e in elements.elements]
        places += [f"elem:{e.name}" for e in elements.elements]
    chosen = places.index(view.selection) if view.selection in places else min(BEGIN, len(record.sequence)) - 1
    first, second, third, fourth = st.columns([3, 4, 2, 4], vertical_alignment="bottom")
    with first:
        key = bind("lab_node", chosen)
        st.selectbox(
            "Node",
            range(len(names)),
            format_func=names.__getitem__,
            key=key,
            on_change=lambda: select(places[st.session_state[key]]),
            help="The base or element whose incoming messages are taken apart.",
        )
    with second:
        layer = option_row(
            "Layer", range(len(opened.convs)), "lab.rnalayer", words=lambda n: str(n + 1), help="The layer of the network, counted from 1."
        )
    with fourth:
        turned = controls.switch("Turn the direction bits", "lab.turned", help="Forward and backward are exchanged on the edges into this node.")
    where = device.choice().device
    found = take_gine_apart(opened, graph, chosen, layer, device=where)
    strongest = float(found.heard.abs().argmax())
    with third:
        help = "One number of a node's state; at first the one this layer changes most."
        unit = int(controls.number("Unit", "lab.unit", strongest, low=0.0, high=float(opened.config.hidden - 1), step=1.0, help=help))
    other = take_gine_apart(opened, graph, chosen, layer, turned=True, device=where)
    _formulas(other if turned else found, unit, names[chosen])
    _edges(found, other, turned, unit, names, opened.config.encoding)


def _formulas(found: GineAnatomy, unit: int, name: str) -> None:
    st.latex(r"h'_i = \mathrm{MLP}\Big((1 + \epsilon)\, h_i + \sum_{j \to i} c_{ji}\, \mathrm{ReLU}(h_j + W_e e_{ji} + b_e)\Big)")
    own, total, heard = (float(part[unit]) for part in (found.own, found.total, found.heard))
    st.latex(rf"(1 {found.eps:+.4f})\, h_i + \sum = {own:.4f} + {total:.4f} = {own + total:.4f} \;\longrightarrow\; h'_i = {heard:.4f}")
    st.caption(f"{name}, layer {found.layer + 1}, unit {unit}; norm, residual and the next layer follow. The MLP mixes all units.")


def _edges(found: GineAnatomy, other: GineAnatomy, turned: bool, unit: int, names: list[str], encoding: str) -> None:
    from core.rna.graph import EDGE_FEATURES

    kinds = EDGE_FEATURES[encoding]
    shown = other if turned else found
    rows = []
    for i, (source, bits) in enumerate(zip(found.sources.tolist(), shown.features.tolist(), strict=True)):
        said, related = float(shown.said[i, unit]), float(shown.related[i, unit])
        rows.append(
            {
                "from": names[source],
                "edge": ", ".join(kind.replace("_", " ") for kind, bit in zip(kinds[:-2], bits, strict=False) if bit) or "none",
                "direction": ", ".join(kind.removeprefix("is_") for kind, bit in zip(kinds[-2:], bits[-2:], strict=True) if bit),
                "c": float(shown.weights[i]),
                "h of the sender": said,
                "W e + b": related,
                "message": float(shown.messages[i, unit]),
                "|message|, all units": float(found.messages[i].norm()),
                "|message|, turned": float(other.messages[i].norm()),
                "open, all units": float((shown.messages[i] > 0).double().mean()),
            }
        )
    table = pd.DataFrame(rows).sort_values("|message|, all units", ascending=False)
    number = st.column_config.NumberColumn
    config = {name: number(name, format="%.4g") for name in table.columns[3:]}
    st.dataframe(table, hide_index=True, column_config=config, alt="Every message into this node, term by term")
    change = float((other.heard - found.heard).norm() / found.heard.norm())
    st.caption(
        "message = c ReLU(h of the sender + W e + b), of this unit. With the two bits of direction exchanged, what this layer makes of them "
        f"changes by {change:.1%} of its length: that much of it is which way along the molecule an edge points."
    )
