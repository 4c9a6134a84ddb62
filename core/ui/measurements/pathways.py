"""Pathways that stand at the top of a score more often than chance puts them there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.bind import bind
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.enrichment import Enrichment
    from core.explain.measured_ranking import Comparison

LEVEL = 0.05


def enrichment_of(view: ViewState, comparison: Comparison) -> tuple[Enrichment, str]:
    """The enrichment the view asks for, with its score.

    Raises:
        InputError: fewer reactions than that.
    """
    from core.explain.enrichment import pathway_enrichment

    rows = comparison.reactions
    score, top = chosen(view, comparison)
    return pathway_enrichment(rows["reaction"].tolist(), rows[score].to_numpy(dtype=float), rows["subsystem"].tolist(), top=top), score


def scores_of(comparison: Comparison) -> list[str]:
    """The scores that reactions have."""
    return [c for c in comparison.reactions.columns if c not in ("reaction", "name", "subsystem")]


def chosen(view: ViewState, comparison: Comparison) -> tuple[str, int]:
    """Score and size of the top."""
    from core.explain.enrichment import usual_top

    names = scores_of(comparison)
    wanted, top = view.settings.get("measurements.pathways"), view.settings.get("measurements.top")
    score = str(wanted) if wanted in names else names[0]
    return score, top if isinstance(top, int) and not isinstance(top, bool) and top > 0 else usual_top(len(comparison.reactions))


def draw(view: ViewState, comparison: Comparison) -> None:
    """The panel."""
    from core.viz import measurement_plots as plots
    from core.viz.plots import alt_text

    score, top = chosen(view, comparison)
    left, right = st.columns([3, 1])
    key = bind("measurements_pathways", score)
    left.selectbox(
        "Score",
        scores_of(comparison),
        key=key,
        on_change=lambda: state.update(settings={"measurements.pathways": st.session_state[key]}),
        help="The score by which reactions are ranked for the enrichment.",
    )
    number = bind("measurements_top", min(top, max(1, len(comparison.reactions) - 1)))
    right.number_input(
        "Top reactions",
        1,
        max(1, len(comparison.reactions) - 1),
        key=number,
        on_change=lambda: state.update(settings={"measurements.top": int(st.session_state[number])}),
        help="How many of the best ranked reactions are tested against all others.",
    )
    try:
        enriched, score = enrichment_of(view, comparison)
    except InputError as error:
        st.info(plain(str(error)))
        return
    found = enriched.table
    count = int((found["q"] <= LEVEL).sum())
    st.markdown(
        f"**{count} of {len(found)} pathways** are over-represented among the {enriched.top:,} reactions with the highest {plain(score)} "
        f"(q at most {LEVEL:g})." + ("" if count else " None stands out: the top of this score looks like a random draw.")
    )
    st.caption(
        f"Hypergeometric test, one-sided; q is p after Benjamini and Hochberg over all {len(found)} pathways. "
        f"Background: the {enriched.background:,} "
        "gene-associated reactions with this score (no exchange, biomass, ATP maintenance). Pathways as the model states them, "
        "inferred where it states none." + (f" {enriched.top:,} and not {top:,} because equal scores count together." if enriched.top != top else "")
    )
    figure = plots.enrichment_bars(found, level=LEVEL)
    st.plotly_chart(figure, key="measurements-pathways", alt=alt_text(figure))
    st.dataframe(
        found,
        hide_index=True,
        height=320,
        column_config={
            "in_top": st.column_config.NumberColumn("at the top"),
            "expected": st.column_config.NumberColumn("expected", format="%.2f"),
            "fold": st.column_config.NumberColumn("times expected", format="%.2f"),
            "p": st.column_config.NumberColumn("p", format="%.3g"),
            "q": st.column_config.NumberColumn("q", format="%.3g"),
        },
        alt="Pathways by their over-representation at the top",
    )
