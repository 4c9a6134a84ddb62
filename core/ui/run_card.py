"""Runs as cards that follow their folders: progress, numbers, log, and what can be done with them."""

from __future__ import annotations

import time
from typing import Literal

import pandas as pd
import streamlit as st

from core.runs import RUN_FOLDER, RunInfo, cancel_run, delete_run, list_runs, start_job
from core.ui import networks
from core.ui.nav import entry, page_of
from core.ui.text import duration, moment, plain

POLL_SECONDS = 1.5

_BADGES: dict[str, tuple[str, str, Literal["blue", "green", "red", "gray", "orange"]]] = {
    "running": ("Running", ":material/progress_activity:", "blue"),
    "finished": ("Finished", ":material/check_circle:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
    "cancelled": ("Cancelled", ":material/cancel:", "gray"),
    "lost": ("Lost", ":material/link_off:", "orange"),
}

_GATES = {"incidence": "per incidence", "metabolite": "per metabolite", "none": "none"}


def training_form() -> None:
    """The form that starts a training of the metabolic network."""
    with st.form("train_metabolic", border=False):
        name = st.text_input("Name", value="metabolic network", max_chars=80)
        gate = st.segmented_control("Gates", list(_GATES), format_func=_GATES.__getitem__, default="incidence", required=True)
        samples, epochs, seed = st.columns(3)
        sample_count = samples.number_input(
            "Growth conditions to learn from", 32, 100_000, 2_400, help="Each is a random medium with knock-outs, solved by FBA."
        )
        epoch_count = epochs.number_input("Epochs", 1, 2_000, 50)
        seed_value = seed.number_input("Seed", 0, 2**31 - 1, 0, help="The same seed gives the same conditions and the same starting weights.")
        if st.form_submit_button("Start training", type="primary", icon=":material/play_arrow:"):
            arguments = ["train", "metabolic", "--out", RUN_FOLDER, "--samples", str(int(sample_count)), "--epochs", str(int(epoch_count))]
            start_job("train-metabolic", [*arguments, "--seed", str(int(seed_value)), "--gate", str(gate)], name=name)
            st.rerun()


def draw_runs() -> None:
    """Every run, newest first; reads the folders again every moment while one is running, and only then."""
    following = any(run.running for run in list_runs())

    def draw() -> None:
        runs = list_runs()
        if following and not any(run.running for run in runs):
            st.rerun()
        if not runs:
            st.caption("No runs yet.")
        for run in runs:
            _card(run)

    st.fragment(draw, run_every=POLL_SECONDS if following else None)()


def _card(run: RunInfo) -> None:
    with st.container(border=True, key=f"run_{run.id}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.subheader(plain(run.name), anchor=False, width="content")
            label, icon, colour = _BADGES[run.state]
            st.badge(label, icon=icon, color=colour)
        st.caption(_when(run))
        if run.running or run.total:
            st.progress(run.fraction, text=plain(run.message) or "Starting ...")
        if run.state == "failed":
            st.error(plain(run.error or "The process ended with an error; its log says why."))
        elif run.state == "lost":
            st.warning("Its process ended without a word: it was killed or the computer went down. What it wrote until then is kept.")
        _numbers(run)
        with st.expander("Log and command", icon=":material/terminal:"):
            st.code(run.log_tail() or "Nothing printed so far.", language=None, wrap_lines=True)
            st.caption(f"python -m core {plain(' '.join(run.arguments))}")
        _actions(run)


def _when(run: RunInfo) -> str:
    started = f"{plain(run.kind)}, started {moment(run.created)}"
    if run.running:
        return f"{started}, for {duration(time.time() - run.created)}"
    last = run.ended or run.heartbeat
    return f"{started}, took {duration(last - run.created)}" if last else started


def _numbers(run: RunInfo) -> None:
    history = pd.DataFrame(run.history())
    if run.metrics:
        with st.container(horizontal=True, gap="large"):
            for name, value in run.metrics.items():
                st.metric(_label(name), f"{value:.4g}", width="content")
    if "epoch" not in history or len(history) < 2:
        return
    curves = [name for name in history.columns if name != "epoch" and pd.api.types.is_numeric_dtype(history[name])]
    columns = st.columns(min(2, len(curves))) if curves else []
    for index, name in enumerate(curves[:4]):
        with columns[index % len(columns)]:
            label = _label(name)
            st.line_chart(history, x="epoch", y=name, x_label="epoch", y_label=label, height=220, alt=f"{label} by epoch of the run {run.name}")


def _label(name: str) -> str:
    return name.replace("_", " ").replace("r2", "R²")


def _actions(run: RunInfo) -> None:
    with st.container(horizontal=True, gap="small"):
        if run.running:
            if st.button("Cancel", key=f"cancel_{run.id}", icon=":material/stop:", help="Stops the process and keeps what it has written."):
                with st.spinner("Stopping ..."):
                    cancel_run(run.id)
                st.rerun()
            return
        if networks.RUN + run.id in networks.choices():
            view = {"net": networks.RUN + run.id}
            st.page_link(page_of(entry("explorer")), label="See its gates", icon=":material/hub:", query_params=view, help="")
        elif networks.RUN + run.id in networks.choices("rna"):
            view = {"rnanet": networks.RUN + run.id}
            st.page_link(page_of(entry("rna")), label="See it on an RNA", icon=":material/genetics:", query_params=view, help="")
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown("Delete this run with everything it wrote?")
            if st.button("Delete it", key=f"delete_{run.id}", type="primary"):
                delete_run(run.id)
                st.rerun()
