"""Runs side by side: what differs in their settings, their figures, and their curves in one plot."""

from __future__ import annotations

import numbers
from typing import Any

import pandas as pd
import streamlit as st

from core.runs import RunInfo
from core.train.saved import FIGURES, comparison, curves, kind_of, labels
from core.ui import state
from core.ui.bind import bind
from core.ui.train.curves import plots
from core.viz.training_plots import Line

MOST = 6
_SETTING = "train.compare"


def draw(runs: list[RunInfo]) -> None:
    """The choice of runs and, from two on, their comparison; the choice is part of the link."""
    st.subheader("Compare runs", anchor=False)
    names = labels(runs)
    wanted = [i for i in str(state.current().settings.get(_SETTING) or "").split(",") if i in names]
    key = bind("train_compare", wanted)
    st.multiselect(
        "Runs to compare",
        list(names),
        format_func=names.__getitem__,
        key=key,
        max_selections=MOST,
        on_change=lambda: state.update(settings={_SETTING: ",".join(st.session_state[key]) or None}),
        placeholder=f"two to {MOST} runs",
        label_visibility="collapsed",
        help="Their settings and figures side by side.",
    )
    chosen = [run for run in runs if run.id in wanted]
    if len(chosen) < 2:
        st.caption("Choose two or more runs: the settings that differ, their held-out figures and their curves stand side by side.")
        return
    found = comparison(chosen)
    shown = found.assign(**{column: found[column].map(_cell) for column in found.columns[2:]})
    st.dataframe(shown, hide_index=True, column_config={"part": "", "quantity": ""}, height="content", alt=f"{len(chosen)} runs side by side")
    if not (found["part"] == "settings").any():
        st.caption("Their settings are the same.")
    how = "One row per quantity, one column per run: held-out figures, facts of the run, and the settings that differ."
    st.download_button("Comparison, CSV", found.to_csv(index=False), "runs.csv", "text/csv", on_click="ignore", icon=":material/download:", help=how)
    for kind in dict.fromkeys(kind_of(run) for run in chosen):
        if kind is not None:
            lines = [Line(names[run.id], one.label, one.losses, one.history) for run in chosen if kind_of(run) == kind for one in curves(run)]
            plots(lines, FIGURES[kind], f"train_compare_{kind}")


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
