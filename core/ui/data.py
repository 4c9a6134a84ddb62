"""Core's results, remembered for all sessions: every cache is keyed by content hashes, holds a bounded number, and is only read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import InputError
from core.metabolic.condition import Medium
from core.ui import device, kinetics, networks
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    import pandas as pd

    from core.explain import ReactionImportance
    from core.explain.seed_spread import SeedSpread
    from core.metabolic import FbaResult, ModelTables, SearchIndex, Subsystems
    from core.models import Card, ReactionNetwork
    from core.viz.view import NetworkView


@dataclass(frozen=True)
class Given:
    """A model under a condition: what FBA and the network are both given. Hashable, so that it is the key of what follows.

    ``kinetics`` names kinetic parameters a person loaded, where the network reads such.
    """

    model: str
    model_objective: str | None
    medium: str | tuple[tuple[str, float], ...] | None
    knockouts: tuple[str, ...]
    objective: str | None
    kinetics: str | None = None

    @classmethod
    def of(cls, view: ViewState) -> Given:
        """The condition of a view."""
        medium = view.medium if view.medium is None or isinstance(view.medium, str) else tuple(sorted(view.medium.items()))
        chosen = view.settings.get("explorer.model_objective")
        own = str(chosen) if chosen else None
        return cls(view.model, own, medium, view.knockouts, view.objective, kinetics.for_network(view))

    def condition(self) -> dict[str, Any]:
        """Keyword arguments of core's functions."""
        medium: str | Medium | None = dict(self.medium) if isinstance(self.medium, tuple) else self.medium
        return {"medium": medium, "knockouts": self.knockouts, "objective": self.objective}


@st.cache_resource(max_entries=6, show_spinner="Reading the model ...")
def tables(model: str, objective: str | None = None) -> ModelTables:
    """A model's tables (COBRApy is imported only when the file was never parsed before)."""
    from core.metabolic import BUNDLED, load_tables

    if model not in BUNDLED and not model.startswith("upload:"):  # a link must not open files of this computer
        raise InputError(f"There is no model {model!r} here; choose one of {', '.join(BUNDLED)}, or load its file.")
    return load_tables(model, objective=objective)


@st.cache_resource(max_entries=8, show_spinner=False)
def subsystems(model: str, objective: str | None = None) -> Subsystems:
    """Subsystem of every reaction, and where it comes from."""
    from core.metabolic import assign_subsystems

    return assign_subsystems(tables(model, objective))


@st.cache_resource(max_entries=8, show_spinner=False)
def index(model: str, objective: str | None = None) -> SearchIndex:
    """What the search looks through."""
    from core.metabolic import search_index

    return search_index(tables(model, objective))


@st.cache_resource(max_entries=8, show_spinner=False)
def default_currency(model: str, objective: str | None = None) -> tuple[str, ...]:
    """Currency metabolites by degree."""
    from core.metabolic import currency_metabolites

    return tuple(currency_metabolites(tables(model, objective)))


@st.cache_resource(max_entries=8, show_spinner=False)
def nutrients(model: str, objective: str | None = None) -> dict[str, str]:
    """Every exchange reaction and the name of its nutrient."""
    from core.metabolic import nutrient_name

    found = tables(model, objective)
    return {r: nutrient_name(found, r) for r, exchange in zip(found.reactions, found.exchange, strict=True) if exchange}


@st.cache_resource(max_entries=8, show_spinner=False)
def media(model: str, objective: str | None = None) -> dict[str, dict[str, float]]:
    """The named media of a model."""
    from core.metabolic import named_media

    return named_media(tables(model, objective))


@st.cache_resource(max_entries=8, show_spinner=False)
def hubs(model: str, objective: str | None = None, count: int = 100) -> tuple[str, ...]:
    """The metabolites in most reactions, most first."""
    import numpy as np

    found = tables(model, objective)
    degree = np.bincount(found.rows, minlength=len(found.metabolites))
    return tuple(found.metabolites[v] for v in np.argsort(-degree, kind="stable")[:count])


@st.cache_resource(max_entries=8, show_spinner="Loading the network ...")
def _checkpoint(name: str, weights: str, where: str) -> tuple[ReactionNetwork, Card]:
    from core.models import load_checkpoint

    network, card = load_checkpoint(networks.source(name))
    return network.to(where), card


def checkpoint(name: str) -> tuple[ReactionNetwork, Card]:
    """A trained network on this session's device, and its card."""
    from core.models import load_card

    return _checkpoint(name, load_card(networks.source(name)).weights_sha256, device.choice().device)


@st.cache_resource(max_entries=12, show_spinner="Running the network ...")
def _importance(given: Given, name: str, weights: str, where: str) -> ReactionImportance:
    from core.explain import reaction_importance
    from core.explain.reactions import INSTANT

    network = _checkpoint(name, weights, where)
    chosen = given.condition() | {"kinetics": kinetics.stored(given.kinetics) if given.kinetics else None}
    return reaction_importance(tables(given.model, given.model_objective), network, methods=INSTANT, device=where, **chosen)


def importance(given: Given, name: str) -> ReactionImportance:
    """Gates, attention and messages under a condition."""
    _, card = checkpoint(name)
    return _importance(given, name, card.weights_sha256, device.choice().device)


@st.cache_resource(max_entries=24, show_spinner=False)
def _part(given: Given, name: str, weights: str, where: str, layer: int | None, head: int | None) -> ReactionImportance:
    return _importance(given, name, weights, where).part(layer, head)


def shown(given: Given, view: ViewState) -> ReactionImportance:
    """The importance of the layer and head the view asks for; the mean over them when it asks for none that exists."""
    _, card = checkpoint(view.checkpoint)
    layer, head = layer_and_head(view)
    return _part(given, view.checkpoint, card.weights_sha256, device.choice().device, layer, head)


def fitting_network(model: str, now: str) -> str:
    """The network to begin a model with: the shipped one that knows it best; one trained on this computer stays."""
    from core.models import network_for

    if now.startswith(networks.RUN):
        return now
    try:
        return network_for(tables(model).reactions)
    except InputError:
        return now  # the page says what is wrong with the model


def seeds(name: str) -> int:
    """How many networks a checkpoint's ensemble has."""
    return 1 + len(checkpoint(name)[1].content.get("members", ()))


@st.cache_resource(max_entries=12, show_spinner="Running the other seeds ...")
def _spread(given: Given, name: str, weights: str, key: str, where: str) -> SeedSpread:
    from core.explain.seed_spread import seed_spread

    return seed_spread(networks.members(name, key, where), _importance(given, name, weights, where).graph, device=where)


def seed_spread(given: Given, name: str) -> SeedSpread | None:
    """What each seed of an ensemble does under a condition; None for a single network."""
    if seeds(name) == 1:
        return None
    return _spread(given, name, checkpoint(name)[1].weights_sha256, networks.ensemble_key(name), device.choice().device)


def with_seeds(given: Given, view: ViewState) -> ReactionImportance:
    """What :func:`shown` gives, with standard deviations over seeds where the checkpoint is an ensemble."""
    spread = seed_spread(given, view.checkpoint)
    if spread is None:
        return shown(given, view)
    return importance(given, view.checkpoint).with_seeds(spread).part(*layer_and_head(view))


def layer_and_head(view: ViewState) -> tuple[int | None, int | None]:
    """Layer and head of the view, None for the mean over them or where the network has fewer."""
    config = checkpoint(view.checkpoint)[0].config
    layer = view.layer if view.layer is not None and view.layer < config.layers else None
    return layer, view.head if view.head is not None and view.head < config.heads else None


def over(view: ViewState) -> str:
    """In words, what the numbers of the view are taken over."""
    layer, head = layer_and_head(view)
    if layer is None and head is None:
        return "mean over layers and heads"
    one = "mean over layers" if layer is None else f"layer {layer + 1}"
    return f"{one}, {'mean over heads' if head is None else f'head {head + 1}'}"


@st.cache_data(max_entries=32, show_spinner=False)
def warnings(given: Given, name: str) -> list[str]:
    """What of this lies outside the checkpoint's training."""
    from core.models import checkpoint_warnings

    return checkpoint_warnings(checkpoint(name)[1], importance(given, name).graph)


@st.cache_resource(max_entries=32, show_spinner="Flux balance analysis ...")
def fba(given: Given) -> FbaResult:
    """Growth and parsimonious fluxes."""
    from core.metabolic import fba as solve

    return solve(tables(given.model, given.model_objective), parsimonious=True, **given.condition())


@st.cache_data(max_entries=32, show_spinner="Looking for what is missing ...")
def missing(given: Given) -> list[str]:
    """Closed uptakes that would restore growth."""
    from core.metabolic import missing_nutrients

    return missing_nutrients(tables(given.model, given.model_objective), **given.condition())


@st.cache_resource(max_entries=32, show_spinner="Finding blocked reactions ...")
def blocked(given: Given) -> frozenset[str]:
    """Reactions that can carry no flux under the condition."""
    from core.metabolic import blocked_reactions

    chosen = given.condition()
    return blocked_reactions(tables(given.model, given.model_objective), medium=chosen["medium"], knockouts=chosen["knockouts"])


def subsystem_rows(given: Given, view: ViewState) -> pd.DataFrame:
    """One row per subsystem with its reactions' gates; their spread over seeds for the mean over layers and heads."""
    from core.viz.overview import subsystem_table

    names = subsystems(given.model, given.model_objective).names
    spread = seed_spread(given, view.checkpoint) if layer_and_head(view) == (None, None) else None
    return subsystem_table(tables(given.model, given.model_objective), names, shown(given, view).table, None if spread is None else spread.gate)


@st.cache_resource(max_entries=8, show_spinner=False)
def subsystem_links(model: str, objective: str | None, currency: tuple[str, ...]) -> pd.DataFrame:
    """Metabolites shared between subsystems."""
    from core.viz.overview import subsystem_links as join

    return join(tables(model, objective), subsystems(model, objective).names, currency)


def overview(given: Given, view: ViewState, currency: tuple[str, ...]) -> NetworkView:
    """The subsystem overview."""
    from core.viz.overview import overview_view

    joined = subsystem_links(given.model, given.model_objective, currency)
    return overview_view(subsystem_rows(given, view), joined, selected=view.selection, over=over(view))


def members(names: Iterable[str], wanted: str, reactions: Iterable[str]) -> list[str]:
    """The reactions of a subsystem."""
    return [r for r, n in zip(reactions, names, strict=True) if n == wanted]
