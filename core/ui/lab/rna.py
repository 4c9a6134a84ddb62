"""A base or element of an RNA in one layer of a trained network: every message it hears, their sum, and what the layer makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.ui import device, networks
from core.ui.bind import bind, option_row
from core.ui.lab import controls
from core.ui.lab.numbers import columns
from core.ui.rna import data, structure
from core.ui.rna.begin import begin
from core.ui.rna.pick import select
from core.ui.text import plain

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
        help = "One number of a node's state, counted from 0; at first the one that is largest in what the MLP gives here, before norm and residual."
        unit = int(controls.number("Unit", "lab.unit", strongest, low=0.0, high=float(opened.config.hidden - 1), step=1.0, help=help))
    other = take_gine_apart(opened, graph, chosen, layer, turned=True, device=where)
    _formulas(other if turned else found, unit, names[chosen])
    if not len(found.edges):
        st.info(plain(f"No edge leads to {names[chosen]}: it hears nobody but itself, (1 + ε) h of its own."), icon=":material/info:")
        return
    _edges(found, other, turned, unit, names, opened.config.encoding)


def _formulas(found: GineAnatomy, unit: int, name: str) -> None:
    st.latex(r"h'_i = \mathrm{MLP}\Big((1 + \epsilon)\, h_i + \sum_{j \to i} c_{ji}\, \mathrm{ReLU}(h_j + W_e e_{ji} + b_e)\Big)")
    own, total, heard = (float(part[unit]) for part in (found.own, found.total, found.heard))
    st.latex(rf"(1 {found.eps:+.4f})\, h_i + \sum = {own:.4f} + {total:.4f} = {own + total:.4f} \;\longrightarrow\; h'_i = {heard:.4f}")
    st.caption(f"{name}, layer {found.layer + 1}, unit {unit}; norm, residual and the next layer follow. The MLP mixes all units.")


def _edges(found: GineAnatomy, other: GineAnatomy, turned: bool, unit: int, names: list[str], encoding: str) -> None:
    """Every message, then their sums by type of edge; ``other`` has the direction bits exchanged."""
    from core.rna.graph import EDGE_FEATURES

    kinds = EDGE_FEATURES[encoding]
    shown = other if turned else found
    rows = []
    for i, (source, bits) in enumerate(zip(found.sources.tolist(), shown.features.tolist(), strict=True)):
        rows.append(
            {
                "from": names[source],
                "edge": ", ".join(kind.replace("_", " ") for kind, bit in zip(kinds[:-2], bits, strict=False) if bit) or "none",
                "direction": ", ".join(kind.removeprefix("is_") for kind, bit in zip(kinds[-2:], bits[-2:], strict=True) if bit),
                "c": float(shown.weights[i]),
                "h of the sender": float(shown.said[i, unit]),
                "W e, relation": float(shown.relation[i, unit]),
                "W e, direction": float(shown.direction[i, unit]),
                "b": float(shown.bias[unit]),
                "message": float(shown.messages[i, unit]),
                "open, all units": float((shown.messages[i] > 0).double().mean()),
                "|message|, as it is": float(found.messages[i].norm()),
                "|message|, exchanged": float(other.messages[i].norm()),
            }
        )
    table = pd.DataFrame(rows)
    ordered = table.sort_values("|message|, as it is", ascending=False)
    st.dataframe(ordered, hide_index=True, column_config=columns(ordered), alt="Every message into this node, term by term")
    st.caption(
        "message = c ReLU(h of the sender + W e + b), of this unit; W e is what the relation's column of W adds and what the direction's adds. The "
        "lengths on the right are over all units, with the two bits of direction as they are and exchanged, whatever the switch says."
    )
    st.subheader("By type of edge", anchor=False)
    sums = _by_type(table, shown)
    st.dataframe(sums, hide_index=True, column_config=columns(sums), alt="Messages into this node, added up by type and direction of the edge")
    moved, whole = float((other.heard - found.heard).norm()), float(found.heard.norm())
    share = f"{moved / whole:.1%} of the length it has as it is" if whole else f"{moved:.4g} in length, from 0"
    st.caption(
        "With the two bits of direction exchanged on the edges into this node, what the MLP gives (before norm and residual) moves by "
        f"{share}. That is how far it moves, not a part of it: it can be more than 100%."
    )


def _by_type(table: pd.DataFrame, shown: GineAnatomy) -> pd.DataFrame:
    """One row per relation and direction: edges, their messages added up, in this unit and over all, and how open they are on average."""
    rows = []
    for (edge, direction), group in table.groupby(["edge", "direction"], sort=False):
        together = shown.messages[group.index.to_numpy()].sum(0)
        rows.append(
            {
                "edge": edge,
                "direction": direction,
                "edges": len(group),
                "sum of messages, this unit": float(group["message"].sum()),
                "length of the sum, all units": float(together.norm()),
                "mean open, all units": float(group["open, all units"].mean()),
            }
        )
    return pd.DataFrame(rows).sort_values("length of the sum, all units", ascending=False)
