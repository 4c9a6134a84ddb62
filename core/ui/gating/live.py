"""The small version: a job that is started here, followed and cancelled, its results shown as they come in, beside the measured ones."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.runs import RUN_FOLDER, RunInfo, cancel_run, list_runs, resume_run, start_job
from core.train.ablation_report import MEASURES, Ablation, answers, by_variant, results
from core.train.ablation_variants import FULL, QUICK, QUICK_SEEDS, QUICK_VARIANTS, variants
from core.ui.gating.measured import answers_of
from core.ui.text import duration, plain

KIND = "ablation"
POLL_SECONDS = 1.5


def latest() -> RunInfo | None:
    """The newest small version on this computer."""
    return next((run for run in list_runs() if run.kind == KIND), None)


def draw(found: Ablation | None) -> None:
    """The offer, or the run under way, and what the last one found."""
    st.subheader("Run a small version here", anchor=False)
    names = ", ".join(variant.title for variant in variants(QUICK_VARIANTS))
    st.markdown(
        plain(
            f"{len(QUICK_VARIANTS)} variants ({names}); {QUICK_SEEDS} seeds each, {QUICK.samples:,} conditions, {QUICK.steps:,} steps. It shows how "
            "the comparison is made. With "
            f"{QUICK.samples / FULL.samples:.0%} of the conditions, {QUICK.steps / FULL.steps:.0%} of the steps and a smaller network "
            f"({QUICK.layers} layers of width {QUICK.hidden}) it can neither confirm nor refute the full one."
        )
    )
    run = latest()
    if run is None or not run.running:
        _offer(run)
    if run is not None:
        st.fragment(_follow, run_every=POLL_SECONDS if run.running else None)(run, found)


def _offer(run: RunInfo | None) -> None:
    with st.container(horizontal=True, gap="small"):
        how = "One to two minutes on two free processor cores; it goes on when this tab is closed."
        if st.button("Run a small version here", icon=":material/play_arrow:", type="primary", key="gating_start", help=how):
            start_job(KIND, ["train", "ablation", "--quick", "--out", RUN_FOLDER], name="Does gating help? A small version")
            st.rerun()
        if run is not None and run.resumable and st.button("Resume", icon=":material/resume:", key="gating_resume", help="Goes on where it stopped."):
            try:
                resume_run(run.id)
            except InputError as error:
                st.error(plain(str(error)))
                return
            st.rerun()


def _follow(shown: RunInfo, found: Ablation | None) -> None:
    """What changes while it runs; the whole page is drawn again when it has ended."""
    run = latest()
    if run is None or (run.id, run.state) != (shown.id, shown.state):
        st.rerun()
        return
    if run.running:
        _progress(run)
    elif run.state == "failed":
        st.error(plain(run.error or "The process ended with an error; its log on the page Train says why."))
    elif run.state != "finished":
        st.warning(f"The small version was {'stopped' if run.state == 'cancelled' else 'ended from outside'}; what it had finished is below.")
    table = results(run.folder)
    if table.empty:
        return
    st.caption(f"{len(table)} of {QUICK_SEEDS * len(QUICK_VARIANTS)} trainings finished, {duration(run.seconds())} in all.")
    means = by_variant(table)
    st.dataframe(
        _beside(means, found),
        hide_index=True,
        column_config={c: st.column_config.NumberColumn(format="%.3f") for c in _beside(means, found).columns if "R²" in c or "precision" in c},
        alt="Means over seeds of the variants trained here, beside those of the full ablation",
    )
    answers_of(answers(table))


def _progress(run: RunInfo) -> None:
    bar, button = st.columns([5, 1], vertical_alignment="center")
    left = run.time_left()
    told = f"{run.message}: {run.done:,} of {run.total:,}" if run.total else "Starting ..."
    bar.progress(run.fraction, text=plain(told + (f"; about {duration(left)} left" if left is not None else "")))
    saved = "The trainings that are finished stay, with their figures below; it can be resumed."
    if button.button("Cancel", icon=":material/stop:", key="gating_cancel", width="stretch", help=saved):
        with st.spinner("Stopping ..."):
            cancel_run(run.id)
        st.rerun()


def _beside(means: pd.DataFrame, found: Ablation | None) -> pd.DataFrame:
    """The means of this run, each with the full ablation's where there is one."""
    full = by_variant(found.table).set_index("variant") if found is not None else None
    columns: dict[str, object] = {"variant": means["title"], "seeds": means["seeds"]}
    for measure, title in MEASURES.items():
        if measure in means and means[measure].notna().any():
            columns[f"{title}, here"] = means[measure]
            if full is not None:
                columns[f"{title}, measured"] = [full[measure].get(name) for name in means["variant"]]
    return pd.DataFrame(columns)
