"""Flux balance analysis under a condition: growth, fluxes, missing nutrients, blocked reactions.

HiGHS does the solving, on the model's tables: no function here changes a COBRApy model or needs one. A condition becomes bounds by
:func:`core.metabolic.condition.apply_condition`, the same bounds the network is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.metabolic.condition import ConditionBounds, Medium, apply_condition, own_medium, uptake_side
from core.metabolic.media import carbon_exchanges
from core.metabolic.programme import OPTIMAL, FluxProgramme
from core.metabolic.tables import ModelTables, known_tables, minimises

if TYPE_CHECKING:
    import cobra

NO_GROWTH = 1e-6
"""Growth (1/h) at or below this counts as none: COBRApy's solver has a tolerance of 1e-7."""
FLOWING = 1e-6
"""A flux (mmol/gDW/h) below this counts as none: ten times the solver's tolerance."""
_OPENED = 1000.0
_CAP = 1.0


@dataclass(frozen=True, eq=False)
class FbaResult:
    """What flux balance analysis found.

    Attributes:
        growth: value of the objective (1/h for biomass), nan when the status is not "optimal".
        status: the solver's word: "optimal", "infeasible", "unbounded", ...
        fluxes: flux by reaction id, mmol/gDW/h; empty when not optimal.
        method: "fba", or "pfba" when the total flux was minimised at that growth.
        shadow_prices: change of the objective for one unit of each metabolite that has to be left over, by id, as COBRApy signs it: negative for
            what is worth having. With "pfba" those of the growth, not of the total flux. None when not optimal.
    """

    growth: float
    status: str
    fluxes: pd.Series = field(repr=False)
    method: str
    shadow_prices: pd.Series | None = field(default=None, repr=False)


def fba(
    model: cobra.Model | ModelTables,
    *,
    medium: str | Medium | None = None,
    knockouts: Iterable[str] = (),
    objective: str | None = None,
    parsimonious: bool = False,
    tables: ModelTables | None = None,
) -> FbaResult:
    """Growth and fluxes under a condition.

    Args:
        model: a COBRApy model, or a model's tables, which need no COBRApy.
        medium, knockouts, objective: see :func:`core.metabolic.condition.apply_condition`.
        parsimonious: among the optimal flux distributions, the one with the least total flux (pFBA).
        tables: the tables of a COBRApy model, when at hand; made from it otherwise.

    Raises:
        InputError: the medium, a knock-out or the objective is not of this model.
    """
    known = tables or known_tables(model)
    bounds = apply_condition(known, medium=medium, knockouts=knockouts, objective=objective)
    programme = FluxProgramme(known, split=parsimonious)
    solve = programme.parsimonious if parsimonious else programme.maximise
    solved = solve(bounds.lower, bounds.upper, bounds.objective)
    method = "pfba" if parsimonious else "fba"
    if solved.status != OPTIMAL:
        return FbaResult(np.nan, solved.status, pd.Series(dtype=float, name="fluxes"), method)
    sign = -1.0 if minimises(model, objective) else 1.0
    fluxes = pd.Series(solved.fluxes, index=list(known.reactions), name="fluxes")
    prices = None if solved.prices is None else pd.Series(sign * solved.prices, index=list(known.metabolites), name="shadow_prices")
    return FbaResult(sign * solved.value, OPTIMAL, fluxes, method, prices)


def missing_nutrients(
    model: cobra.Model | ModelTables,
    *,
    medium: str | Medium | None = None,
    knockouts: Iterable[str] = (),
    objective: str | None = None,
    tables: ModelTables | None = None,
) -> list[str]:
    """Closed uptakes that, once opened, restore growth: a minimal set of exchange reaction ids.

    Minimal means that growth needs each of them beside the medium; nutrients of the model's own medium are preferred, then those without carbon.
    Empty when the cell grows already, and when it does not grow with everything open: then the knock-outs are the cause.

    Raises:
        InputError: the medium, a knock-out or the objective is not of this model.
    """
    tables = tables or known_tables(model)
    bounds = apply_condition(tables, medium=medium, knockouts=knockouts, objective=objective)
    own = own_medium(tables)
    carbon = set(carbon_exchanges(tables))
    shut = np.flatnonzero(tables.exchange & (bounds.uptake <= 0) & ~bounds.knocked_out).tolist()
    closed = sorted(shut, key=lambda e: (tables.reactions[e] not in own, tables.reactions[e] in carbon, e))
    programme = FluxProgramme(tables)
    growing: dict[frozenset[int], bool] = {}

    def grows(opened: Sequence[int]) -> bool:
        chosen = frozenset(opened)
        if chosen not in growing:
            opened_bounds = _opened(tables, bounds, chosen)
            growing[chosen] = bool(programme.maximise(opened_bounds.lower, opened_bounds.upper, bounds.objective).value > NO_GROWTH)
        return growing[chosen]

    if grows([]) or not grows(closed):
        return []
    usual = [e for e in closed if tables.reactions[e] in own]
    found = _minimal(grows, [], False, usual if grows(usual) else closed)
    return [tables.reactions[e] for e in sorted(found)]


def blocked_reactions(
    model: cobra.Model | ModelTables, *, medium: str | Medium | None = None, knockouts: Iterable[str] = (), tables: ModelTables | None = None
) -> frozenset[str]:
    """Reactions that can carry no flux under a condition; every reaction when no flux distribution is feasible.

    The same set as COBRApy's ``find_blocked_reactions(open_exchanges=False)`` without one linear programme per reaction.
    Dead ends are followed through the network; then many reactions are driven at once, each counted up to a cap so that
    all gain from flowing a little. When that stalls, a random signed sum of the fluxes left is maximised and minimised:
    it stays zero in both directions only if (with probability 1) all of them are zero in every flux distribution.

    Raises:
        InputError: the medium or a knock-out is not of this model.
    """
    known = tables or known_tables(model)
    bounds = apply_condition(known, medium=medium, knockouts=knockouts)
    lower, upper = bounds.lower, bounds.upper
    everything = frozenset(known.reactions)
    if np.any(lower > upper):
        return everything
    generator = np.random.default_rng(0)
    count = len(known.reactions)
    silent = (lower <= 0) & (upper >= 0)
    dead = dead_ends(known, bounds)
    certain = False
    while not certain:
        pushed = np.flatnonzero(silent & ~dead)
        fixed = np.where(upper <= 0, -1.0, np.where(lower >= 0, 1.0, 0.0))
        before = len(pushed)
        capped = np.where(fixed != 0, fixed, generator.choice([-1.0, 1.0], count))
        weights = generator.uniform(0.5, 1.0, count) * generator.choice([-1.0, 1.0], count)
        for sign, cap in ((capped, _CAP), (weights, np.inf), (-weights, np.inf)):
            fluxes = _most_active(known, lower, upper, pushed, sign, cap)
            if fluxes is None:
                return everything
            silent &= np.abs(fluxes) < FLOWING
            if (silent & ~dead).sum() < before:
                break
        else:
            certain = True
    return frozenset(r for r, is_silent in zip(known.reactions, silent, strict=True) if is_silent)


def _opened(tables: ModelTables, bounds: ConditionBounds, exchanges: frozenset[int]) -> ConditionBounds:
    """The bounds with further uptakes opened."""
    side = uptake_side(tables)
    lower, upper = bounds.lower.copy(), bounds.upper.copy()
    for e in exchanges:
        if side[e] > 0:
            lower[e] = -_OPENED
        else:
            upper[e] = _OPENED
    return replace(bounds, lower=lower, upper=upper)


def _minimal(enough: Callable[[Sequence[int]], bool], given: list[int], changed: bool, items: list[int]) -> list[int]:
    """A minimal part of ``items`` that is enough beside ``given``, earlier items preferred (Junker's QuickXplain, AAAI 2004)."""
    if changed and enough(given):
        return []
    if len(items) == 1:
        return items
    first, second = items[: (len(items) + 1) // 2], items[(len(items) + 1) // 2 :]
    from_second = _minimal(enough, given + first, True, second)
    from_first = _minimal(enough, given + from_second, bool(from_second), first)
    return from_first + from_second


def dead_ends(tables: ModelTables, bounds: ConditionBounds) -> np.ndarray:
    """[E] bool: reactions without flux because a metabolite can only be made or only be used, followed until nothing changes."""
    forward, backward = bounds.upper > 0, bounds.lower < 0
    count = len(tables.metabolites)
    while True:
        can_make = np.where(tables.stoich > 0, forward[tables.cols], backward[tables.cols])
        can_use = np.where(tables.stoich > 0, backward[tables.cols], forward[tables.cols])
        made = np.bincount(tables.rows, weights=can_make, minlength=count) > 0
        used = np.bincount(tables.rows, weights=can_use, minlength=count) > 0
        dead = np.zeros(len(tables.reactions), dtype=bool)
        dead[tables.cols[~(made & used)[tables.rows]]] = True
        dead &= forward | backward
        if not dead.any():
            return ~(forward | backward)
        forward, backward = forward & ~dead, backward & ~dead


def _most_active(
    tables: ModelTables, lower: np.ndarray, upper: np.ndarray, pushed: np.ndarray, sign: np.ndarray, cap: float = np.inf
) -> np.ndarray | None:
    """[E] fluxes that maximise the sum over ``pushed`` of min(sign x flux, cap); None when infeasible.

    A capped reaction is two columns of the linear programme: one up to the cap that counts, one beyond it that does not.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csc_matrix, hstack

    matrix = csc_matrix((tables.stoich, (tables.rows, tables.cols)), shape=tables.shape[:2])
    cost = np.zeros(len(lower))
    cost[pushed] = -sign[pushed]
    low, high = lower.copy(), upper.copy()
    beyond = pushed[sign[pushed] * np.where(sign[pushed] > 0, upper[pushed], lower[pushed]) > cap]
    ahead = sign[beyond] > 0
    high[beyond[ahead]], low[beyond[~ahead]] = cap, -cap
    bounds = np.column_stack([np.r_[low, np.where(ahead, 0.0, lower[beyond] + cap)], np.r_[high, np.where(ahead, upper[beyond] - cap, 0.0)]])
    solved = linprog(
        np.r_[cost, np.zeros(len(beyond))], A_eq=hstack([matrix, matrix[:, beyond]]), b_eq=np.zeros(len(tables.metabolites)), bounds=bounds
    )
    if solved.x is None:
        return None
    fluxes = solved.x[: len(lower)].copy()
    fluxes[beyond] += solved.x[len(lower) :]
    return fluxes
