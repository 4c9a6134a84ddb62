"""Folds that take more than a moment: each in a process of its own, followed by the page, ended by Cancel.

A fold nobody has looked at for :data:`PATIENCE` seconds is given up: its tab was closed.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import Cancelled, InputError
from core.ui.rna import data
from core.ui.rna.data import Given

if TYPE_CHECKING:
    from core.rna import FoldResult, RnaRecord

PATIENCE = 60.0
KEPT = 24


@dataclass
class Job:
    """A fold under way."""

    started: float = field(default_factory=time.monotonic)
    seen: float = field(default_factory=time.monotonic)
    message: str = "Folding"
    share: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    error: str | None = None

    def stopped(self) -> bool:
        """Whether Cancel was pressed or the page that followed is gone."""
        return self.stop.is_set() or time.monotonic() - self.seen > PATIENCE

    def told(self, message: str, done: int, total: int) -> None:
        """Notes progress."""
        self.message, self.share = message, done / total if total else 0.0


class Folds:
    """Folds done and under way, for all sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: OrderedDict[Given, FoldResult] = OrderedDict()
        self._jobs: dict[Given, Job] = {}

    def result(self, given: Given) -> FoldResult | None:
        """A fold that is done."""
        with self._lock:
            if given in self._done:
                self._done.move_to_end(given)
            return self._done.get(given)

    def job(self, given: Given) -> Job | None:
        """A fold under way, or one that failed and was not told yet."""
        with self._lock:
            return self._jobs.get(given)

    def start(self, given: Given, *, ensemble: bool) -> Job:
        """Starts a fold, with pair probabilities when ``ensemble``, unless it is under way."""
        with self._lock:
            if given in self._jobs and self._jobs[given].error is None:
                return self._jobs[given]
            job = self._jobs[given] = Job()
        record, arguments = data.record(given.source, given.record), data.fold_arguments(given) | {"probabilities": ensemble}
        threading.Thread(target=self._run, args=(given, job, record, arguments), daemon=True).start()
        return job

    def forget(self, given: Given) -> None:
        """Stops a fold, or drops what it failed of."""
        with self._lock:
            job = self._jobs.pop(given, None)
        if job is not None:
            job.stop.set()

    def _run(self, given: Given, job: Job, record: RnaRecord, arguments: dict[str, Any]) -> None:
        try:
            found = _fold(given, job, record, arguments)
        except (Cancelled, InputError) as error:
            with self._lock:
                if isinstance(error, InputError):
                    job.error = str(error)
                elif self._jobs.get(given) is job:
                    del self._jobs[given]
        else:
            with self._lock:
                if self._jobs.get(given) is job:
                    del self._jobs[given]
                    self._done[given] = found
                    while len(self._done) > KEPT:
                        self._done.popitem(last=False)
        finally:
            job.ended.set()


def _fold(given: Given, job: Job, record: RnaRecord, arguments: dict[str, Any]) -> FoldResult:
    from core.rna import fold_apart, fold_windowed

    if given.method == "window":
        return fold_windowed(record, temperature=given.temperature)
    return replace(fold_apart(record, on_progress=job.told, should_stop=job.stopped, **arguments), method=given.method)


@st.cache_resource(max_entries=1, show_spinner=False)
def folds() -> Folds:
    """The process's folds."""
    return Folds()
