"""The page from top to bottom: the form, the runs that are going on, all runs, the one that is open, and several side by side."""

from __future__ import annotations

import streamlit as st

from core.runs import RunInfo, list_runs
from core.ui import state
from core.ui.text import plain
from core.ui.train import card, compare, form, table

OPEN = "train.run"


def draw() -> None:
    """Draws the page. Everything about a run is read from its folder: closing the tab or the server loses nothing."""
    st.markdown("Each training is a process of its own: it goes on when this tab or the app is closed, and this page finds it again.")
    runs = list_runs()
    new = st.expander("New training", icon=":material/add:", expanded=not runs, key="train_new")
    others, listed, own, compared = (st.container() for _ in range(4))  # places that stay while runs come and go: cards draw themselves again
    with new:
        form.draw()
    if not runs:
        st.caption("No runs yet.")
        return
    with others:
        shown = opened(runs)
        for run in runs:
            if run.running and run.id != shown.id:
                card.draw(run)
    with own:
        card.draw(shown)
    if len(runs) > 1:
        with listed:
            table.draw(runs, shown)
        with compared:
            compare.draw(runs)


def opened(runs: list[RunInfo]) -> RunInfo:
    """The run that is open: one just started, the one of the link, or the newest."""
    known = {run.id: run for run in runs}
    started = st.session_state.pop("train_opened", None)
    if started in known:
        state.update(settings={OPEN: started})
        return known[started]
    wanted = state.current().settings.get(OPEN)
    if wanted is not None and wanted not in known:
        st.warning(
            plain(f"The run {wanted} of this link is not on this computer, or was deleted; the newest one is shown."), icon=":material/link_off:"
        )
    return known.get(str(wanted), runs[0])
