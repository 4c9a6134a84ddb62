"""A measurement under a view, and everything compared with it: remembered for all sessions, keyed by content hashes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import streamlit as st

from core.ui import data, device, networks
from core.ui.background import Background, Job
from core.ui.data import Given
from core.ui.view_state import ViewState
from core.uploads import Uploads

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.flux_references import References
    from core.explain.measured_ranking import Comparison
    from core.explain.measurement_file import Choice, Sheet
    from core.explain.measurements import Measurement

FILES = Uploads("measured-", "This measurement file is no longer stored on this computer; load it again.")
FILE = "measurements.file"
READING = ("ids", "values", "entity", "kind", "yes", "cutoff", "below")
"""Settings that say how the file is read; one that is absent is guessed."""
NETWORKS = 6
"""At most this many networks are compared at once."""


@dataclass(frozen=True)
class Asked:
    """What is compared with what. Hashable, so that it is the key of what follows."""

    given: Given
    file: str
    choice: Choice
    join: str
    networks: tuple[str, ...]


def sheet_of(given: Given, file: str) -> Sheet:
    """The file as text.

    Raises:
        InputError: it is no longer stored, or no table.
    """
    return _sheet(given.model, given.model_objective, file)


@st.cache_resource(max_entries=8, show_spinner="Reading the file ...")
def _sheet(model: str, objective: str | None, file: str) -> Sheet:
    from core.explain.measurement_file import read_sheet

    found = data.tables(model, objective)
    return read_sheet(FILES.stored(file).read_bytes(), known=(*found.genes, *found.reactions, *filter(None, found.gene_names)))


@st.cache_resource(max_entries=16, show_spinner=False)
def _guessed(model: str, objective: str | None, file: str) -> Choice:
    from core.explain.measurement_file import guess, model_names

    return guess(_sheet(model, objective, file), model_names(data.tables(model, objective)))


def choice_of(view: ViewState, given: Given, file: str) -> Choice:
    """How the file is read: as the view says, the rest guessed."""
    from core.explain.measurement_file import KINDS, guess_values

    sheet = sheet_of(given, file)
    wanted = {name: view.settings[f"measurements.{name}"] for name in READING if f"measurements.{name}" in view.settings}
    choice = _guessed(given.model, given.model_objective, file)
    columns = {name: str(wanted[name]) for name in ("ids", "values") if wanted.get(name) in sheet.columns}
    if columns.get("values", choice.values) != choice.values:
        choice = guess_values(sheet, replace(choice, values=columns["values"]))
    rest: dict[str, Any] = {**columns}
    if wanted.get("entity") in ("gene", "reaction"):
        rest["entity"] = wanted["entity"]
    if wanted.get("kind") in KINDS:
        rest["kind"] = wanted["kind"]
    if isinstance(wanted.get("yes"), str):
        rest["yes"] = wanted["yes"]
    cutoff = wanted.get("cutoff")
    if isinstance(cutoff, (int, float)):
        rest["cutoff"] = float(cutoff)
    if isinstance(wanted.get("below"), bool):
        rest["below"] = wanted["below"]
    return replace(choice, **rest)


def join_of(view: ViewState, choice: Choice) -> str:
    """How values of isozymes become one: as the view says, else amounts add up and of changes the largest counts."""
    from core.explain.gene_rules import Alternatives

    wanted = view.settings.get("measurements.join")
    default = "sum" if choice.kind == "level" else "max"
    return str(wanted) if wanted in get_args(Alternatives) and (wanted != "sum" or choice.kind == "level") else default


def networks_of(view: ViewState) -> tuple[str, ...]:
    """The networks compared: the view's own and those chosen beside it, as far as they are here."""
    named = str(view.settings.get("measurements.networks") or "").split(",")
    known = set(networks.choices())
    return tuple(dict.fromkeys([view.checkpoint, *(name for name in named if name in known)]))[:NETWORKS]


@st.cache_resource(max_entries=16, show_spinner=False)
def measurement(model: str, objective: str | None, file: str, choice: Choice) -> Measurement:
    """The file mapped onto the model.

    Raises:
        InputError: nothing of it can be placed.
    """
    from core.explain.measurements import measure

    return measure(_sheet(model, objective, file), choice, data.tables(model, objective), source=file.partition(":")[2])


@st.cache_resource(max_entries=16, show_spinner="Comparing ...")
def _comparison(asked: Asked, weights: tuple[str, ...], where: str, references: str | None, predicted: tuple[str, ...]) -> Comparison:
    from core.explain.measured_ranking import compare_scores

    given = asked.given
    return compare_scores(
        measurement(given.model, given.model_objective, asked.file, asked.choice),
        data.tables(given.model, given.model_objective),
        checkpoints={name: networks.ensemble(name) for name in asked.networks},
        references=known_references(given) if references else None,
        predicted={name: left for name in predicted if (left := screens().result(screen_key(asked, name))) is not None},
        alternatives=asked.join,  # type: ignore[arg-type]
        device=where,
        **given.condition(),
    )


def comparison(asked: Asked) -> Comparison:
    """Every score against the measurement; FBA's and the networks' knock-outs once they were computed."""
    weights = tuple(networks.ensemble_key(name) for name in asked.networks)
    found = known_references(asked.given)
    predicted = tuple(name for name in asked.networks if screens().result(screen_key(asked, name)) is not None)
    return _comparison(asked, weights, device.choice().device, found.key if found else None, predicted)


@st.cache_resource(max_entries=16, show_spinner=False)
def _references_key(given: Given) -> str:
    from core.explain.flux_references import references_key

    return references_key(data.tables(given.model, given.model_objective), **given.condition())


@st.cache_resource(max_entries=1, show_spinner=False)
def references() -> Background[str, References]:
    """FBA's references, computed and under way, by their key."""
    return Background(8)


def known_references(given: Given) -> References | None:
    """FBA's references of a condition when they were computed, now or on an earlier day."""
    from core.explain.flux_references import stored_references

    key = _references_key(given)
    found = references().result(key)
    if found is None and (stored := stored_references(key)) is not None:
        return references().remember(key, stored)
    return found


def start_references(given: Given) -> None:
    """Computes FBA's references in the background."""
    from core.explain.flux_references import flux_references

    tables = data.tables(given.model, given.model_objective)

    def work(job: Job) -> References:
        return flux_references(tables, on_progress=job.told, should_stop=job.stopped, **given.condition())

    references().start(references_key_of(given), work)


def references_key_of(given: Given) -> str:
    """The key of a condition's references."""
    return _references_key(given)


@st.cache_resource(max_entries=1, show_spinner=False)
def screens() -> Background[tuple[Given, str, str, str, str], pd.DataFrame]:
    """The networks' own knock-out screens, computed and under way."""
    return Background(16)


def screen_key(asked: Asked, name: str) -> tuple[Given, str, str, str, str]:
    """The key of a network's screen: condition, network, device, and genes or reactions."""
    level = measurement(asked.given.model, asked.given.model_objective, asked.file, asked.choice).level
    return asked.given, name, networks.ensemble_key(name), device.choice().device, level


def start_screen(asked: Asked, name: str) -> None:
    """Predicts every gene's (or reaction's) knock-out with a network, in the background."""
    from core.explain.network_knockouts import knockouts_over_seeds

    given, key = asked.given, screen_key(asked, name)
    tables, every, where, level = data.tables(given.model, given.model_objective), networks.ensemble(name), key[3], key[4]

    def work(job: Job) -> pd.DataFrame:
        def told(done: int, total: int) -> None:
            job.counted(f"knock-outs by {name}", done, total)

        chosen = given.condition()
        return knockouts_over_seeds(tables, every, level=level, device=where, on_progress=told, should_stop=job.stopped, **chosen)

    screens().start(key, work)
