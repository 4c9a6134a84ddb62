"""A growth condition (medium, knock-outs, objective) turned into bounds, the way COBRApy does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from core.errors import InputError
from core.metabolic.rules import closed_by
from core.metabolic.tables import ModelTables

Medium = Mapping[str, float]
"""Exchange reaction id to its positive uptake bound, mmol/gDW/h; uptakes not named are closed.

It may also name a reaction the model forces to run, such as ATP maintenance, with another flux to force; not named, the model's stands."""


@dataclass(frozen=True)
class Condition:
    """What the cell is given. ``medium``: a name, a dict of uptake bounds, or None for the model's own."""

    medium: str | Medium | None = None
    knockouts: tuple[str, ...] = ()
    objective: str | None = None


@dataclass(frozen=True, eq=False)
class ConditionBounds:
    """A condition applied to a model's tables.

    Attributes:
        lower, upper: [E] flux bounds under the condition, mmol/gDW/h.
        objective: [E] objective coefficients.
        knocked_out: [E] bool, True where a knock-out (by reaction, or by genes through the rule) closes the reaction.
        uptake: [E] positive uptake bound of exchange reactions, 0 elsewhere.
    """

    lower: np.ndarray
    upper: np.ndarray
    objective: np.ndarray
    knocked_out: np.ndarray
    uptake: np.ndarray = field(repr=False)


def uptake_side(tables: ModelTables) -> np.ndarray:
    """[E] +1 where a negative flux takes up (the exchange is written with a substrate), -1 the other way, 0 if no exchange."""
    side = np.zeros(len(tables.reactions), dtype=int)
    has_substrate = np.zeros_like(side, dtype=bool)
    has_substrate[tables.cols[tables.stoich < 0]] = True
    side[tables.exchange] = np.where(has_substrate[tables.exchange], 1, -1)
    return side


NO_LIMIT, NEVER_SHORT = 1000.0, 100.0
"""Customary bound of what is not limited, mmol/gDW/h, and the bound from which on water and protons are not."""


def as_networks_read(tables: ModelTables, bounds: ConditionBounds) -> ConditionBounds:
    """The bounds a network is given: uptakes of water and protons of 100 or more are 1000.

    No cell runs short of either. Models write 100 or 1000 for that; to a network the one would be a nutrient in measured supply.
    Bounds may carry leading batch dimensions; without such an uptake they are returned as they are.
    """
    side = uptake_side(tables)
    changed = [e for e in _water_and_protons(tables) if np.any((bounds.uptake[..., e] >= NEVER_SHORT) & (bounds.uptake[..., e] != NO_LIMIT))]
    if not changed:
        return bounds
    lower, upper, uptake = bounds.lower.copy(), bounds.upper.copy(), bounds.uptake.copy()
    for e in changed:
        free = uptake[..., e] >= NEVER_SHORT
        uptake[..., e] = np.where(free, NO_LIMIT, uptake[..., e])
        limit = lower if side[e] > 0 else upper
        limit[..., e] = np.where(free, -side[e] * NO_LIMIT, limit[..., e])
    return replace(bounds, lower=lower, upper=upper, uptake=uptake)


@lru_cache(maxsize=8)
def _water_and_protons(tables: ModelTables) -> tuple[int, ...]:
    """Rows of the reactions that exchange either."""
    return tuple(int(e) for v, e in zip(tables.rows, tables.cols, strict=True) if tables.exchange[e] and tables.formulas[v] in ("H2O", "H"))


def own_medium(tables: ModelTables) -> dict[str, float]:
    """The model's own medium: each open uptake and its bound, as COBRApy's ``model.medium`` reports it."""
    side = uptake_side(tables)
    bound = np.where(side > 0, -tables.lower, np.where(side < 0, tables.upper, 0.0))
    return {tables.reactions[i]: float(bound[i]) for i in np.flatnonzero(bound > 0)}


def demands(tables: ModelTables) -> dict[str, float]:
    """Reactions that are no exchanges and that the model forces to run, such as ATP maintenance, and the least flux (mmol/gDW/h)."""
    forced = np.flatnonzero(~tables.exchange & (tables.lower > 0))
    return {tables.reactions[e]: float(tables.lower[e]) for e in forced}


def resolve_medium(tables: ModelTables, medium: str | Medium | None) -> dict[str, float]:
    """A medium as a checked dict of uptake bounds and demands.

    Raises:
        InputError: an unknown name, an id that is neither an exchange reaction nor a demand of the model, a bound that is negative or no number,
            or a demand above the reaction's upper bound.
    """
    if medium is None:
        return own_medium(tables)
    if isinstance(medium, str):
        from core.metabolic.media import named_media

        known = named_media(tables)
        if medium not in known:
            raise InputError(f"{tables.id} has no medium called {medium!r}; choose one of: {', '.join(known)}.")
        return known[medium]
    index, forced = tables.reaction_index(), demands(tables)
    for reaction, bound in medium.items():
        if reaction not in forced and (reaction not in index or not tables.exchange[index[reaction]]):
            also = f", or {', '.join(list(forced)[:3])} with a demand" if forced else ""
            raise InputError(
                f"{reaction!r} in the medium is no exchange reaction of {tables.id}; name exchange reactions such as {_example(tables)}{also}."
            )
        what = "demand" if reaction in forced else "uptake bound"
        if not (isinstance(bound, (int, float, np.number)) and np.isfinite(bound) and bound >= 0):
            raise InputError(f"The {what} of {reaction} is {bound!r}; give a finite number of at least 0 (mmol/gDW/h).")
        if reaction in forced and bound > tables.upper[index[reaction]]:
            most = float(tables.upper[index[reaction]])
            raise InputError(f"The demand of {reaction} is {bound:g} and {tables.id} lets it run at {most:g} at most; give a smaller number.")
    return {r: float(b) for r, b in medium.items() if b > 0 or r in forced}


def apply_condition(
    tables: ModelTables, *, medium: str | Medium | None = None, knockouts: Iterable[str] = (), objective: str | None = None
) -> ConditionBounds:
    """Bounds under a medium and knock-outs: the arrays that COBRApy's ``model.medium`` and ``knock_out`` would leave.

    Raises:
        InputError: an unknown exchange, knock-out or objective; the sentence names it.
    """
    lower, upper = tables.lower.copy(), tables.upper.copy()
    side = uptake_side(tables)
    if medium is not None:
        chosen = resolve_medium(tables, medium)
        uptake = np.array([chosen.get(r, 0.0) for r in tables.reactions])
        closed = np.minimum(0.0, np.where(side > 0, -lower, upper))  # a forced secretion stays forced
        bound = np.where(uptake > 0, uptake, closed)
        lower = np.where(side > 0, -bound, lower)
        upper = np.where(side < 0, bound, upper)
        index = tables.reaction_index()
        for reaction in demands(tables).keys() & chosen.keys():
            lower[index[reaction]] = chosen[reaction]
    knocked_out = _knocked_out(tables, tuple(knockouts))
    lower[knocked_out] = upper[knocked_out] = 0.0
    weights = tables.objective.copy()
    if objective is not None:
        index = tables.reaction_index()
        if objective not in index:
            raise InputError(f"{tables.id} has no reaction {objective!r} to use as objective; choose a reaction id of the model.")
        weights[:] = 0.0
        weights[index[objective]] = 1.0
    taken = np.where(side > 0, -lower, np.where(side < 0, upper, 0.0))
    return ConditionBounds(lower, upper, weights, knocked_out, np.maximum(taken, 0.0))


def _knocked_out(tables: ModelTables, knockouts: tuple[str, ...]) -> np.ndarray:
    closed = np.zeros(len(tables.reactions), dtype=bool)
    if not knockouts:
        return closed
    index, genes = tables.reaction_index(), set(tables.genes)
    unknown = [k for k in knockouts if k not in index and k not in genes]
    if unknown:
        raise InputError(f"{tables.id} has no gene or reaction {unknown[0]!r}; use ids of the model (search by name to find them).")
    closed[[index[k] for k in knockouts if k in index]] = True
    closed[closed_by(tables, (k for k in knockouts if k in genes))] = True
    return closed


def _example(tables: ModelTables) -> str:
    return next(iter(own_medium(tables)), "EX_glc__D_e")
