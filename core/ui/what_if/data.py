"""Edits of the RNA of a view and what follows from them, remembered for all sessions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import device, networks
from core.ui.background import Background, Job
from core.ui.rna import data
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.what_if import Edit, SingleMutants, WhatIf
    from core.rna import RnaRecord

EDIT = "whatif.edit"
KINDS = {"base": "a base", "pair": "a pair", "element": "an element"}
_BASE, _PAIR, _ELEMENT = re.compile(r"([ACGUN])(\d+)([ACGU])"), re.compile(r"(\d+):([ACGU]{2})"), re.compile(r"-([a-z]\d+)")


@dataclass(frozen=True)
class Asked:
    """Which RNA, read by which network. Hashable, so that it is the key of what follows."""

    source: str
    record: int
    network: str
    weights: str
    where: str

    @classmethod
    def of(cls, view: ViewState) -> Asked:
        """What a view asks.

        Raises:
            InputError: there is no such RNA or network.
        """
        index = min(view.rna_record, len(data.reading(view.rna).records) - 1)
        return cls(view.rna, index, view.rna_net, networks.weights_of(view.rna_net, "rna", encoders=True), device.choice().device)

    @property
    def bare(self) -> RnaRecord:
        """The RNA as it is read, with its own structure or none."""
        return data.record(self.source, self.record)


@st.cache_resource(max_entries=32, show_spinner="Folding ...")
def folded(source: str, index: int) -> RnaRecord:
    """The RNA with the structure it folds into at 37 °C."""
    from core.rna.embedding import prepare

    return prepare(replace(data.record(source, index), structure=None), True).record


def edit_of(asked: Asked, text: str | None) -> Edit | None:
    """The edit a view's setting describes: ``G10A``, ``10:GC`` (the pair of base 10) or ``-s1`` (an element); None without one.

    Raises:
        InputError: it describes no edit of this RNA.
    """
    from core.explain.what_if import change_base, change_pair, delete_element

    if not text:
        return None
    record = folded(asked.source, asked.record)
    if found := _BASE.fullmatch(text):
        return change_base(record, int(found[2]), found[3])
    if found := _PAIR.fullmatch(text):
        return change_pair(record, int(found[1]), found[2])
    if found := _ELEMENT.fullmatch(text):
        return delete_element(record, found[1])
    raise InputError(f"{text[:40]!r} is no edit; write one like G10A, 10:GC for the pair of base 10, or -s1 for an element.")


@st.cache_resource(max_entries=64, show_spinner="Folding and embedding ...")
def compared(asked: Asked, text: str) -> WhatIf:
    """The RNA before and after an edit."""
    from core.explain.what_if import what_if

    edit = edit_of(asked, text)
    assert edit is not None
    return what_if(folded(asked.source, asked.record), edit, data.encoder(asked.network), device=asked.where)


@st.cache_resource(max_entries=1, show_spinner=False)
def mutants() -> Background[Asked, SingleMutants]:
    """All single mutants of RNAs, done and under way."""
    return Background(12)


def start_mutants(asked: Asked) -> None:
    """Starts folding and embedding all single mutants."""
    record, network = folded(asked.source, asked.record), data.encoder(asked.network)

    def work(job: Job) -> SingleMutants:
        from core.explain.what_if import single_mutants

        return single_mutants(record, network, device=asked.where, on_progress=job.counted, should_stop=job.stopped)

    mutants().start(asked, work)


def seconds(n: int) -> float:
    """An estimate of how long all single mutants of n bases take: a fold with its pair probabilities, and an embedding, each."""
    return 3 * n * (0.004 + 1.3 * (n / 500) ** 2.5 + 5.0 * (n / 1500) ** 2.1)
