"""An attribution under way: how far it is, what is known so far, and Cancel, which keeps that."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

import streamlit as st

from core.ui.background import POLL_SECONDS, Job
from core.ui.explain.data import work
from core.ui.text import plain

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.masked import Masked

AT_ONCE = 1.0
"""Seconds a page waits for an attribution before it shows a bar."""
_KEPT = "explain_kept"


def running(asked: Hashable, function: Masked, begin: Callable[[], Job]) -> Attribution | None:
    """What was kept of a stopped attribution, else starts it; None while it is under way and the page shows how far it is.

    Cancel keeps what is known so far for this session.
    """
    kept: dict[Hashable, Attribution] = st.session_state.setdefault(_KEPT, {})
    job = work().job(asked)
    if job is None and asked in kept:
        st.button("Compute all of it", icon=":material/play_arrow:", on_click=kept.__delitem__, args=(asked,), key="explain_again")
        return kept[asked]
    if job is None:
        job = begin()
        if job.error is None and job.ended.wait(AT_ONCE):
            return work().result(asked)
    _follow(asked, function, kept)
    return None


def _follow(asked: Hashable, function: Masked, kept: dict[Hashable, Attribution]) -> None:
    @st.fragment(run_every=POLL_SECONDS)
    def draw() -> None:
        job = work().job(asked)
        if job is None:
            st.rerun()
        assert job is not None
        job.seen = time.monotonic()
        if job.error:
            st.error(plain(job.error))
            if st.button("Dismiss", key="explain_dismiss"):
                work().forget(asked)
                st.rerun()
            return
        bar, button = st.columns([5, 1], vertical_alignment="center")
        bar.progress(min(1.0, job.share), text=plain(job.sentence().replace("_", " ")))
        if button.button("Cancel", icon=":material/stop:", key="explain_cancel", width="stretch"):
            if job.partial is not None:
                kept[asked] = job.partial
            work().forget(asked)
            st.rerun()
        if job.partial is not None and job.partial.done:
            _so_far(function, job.partial)

    draw()


def _so_far(function: Masked, found: Attribution) -> None:
    from core.viz.attribution_plots import signed_bars
    from core.viz.plots import alt_text

    level = found.level if found.level != function.part else function.levels[-2] if function.overlapping else function.levels[-1]
    figure = signed_bars(found.at(function, level), level=level, title="So far", unit=function.unit, prefix="")
    st.plotly_chart(figure, key="explain_so_far", alt=alt_text(figure))
