"""Below the drawing: bases, elements and edges as tables, and everything as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui.bind import clicked_row, option_row, take
from core.ui.explain import trial
from core.ui.explain.rna_page import likeness_asked
from core.ui.rna import data, export
from core.ui.rna.card import columns, ranges
from core.ui.rna.data import Given
from core.ui.rna.graph import kinds
from core.ui.rna.pick import select
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.rna import FoldResult

PANELS = ("Bases", "Elements", "Edges", "Export")


def below(given: Given, folded: FoldResult, view: ViewState) -> None:
    """The chosen panel."""
    panel = option_row("Panel", PANELS, "rna.panel", unnamed=True, help="Which table or plots are shown below, or everything as files.")
    {"Bases": _bases, "Elements": _elements, "Edges": _edges, "Export": export.draw}[panel](given, folded, view)


def base_table(given: Given, folded: FoldResult, name: str) -> pd.DataFrame:
    """One row per base: what is known without the network, and its quantities where there is one."""
    from core.rna import partners

    record = data.record(given.source, given.record)
    partner = partners(folded.structure)
    found = data.elements(folded.structure)
    table = pd.DataFrame(
        {
            "base": range(1, record.length + 1),
            "name": [f"base:{at}" for at in range(1, record.length + 1)],
            "nucleotide": list(record.sequence),
            "element": found.of_base,
            "paired_with": partner + 1,
        }
    )
    if chances := data.pairing(folded, partner.tolist()):
        table["probability"] = chances
    if folded.entropy is not None:
        table["entropy"] = folded.entropy
    if (measured := data.reactivities(given)) is not None:
        table["reactivity"] = measured
    network = _network(given, folded, name)
    return table if network is None else table.join(network.bases[["openness", "message", "attention"]])


def element_table(given: Given, folded: FoldResult, name: str) -> pd.DataFrame:
    """One row per element."""
    found = data.elements(folded.structure)
    table = pd.DataFrame(
        {
            "name": [f"elem:{e.name}" for e in found.elements],
            "element": [e.name for e in found.elements],
            "kind": [e.kind for e in found.elements],
            "size": [len(e.bases) for e in found.elements],
            "bases": [ranges(e.bases) for e in found.elements],
        }
    )
    network = _network(given, folded, name)
    return table if network is None else table.merge(network.elements[["name", "openness", "message", "attention"]], on="name", how="left")


def _network(given: Given, folded: FoldResult, name: str):  # type: ignore[no-untyped-def]
    try:
        return data.importance(given, folded, name)
    except InputError:
        return None


def _bases(given: Given, folded: FoldResult, view: ViewState) -> None:
    table = base_table(given, folded, view.rna_net)
    st.caption(f"{len(table):,} bases, 5' to 3'. Select a row to see the base everywhere.")
    if _network(given, folded, view.rna_net) is not None:
        trial.standing(likeness_asked(given, folded, view), ("attention", "message", "openness"))
    _table(table.dropna(axis="columns", how="all"), "bases", given)


def _elements(given: Given, folded: FoldResult, view: ViewState) -> None:
    table = element_table(given, folded, view.rna_net)
    st.caption(f"{len(table):,} elements, named as forgi names them.")
    _table(table.dropna(axis="columns", how="all"), "elements", given)


def _table(table: pd.DataFrame, what: str, given: Given) -> None:
    key, alt = f"rna-{what}-{given.key[:12]}", f"The {what} of the RNA"
    row = clicked_row(table.drop(columns="name"), key, column_config=columns(), height=420, alt=alt)
    take(None if row is None else str(table["name"].iloc[row]), f"rna-{what}", select)


def _edges(given: Given, folded: FoldResult, view: ViewState) -> None:
    try:
        edges = data.importance(given, folded, view.rna_net).edges
    except InputError as error:
        st.info(plain(str(error)))
        return
    shown = edges[edges["kind"].isin(kinds(view, sorted(set(edges["kind"]))))].sort_values("openness", ascending=False, kind="stable")
    st.caption(f"{len(shown):,} directed edges, widest openness first, mean over layers. Select a row to see what the edge leads to.")
    row = clicked_row(shown, f"rna-alledges-{given.key[:12]}", column_config=columns(), height=420, alt="The directed edges of the RNA's graph")
    take(None if row is None else str(shown["target"].iloc[row]), "rna-alledges", select)
