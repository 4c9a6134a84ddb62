"""What flux balance analysis says of every gene and reaction under one condition: the references that measurements are compared with.

Single knock-outs of genes and reactions, parsimonious fluxes, the flux that growth forces through a reaction (flux variability analysis), and for
every lethal gene the biomass components that can no longer be made. Kept on disk by the content of model and condition.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from core import storage
from core.errors import Cancelled, InputError
from core.explain.gene_rules import counted_reactions
from core.metabolic import blocked_reactions, flux_variability, forced_flux, gene_knockout_growth, knockout_growth
from core.metabolic.condition import ConditionBounds, Medium, apply_condition
from core.metabolic.flux_balance import FLOWING, NO_GROWTH
from core.metabolic.programme import INFEASIBLE, OPTIMAL, FluxProgramme
from core.metabolic.reading import MAX_CACHE
from core.metabolic.rules import closed_by
from core.metabolic.tables import ModelTables

SCHEMA = 2
"""Version of the files; those of another are computed anew."""
LETHAL = 0.01
"""A knock-out that leaves less than this share of growth counts as essential."""
DRAINED = 1e-3
"""How much of each biomass component is asked for at most, mmol/gDW/h: little enough that none competes with another."""
SECONDS_PER_PROGRAMME = 0.003
"""Of one linear programme at genome scale (2,583 reactions), on 2 cores."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class References:
    """FBA's answers under one condition.

    Attributes:
        growth: without a knock-out, 1/h.
        genes: one row per gene: ``gene``, ``growth`` (1/h after losing it), ``ratio`` (to ``growth``; 0 where nothing is feasible, nan where the
            solver failed), ``status``, ``reactions_lost`` (number the rules close), ``components_lost`` (biomass components that cannot be
            made without it, joined by commas; only of genes with a ratio below :data:`LETHAL`).
        reactions: one row per reaction of the model: ``reaction``, ``ratio``, ``status`` and ``components_lost`` as for genes (nan and "" where the
            reaction does not count), ``flux`` (pFBA) and ``forced`` (the least size of the flux over all optimal distributions),
            mmol/gDW/h, ``blocked`` (can carry no flux here).
        key: sha256 of model and condition.
        lost_genes: those the condition is without already.
    """

    growth: float
    genes: pd.DataFrame
    reactions: pd.DataFrame
    key: str
    lost_genes: tuple[str, ...] = ()


def references_key(tables: ModelTables, *, medium: str | Medium | None = None, knockouts: Iterable[str] = (), objective: str | None = None) -> str:
    """What identifies the references of a condition, whatever its medium is called.

    Raises:
        InputError: the medium, a knock-out or the objective is not of this model.
    """
    bounds = apply_condition(tables, medium=medium, knockouts=knockouts, objective=objective)
    limits = {name: getattr(bounds, name) for name in ("lower", "upper", "objective")}
    return storage.digest_of(schema=SCHEMA, model=tables.key, lost_genes=_genes_of(tables, knockouts), **limits)


def stored_references(key: str) -> References | None:
    """References computed before; None when there are none."""
    folder = storage.folder("cache") / "references"
    try:
        about = json.loads((folder / f"{key}.json").read_text())
        genes, reactions = (pd.read_parquet(folder / f"{key}-{part}.parquet") for part in ("genes", "reactions"))
    except (OSError, ValueError):
        return None
    return References(float(about["growth"]), genes, reactions, key, tuple(about["lost_genes"]))


def estimated_seconds(tables: ModelTables) -> float:
    """How long :func:`flux_references` takes, roughly: the linear programmes it solves, each as long as the model is large."""
    counted = int(counted_reactions(tables).sum())
    return 2.0 + (2 * counted + 0.4 * len(tables.genes)) * SECONDS_PER_PROGRAMME * len(tables.reactions) / 2583


def flux_references(
    tables: ModelTables,
    *,
    medium: str | Medium | None = None,
    knockouts: Sequence[str] = (),
    objective: str | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
) -> References:
    """Computes the references of a condition, or reads them where they were computed before.

    Args:
        on_progress: called with (what, done, total), total over everything.
        should_stop: asked between linear programmes.
        executor, processes: as for :func:`core.metabolic.gene_knockout_growth`.

    Raises:
        InputError: the condition is not of this model, or nothing grows under it.
        Cancelled: ``should_stop`` said so.
    """
    key = references_key(tables, medium=medium, knockouts=knockouts, objective=objective)
    known = stored_references(key)
    if known is not None:
        return known
    bounds = apply_condition(tables, medium=medium, knockouts=knockouts, objective=objective)
    counted = [r for r, counts in zip(tables.reactions, counted_reactions(tables), strict=True) if counts]
    best = FluxProgramme(tables, split=True).parsimonious(bounds.lower, bounds.upper, bounds.objective)
    if best.status != OPTIMAL or not best.value > NO_GROWTH or best.fluxes is None:
        raise InputError(
            "FBA finds no growth under this condition, so knock-outs have nothing to take away; choose a medium on which the model grows."
        )
    stages = {"gene knock-outs": len(tables.genes), "reaction knock-outs": len(counted), "flux variability": 3 * len(counted)}
    total = sum(stages.values()) + 1

    def told(stage: str) -> Callable[[int, int], None]:
        before = sum(count for name, count in stages.items() if list(stages).index(name) < list(stages).index(stage))
        return lambda done, of: on_progress(stage, before + round(stages[stage] * done / max(of, 1)), total) if on_progress else None

    shared: dict[str, Any] = {"medium": medium, "knockouts": tuple(knockouts), "objective": objective}
    shared |= {"should_stop": should_stop, "executor": executor, "processes": processes}
    genes = gene_knockout_growth(tables, **shared, on_progress=told("gene knock-outs"))
    reactions = knockout_growth(tables, reactions=counted, **shared, on_progress=told("reaction knock-outs"))
    ranges = flux_variability(tables, reactions=counted, **shared, on_progress=told("flux variability"))
    drains = Drains(tables, bounds)
    index = tables.reaction_index()
    for found, closed in (
        (genes, [closed_by(tables, {gene, *knockouts}) for gene in genes["gene"]]),
        (reactions, [[index[reaction]] for reaction in counted]),
    ):
        found["ratio"] = share_left(found)
        found["components_lost"] = _components_lost(drains, closed, found["ratio"].to_numpy(dtype=float) < LETHAL, should_stop)
    blocked = blocked_reactions(tables, medium=medium, knockouts=knockouts)
    lost = reactions[["reaction", "ratio", "status", "components_lost"]]
    table = pd.DataFrame({"reaction": tables.reactions}).merge(lost, how="left").fillna({"status": "", "components_lost": ""})
    table["flux"] = best.fluxes
    table["forced"] = table["reaction"].map(forced_flux(ranges))
    table["blocked"] = table["reaction"].isin(blocked)
    result = References(best.value, genes, table, key, _genes_of(tables, knockouts))
    _store(result)
    if on_progress:
        on_progress("done", total, total)
    return result


def _genes_of(tables: ModelTables, knockouts: Iterable[str]) -> tuple[str, ...]:
    """The genes among knock-outs: one that closes nothing alone may close something together with the next."""
    return tuple(sorted(set(knockouts) & set(tables.genes)))


def share_left(table: pd.DataFrame) -> pd.Series:
    """Growth left after a knock-out: none where no flux distribution is feasible, nan where the solver failed."""
    return table["ratio"].where(table["status"] != INFEASIBLE, 0.0).clip(lower=0.0)


def _components_lost(drains: Drains, closed: Sequence[Sequence[int]], lethal: np.ndarray, should_stop: Callable[[], bool] | None) -> list[str]:
    """For each lethal knock-out, the biomass components that can no longer be made at all; "" for the others."""
    known: dict[tuple[int, ...], str] = {}
    found = [""] * len(closed)
    for row in np.flatnonzero(lethal).tolist():
        if should_stop and should_stop():
            raise Cancelled
        rows = tuple(closed[row])
        if rows not in known:
            known[rows] = ", ".join(drains.lost(rows))
        found[row] = known[rows]
    return found


class Drains:
    """Which components of the objective reaction a model can make: each has a drain of its own that may carry up to :data:`DRAINED`."""

    def __init__(self, tables: ModelTables, bounds: ConditionBounds) -> None:
        aims = np.flatnonzero(bounds.objective)
        parts = np.unique(tables.rows[np.isin(tables.cols, aims) & (tables.stoich < 0)])
        count, extra = len(tables.reactions), len(parts)
        self._names = [tables.metabolites[v] for v in parts]
        self._lower = np.r_[bounds.lower, np.zeros(extra)]
        self._upper = np.r_[bounds.upper, np.full(extra, DRAINED)]
        self._goal = np.r_[np.zeros(count), np.ones(extra)]
        self._count = count
        drained = replace(
            tables,
            reactions=(*tables.reactions, *(f"drain {name}" for name in self._names)),
            rows=np.r_[tables.rows, parts],
            cols=np.r_[tables.cols, count + np.arange(extra)],
            stoich=np.r_[tables.stoich, -np.ones(extra)],
            objective=self._goal,
        )
        self._programme = FluxProgramme(drained)
        self._usual = self._made(())

    def lost(self, closed: Sequence[int]) -> list[str]:
        """Metabolite ids that the model makes and cannot make with these reactions closed; empty also where nothing is feasible then."""
        left = self._made(closed)
        return (
            []
            if left is None or self._usual is None
            else [n for n, before, now in zip(self._names, self._usual, left, strict=True) if before and not now]
        )

    def _made(self, closed: Sequence[int]) -> list[bool] | None:
        lower, upper = self._lower.copy(), self._upper.copy()
        lower[list(closed)] = upper[list(closed)] = 0.0
        solved = self._programme.maximise(lower, upper, self._goal)
        return None if solved.fluxes is None else [bool(flux > FLOWING) for flux in solved.fluxes[self._count :]]


def _store(found: References) -> None:
    folder = storage.folder("cache") / "references"
    for part, table in (("genes", found.genes), ("reactions", found.reactions)):
        storage.write_atomic(folder / f"{found.key}-{part}.parquet", partial(table.to_parquet, index=False))
    storage.write_json(folder / f"{found.key}.json", {"schema": SCHEMA, "growth": found.growth, "lost_genes": list(found.lost_genes)})
    storage.trim("cache", MAX_CACHE)
