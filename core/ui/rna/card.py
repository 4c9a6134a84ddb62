"""The card of the selection: everything known of one base or element."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui.bind import clicked_row, take
from core.ui.rna import data
from core.ui.rna.data import Given
from core.ui.rna.pick import select
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain import BaseImportance
    from core.rna import FoldResult


def card(given: Given, folded: FoldResult, view: ViewState) -> None:
    """The card, or a hint when nothing of this RNA is selected."""
    kind, _, name = (view.selection or "").partition(":")
    found = data.elements(folded.structure)
    names = {element.name for element in found.elements}
    if kind == "base" and data.bases_of(view.selection, found):
        _base(given, folded, view, int(name))
    elif kind == "elem" and name in names:
        _element(given, folded, view, name)
    elif kind in ("base", "elem"):
        st.info(plain(f"This RNA has no {'base' if kind == 'base' else 'element'} {name}; select another."))
    else:
        st.markdown("**Nothing selected**")
        st.caption("Click a base in the drawing, a node or edge of the graph, or a row of the tables.")


def _title(text: str) -> None:
    left, right = st.columns([5, 1])
    left.markdown(f"**{plain(text)}**")
    right.button("", icon=":material/close:", key="rna-card-close", on_click=select, args=(None,), help="Clear the selection", type="tertiary")


def _facts(rows: dict[str, str]) -> None:
    st.markdown("\n".join(f"- **{what}**: {value}" for what, value in rows.items() if value))


def _base(given: Given, folded: FoldResult, view: ViewState, place: int) -> None:
    from core.rna import partners

    record = data.record(given.source, given.record)
    partner = partners(folded.structure)
    other = int(partner[place - 1]) + 1
    found = data.elements(folded.structure)
    element = found.of_base[place - 1]
    _title(f"Base {record.sequence[place - 1]}{place}")
    chances = data.pairing(folded, partner.tolist())
    alone = "" if not chances else f", probability {chances[place - 1]:.3f}"
    measured = data.reactivities(given)
    _facts(
        {
            "Pairs with": plain(f"{record.sequence[other - 1]}{other}{alone}") if other else f"nothing{alone}",
            "Element": f"{element}, {next(e.kind for e in found.elements if e.name == element)}",
            "Positional entropy": "" if folded.entropy is None else f"{folded.entropy[place - 1]:.3f} bits",
            "Reactivity": "" if measured is None or math.isnan(measured[place - 1]) else f"{measured[place - 1]:.3g}",
        }
    )
    near = [("previous", place - 1), ("next", place + 1), ("partner", other)]
    buttons = [(label, at) for label, at in near if 1 <= at <= record.length]
    columns = st.columns(len(buttons) + 1)
    for column, (label, at) in zip(columns, buttons, strict=False):
        column.button(f"{record.sequence[at - 1]}{at}", key=f"rna-near-{label}", help=f"The {label} base", on_click=select, args=(f"base:{at}",))
    columns[-1].button(element, key="rna-near-element", help="Its element", on_click=select, args=(f"elem:{element}",))
    _values(given, folded, view, f"base:{place}", place - 1)


def _element(given: Given, folded: FoldResult, view: ViewState, name: str) -> None:
    found = data.elements(folded.structure)
    element = next(e for e in found.elements if e.name == name)
    _title(f"Element {name}, {element.kind}")
    record = data.record(given.source, given.record)
    near = [b if a == name else a for a, b in found.connections if name in (a, b)]
    _facts(
        {
            "Bases": f"{len(element.bases)}" + (f": {ranges(element.bases)}" if element.bases else ""),
            "Sequence": "".join(record.sequence[base] for base in element.bases)[:120],
            "Touches": ", ".join(near) or "nothing",
        }
    )
    for start in range(0, len(near), 4):
        for column, other in zip(st.columns(4), near[start : start + 4], strict=False):
            column.button(other, key=f"rna-touch-{other}", help="Selects this neighbour", on_click=select, args=(f"elem:{other}",))
    _values(given, folded, view, f"elem:{name}", None)


def _values(given: Given, folded: FoldResult, view: ViewState, entity: str, place: int | None) -> None:
    """What the network makes of the entity: its own numbers, by layer, and its edges."""
    try:
        found = data.importance(given, folded, view.rna_net)
    except InputError as error:
        st.caption(plain(str(error)))
        return
    table = found.bases if place is not None else found.elements
    row = table[table["name"] == entity].iloc[0]
    _facts({"Openness": _number(row["openness"]), "|message|": _number(row["message"]), "Attention": _number(row["attention"])})
    if place is not None:
        by_layer = pd.DataFrame({q: data.by_layer(found, q)[:, place] for q in ("openness", "message")})
        by_layer.insert(0, "layer", range(1, len(by_layer) + 1))
        st.dataframe(by_layer, hide_index=True, column_config=columns(), alt=f"Openness and message arriving at {entity}, by layer")
    edges = _edges(found, entity)
    st.markdown(f"**Its edges**, {len(edges)}, widest openness first")
    height = min(330, 38 + 35 * max(1, len(edges)))
    clicked = clicked_row(edges, f"rna-edges-{entity}", column_config=columns(), height=height, alt=f"Edges of {entity}")
    take(None if clicked is None else str(edges["neighbour"].iloc[clicked]), "rna-card", select)


def _edges(found: BaseImportance, entity: str) -> pd.DataFrame:
    edges = found.edges
    mine = edges[(edges["source"] == entity) | (edges["target"] == entity)]
    arriving = mine["target"] == entity
    rows = pd.DataFrame(
        {
            "neighbour": mine["source"].where(arriving, mine["target"]),
            "way": arriving.map({True: "in", False: "out"}),
            "openness": mine["openness"],
            "message": mine["message"],
            "kind": mine["kind"],
        }
    )
    return rows.sort_values("openness", ascending=False, kind="stable")


def _number(value: Any) -> str:
    return "" if pd.isna(value) else f"{float(value):.4g}"


def ranges(bases: tuple[int, ...]) -> str:
    """0-based bases as 1-based runs: ``1-7, 66-72``."""
    runs: list[list[int]] = []
    for base in bases:
        if runs and base == runs[-1][1]:
            runs[-1][1] = base + 1
        else:
            runs.append([base + 1, base + 1])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def columns() -> dict[str, Any]:
    """How the tables show the network's quantities."""
    number = st.column_config.NumberColumn
    return {
        "openness": st.column_config.ProgressColumn(
            "openness", min_value=0.0, max_value=1.0, format="%.3f", width=110, help="Share of units the ReLU lets through"
        ),
        "message": number("|message|", format="%.3g", help="Length of what is passed on, network units"),
        "attention": number("attention", format="%.3g", help="Of the read-out, mean over its steps; sums to 1 over the graph"),
        "probability": st.column_config.ProgressColumn(
            "probability", min_value=0.0, max_value=1.0, format="%.3f", help="Of what the structure shows"
        ),
        "entropy": number("entropy", format="%.3f", help="Positional entropy, bits"),
        "reactivity": number("reactivity", format="%.3g"),
        "paired_with": number("pairs with", help="0: unpaired"),
    }
