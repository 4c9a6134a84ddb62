"""What the page explains, remembered for all sessions: masked functions and their attributions, keyed by content hashes, bounded, only read."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import InputError
from core.ui import data, device, kinetics, networks
from core.ui.background import Background, Job
from core.ui.data import Given
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.masked import Masked

TARGET, METHOD, LEVEL, GATES = "explain.target", "explain.method", "explain.level", "explain.gates"
AGAINST, WITHIN, OVER = "explain.against", "explain.within", "explain.over"
"""Settings of the view."""
INCIDENCES, FEATURES, CONDITION = "incidences", "features", "condition"
OVERS = {INCIDENCES: "incidences", FEATURES: "node features", CONDITION: "what differs from another condition"}
"""What can be masked."""
LEVELS = {
    INCIDENCES: ("reaction", "metabolite", "subsystem", "gene", "incidence"),
    FEATURES: ("feature", "side"),
    CONDITION: ("part", "side"),
}
"""Levels of what is masked, as they are offered."""
GROWTH = "growth"
LIVE, FROZEN = "live", "frozen"
OF_GROUPS = {"occlusion": ("subsystem", "reaction", "metabolite"), "shapley": ("subsystem",)}
"""Levels at which methods that ask about groups of incidences are offered: what takes seconds or minutes, not hours."""


@dataclass(frozen=True)
class Asked:
    """What is attributed, by which network. Hashable, so that it is the key of what follows.

    ``over``: what is masked. ``against``: a named medium whose prediction is taken off, or which is the baseline where what differs is masked, "" for
    none. ``level``: whose groups a method is asked about, "" for the parts.
    """

    given: Given
    network: str
    weights: str
    where: str
    target: str
    over: str
    against: str
    gates: str
    method: str
    level: str

    @classmethod
    def of(cls, view: ViewState, given: Given, method: str, level: str) -> Asked:
        """What a view asks.

        Raises:
            InputError: there is no such network.
        """
        over, against = over_of(view), str(view.settings.get(AGAINST) or "")
        return cls(
            given,
            view.checkpoint,
            networks.ensemble_key(view.checkpoint),  # a trial asks every seed
            device.choice().device,
            target_of(view, given),
            over,
            against if over != FEATURES and against in data.media(given.model, given.model_objective) else "",
            FROZEN if over == INCIDENCES and view.settings.get(GATES) == FROZEN else LIVE,
            method,
            level if method in OF_GROUPS else "",
        )

    @classmethod
    def growth(cls, given: Given, view: ViewState) -> Asked:
        """Growth under a condition, with live gates, by integrated gradients: what rankings elsewhere are judged by."""
        weights, where = networks.ensemble_key(view.checkpoint), device.choice().device
        return cls(given, view.checkpoint, weights, where, GROWTH, INCIDENCES, "", LIVE, "integrated_gradients", "")

    @property
    def function(self) -> tuple[object, ...]:
        """What the masked function follows from."""
        return self.given, self.network, self.weights, self.where, self.target, self.over, self.against, self.gates


def over_of(view: ViewState) -> str:
    """What is masked."""
    wanted = str(view.settings.get(OVER) or INCIDENCES)
    return wanted if wanted in OVERS else INCIDENCES


def target_of(view: ViewState, given: Given) -> str:
    """Growth, or the reaction whose flux is explained; one that the model lacks is growth."""
    wanted = str(view.settings.get(TARGET) or GROWTH)
    return wanted if wanted in data.tables(given.model, given.model_objective).reactions else GROWTH


def masked(asked: Asked) -> Masked:
    """The function an attribution is asked about.

    Raises:
        InputError: the condition or the target cannot be used.
    """
    return _masked(*asked.function)  # type: ignore[arg-type]


@st.cache_resource(max_entries=6, show_spinner="Preparing the network ...")
def _masked(given: Given, network: str, weights: str, where: str, target: str, over: str, against: str, gates: str) -> Masked:
    from core.explain.metabolic_masks import condition_masks, feature_masks, incidence_masks
    from core.metabolic import build_hypergraph

    graph = data.importance(given, network).graph
    other = None
    if against:
        chosen = given.condition() | {"medium": against, "kinetics": kinetics.stored(given.kinetics) if given.kinetics else None}
        other = build_hypergraph(data.tables(given.model, given.model_objective), **chosen)
    if over == FEATURES:
        return feature_masks(data.checkpoint(network), graph, target=target, device=where)
    if over == CONDITION:
        if other is None:
            raise InputError("Choose the medium to compare with: what differs between the two conditions is masked.")
        return condition_masks(data.checkpoint(network), graph, other, target=target, device=where)
    return incidence_masks(data.checkpoint(network), graph, target=target, minus=other, frozen_gates=gates == FROZEN, device=where)


def inputs(asked: Asked) -> dict[str, Any]:
    """What the masked function is made of, for its manifest."""
    from core.explain.manifest import condition_in_manifest, metabolic_inputs, model_in_manifest
    from core.explain.reactions import kinetics_in_manifest

    given, graph = asked.given, data.importance(asked.given, asked.network).graph
    network, card = data.checkpoint(asked.network)
    told = metabolic_inputs(
        graph,
        card,
        network=asked.network,
        target=asked.target,
        model=model_in_manifest(graph.tables, given.model, objective=given.model_objective),
        condition=condition_in_manifest(**given.condition()),
        other=asked.against or None,
        frozen_gates=asked.gates == FROZEN,
    )
    if given.kinetics:
        told["kinetics"] = kinetics_in_manifest(kinetics.stored(given.kinetics), graph, network) | {"stored": given.kinetics}
    return told


@st.cache_resource(max_entries=1, show_spinner=False)
def work() -> Background[Hashable, Attribution]:
    """Attributions made or being made."""
    return Background(24)


def start(asked: Asked) -> Job:
    """Starts an attribution of a metabolic model."""
    return attributing(asked, masked(asked), asked.method, asked.level)


def attributing(key: Hashable, function: Masked, method: str, level: str) -> Job:
    """Starts an attribution; what is known so far is the job's ``partial``.

    Args:
        key: what it follows from. level: whose groups the method is asked about, "" for the parts.
    """

    def run(job: Job) -> Attribution:
        from core.explain.attribution import attributions

        def told(what: str, done: int, total: int) -> None:
            job.counted(what.replace("_", " "), done, total)

        for found in attributions(function, method, level=level or None, on_progress=told, should_stop=job.stopped):
            job.partial = found
        if job.partial is None:
            raise InputError("The explanation ended before it began; start it again.")
        return job.partial

    return work().start(key, run)
