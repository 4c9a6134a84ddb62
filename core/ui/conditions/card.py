"""The card of the selection: everything known of one reaction or metabolite in A and in B."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from core.ui import data, state
from core.ui.bind import clicked_row
from core.ui.conditions.data import Pair, comparison
from core.ui.explorer.card import AROUND
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
            help="Leads to the Metabolic explorer, under its medium and knock-outs and with its network.",
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
    shown = rows[["metabolite", "coefficient", *compared(rows, "gate")]]
    st.dataframe(shown, hide_index=True, column_config=columns(), alt=f"Gates of the incidences of {name} in A and B")
    st.button("Neighbourhood", icon=":material/hub:", on_click=state.update, kwargs={"view": "neighbourhood"}, width="stretch", help=AROUND)
    links(both)

    def fill() -> None:
        with place.container():
            _quantities(comparison(both), name)

    return fill


def _quantities(found: ConditionComparison, name: str) -> None:
    """Every quantity in A, in B, its difference, and the reaction's rank by it."""
    row = found.reactions[found.reactions["reaction"] == name].iloc[0]
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
    if found.seeds > 1:
        st.caption(f"Means and standard deviations over {found.seeds} seeds: {_over_seeds(row, 'gate')}; {_over_seeds(row, 'flux_predicted')}.")
    elif "gate_sd_a" in row.index:
        letter, side = ("a", found.a) if found.a.seeds > 1 else ("b", found.b)
        sd = f"gate ± {row[f'gate_sd_{letter}']:.3f}, flux ± {row[f'flux_predicted_sd_{letter}']:.3f} mmol/gDW/h"
        st.caption(f"{letter.upper()}, standard deviation over {side.seeds} seeds: {sd}. The other side is a single network.")
    if row["bounds_changed"]:
        st.caption("A and B give this reaction other bounds: the network is told of them directly.")


def _over_seeds(row: pd.Series, quantity: str) -> str:
    """The mean of A - B over seeds, and the standard deviations of it, of A and of B."""
    change, apart, a, b = (row[f"{quantity}_{which}"] for which in ("difference_mean", "difference_sd", "sd_a", "sd_b"))
    return f"{WORDS[quantity]} A - B {change:+.3f} ± {apart:.3f} (A ± {a:.3f}, B ± {b:.3f})"


def compared(rows: pd.DataFrame, quantity: str) -> list[str]:
    """The columns of A, B and A - B of a quantity, then their standard deviations over seeds where there are some."""
    found = (f"{quantity}_{one}" for one in ("a", "b", "difference", "difference_sd", "sd_a", "sd_b"))
    return [column for column in found if column in rows]


def _moved_most(found: ConditionComparison) -> None:
    """What to look at when nothing is selected yet: the gates that differ most between A and B."""
    st.markdown("**Gates that moved most**")
    st.caption("Nothing is selected: click one of these, or a reaction in the drawing, a strip, a cell, a point or a row, or search above.")
    rows = found.reactions.sort_values("rank_gate", kind="stable").head(MOVED_MOST)
    shown = rows[["reaction", *compared(rows, "gate")]]
    chosen = clicked_row(shown, "conditions-moved-most", column_config=columns(), height=430, alt="The gates that differ most between A and B")
    if chosen is not None:
        select(f"rxn:{rows['reaction'].iloc[chosen]}")
        st.rerun()


def _metabolite(found: ConditionComparison, name: str, full: str) -> None:
    _title("Metabolite", name, full)
    rows = found.incidences[found.incidences["metabolite"] == name]
    rows = rows.sort_values("gate_difference", key=abs, ascending=False, kind="stable")
    st.markdown(f"**Its {len(rows)} reactions**, the gate that moved most first")
    shown = rows[["reaction", "coefficient", *compared(rows, "gate")]]
    chosen = clicked_row(shown, f"conditions-met-{name}", column_config=columns(), height=330, alt=f"Gates of {name} in A and B")
    if chosen is not None:
        select(f"rxn:{rows['reaction'].iloc[chosen]}")
        st.rerun()


def _pathway(found: ConditionComparison, name: str) -> None:
    _title("Pathway", name, "")
    rows = found.reactions[found.reactions["subsystem"] == name].sort_values("rank_gate", kind="stable")
    means = found.by_subsystem().loc[name]
    sd = {letter: f" ± {means[f'gate_sd_{letter}']:.3f}" if means.get(f"gate_sd_{letter}", float("nan")) >= 0 else "" for letter in "ab"}
    st.markdown(f"{len(rows)} reactions, mean gate A {means['gate_a']:.3f}{sd['a']}, B {means['gate_b']:.3f}{sd['b']}")
    shown = rows[["reaction", *compared(rows, "gate")]]
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
    for quantity, title in {"gate": "gate", "flux_predicted": "flux, network,"}.items():
        for which, of in {"sd_a": "A", "sd_b": "B", "difference_sd": "A - B"}.items():
            found[f"{quantity}_{which}"] = number(f"± {of}", format="%.3f", help=f"Standard deviation of the {title} {of} over seeds")
    return found | {"subsystem": "pathway", "gpr": "genes"}
