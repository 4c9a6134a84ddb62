"""An attribution under way: how far it is, what is known so far, and Cancel, which keeps that."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

import streamlit as st

from core.ui.background import Job, follow
from core.ui.explain.data import work

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
        how = "What was kept is dropped, and the attribution starts from the beginning."
        st.button("Compute all of it", icon=":material/play_arrow:", on_click=kept.__delitem__, args=(asked,), key="explain_again", help=how)
        return kept[asked]
    if job is None:
        job = begin()
        if job.error is None and job.ended.wait(AT_ONCE):
            return work().result(asked)

    def keep() -> None:
        under_way = work().job(asked)
        if under_way is not None and under_way.partial is not None:
            kept[asked] = under_way.partial

    follow(work(), asked, "explain", keep, lambda found: _so_far(function, found))
    return None


def _so_far(function: Masked, found: Attribution) -> None:
    from core.viz.attribution_plots import signed_bars
    from core.viz.plots import alt_text

    if not found.done:
        return
    level = found.level if found.level != function.part else function.levels[-2] if function.overlapping else function.levels[-1]
    figure = signed_bars(found.at(function, level), level=level, title="So far", unit=function.unit, prefix="")
    st.plotly_chart(figure, key="explain_so_far", alt=alt_text(figure))
