"""Essentiality of every reaction in A and in B: computed when asked, in a thread that the page follows and Cancel ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.ui import data
from core.ui.background import Background, Job, follow
from core.ui.data import Given
from core.ui.text import duration

if TYPE_CHECKING:
    import pandas as pd

KEPT = 12


@st.cache_resource(max_entries=1, show_spinner=False)
def knockouts() -> Background[frozenset[Given], dict[Given, pd.DataFrame]]:
    """The process's knock-outs, done and under way, by the conditions they are asked for together."""
    return Background(KEPT)


def results(given: tuple[Given, Given]) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The knock-outs of A and of B, once both are done."""
    found = knockouts().result(frozenset(given))
    return None if found is None else (found[given[0]], found[given[1]])


def bar(given: tuple[Given, Given], shown: bool) -> None:
    """The offer to compute essentiality, the progress of it with Cancel, or nothing once it is ``shown``."""
    if results(given) is not None:
        if not shown:  # it was finished after what is shown had been looked up
            st.rerun()
        return
    if knockouts().job(frozenset(given)) is not None:
        follow(knockouts(), frozenset(given), "conditions_essential")
        return
    count = len(data.tables(given[0].model, given[0].model_objective).reactions)
    if st.button(
        "Compute essentiality in A and B",
        icon=":material/play_arrow:",
        key="conditions_essential",
        help=f"Knocks out each of the {count:,} reactions in both conditions; about {duration(max(1.0, count / 450))}.",
    ):
        _start(given)
        st.rerun()


def _start(given: tuple[Given, Given]) -> None:
    models = {one: data.tables(one.model, one.model_objective) for one in given}

    def work(job: Job) -> dict[Given, pd.DataFrame]:
        from core.metabolic import knockout_growth

        found = {}
        for number, (one, tables) in enumerate(models.items(), 1):

            def told(done: int, total: int, name: str = f"knock-outs, condition {number} of {len(models)}") -> None:
                job.counted(name, done, total)

            found[one] = knockout_growth(tables, on_progress=told, should_stop=job.stopped, **one.condition())
        return found

    knockouts().start(frozenset(given), work)
