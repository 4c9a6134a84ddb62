"""Where measurement, FBA and a network's ranking conflict, and why as far as the model can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from core.ui import data, state
from core.ui.bind import bind, clicked_row, take
from core.ui.explorer.head import select
from core.ui.measurements import data as measured
from core.ui.measurements.data import Asked
from core.ui.nav import entry, page_of
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.measured_ranking import Comparison

ALL = "all conflicts"
SHOWN = ["id", "name", "measured", "fba", "network", "reason", "function", "growth_ratio", "rank", "score", "score_seed_sd", "reactions", "isozymes"]


def score_box(view: ViewState, comparison: Comparison, place: Any, text: str = "Network ranking") -> str | None:
    """Choice of one network's score; None where no network gave any."""
    names = [name for name, source in zip(comparison.labels, comparison.table["source"], strict=True) if source not in ("FBA", "model")]
    if not names:
        return None
    wanted = view.settings.get("measurements.score")
    key = bind("measurements_score", wanted if wanted in names else names[0])
    place.selectbox(
        text,
        names,
        key=key,
        on_change=lambda: state.update(settings={"measurements.score": st.session_state[key]}),
        help="The score that is shown, and asked about conflicts.",
    )
    return str(st.session_state[key])


def draw(view: ViewState, asked: Asked, comparison: Comparison) -> None:
    """The panel."""
    from core.explain.disagreements import disagreements, summary

    references = measured.known_references(asked.given)
    if references is None:
        st.info("The list needs FBA's knock-outs; compute the FBA references above.")
        return
    left, right = st.columns(2)
    score = score_box(view, comparison, left)
    if score is None:
        st.info("No network gave a score here.")
        return
    found = disagreements(comparison, references, data.tables(asked.given.model, asked.given.model_objective), score=score)
    kinds = summary(found)
    counts = dict(zip(kinds["conflict"], kinds["count"], strict=True))
    kind = right.selectbox(
        "Conflict",
        [ALL, *counts],
        format_func=lambda k: f"{k} ({counts[k]:,})" if k in counts else f"{k} ({len(found):,})",
        key="measurements_conflict",
        help="Which disagreements are listed: between measurement, FBA and network.",
    )
    rows = found if kind == ALL else found[found["conflict"] == kind].reset_index(drop=True)
    called = int(comparison.scores["essential"].sum())
    st.caption(
        plain(
            f"FBA calls essential what leaves less than 1% of growth. A ranking has no threshold of its own: here the network calls the {called:,} "
            "highest essential, as many as were measured to be. The reason is why FBA says what it says, told from rules, fluxes and the biomass "
            "components that can no longer be made; why the network ranks as it does, the model cannot tell. Choose a row to look at its reaction."
        )
    )
    if rows.empty:
        st.success("Measurement, FBA and this ranking agree on everything that was compared.")
        return
    chosen = clicked_row(
        rows[[c for c in SHOWN if {"name": rows["name"].any(), "score_seed_sd": rows["score_seed_sd"].notna().any()}.get(c, True)]],
        f"measurements-conflicts-{score}-{kind}",
        column_config=_columns(),
        height=420,
        alt="Genes on which measurement, FBA and network disagree",
    )
    row = None if chosen is None else rows.iloc[chosen]
    take(None if row is None else _reaction_of(row), "measurements-conflicts", select)
    _chosen(view, asked, row)


def _reaction_of(row: pd.Series) -> str | None:
    """The first reaction of a row, as the selection."""
    first = str(row["reactions"]).split(", ")[0]
    return f"rxn:{first}" if first else None


def _chosen(view: ViewState, asked: Asked, row: pd.Series | None) -> None:
    """The selected reaction and the way to it."""
    kind, _, name = (view.selection or "").partition(":")
    tables = data.tables(asked.given.model, asked.given.model_objective)
    if kind != "rxn" or name not in tables.reaction_index():
        return
    e = tables.reaction_index()[name]
    with st.container(border=True, key="measurements-chosen"):
        st.markdown(f"**{plain(name)}**  \n{plain(tables.reaction_names[e])}")
        st.markdown(f"- **Equation**: {plain(tables.equation(e))}\n- **Genes**: {plain(tables.gprs[e]) or 'no rule'}")
        if row is not None:
            st.markdown(f"- **{plain(str(row['id']))}**: {plain(str(row['conflict']))}\n- **Reason**: {plain(str(row['reason']))}")
        how = "Leads to the Metabolic explorer, with this reaction selected under the same condition."
        st.page_link(page_of(entry("explorer")), label=f"See {name} in the explorer", icon=":material/hub:", query_params=view.to_query(), help=how)


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    text, essential = st.column_config.TextColumn, st.column_config.CheckboxColumn
    return {
        "growth_ratio": number("growth ratio, FBA", format="%.3f", help="Growth after the knock-out, as a share of growth without"),
        "rank": number("rank, network", help="1 is the highest score"),
        "score": number("score", format="%.4g"),
        "score_seed_sd": number("± seeds", format="%.2g", help="Standard deviation of the score over the networks of the ensemble"),
        "reason": text("reason", width="large"),
        "function": text("function", help="Names of its reactions", width="medium"),
        "measured": essential("measured", help="Essential in the measurement"),
        "fba": essential("FBA", help="Essential by FBA: growth ratio below .01"),
        "network": essential("network", help="Among the highest of the network's ranking"),
    }
