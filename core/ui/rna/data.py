"""Core's results for the RNA page, remembered for all sessions: keyed by content hashes and settings, bounded, only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from core.errors import InputError
from core.storage import digest_of
from core.ui import device, networks
from core.ui.rna import uploads
from core.ui.rna.values import read_values
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain import BaseImportance
    from core.models import Card
    from core.rna import Elements, Example, FoldResult, PairEnsemble, RnaReading, RnaRecord

AT_ONCE = 300
"""Bases up to which a structure and its pair probabilities are computed at once; longer ones are folded apart, when asked."""

METHODS = {
    "given": "given",
    "mfe": "minimum free energy",
    "centroid": "centroid",
    "mea": "maximum expected accuracy",
    "keep": "given pairs kept",
    "sub": "suboptimal",
    "sample": "Boltzmann sample",
    "window": "windowed",
}
LISTED = ("sub", "sample")
"""Methods that give many structures, of which ``Given.number`` is shown."""
OWN = ("given", "keep")
"""Methods that need the record's own structure."""
SAMPLES = 50
EXAMPLE = "example:"


@dataclass(frozen=True)
class Given:
    """One RNA and how its structure is found. Hashable, so that it is the key of what follows.

    ``number`` counts the suboptimal structures or samples from 0; ``shape`` is the upload with reactivities, or None.
    """

    source: str
    record: int = 0
    method: str = "given"
    number: int = 0
    temperature: float = 37.0
    shape: str | None = None

    @classmethod
    def of(cls, view: ViewState) -> Given:
        """The RNA and the settings of a view; the method falls back on what the record allows."""
        settings = view.settings
        index = min(view.rna_record, len(reading(view.rna).records) - 1)
        own = record(view.rna, index).structure is not None
        method = settings.get("rna.fold")
        if method not in METHODS or (method in OWN and not own):
            method = "given" if own else "mfe"
        number, heat, shape = settings.get("rna.number", 0), settings.get("rna.temperature", 37.0), settings.get("rna.shape")
        return cls(
            view.rna,
            index,
            str(method),
            number if isinstance(number, int) and number >= 0 else 0,
            float(heat) if isinstance(heat, (int, float)) else 37.0,
            str(shape) if shape else None,
        )

    @property
    def key(self) -> str:
        """sha256 of every field."""
        return digest_of(**self.__dict__)


@st.cache_resource(max_entries=1, show_spinner=False)
def examples() -> dict[str, Example]:
    """The RNAs of the reference library by id."""
    from core.rna import list_library

    return {example.id: example for example in list_library()}


@st.cache_resource(max_entries=16, show_spinner="Reading ...")
def reading(source: str) -> RnaReading:
    """The records of an example or upload, and the problems of those left out."""
    from core.rna import RnaReading, read_report

    if source.startswith(EXAMPLE):
        name = source.removeprefix(EXAMPLE)
        if name not in examples():
            raise InputError(f"There is no RNA {name!r} in the reference library; choose one of {', '.join(list(examples())[:7])} and others.")
        return RnaReading((examples()[name].record,), ())
    return read_report(uploads.stored(source).read_bytes())


def record(source: str, index: int) -> RnaRecord:
    """One record of a source."""
    return reading(source).records[index]


def label(source: str) -> str:
    """How a source is called on the page."""
    if source.startswith(EXAMPLE):
        found = examples().get(source.removeprefix(EXAMPLE))
        return source if found is None else f"{found.title} ({found.accession.partition(';')[0]})"
    return uploads.label(source)


def reactivities(given: Given) -> tuple[float, ...] | None:
    """The reactivities in use, one for each base."""
    return None if given.shape is None else values(given.shape, given, "reactivities")


def values(upload: str, given: Given, what: str = "values") -> tuple[float, ...]:
    """Numbers for each base of the RNA, from an upload."""
    return read_values(uploads.stored(upload).read_text(errors="replace"), record(given.source, given.record).length, what)


@st.cache_resource(max_entries=64, show_spinner="Folding ...")
def quick_fold(given: Given) -> FoldResult:
    """The structure, with its pair probabilities up to :data:`AT_ONCE` bases; only for what takes a moment."""
    from core.rna import fold, fold_windowed, given_structure

    found = record(given.source, given.record)
    short = found.length <= AT_ONCE
    if given.method == "given":
        return given_structure(found, given.temperature, probabilities=short)
    if given.method in LISTED:
        listed = alternatives(given.source, given.record, given.temperature, given.method)
        structure, _ = listed[min(given.number, len(listed) - 1)]
        return replace(given_structure(replace(found, structure=structure), given.temperature, probabilities=short), method=given.method)
    if given.method == "window":
        return fold_windowed(found, temperature=given.temperature)
    return replace(fold(found, **fold_arguments(given)), method=given.method)


def fold_arguments(given: Given) -> dict[str, Any]:
    """What :func:`core.rna.fold` is called with, besides the record."""
    from core.rna import dot_bracket

    arguments: dict[str, Any] = {"temperature": given.temperature, "method": given.method, "reactivities": reactivities(given)}
    if given.method == "keep":
        own = record(given.source, given.record)
        arguments |= {"method": "mfe", "constraint": dot_bracket(own.pairs, own.length)}
    return arguments


@st.cache_resource(max_entries=32, show_spinner="Looking for alternatives ...")
def alternatives(source: str, index: int, temperature: float, method: str) -> tuple[tuple[str, float], ...]:
    """Suboptimal structures, lowest energy (kcal/mol) first, or different Boltzmann samples, the most frequent first."""
    from core.rna import boltzmann_samples, given_structure, suboptimal

    found = record(source, index)
    if found.length > AT_ONCE:
        what = METHODS[method].capitalize()
        raise InputError(f"{what} structures are listed for up to {AT_ONCE} bases and {found.id} has {found.length:,}; choose another structure.")
    if method == "sub":
        return tuple(suboptimal(found, temperature=temperature))
    drawn = Counter(boltzmann_samples(found, SAMPLES, seed=0, temperature=temperature)).most_common()
    return tuple((s, given_structure(replace(found, structure=s), temperature, probabilities=False).energy) for s, _ in drawn)


def is_quick(given: Given) -> bool:
    """Whether the structure is there at once."""
    return given.method in ("given", *LISTED) or record(given.source, given.record).length <= AT_ONCE


@st.cache_resource(max_entries=64, show_spinner=False)
def elements(structure: str) -> Elements:
    """The structural elements of a structure."""
    from core.rna import decompose

    return decompose(structure)


def with_structure(given: Given, folded: FoldResult) -> RnaRecord:
    """The record with the structure shown."""
    return replace(record(given.source, given.record), structure=folded.structure)


def network(name: str) -> tuple[Any, Card]:
    """A trained RNA network on this session's device, and its card; one of Gatescope's, whose inside can be shown.

    Raises:
        InputError: there is no such network.
    """
    return _network(name, networks.weights_of(name, "rna"), device.choice().device)


def encoder(name: str) -> tuple[Any, Card]:
    """As :func:`network`, but also one that gives vectors alone."""
    return _network(name, networks.weights_of(name, "rna", encoders=True), device.choice().device)


@st.cache_resource(max_entries=4, show_spinner="Loading the network ...")
def _network(name: str, weights: str, where: str) -> tuple[Any, Card]:
    from core.rna.embedding import open_network

    found, card = open_network(networks.source(name, "rna", encoders=True))
    return found.to(where), card


@st.cache_resource(max_entries=24, show_spinner="Running the network ...")
def _importance(
    source: str, index: int, structure: str, pairs: str | None, _ensemble: PairEnsemble | None, name: str, weights: str, where: str
) -> BaseImportance:
    from core.explain import base_importance

    found = replace(record(source, index), structure=structure)
    return base_importance(found, _network(name, weights, where), ensemble=_ensemble, device=where)


def importance(given: Given, folded: FoldResult, name: str) -> BaseImportance:
    """Attention, messages and openness of an RNA with the structure shown.

    Raises:
        InputError: there is no such network.
    """
    _, card = network(name)
    found = folded.ensemble
    pairs = None if found is None else found.key
    return _importance(given.source, given.record, folded.structure, pairs, found, name, card.weights_sha256, device.choice().device)


def bases_of(entity: str | None, found: Elements) -> tuple[int, ...]:
    """The 1-based bases an entity stands for; none for one that is not in this RNA."""
    kind, _, name = (entity or "").partition(":")
    if kind == "base" and name.isdecimal() and 1 <= int(name) <= len(found.of_base):
        return (int(name),)
    if kind == "elem":
        return next((tuple(base + 1 for base in element.bases) for element in found.elements if element.name == name), ())
    return ()


def pairing(folded: FoldResult, partner: Sequence[int]) -> list[float]:
    """For each base the probability of what the structure shows: of its pair, or of being unpaired; empty without probabilities."""
    chances = folded.pair_probabilities
    if chances is None:
        return []
    alone = 1.0 - chances.sum(axis=1)
    return [float(chances[i, j]) if j >= 0 else float(min(1.0, max(0.0, alone[i]))) for i, j in enumerate(partner)]


def by_layer(importance: BaseImportance, quantity: str) -> np.ndarray:
    """[layers, n] for each base the sum of |message| over its incoming edges, or the mean of their openness."""
    n, edges = len(importance.bases), importance.edges
    into = edges["target"].str.startswith("base:").to_numpy()
    rows = edges["target"][into].str.removeprefix("base:").astype(int).to_numpy() - 1
    known = getattr(importance.trace, quantity)
    totals = np.stack([np.bincount(rows, numbers(known[layer])[into], minlength=n) for layer in _layers(importance)])
    return totals if quantity == "message" else totals / np.maximum(1, np.bincount(rows, minlength=n))


def numbers(values: Any) -> np.ndarray:
    """A tensor or array as float64 on the CPU."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype=float)


def _layers(importance: BaseImportance) -> range:
    return range(len(importance.trace.message))
