"""Did the gates move where the fluxes, or what the cell cannot lose, moved? A scatter, the agreement as numbers, and a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.ui.conditions import essential
from core.ui.conditions.data import Pair, comparison
from core.ui.conditions.pick import plot
from core.ui.text import plain

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.conditions import ConditionComparison


def draw(both: Pair, place: DeltaGenerator) -> None:
    """The verdict, the scatter and the table of agreements."""
    found = comparison(both)
    with place.container():
        for one in found.agreements:
            if one.quantity == "gate":
                st.markdown(plain(one.sentence))
        for note in found.notes:
            if note not in comparison(both, truth=False).notes:
                st.info(plain(note))
        essential.bar(both.given, "ratio_a" in found.reactions)
        _scatter(both, found)
        if found.agreements:
            _agreements(found)


def _scatter(both: Pair, found: ConditionComparison) -> None:
    from core.viz.condition_plots import moved_scatter

    if found.reactions["flux_fba_difference"].notna().any():
        plot(moved_scatter(found.reactions, selected=both.first.selection), "moved")
        st.caption(
            "A gate has no direction, so a flux counts by its size; diamonds mark fluxes that run the other way in B. Parsimonious FBA fluxes: "
            "others may carry the same growth."
        )


def _agreements(found: ConditionComparison) -> None:
    number = st.column_config.NumberColumn
    st.markdown("**How far what moved in the network agrees with what moved in FBA**")
    st.dataframe(
        named(found.agreement_table),
        hide_index=True,
        column_config={
            "Spearman": number(format="%+.2f"),
            "from": number(format="%+.2f", help="2.5% of bootstrap resamples lie below"),
            "to": number(format="%+.2f", help="2.5% of bootstrap resamples lie above"),
            "by chance": number(format="%.1f", help="Expected overlap of two random sets of that size"),
            "P": number(format="%.2g", help="Probability of at least this overlap by chance (hypergeometric)"),
        },
        alt="Agreement of each quantity with flux and essentiality",
    )


def named(table: pd.DataFrame) -> pd.DataFrame:
    """The table of agreements in words."""
    from core.explain.agreement import WORDS

    words = table.assign(quantity=table["quantity"].map(WORDS), truth=table["truth"].map(WORDS))
    titles = {"quantity": "quantity", "truth": "against", "spearman": "Spearman", "low": "from", "high": "to", "top": "top", "overlap": "shared"}
    titles |= {"expected": "by chance", "chance": "P", "reactions": "reactions", "population": "of"}
    return words[list(titles)].rename(columns=titles)
