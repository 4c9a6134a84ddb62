"""Embedded collections of RNAs for the pages, remembered for all sessions: keyed by the RNAs and the network's weights, bounded, only read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from core import storage
from core.errors import InputError
from core.storage import digest_of
from core.ui import device, networks
from core.ui.background import FOLLOWED, Background, Job, follow
from core.ui.rna import data
from core.ui.rna.data import Given
from core.ui.text import duration, plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.embedded import EmbeddedRnas
    from core.rna import FoldResult
    from core.rna.libraries import Library
    from core.rna.neighbours import Index

LIBRARY = "library.shown"
REFERENCE = "reference"
LEVELS = {"rna": "whole RNAs", "element": "motifs (elements)"}


@dataclass(frozen=True)
class Asked:
    """Which collection, read by which network. Hashable, so that it is the key of what follows."""

    library: str
    network: str
    weights: str
    where: str

    @classmethod
    def of(cls, view: ViewState) -> Asked:
        """What a view asks; the reference library where its own one is gone.

        Raises:
            InputError: there is no such network.
        """
        wanted = view.settings.get(LIBRARY)
        library = wanted if isinstance(wanted, str) and wanted in choices() else REFERENCE
        return cls(library, view.rna_net, networks.weights_of(view.rna_net, "rna", encoders=True), device.choice().device)

    @property
    def path(self) -> Path:
        """Where the vectors are kept, unless they are shipped."""
        from core.explain.reference import library_key

        rnas = library_key() if self.library == REFERENCE else self.library
        return storage.folder("cache") / "embedded" / f"{digest_of(library=rnas, weights=self.weights)}.npz"


def choices() -> dict[str, str]:
    """Collections by id, with how they are called: the reference library, then own ones, the newest first."""
    from core.rna.libraries import list_libraries

    own = {library.key: f"{library.name} ({library.count:,} RNAs)" for library in list_libraries()}
    return {REFERENCE: f"Reference library ({len(data.examples())} RNAs)", **own}


def library(asked: Asked) -> Library:
    """An own library.

    Raises:
        InputError: it is gone or damaged.
    """
    from core.rna.libraries import open_library

    return open_library(asked.library)


@st.cache_resource(max_entries=1, show_spinner=False)
def work() -> Background[Asked, EmbeddedRnas]:
    """Collections embedded or being embedded."""
    return Background(4)


@st.cache_resource(max_entries=4, show_spinner="Opening the reference library ...")
def _shipped(network: str, weights: str) -> EmbeddedRnas | None:
    from core.explain.reference import shipped_reference

    return shipped_reference(data.encoder(network)[1])


def embedded(asked: Asked) -> EmbeddedRnas | None:
    """A collection with its vectors; None while it has none by this network yet."""
    from core.explain.embedded import load_embedded

    if asked.library == REFERENCE and (shipped := _shipped(asked.network, asked.weights)) is not None:
        return shipped
    found = work().result(asked)
    if found is None and work().job(asked) is None and (stored := load_embedded(asked.path)) is not None:
        found = work().remember(asked, stored)
    return found


def start(asked: Asked) -> None:
    """Starts embedding a collection, and folding what has no structure; its vectors are kept for the next visit."""
    make = _reference(asked) if asked.library == REFERENCE else _own(asked)

    def run(job: Job) -> EmbeddedRnas:
        from core.explain.embedded import save_embedded

        found = make(job)
        save_embedded(found, asked.path, table=True)
        return found

    work().start(asked, run)


def _reference(asked: Asked) -> Callable[[Job], EmbeddedRnas]:
    """What embeds the reference library, whose RNAs have their structures: a matter of seconds."""
    network = data.encoder(asked.network)

    def make(job: Job) -> EmbeddedRnas:
        from core.explain.reference import embed_reference

        return embed_reference(network, device=asked.where, on_progress=job.told, should_stop=job.stopped)

    return make


def _own(asked: Asked) -> Callable[[Job], EmbeddedRnas]:
    """What folds and embeds an own library, in a process of its own."""
    own, checkpoint = library(asked), networks.source(asked.network, "rna", encoders=True)
    records, labels = own.records, own.labels or {}

    def make(job: Job) -> EmbeddedRnas:
        from core.explain._embed_apart import embed_apart

        return embed_apart(
            own.name,
            records,
            checkpoint,
            families=labels,
            titles={r.id: r.description or r.id for r in records},
            device=asked.where,
            on_progress=job.counted,
            should_stop=job.stopped,
        )

    return make


def ready(asked: Asked) -> EmbeddedRnas | None:
    """A collection with its vectors; where it has none yet the page offers to make them, or shows how far that is.

    The reference library takes seconds and starts by itself, once a session: after Cancel it waits to be asked.
    """
    found = embedded(asked)
    if found is not None:
        return found
    begun: set[Asked] = st.session_state.setdefault("library_begun", set())
    if asked.library == REFERENCE and asked not in begun:
        begun.add(asked)
        start(asked)
    if work().job(asked) is not None:
        follow(work(), asked, "library")
        return None
    if (found := work().result(asked)) is not None:  # it ended while the page was being drawn
        return found
    records = tuple(example.record for example in data.examples().values()) if asked.library == REFERENCE else library(asked).records
    left, right = st.columns([2, 5], vertical_alignment="center")
    left.button(
        "Fold and embed",
        type="primary",
        icon=":material/play_arrow:",
        on_click=lambda: start(asked),
        key="library_start",
        width="stretch",
        help=FOLLOWED,
    )
    seconds = sum(0.004 + 1.3 * (r.length / 500) ** 2.5 for r in records if r.structure is None and r.length <= 700) + 0.003 * len(records)
    right.caption(
        f"{len(records):,} RNAs have no vectors by this network yet: about {duration(seconds)} on one core. They are kept for the next visit."
    )
    return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _typed(library: str, columns_key: str, _own: Library) -> pd.DataFrame:
    from core.rna.columns import told_apart

    return told_apart(found) if (found := _own.columns) is not None else pd.DataFrame()


@st.cache_resource(max_entries=4, show_spinner=False)
def _merged(key: str, columns_key: str, level: str, _found: EmbeddedRnas, _columns: pd.DataFrame) -> pd.DataFrame:
    from core.rna.columns import beside

    return beside(_found.table(level), _columns)


def with_columns(asked: Asked, found: EmbeddedRnas, level: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of a collection's RNAs or elements, each with its RNA's values of the library's further columns behind the others; and these, by RNA.

    The columns are as they are stored now, the vectors may be older. Both tables are remembered and only read; the second is empty where there are no
    columns, or where they cannot be read any more, which a sentence on the page says.
    """
    if asked.library == REFERENCE:
        return found.table(level), pd.DataFrame()
    try:
        own = library(asked)
        columns = _typed(own.key, own.columns_key, own)
    except InputError as error:
        st.info(plain(str(error)))
        columns = pd.DataFrame()
    if columns.empty:
        return found.table(level), columns
    return _merged(found.key, own.columns_key, level, found, columns), columns


@st.cache_resource(max_entries=16, show_spinner=False)
def index(asked: Asked, key: str, level: str, _found: EmbeddedRnas) -> Index:
    """The vectors of a collection made ready for search; ``key`` is the collection's."""
    from core.rna.neighbours import Index

    return Index.of(_found.vectors[level])


@st.cache_resource(max_entries=16, show_spinner=False)
def background(asked: Asked, key: str, level: str, _found: EmbeddedRnas) -> np.ndarray:
    """Cosines of random pairs of the collection, of different RNAs, ascending."""
    from core.rna.neighbours import random_pairs

    table = _found.table(level)
    return random_pairs(_found.vectors[level].vectors, groups=table["name" if level == "rna" else "rna"].to_numpy(), seed=0)


@st.cache_resource(max_entries=32, show_spinner="Embedding ...")
def _query(record: str, pairs: str | None, network: str, weights: str, where: str, _given: Given, _folded: FoldResult) -> EmbeddedRnas:
    from core.explain.embedded import LEVELS as EMBEDDED
    from core.explain.embedded import EmbeddedRnas
    from core.rna.embedding import embed_levels
    from core.rna.ensemble import PackedEnsembles

    own = data.with_structure(_given, _folded)
    found = embed_levels([own], checkpoint=data.encoder(network), levels=EMBEDDED, ensembles=[_folded.ensemble], device=where)
    return EmbeddedRnas(own.id, (own,), found, ("",), (data.label(_given.source),), PackedEnsembles.of([_folded.ensemble]))


def query(given: Given, folded: FoldResult, asked: Asked) -> EmbeddedRnas | None:
    """The RNA of the view with the structure shown, as a collection of one; None, and a sentence on the page, where the network cannot read it."""
    record, pairs = data.with_structure(given, folded), folded.ensemble
    key = f"{record.id}:{record.key}", None if pairs is None else pairs.key
    try:
        found = _query(*key, asked.network, asked.weights, asked.where, given, folded)
    except InputError as error:
        st.info(plain(str(error)))
        return None
    for notice in found.vectors["rna"].notices:
        st.caption(plain(notice))
    return found


@st.cache_resource(max_entries=64, show_spinner="Embedding ...")
def bases(
    record: str, network: str, weights: str, where: str, structure: str, sequence: str, pairs: str | None, _folded: FoldResult | None
) -> np.ndarray:
    """[n, D] vectors of an RNA's bases."""
    from core.rna import RnaRecord
    from core.rna.embedding import embed_levels

    ensembles = [None if _folded is None else _folded.ensemble]
    own = RnaRecord("rna", sequence, structure)
    return embed_levels([own], checkpoint=data.encoder(network), levels=("base",), ensembles=ensembles, device=where)["base"].vectors
