"""The two conditions of a view, what the networks do under them and how they compare; remembered for all sessions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from core.metabolic.condition import Condition
from core.ui import data, device, networks
from core.ui.conditions import essential
from core.ui.data import Given
from core.ui.explorer.condition import Side, model_of
from core.ui.view_state import OWN_MEDIUM, ViewState

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.conditions import ConditionComparison, Seen
    from core.explain.media_matrix import MediaMatrix
    from core.metabolic import FbaResult
    from core.metabolic.condition import Medium

FIRST = Side(suffix=" A")
SECOND = Side("conditions", "medium_b", "knockouts_b", "checkpoint_b", OWN_MEDIUM, " B")
FIRST_LOOK = ("anaerobic glucose", "aerobic glucose")
"""Media B may start with, the first one that is not A's."""


@dataclass(frozen=True)
class Pair:
    """A and B, each as a view of its own that the explorer can open, and as what is computed from it."""

    first: ViewState
    second: ViewState

    @property
    def given(self) -> tuple[Given, Given]:
        """Model and condition of both."""
        return Given.of(self.first), Given.of(self.second)

    @property
    def names(self) -> tuple[str, str]:
        """The networks of both."""
        return self.first.checkpoint, self.second.checkpoint

    @classmethod
    def of(cls, view: ViewState) -> Pair:
        """A is the view's own condition; B its fields for B, with one of the model's named media while none was chosen.

        Raises:
            InputError: the model or A's medium cannot be used.
        """
        medium = view.medium_b
        chosen = None if medium == OWN_MEDIUM else _first_look(view) if medium is None else medium
        # Layers and heads of two networks have nothing to do with each other: means over them are compared.
        whole = replace(view, layer=None, head=None)
        return cls(whole, replace(whole, medium=chosen, knockouts=view.knockouts_b, checkpoint=view.checkpoint_b or view.checkpoint))


def _first_look(view: ViewState) -> str | None:
    from core.metabolic import resolve_medium

    named = data.media(*model_of(view))
    now = resolve_medium(data.tables(*model_of(view)), view.medium)
    return next((name for name in (*FIRST_LOOK, *named) if name in named and named[name] != now), None)


def words(view: ViewState) -> str:
    """A condition in a few words."""
    medium = _own_words(view) if view.medium is None else view.medium if isinstance(view.medium, str) else "an edited medium"
    lost = f", without {', '.join(view.knockouts)}" if view.knockouts else ""
    return f"{medium}{lost}, network {networks.label(view.checkpoint)}"


def _own_words(view: ViewState) -> str:
    """The model's own medium, and the named one it is the same as."""
    from core.metabolic import own_medium

    own = own_medium(data.tables(*model_of(view)))
    same = next((name for name, medium in data.media(*model_of(view)).items() if medium == own), "")
    return f"the model's own medium (the same as {same})" if same else "the model's own medium"


def seen(given: Given, name: str) -> Seen:
    """What a network and the other seeds of its ensemble do under a condition."""
    from core.explain.conditions import Seen

    return Seen(Condition(given.condition()["medium"], given.knockouts, given.objective), data.importance(given, name), data.seed_spread(given, name))


@st.cache_resource(max_entries=16, show_spinner="Comparing ...")
def _comparison(
    given: tuple[Given, Given], names: tuple[str, str], weights: tuple[str, str], where: str, truth: bool, essentiality: bool
) -> ConditionComparison:
    from core.explain.conditions import compare_seen

    a, b = (seen(one, name) for one, name in zip(given, names, strict=True))
    solved: tuple[FbaResult, FbaResult] | None = (data.fba(given[0]), data.fba(given[1])) if truth else None
    known = essential.results(given) if essentiality else None
    return compare_seen(a, b, solved=solved, knockouts=known)


def comparison(pair: Pair, *, truth: bool = True) -> ConditionComparison:
    """A, B and A - B; with ``truth`` also fluxes by FBA and, once computed, essentiality."""
    first, second = (networks.ensemble_key(name) for name in pair.names)
    essentiality = truth and essential.results(pair.given) is not None
    return _comparison(pair.given, pair.names, (first, second), device.choice().device, truth, essentiality)


def media_choices(pair: Pair) -> dict[str, str]:
    """Media of a matrix that the model offers, and how each is called: the named ones, A's and B's own, every single carbon source."""
    names: dict[str, str] = {name: name for name in data.media(*model_of(pair.first))}
    for letter, view in (("A", pair.first), ("B", pair.second)):
        if not isinstance(view.medium, str):
            names[letter] = f"{letter}: {'the own medium' if view.medium is None else 'edited'}"
    nutrients = data.nutrients(*model_of(pair.first))
    return names | {r: nutrients.get(r, r) for r in carbon_media(*model_of(pair.first))}


@st.cache_resource(max_entries=8, show_spinner=False)
def carbon_media(model: str, objective: str | None) -> dict[str, dict[str, float]]:
    """The minimal medium with each single carbon source."""
    from core.metabolic import carbon_media as media

    return media(data.tables(model, objective))


def chosen_media(pair: Pair) -> tuple[str, ...]:
    """The media of the view that the model has: by default its named ones, or A's and B's where there are none."""
    known = media_choices(pair)
    wanted = pair.first.media if pair.first.media is not None else tuple(data.media(*model_of(pair.first))) or ("A", "B")
    return tuple(name for name in wanted if name in known)


def media_matrix(pair: Pair, names: tuple[str, ...]) -> MediaMatrix:
    """Gates and growth on some of :func:`media_choices`, with A's knock-outs and network."""
    given = pair.given[0]
    named, carbon, called = data.media(*model_of(pair.first)), carbon_media(*model_of(pair.first)), media_choices(pair)
    sides = {"A": pair.given[0].condition()["medium"], "B": pair.given[1].condition()["medium"]}
    media: dict[str, Medium | str | None] = {}
    for name in names:
        media[called[name]] = sides[name] if name in sides else named.get(name) or carbon[name]
    name = pair.first.checkpoint
    key = tuple((label, tuple(sorted(m.items())) if isinstance(m, dict) else m) for label, m in media.items())
    return _matrix(given, key, name, networks.ensemble_key(name), device.choice().device, media)


@st.cache_resource(max_entries=8, show_spinner="Running the network on each medium ...")
def _matrix(given: Given, key: tuple, name: str, weights: str, where: str, _media: dict[str, Medium | str | None]) -> MediaMatrix:
    from core.explain import matrix

    found = data.tables(given.model, given.model_objective)
    return matrix(found, networks.ensemble(name), _media, given.knockouts, objective=given.objective, device=where)


def pathways(pair: Pair) -> list[str]:
    """The model's pathways."""
    return sorted(set(data.subsystems(*model_of(pair.first)).names))


def wanted_pathway(pair: Pair) -> str | None:
    """The pathway the tables and strips are held to, None for all."""
    chosen = pair.first.settings.get("conditions.pathway")
    return str(chosen) if chosen in set(data.subsystems(*model_of(pair.first)).names) else None


def filtered(pair: Pair, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of reactions in the wanted pathway."""
    wanted = wanted_pathway(pair)
    return table if wanted is None else table[table["subsystem"] == wanted]
