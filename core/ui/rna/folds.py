"""Folds that take more than a moment: each in a process of its own, followed by the page, ended by Cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from core.ui.background import Background, Job
from core.ui.rna import data
from core.ui.rna.data import Given

if TYPE_CHECKING:
    from core.rna import FoldResult

KEPT = 24


@st.cache_resource(max_entries=1, show_spinner=False)
def folds() -> Background[Given, FoldResult]:
    """The process's folds, done and under way."""
    return Background(KEPT)


def start_fold(given: Given, *, ensemble: bool) -> None:
    """Starts a fold, with pair probabilities when ``ensemble``, unless it is under way."""
    record, arguments = data.record(given.source, given.record), data.fold_arguments(given) | {"probabilities": ensemble}

    def work(job: Job) -> FoldResult:
        from core.rna import fold_apart, fold_windowed

        if given.method == "window":
            return fold_windowed(record, temperature=given.temperature)
        return replace(fold_apart(record, on_progress=job.told, should_stop=job.stopped, **arguments), method=given.method)

    folds().start(given, work)
