"""A, B and A - B: on the network at one layout, and as strips of the reactions that moved most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.ui import data, state
from core.ui.bind import bind, option_row
from core.ui.conditions.data import Pair, filtered, pathways, wanted_pathway
from core.ui.conditions.pick import plot
from core.ui.explorer import drawing
from core.ui.explorer.condition import model_of
from core.ui.explorer.head import is_small, select
from core.ui.network_component import network
from core.ui.text import plain
from core.ui.view_state import ViewState
from core.viz.view import NetworkView, pathway_view

if TYPE_CHECKING:
    from core.explain.conditions import ConditionComparison

VIEWS = {"overview": "Overview", "pathway": "Pathway", "neighbourhood": "Neighbourhood"}
SIDES = {"a": "A", "b": "B", "difference": "A - B"}
QUANTITIES = {"gate": "gate", "message": "|message|", "attention": "attention", "flux": "predicted flux"}
COLUMN = {"attention": "attention_log2"}
OVER = "mean over layers and heads"
TOP = 25


def draw(both: Pair, found: ConditionComparison) -> None:
    """The controls, the drawing and the strips."""
    quantity, side = _controls(both)
    for note in _notes(both, quantity):
        st.caption(plain(note))
    drawn, note = drawn_side(both, found, quantity, side)
    if note:
        st.caption(plain(note))
    if drawn is not None:
        network(drawn, key="conditions-network", on_pick=select, height=520)
    _strips(both, found, quantity)


def chosen_view(view: ViewState) -> ViewState:
    """The view with a drawing this page has."""
    return view if view.view in VIEWS else replace(view, view="overview")


def _controls(both: Pair) -> tuple[str, str]:
    view = chosen_view(both.first)
    left, right = st.columns([9, 4], vertical_alignment="bottom")
    below = st.columns([4, 5], vertical_alignment="bottom")
    key = bind("conditions_drawing", view.view)
    left.segmented_control(
        "Drawing",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        key=key,
        required=True,
        on_change=lambda: state.update(view=st.session_state[key]),
        help="What is drawn of both conditions: all pathways, one pathway, or what lies around the selection.",
    )
    with below[1]:
        if view.view == "pathway":
            names = sorted(set(data.subsystems(*model_of(view)).names))
            pathway = bind("conditions_drawn_pathway", drawing.chosen_pathway(both.given[0], view))
            st.selectbox(
                "Pathway drawn",
                names,
                key=pathway,
                on_change=lambda: state.update(subsystem=st.session_state[pathway], selection=None),
                help="The pathway whose reactions are drawn under both conditions.",
            )
        elif view.view == "neighbourhood":
            hops = bind("conditions_hops", view.hops)
            st.segmented_control(
                "Reach",
                [1, 2, 3],
                key=hops,
                required=True,
                on_change=lambda: state.update(hops=st.session_state[hops]),
                help="How many reactions away from the selection the drawing goes.",
            )
    quantity = view.colour_by if view.colour_by in QUANTITIES else "gate"
    with right:
        colour = bind("conditions_quantity", quantity)
        st.selectbox(
            "Compare",
            list(QUANTITIES),
            format_func=QUANTITIES.__getitem__,
            key=colour,
            on_change=lambda: state.update(colour_by=st.session_state[colour]),
            help="Gate: 0 closed, 1 open. Attention: log2 of attention times competitors, 0 = an even share. A and B share one scale.",
        )
    with below[0]:
        return quantity, option_row(
            "Drawn",
            SIDES,
            "conditions.side",
            words=SIDES.__getitem__,
            default="difference",
            unnamed=True,
            help="A, B, or the difference A - B, on one scale.",
        )


def _notes(both: Pair, quantity: str) -> list[str]:
    lacking = [name for name in dict.fromkeys(both.names) if not data.checkpoint(name)[1].has_attention]
    if quantity == "attention" and lacking:
        return [f"The network {lacking[0]} has no attention; choose gate or |message|."]
    return ["A spoke has no flux of its own: the drawing keeps the gate, the strips show the flux."] if quantity == "flux" else []


def drawn_side(both: Pair, found: ConditionComparison, quantity: str, side: str) -> tuple[NetworkView | None, str]:
    """The drawing of A, B or A - B, the same nodes at the same places, and a note on what is drawn."""
    from core.viz.condition_plots import difference_limit, difference_view

    view = chosen_view(both.first)
    colour = "gate" if quantity == "flux" else quantity
    one = int(side == "b")
    given, shown = both.given[one], found.b if one else found.a
    tables, currency = data.tables(*model_of(view)), drawing.currency(both.given[0], view)
    if view.view == "overview" and not is_small(view):
        drawn = data.overview(given, replace(view, checkpoint=both.names[one]), currency)
        if side != "difference":
            return drawn, ""
        moved = found.by_subsystem()
        moved.index = pd.Index([f"sub:{name or 'no subsystem'}" for name in moved.index])
        limit = difference_limit("gate", moved["gate_difference"].to_numpy(dtype=float))
        words = f"gate, mean over the reactions of a subsystem, {OVER}"
        spreads = moved["gate_difference_sd"].to_dict() if "gate_difference_sd" in moved else None
        return difference_view(drawn, moved["gate_difference"].to_dict(), words, limit, spreads=spreads), ""
    reactions, note = drawing.shown_reactions(both.given[0], view)
    if not reactions:
        return None, note
    column = COLUMN.get(colour, colour)
    seeded = shown.found if shown.spread is None else shown.found.with_seeds(shown.spread)
    drawn = pathway_view(
        tables,
        seeded.incidences,
        reactions=reactions,
        currency=currency,
        currency_mode=drawing.MODES[view.currency_mode],  # type: ignore[arg-type]
        selected=view.selection,
        colour_by=colour,  # type: ignore[arg-type]
        blocked=data.blocked(given) if side != "difference" and drawing.wants_blocked(view) else frozenset(),
        message_max=float(found.incidences[["message_a", "message_b"]].max().max()),
        gate_sd=seeded.gate_sd,
        over=OVER,
    )
    if side != "difference":
        return drawn, note
    rows = found.incidences
    values = rows[f"{column}_difference"].to_numpy(dtype=float)
    limit = difference_limit(colour, values, drawn.scale.high)
    keys = list(zip(rows["reaction"], rows["metabolite"], strict=True))
    spreads = dict(zip(keys, rows["gate_difference_sd"], strict=True)) if column == "gate" and "gate_difference_sd" in rows else None
    return difference_view(drawn, dict(zip(keys, values.tolist(), strict=True)), drawn.scale.quantity, limit, spreads=spreads), note


def _strips(both: Pair, found: ConditionComparison, quantity: str) -> None:
    from core.viz.condition_plots import strips

    column = "flux_predicted" if quantity == "flux" else quantity
    rows = filtered(both, found.reactions)
    pathway_filter(both)
    _spread(found)
    if rows[f"{column}_difference"].notna().any():
        plot(strips(rows, column, top=TOP, selected=both.first.selection), "strips")
        if f"{column}_sd_a" in rows:
            st.caption(_whiskers(found))


def _whiskers(found: ConditionComparison) -> str:
    alone = [letter for letter, one in (("A", found.a), ("B", found.b)) if one.seeds < 2]
    counts = sorted({one.seeds for one in (found.a, found.b) if one.seeds > 1})
    lacking = f" {alone[0]} is a single network and has none; nor has A - B." if alone else ""
    return f"Whiskers: one standard deviation over {' and '.join(map(str, counts))} seeds.{lacking}"


def pathway_filter(both: Pair) -> None:
    """Holds strips, tables and matrix to a pathway."""
    key = bind("conditions_pathway", wanted_pathway(both) or drawing.ALL)
    st.selectbox(
        "Pathway",
        [drawing.ALL, *pathways(both)],
        key=key,
        on_change=lambda: state.update(settings={"conditions.pathway": None if st.session_state[key] == drawing.ALL else st.session_state[key]}),
        help="Holds the strips, the tables and the matrix to one pathway.",
    )


def _spread(found: ConditionComparison) -> None:
    """How many of the moved gates hold over seeds, or that a network stands alone."""
    from core.explain.conditions import MOVED, SURE

    moved = f"{found.moved:,} of {len(found.reactions):,} gates moved by {MOVED:g} or more"
    if found.seeds > 1:
        st.caption(f"{moved}; {found.steady:,} of them by more than {SURE:g} standard deviations of their change over {found.seeds} seeds.")
    else:
        st.caption(f"{moved}; of a single network, so how far another training would move them is not known.")
