"""One run: how far it is, its curves, its log, and what can be done with it. A running one is read from its folder again and again."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.errors import InputError
from core.runs import RunInfo, annotate_run, cancel_run, delete_run, read_run, resume_run
from core.train.saved import FIGURES, about, asked_for, curves, figures, flat, kind_of, settings
from core.ui import networks
from core.ui.nav import entry, page_of
from core.ui.popover import done, popover
from core.ui.text import duration, moment, plain
from core.ui.train.curves import plots
from core.ui.train.settings import fill
from core.viz.training_plots import Line

POLL_SECONDS = 1.5

_BADGES: dict[str, tuple[str, str, Literal["blue", "green", "red", "gray", "orange"]]] = {
    "running": ("Running", ":material/progress_activity:", "blue"),
    "finished": ("Finished", ":material/check_circle:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
    "cancelled": ("Cancelled", ":material/cancel:", "gray"),
    "lost": ("Lost", ":material/link_off:", "orange"),
}


def draw(run: RunInfo) -> None:
    """The card of a run."""
    with st.container(border=True, key=f"run_{run.id}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.subheader(plain(run.name), anchor=False, width="content")
            label, icon, colour = _BADGES[run.state]
            st.badge(label, icon=icon, color=colour)
        if run.notes:
            st.markdown(plain(run.notes).replace("\n", "  \n"))
        st.fragment(_follow, run_every=POLL_SECONDS if run.running else None)(run.id, run.state)
        with st.expander("Settings, log and command", icon=":material/terminal:", key=f"run_more_{run.id}"):
            _details(run)
        _actions(run)


def _follow(run_id: str, state: str) -> None:
    """What changes while it runs; the whole page is drawn again once its state is another."""
    try:
        run = read_run(run_id)
    except InputError:
        st.rerun()
        return
    if run.state != state:
        st.rerun()
    st.caption(_when(run))
    if run.running or (run.total and run.state != "finished"):
        st.progress(run.fraction, text=plain(_progress(run)))
    if run.state == "failed":
        st.error(plain(run.error or "The process ended with an error; its log says why."))
    elif run.state == "lost":
        st.warning("Its process ended without a word: it was killed or the computer went down. What it wrote until then is kept.")
    _numbers(run)
    kind = kind_of(run)
    if kind is not None:
        plots([Line("", one.label, one.losses, one.history) for one in curves(run)], FIGURES[kind], f"run_plot_{run.id}")


def _when(run: RunInfo) -> str:
    known = about(run)
    parts = [plain(run.kind), f"started {moment(run.created)}"]
    if run.sittings > 1:
        parts.append(f"resumed {run.sittings - 1} time{'s' if run.sittings > 2 else ''}")
    parts.append(f"{'for' if run.running else 'took'} {duration(run.seconds())}" if run.running or run.ended or run.heartbeat else "no sign of life")
    if "parameters" in known:
        parts.append(f"{known['parameters']:,} parameters")
    if "device" in known:
        parts.append(plain(f"on {known['device']}"))
    return ", ".join(parts)


def _progress(run: RunInfo) -> str:
    """The stage, how far it is, and how long it will still take."""
    if not run.total:
        return "Starting ..."
    told = f"{run.message}: {run.done:,} of {run.total:,}"
    if not run.running or run.done >= run.total:
        return told
    left = run.time_left()
    if left is None:
        return f"{told}; the time left is known after a few more steps"
    ahead = f", then about {duration(run.time_ahead())} for {run.ahead} more {'seed' if run.ahead == 1 else 'seeds'}" if run.ahead else ""
    return f"{told}; about {duration(left)} left of this stage{ahead}"


def _numbers(run: RunInfo) -> None:
    """The loss now, and the held-out figures so far or in the end."""
    kind = kind_of(run)
    shown = {name: (value, "") for name, value in run.metrics.items()} if run.running else {}
    if kind is not None:
        told = {"test": "On the test conditions, looked at once at the end.", "validation": "On validation, at the epoch kept so far."}
        shown |= {f"{where}: {FIGURES[kind][name]}": (value, told[where]) for name, (where, value) in figures(run).items()}
    elif not run.running:
        shown = {name: (value, "") for name, value in run.metrics.items()}
    if shown:
        with st.container(horizontal=True, gap="large"):
            for name, (value, help_) in shown.items():
                st.metric(name, f"{value:.4g}" if not help_ else f"{value:.3f}", width="content", help=help_ or None)


def _details(run: RunInfo) -> None:
    given = flat(settings(run))
    if given:
        st.caption(plain(", ".join(f"{name} {value}" for name, value in given.items())))
    st.code(run.log_tail() or "Nothing printed so far.", language=None, wrap_lines=True)
    st.caption(plain(f"python -m core {' '.join(run.arguments)}"))


def _actions(run: RunInfo) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"run_actions_{run.id}"):
        if run.running:
            saved = "Stops it after the step it is at and keeps everything it has written; it can be resumed."
            if st.button("Cancel", key=f"cancel_{run.id}", icon=":material/stop:", help=saved):
                with st.spinner("Stopping ..."):
                    cancel_run(run.id)
                st.rerun()
        elif run.resumable and st.button("Resume", key=f"resume_{run.id}", icon=":material/resume:", help="Goes on from what it had saved."):
            _resume(run)
        _look(run)
        _annotate(run)
        if given := asked_for(run):
            kind, told = kind_of(run), f"the run {run.name!r}"
            how = "Fills the form above with this run's settings."
            st.button("Use these settings", key=f"again_{run.id}", icon=":material/edit_note:", on_click=fill, args=(kind, given, told), help=how)
        if not run.running:
            with st.popover("Delete", icon=":material/delete:", help="Asks once more before anything is deleted."):
                st.markdown("Delete this run with everything it wrote?")
                gone = "Its settings, progress, log and trained weights are deleted for good."
                if st.button("Delete it", key=f"delete_{run.id}", type="primary", help=gone):
                    delete_run(run.id)
                    st.rerun()


def _resume(run: RunInfo) -> None:
    try:
        resume_run(run.id)
    except InputError as error:
        st.error(plain(str(error)))
        return
    st.rerun()


def _look(run: RunInfo) -> None:
    """Where the trained network can be looked at, once it is there."""
    if run.running:
        return
    if networks.RUN + run.id in networks.choices():
        view = {"net": networks.RUN + run.id, "model": str(settings(run).get("model", "e_coli_core"))}
        how = "Leads to the Metabolic explorer, with this network and the model it was trained on."
        st.page_link(page_of(entry("explorer")), label="See its gates", icon=":material/hub:", query_params=view, help=how)
    elif networks.RUN + run.id in networks.choices("rna"):
        view = {"rnanet": networks.RUN + run.id}
        how = "Leads to the page RNA, with this network chosen."
        st.page_link(page_of(entry("rna")), label="See it on an RNA", icon=":material/genetics:", query_params=view, help=how)


def _annotate(run: RunInfo) -> None:
    """Name and notes: a form of its own, so that nothing typed is lost while the card is drawn again."""
    key = f"notes_{run.id}"
    how = "What lists call this run, and what you want to remember of it."
    with st.container(width="content"), popover(st, "Name and notes", key, ":material/edit:", help=how), st.form(f"form_{key}", border=False):
        name = st.text_input("Name", value=run.name, max_chars=80, help="How lists call this run.")
        notes = st.text_area("Notes", value=run.notes, max_chars=4_000, help="What this run was for, what came of it.")
        if st.form_submit_button("Save", type="primary", help="Kept with the run; nothing else of it changes."):
            try:
                annotate_run(run.id, name=name, notes=notes)
            except InputError as error:
                st.error(plain(str(error)))
                return
            done(key)
            st.rerun()
