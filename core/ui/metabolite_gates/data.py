"""The test of a metabolite's gates under a view, remembered for all sessions and keyed by content hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from core.metabolic.condition import Condition
from core.ui import data, device, networks
from core.ui.background import Background, Job
from core.ui.data import Given
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain import GateReplacement, MetaboliteGateTest
    from core.metabolic import ModelTables

METABOLITE = "metabolite_gates.id"
ATP = ("atp_c", "atp", "ATP", "M_atp_c", "cpd00002_c0", "cpd00002")
SHOWN = "this condition"


@dataclass(frozen=True)
class Asked:
    """Which metabolite, in which model, condition and network. Hashable, so that it is the key of what follows."""

    given: Given
    network: str
    weights: str
    metabolite: str

    @classmethod
    def of(cls, given: Given, view: ViewState) -> Asked:
        """What a view asks."""
        return cls(given, view.checkpoint, data.checkpoint(view.checkpoint)[1].weights_sha256, chosen(given, view))


def choices(given: Given) -> tuple[str, ...]:
    """Metabolites by the number of their reactions, most first; a cofactor's gates in one reaction are nothing to compare."""
    return data.hubs(given.model, given.model_objective)


def chosen(given: Given, view: ViewState) -> str:
    """The metabolite asked for, else a selected one, else ATP, else the one in most reactions."""
    known = data.tables(given.model, given.model_objective).metabolite_index()
    wanted = view.settings.get(METABOLITE)
    if isinstance(wanted, str) and wanted in known:
        return wanted
    kind, _, name = (view.selection or "").partition(":")
    if kind == "met" and name in known:
        return name
    return atp(given) or choices(given)[0]


def atp(given: Given) -> str | None:
    """ATP's id in a model, that in most reactions where it has several compartments; None where it is not told."""
    found = data.tables(given.model, given.model_objective)
    index = found.metabolite_index()
    kegg = (m for m in choices(given) if "C00002" in found.metabolite_annotations[index[m]].get("kegg.compound", ()))
    return next((m for m in ATP if m in index), None) or next(kegg, None)


def controls(name: str) -> tuple[str, ...]:
    """Installed controls of a network."""
    from core.explain.atp import controls_of

    return tuple(controls_of(data.checkpoint(name)[1]))


@st.cache_resource(max_entries=24, show_spinner="Running the controls ...")
def _tested(asked: Asked, seeds: str, others: tuple[tuple[str, str], ...], where: str) -> MetaboliteGateTest:
    from core.explain.atp import metabolite_gate_test, standard_conditions

    found = data.tables(asked.given.model, asked.given.model_objective)
    mine = Condition(**asked.given.condition())
    named = {name: Condition(one.medium, mine.knockouts, mine.objective) for name, one in standard_conditions(found).items()}
    conditions = {SHOWN: mine} | {name: one for name, one in named.items() if not _same(found, one, mine)}  # none counts twice
    opened = [data.checkpoint(name) for name, _ in others]
    return metabolite_gate_test(found, networks.ensemble(asked.network), asked.metabolite, controls=opened, conditions=conditions, device=where)


def _same(tables: ModelTables, one: Condition, other: Condition) -> bool:
    from core.metabolic import apply_condition

    a, b = (apply_condition(tables, medium=c.medium, knockouts=c.knockouts, objective=c.objective) for c in (one, other))
    return bool((a.lower == b.lower).all() and (a.upper == b.upper).all())


def tested(asked: Asked) -> MetaboliteGateTest:
    """The test, with the replacement of gates once that was computed."""
    others = tuple((name, data.checkpoint(name)[1].weights_sha256) for name in controls(asked.network))
    found = _tested(asked, networks.ensemble_key(asked.network), others, device.choice().device)
    replaced = replacements().result(replacement_key(asked))
    return found if replaced is None else found.with_replacement(replaced)


@st.cache_resource(max_entries=1, show_spinner=False)
def replacements() -> Background[str, GateReplacement]:
    """The process's replacements of gates, done and under way."""
    return Background(24)


def replacement_key(asked: Asked) -> str:
    """What the replacement of a metabolite's gates follows from: not the view's condition, for conditions are sampled."""
    from core.explain.gate_replacement import replacement_key as key

    return key(data.tables(asked.given.model, asked.given.model_objective), asked.weights, asked.metabolite)


def start_replacement(asked: Asked) -> None:
    """Starts replacing the gates; what it needs of Streamlit's caches is fetched here, in the session."""
    found = data.tables(asked.given.model, asked.given.model_objective)
    network, where = data.checkpoint(asked.network), device.choice().device

    def work(job: Job) -> GateReplacement:
        from core.explain import replace_gates

        return replace_gates(found, network, asked.metabolite, device=where, on_progress=job.told, should_stop=job.stopped)

    replacements().start(replacement_key(asked), work)


def replacement_seconds(asked: Asked) -> float:
    """About how long the replacement takes, from the passes it makes (twelve on each of 64 conditions) and the size of model and network."""
    incidences = len(data.tables(asked.given.model, asked.given.model_objective).stoich)
    config = data.checkpoint(asked.network)[0].config
    return 1.0 + 64 * 12 * 1e-8 * incidences * config.hidden * config.layers
