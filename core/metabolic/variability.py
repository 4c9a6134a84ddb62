"""Flux variability analysis: the range of each flux over all flux distributions that are good enough.

Mahadevan and Schilling, Metab. Eng. 5:264 (2003); started from the optimum's basis as by Gudmundsson and Thiele, BMC Bioinformatics 11:489 (2010).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.errors import InputError
from core.metabolic._compressed import Compressed, compress
from core.metabolic._solves import How, Row, keep, key_of, load, solve_all
from core.metabolic.condition import ConditionBounds, Medium, apply_condition
from core.metabolic.programme import OPTIMAL, TOLERANCE, FluxProgramme
from core.metabolic.tables import ModelTables, known_tables

if TYPE_CHECKING:
    import cobra

UNBOUNDED = "unbounded"


def flux_variability(
    model: cobra.Model | ModelTables,
    *,
    medium: str | Medium | None = None,
    knockouts: Iterable[str] = (),
    objective: str | None = None,
    fraction: float = 1.0,
    reactions: Iterable[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
    cached: bool = True,
) -> pd.DataFrame:
    """The least and the largest flux of each reaction while the objective keeps a fraction of its optimum.

    Values are those of COBRApy's ``flux_variability_analysis`` to 1e-6. A bound that a flux reaches in a solution found on the way is its
    extreme and needs no solve.

    Args:
        model: a COBRApy model, unchanged afterwards, or a model's tables, which need no COBRApy.
        medium, knockouts, objective: see :func:`core.metabolic.condition.apply_condition`.
        fraction: of the optimum, 0 to 1. Of a negative optimum, how far below it the objective may fall: by (1 - fraction) of its size.
        reactions: reaction ids; None is every reaction.
        on_progress, should_stop, executor, processes, cached: as in :func:`core.metabolic.knockout_growth`.

    Returns:
        Columns reaction, minimum and maximum (mmol/gDW/h) and status. Where nothing bounds a flux its extreme is infinite and the status
        "unbounded"; where the condition has no optimum, or a solve fails, it is nan and the status says why.

    Raises:
        InputError: the medium, a knock-out, the objective or a reaction is not of this model, or the fraction is not between 0 and 1.
        Cancelled: ``should_stop`` said so; what was solved before is kept.
    """
    if not 0.0 <= fraction <= 1.0:
        raise InputError(f"The fraction of the optimum is {fraction!r}; give a number from 0 to 1.")
    tables = known_tables(model)
    index = tables.reaction_index()
    chosen = list(tables.reactions if reactions is None else reactions)
    unknown = [r for r in chosen if r not in index]
    if unknown:
        raise InputError(f"{tables.id} has no reaction {unknown[0]!r}; use reaction ids of the model.")
    bounds = apply_condition(tables, medium=medium, knockouts=knockouts, objective=objective)
    rows = _ranges(tables, bounds, float(fraction), dict.fromkeys(chosen), How(on_progress, should_stop, executor, processes, cached))
    values = np.array([rows[r][0] for r in chosen], dtype=float).reshape(-1, 2)
    return pd.DataFrame({"reaction": chosen, "minimum": values[:, 0], "maximum": values[:, 1], "status": [rows[r][1] for r in chosen]})


def forced_flux(table: pd.DataFrame) -> pd.Series:
    """The flux that every distribution has to carry: least |v| over the range, by reaction, mmol/gDW/h; 0 if the range includes 0, nan if unknown.

    Args:
        table: from :func:`flux_variability`.
    """
    least, most = table["minimum"].to_numpy(float), table["maximum"].to_numpy(float)
    return pd.Series(np.maximum(0.0, np.maximum(least, -most)), index=pd.Index(table["reaction"], name="reaction"), name="forced_flux")


@dataclass(frozen=True, eq=False)
class _Ranging:
    """The range of the groups' fluxes under a condition, at least ``fraction`` of the optimum being kept."""

    key: str
    model: Compressed
    fraction: float

    def begin(self) -> Callable[[int], Row]:
        lower, upper, objective = self.model.lower, self.model.upper, self.model.objective
        programme = FluxProgramme(self.model.tables)
        best = programme.maximise(lower, upper, objective)
        if best.fluxes is None:
            return lambda group: ((np.nan, np.nan), best.status)
        start = programme.end()
        programme.hold(objective, best.value - (1.0 - self.fraction) * abs(best.value))
        least, most = best.fluxes.copy(), best.fluxes.copy()

        def extreme(group: int, sign: float) -> tuple[float, str]:
            bound, seen = (upper, most) if sign > 0 else (lower, least)
            if sign * (bound[group] - seen[group]) <= TOLERANCE:
                return float(bound[group]), OPTIMAL
            aim = np.zeros(len(lower))
            aim[group] = sign
            solved = programme.maximise(lower, upper, aim, start=start)
            if solved.fluxes is None:
                return (sign * np.inf if solved.status == UNBOUNDED else np.nan), solved.status
            np.minimum(least, solved.fluxes, out=least)
            np.maximum(most, solved.fluxes, out=most)
            return sign * solved.value + 0.0, OPTIMAL  # no negative zero

        def solve(group: int) -> Row:
            if group < 0:
                return (0.0, 0.0), OPTIMAL  # what cannot flow
            (low, first), (high, second) = extreme(group, -1.0), extreme(group, 1.0)
            return (low, high), first if first not in (OPTIMAL, UNBOUNDED) or second == OPTIMAL else second

        return solve


def _ranges(tables: ModelTables, bounds: ConditionBounds, fraction: float, wanted: dict[str, None], how: How) -> dict[str, Row]:
    key = key_of("variability", tables, bounds, fraction=fraction)
    known = load(key) if how.cached else {}
    missing = [r for r in wanted if r not in known]
    if missing:
        small, index = compress(tables, bounds), tables.reaction_index()
        groups = {r: int(small.group[index[r]]) for r in missing}
        found: dict[int, Row] = {}
        items: list[Hashable] = list(dict.fromkeys(groups.values()))
        try:
            solve_all(_Ranging(key, small, fraction), items, found, how)
        finally:
            known |= {r: _of_member(found[group], float(small.ratio[index[r]])) for r, group in groups.items() if group in found}
            if how.cached and found:
                keep(key, known)
    return known


def _of_member(row: Row, ratio: float) -> Row:
    """The range of a reaction whose flux is ``ratio`` times the group's."""
    (low, high), status = row
    ends = (low, high) if ratio > 0 else (high, low)
    return (ratio * ends[0] + 0.0, ratio * ends[1] + 0.0), status
