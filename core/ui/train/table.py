"""All runs as a table: filtered, sorted by a click on a column, opened by a click on a row."""

from __future__ import annotations

from datetime import datetime, tzinfo

import pandas as pd
import streamlit as st

from core.runs import RunInfo
from core.train.saved import overview
from core.ui import state
from core.ui.bind import take

MANY = 6
"""From this many runs on they can be filtered."""
_COLUMNS = {
    "name": "name",
    "state": "state",
    "kind": "kind",
    "trained_on": "trained on",
    "gate": "gates",
    "headline": "growth R² or AUC",
    "measured_on": "measured on",
    "parameters": "parameters",
    "started": "started",
    "minutes": "minutes",
    "notes": "notes",
}


def draw(runs: list[RunInfo], shown: RunInfo) -> None:
    """The table, and above it a filter where there are many runs."""
    st.subheader(f"All {len(runs)} runs", anchor=False)
    rows = overview(_filtered(runs) if len(runs) >= MANY else runs)
    if rows.empty:
        st.caption("No run matches the filter.")
        return
    rows["started"] = pd.to_datetime(rows["created"], unit="s", utc=True).dt.tz_convert(_zone()).dt.tz_localize(None)
    rows["minutes"] = rows["seconds"] / 60
    event = st.dataframe(
        rows[list(_COLUMNS)],
        hide_index=True,
        column_config={
            **_COLUMNS,
            "headline": st.column_config.NumberColumn(
                _COLUMNS["headline"], format="%.3f", help="Growth R² of a metabolic network, pair AUC of folded families of an RNA network."
            ),
            "parameters": st.column_config.NumberColumn("parameters", format="localized"),
            "started": st.column_config.DatetimeColumn("started", format="DD MMM YYYY, HH:mm"),
            "minutes": st.column_config.NumberColumn("minutes", format="%.1f"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="train_runs",
        height=min(320, 37 + 35 * len(rows)),
        alt=f"{len(rows)} runs with state, held-out figure, size and duration",
    )
    st.caption("A click on a row opens the run below; a click on a column's head sorts.")
    chosen = event["selection"]["rows"]
    take(str(rows["id"].iloc[chosen[0]]) if chosen and chosen[0] < len(rows) else None, "train", _open)
    names = {run.id: f"{run.name}, {run.id}" for run in runs}
    st.selectbox(
        "Open a run",
        list(names),
        format_func=names.__getitem__,
        index=list(names).index(shown.id),
        key=f"train_open_{shown.id}",
        on_change=lambda: _open(st.session_state[f"train_open_{shown.id}"]),
        help="The run whose curves and settings are shown below.",
    )


def _filtered(runs: list[RunInfo]) -> list[RunInfo]:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    text = (
        left.text_input("Filter by name or notes", key="train_filter", help="Only runs with these letters in their name or notes are listed.")
        .strip()
        .lower()
    )
    states = list(dict.fromkeys(run.state for run in runs))
    chosen = right.pills("State", states, selection_mode="multi", key="train_states", help="Only runs in these states are listed.")
    return [run for run in runs if text in f"{run.name}\n{run.notes}".lower() and (not chosen or run.state in chosen)]


def _open(run_id: str) -> None:
    state.update(settings={"train.run": run_id})


def _zone() -> tzinfo | None:
    """This computer's time zone, in which the table tells when a run was started."""
    return datetime.now().astimezone().tzinfo
