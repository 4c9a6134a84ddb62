"""The card of the selection: everything known of one reaction or metabolite in A and in B."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from core.ui import data, state
from core.ui.bind import clicked_row
from core.ui.conditions.data import Pair, comparison
from core.ui.explorer.condition import model_of
from core.ui.explorer.head import select
from core.ui.nav import entry, page_of
from core.ui.text import plain

if TYPE_CHECKING:
    from core.explain.conditions import ConditionComparison

MOVED_MOST = 30
"""Reactions listed while nothing is selected."""
WORDS = {
    "gate": "gate",
    "message": "|message|",
    "attention": "log2 attention",
    "flux_predicted": "flux, network",
    "flux_fba": "flux, FBA",
    "ratio": "knock-out growth ratio",
}


def card(both: Pair, found: ConditionComparison) -> Callable[[], None]:
    """The card, or a hint when nothing is selected; returns what adds the numbers of flux balance analysis."""
    kind, _, name = (both.first.selection or "").partition(":")
    tables = data.tables(*model_of(both.first))
    if kind == "rxn" and name in tables.reaction_index():
        return _reaction(both, found, name)
    if kind == "met" and name in tables.metabolite_index():
        _metabolite(found, name, tables.metabolite_names[tables.metabolite_index()[name]])
    elif kind == "sub" and name in set(found.reactions["subsystem"]):
        _pathway(found, name)
    elif kind in ("rxn", "met", "sub"):
        st.info(plain(f"{name} is not in this model; search for another entity."))
    elif kind == "gene":
        st.markdown(f"**Gene {plain(name)}**")
        st.caption("Knock it out in A or in B to compare, or select one of its reactions.")
    else:
        _moved_most(found)
    links(both)
    return _nothing


def _nothing() -> None:
    """Nothing waits."""


def links(both: Pair) -> None:
    """The explorer with each condition."""
    for letter, view in (("A", both.first), ("B", both.second)):
        st.page_link(
            page_of(entry("explorer")),
            label=f"Open {letter} in the explorer",
            icon=":material/hub:",
            query_params=view.to_query(),
            width="stretch",
            help="",
        )


def _title(kind: str, name: str, full: str) -> None:
    left, right = st.columns([5, 1])
    left.markdown(f"**{kind} {plain(name)}**" + (f"  \n{plain(full)}" if full and full != name else ""))
    right.button("", icon=":material/close:", key="card-close", on_click=select, args=(None,), help="Clear the selection", type="tertiary")


def _reaction(both: Pair, found: ConditionComparison, name: str) -> Callable[[], None]:
    full, equation, pathway, rule = (str(found.reactions.set_index("reaction").at[name, c]) for c in ("name", "equation", "subsystem", "gpr"))
    _title("Reaction", name, full)
    st.markdown(f"{plain(equation)}  \n{plain(pathway)}" + (f" · {plain(rule)}" if rule else ""))
    place = st.empty()
    with place.container():
        _quantities(found, name)
    rows = found.incidences[found.incidences["reaction"] == name]
    st.markdown("**Incidences**, gate, mean over layers and heads")
    shown = rows[["metabolite", "coefficient", "gate_a", "gate_b", "gate_difference"]]
    st.dataframe(shown, hide_index=True, column_config=columns(), alt=f"Gates of the incidences of {name} in A and B")
    st.button("Neighbourhood", icon=":material/hub:", on_click=state.update, kwargs={"view": "neighbourhood"}, width="stretch")
    links(both)

    def fill() -> None:
        with place.container():
            _quantities(comparison(both), name)

    return fill


def _quantities(found: ConditionComparison, name: str) -> None:
    """Every quantity in A, in B, its difference, and the reaction's rank by it."""
    row = found.reactions.set_index("reaction").loc[name]
    known = [q for q in WORDS if f"{q}_a" in row.index and pd.notna(row[f"{q}_a"])]
    st.dataframe(
        pd.DataFrame(
            {
                "quantity": [WORDS[q] for q in known],
                "A": [float(row[f"{q}_a"]) for q in known],
                "B": [float(row[f"{q}_b"]) for q in known],
                "A - B": [float(row[f"{q}_difference"]) for q in known],
                "rank": [row[f"rank_{q}"] for q in known],
            }
        ),
        hide_index=True,
        column_config={
            **{c: st.column_config.NumberColumn(c, format="%.3f") for c in ("A", "B")},
            "A - B": st.column_config.NumberColumn("A - B", format="%+.3f"),
            "rank": st.column_config.NumberColumn("rank", format="%d", help=f"By |A - B| among {len(found.reactions):,} reactions; 1 moved most"),
        },
        alt=f"Quantities of {name} in A and B",
    )
    if "gate_difference_sd" in row.index and pd.notna(row["gate_difference_sd"]):
        st.caption(
            f"Gate over {found.seeds} seeds: A - B {row['gate_difference_mean']:+.3f}, standard deviation {row['gate_difference_sd']:.3f}; "
            f"of A {row['gate_sd_a']:.3f}, of B {row['gate_sd_b']:.3f}."
        )
    if row["bounds_changed"]:
        st.caption("A and B give this reaction other bounds: the network is told of them directly.")


def _moved_most(found: ConditionComparison) -> None:
    """What to look at when nothing is selected yet: the gates that differ most between A and B."""
    st.markdown("**Gates that moved most**")
    st.caption("Nothing is selected: click one of these, or a reaction in the drawing, a strip, a cell, a point or a row, or search above.")
    rows = found.reactions.sort_values("rank_gate", kind="stable").head(MOVED_MOST)
    shown = rows[["reaction", "gate_a", "gate_b", "gate_difference"]]
    chosen = clicked_row(shown, "conditions-moved-most", column_config=columns(), height=430, alt="The gates that differ most between A and B")
    if chosen is not None:
        select(f"rxn:{rows['reaction'].iloc[chosen]}")
        st.rerun()


def _metabolite(found: ConditionComparison, name: str, full: str) -> None:
    _title("Metabolite", name, full)
    rows = found.incidences[found.incidences["metabolite"] == name]
    rows = rows.sort_values("gate_difference", key=abs, ascending=False, kind="stable")
    st.markdown(f"**Its {len(rows)} reactions**, the gate that moved most first")
    shown = rows[["reaction", "coefficient", "gate_a", "gate_b", "gate_difference"]]
    chosen = clicked_row(shown, f"conditions-met-{name}", column_config=columns(), height=330, alt=f"Gates of {name} in A and B")
    if chosen is not None:
        select(f"rxn:{rows['reaction'].iloc[chosen]}")
        st.rerun()


def _pathway(found: ConditionComparison, name: str) -> None:
    _title("Pathway", name, "")
    rows = found.reactions[found.reactions["subsystem"] == name].sort_values("rank_gate", kind="stable")
    st.markdown(f"{len(rows)} reactions, mean gate A {rows['gate_a'].mean():.3f}, B {rows['gate_b'].mean():.3f}")
    shown = rows[["reaction", "gate_a", "gate_b", "gate_difference"]]
    st.dataframe(shown, hide_index=True, column_config=columns(), height=330, alt=f"Gates of the reactions of {name} in A and B")


def columns() -> dict[str, Any]:
    """How the columns of this page's tables are called and written."""
    number = st.column_config.NumberColumn
    found: dict[str, Any] = {"coefficient": number("s", help="Stoichiometric coefficient: negative is consumed", format="%+g")}
    for quantity, (title, digits) in {
        "gate": ("gate", 3),
        "message": ("|message|", 3),
        "attention": ("log2 att.", 2),
        "attention_log2": ("log2 att.", 2),
        "flux_predicted": ("flux, network", 3),
        "flux_fba": ("flux, FBA", 3),
        "ratio": ("KO ratio", 3),
    }.items():
        found[f"{quantity}_a"] = number(f"{title} A", format=f"%.{digits}f")
        found[f"{quantity}_b"] = number(f"{title} B", format=f"%.{digits}f")
        found[f"{quantity}_difference"] = number(f"{title} A - B", format=f"%+.{digits}f")
        found[f"rank_{quantity}"] = number(f"rank, {title}", format="%d", help="By |A - B|; 1 moved most")
    found["gate_difference_sd"] = number("sd over seeds", format="%.3f", help="Standard deviation of the gate's A - B over seeds")
    return found | {"subsystem": "pathway", "gpr": "genes"}
