"""Essentiality of every reaction under a condition: computed when asked, in a thread that the page follows and Cancel ends.

A computation nobody has looked at for :data:`PATIENCE` seconds is given up: its tab was closed.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import Cancelled, InputError
from core.ui import data
from core.ui.data import Given
from core.ui.text import duration, plain

if TYPE_CHECKING:
    import pandas as pd

PATIENCE = 60.0
KEPT = 12
POLL_SECONDS = 0.5


@dataclass
class Job:
    """Knock-outs under way for one or two conditions."""

    started: float = field(default_factory=time.monotonic)
    seen: float = field(default_factory=time.monotonic)
    condition: int = 0
    done: int = 0
    total: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    error: str | None = None

    def stopped(self) -> bool:
        """Whether Cancel was pressed or the page that followed is gone."""
        return self.stop.is_set() or time.monotonic() - self.seen > PATIENCE

    def told(self, done: int, total: int) -> None:
        """Notes progress."""
        self.done, self.total = done, total


class Knockouts:
    """Knock-outs done and under way, for all sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: OrderedDict[Given, pd.DataFrame] = OrderedDict()
        self._jobs: dict[tuple[Given, ...], Job] = {}

    def result(self, given: Given) -> pd.DataFrame | None:
        """The knock-outs of a condition, when they are done."""
        with self._lock:
            if given in self._done:
                self._done.move_to_end(given)
            return self._done.get(given)

    def job(self, given: tuple[Given, ...]) -> Job | None:
        """What is under way, or failed and was not told yet."""
        with self._lock:
            return self._jobs.get(given)

    def start(self, given: tuple[Given, ...]) -> Job:
        """Starts what is not done yet, unless it is under way."""
        with self._lock:
            if given in self._jobs and self._jobs[given].error is None:
                return self._jobs[given]
            job = self._jobs[given] = Job()
        # Streamlit's caches belong to the thread of a session: the models are read here.
        models = {one: data.tables(one.model, one.model_objective) for one in given}
        threading.Thread(target=self._run, args=(given, job, models), daemon=True).start()
        return job

    def forget(self, given: tuple[Given, ...]) -> None:
        """Stops what is under way, or drops what it failed of; conditions that were finished stay known."""
        with self._lock:
            job = self._jobs.pop(given, None)
        if job is not None:
            job.stop.set()

    def _run(self, given: tuple[Given, ...], job: Job, models: dict[Given, object]) -> None:
        from core.metabolic import knockout_growth

        try:
            for number, one in enumerate(dict.fromkeys(given)):
                job.condition, job.done = number, 0
                if self.result(one) is not None:
                    continue
                table = knockout_growth(models[one], on_progress=job.told, should_stop=job.stopped, **one.condition())
                with self._lock:
                    self._done[one] = table
                    while len(self._done) > KEPT:
                        self._done.popitem(last=False)
        except Cancelled:
            pass
        except InputError as error:
            job.error = str(error)
        finally:
            with self._lock:
                if self._jobs.get(given) is job and job.error is None:
                    del self._jobs[given]
            job.ended.set()


@st.cache_resource(max_entries=1, show_spinner=False)
def knockouts() -> Knockouts:
    """The process's knock-outs."""
    return Knockouts()


def results(given: tuple[Given, Given]) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The knock-outs of A and of B, once both are done."""
    a, b = (knockouts().result(one) for one in given)
    return None if a is None or b is None else (a, b)


def bar(given: tuple[Given, Given]) -> None:
    """The offer to compute essentiality, the progress of it with Cancel, or nothing once it is there."""
    if results(given) is not None:
        return
    if knockouts().job(given) is not None:
        _progress(given)
        return
    count = len(data.tables(given[0].model, given[0].model_objective).reactions)
    if st.button(
        "Compute essentiality in A and B",
        icon=":material/play_arrow:",
        key="conditions_essential",
        help=f"Knocks out each of the {count:,} reactions in both conditions; about {duration(max(1.0, count / 450))}.",
    ):
        knockouts().start(given)
        st.rerun()


def _progress(given: tuple[Given, Given]) -> None:
    @st.fragment(run_every=POLL_SECONDS)
    def follow() -> None:
        job = knockouts().job(given)
        if job is None:
            st.rerun()
        assert job is not None
        job.seen = time.monotonic()
        if job.error:
            st.error(plain(job.error))
            if st.button("Dismiss", key="conditions_essential_dismiss"):
                knockouts().forget(given)
                st.rerun()
            return
        bar, button = st.columns([5, 1], vertical_alignment="center")
        words = f"Knock-outs in {'AB'[job.condition]}: {job.done:,} of {job.total:,}, {duration(time.monotonic() - job.started)} so far"
        bar.progress(min(1.0, job.done / job.total if job.total else 0.0), text=words)
        if button.button("Cancel", icon=":material/stop:", key="conditions_essential_cancel", width="stretch"):
            knockouts().forget(given)
            st.rerun()

    follow()
