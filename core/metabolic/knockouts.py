"""Growth after the loss of each reaction or gene, exactly, without a linear programme for most of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.errors import InputError
from core.metabolic._compressed import Compressed, compress
from core.metabolic._solves import How, Row, keep, key_of, load, solve_all
from core.metabolic.condition import ConditionBounds, Medium, apply_condition
from core.metabolic.flux_balance import NO_GROWTH
from core.metabolic.programme import INFEASIBLE, OPTIMAL, FluxProgramme, Solved
from core.metabolic.rules import closed_by, reactions_by_gene
from core.metabolic.tables import ModelTables, known_tables, minimises

if TYPE_CHECKING:
    import cobra

Loss = tuple[int, ...]
"""Rows of reactions that are lost together, ascending."""

_SEPARATOR = "\n"  # between the reactions of a loss, in a name


def knockout_growth(
    model: cobra.Model | ModelTables,
    *,
    medium: str | Medium | None = None,
    reactions: Iterable[str] | None = None,
    knockouts: Iterable[str] = (),
    objective: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
    cached: bool = True,
) -> pd.DataFrame:
    """Growth after each single reaction knock-out, exactly.

    A reaction without flux in one optimal solution can be removed without changing the optimum, so only the others are solved, once for all
    that stand in one chain, and each from the basis of the optimum without knock-out. Values are those of COBRApy's
    ``single_reaction_deletion`` to 1e-6: growth is nan where the status is not "optimal".

    Args:
        model: a COBRApy model, unchanged afterwards, or a model's tables, which need no COBRApy.
        medium, knockouts, objective: the condition in which each reaction is lost in addition, see
            :func:`core.metabolic.condition.apply_condition`.
        reactions: reaction ids; None is every reaction.
        on_progress: called with (done, total) linear programmes, not at all when none has to be solved; an exception it raises stops the work.
        should_stop: asked ten times a second; the few programmes at hand then are the last ones.
        executor: solves in its workers; threads of this process when None.
        processes: how many solve side by side without ``executor``; all processors when None.
        cached: take what was solved before from the user-data folder, and keep what is solved there.

    Returns:
        Columns reaction, growth (1/h), ratio (to the growth without the knock-out; nan where that is zero) and status.

    Raises:
        InputError: the medium, a knock-out, the objective or a reaction is not of this model.
        Cancelled: ``should_stop`` said so; what was solved before is kept.
    """
    tables = known_tables(model)
    index = tables.reaction_index()
    chosen = _known(tables, "reaction", reactions, index, tables.reactions)
    bounds = apply_condition(tables, medium=medium, knockouts=knockouts, objective=objective)
    losses: list[Loss] = [(index[r],) for r in chosen]
    how = How(on_progress, should_stop, executor, processes, cached)
    table = _table(tables, bounds, losses, how, -1.0 if minimises(model, objective) else 1.0)
    table.insert(0, "reaction", chosen)
    return table


def gene_knockout_growth(
    model: cobra.Model | ModelTables,
    *,
    medium: str | Medium | None = None,
    genes: Iterable[str] | None = None,
    knockouts: Iterable[str] = (),
    objective: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
    cached: bool = True,
) -> pd.DataFrame:
    """Growth after each single gene knock-out, exactly: COBRApy's ``single_gene_deletion`` to 1e-6.

    A gene closes the reactions whose rule no longer holds without it and without the genes among ``knockouts``; genes that close the same
    reactions share one linear programme, and what was solved for reactions serves here too.

    Args:
        genes: gene ids; None is every gene. The other arguments are those of :func:`knockout_growth`.

    Returns:
        Columns gene, growth (1/h), ratio, status as in :func:`knockout_growth`, and reactions_lost: how many reactions the gene closes beside
        those that ``knockouts`` close already.

    Raises:
        InputError: the medium, a knock-out, the objective or a gene is not of this model.
        Cancelled: ``should_stop`` said so; what was solved before is kept.
    """
    tables = known_tables(model)
    names = dict.fromkeys(tables.genes, 0)
    chosen = _known(tables, "gene", genes, names, tables.genes)
    lost = tuple(knockouts)
    bounds = apply_condition(tables, medium=medium, knockouts=lost, objective=objective)
    gone = {k for k in lost if k in names}
    named = reactions_by_gene(tables)
    losses: list[Loss] = [tuple(e for e in closed_by(tables, {g, *gone}) if not bounds.knocked_out[e]) if g in named else () for g in chosen]
    how = How(on_progress, should_stop, executor, processes, cached)
    table = _table(tables, bounds, losses, how, -1.0 if minimises(model, objective) else 1.0)
    table.insert(0, "gene", chosen)
    table["reactions_lost"] = np.array([len(loss) for loss in losses], dtype=int)
    return table


@dataclass(frozen=True, eq=False)
class _Losing:
    """The loss of groups of reactions under a condition."""

    key: str
    model: Compressed

    def begin(self) -> Callable[[tuple[int, ...]], Row]:
        lower, upper, objective = self.model.lower, self.model.upper, self.model.objective
        programme = FluxProgramme(self.model.tables)
        start = programme.end() if programme.maximise(lower, upper, objective).status == OPTIMAL else None

        def solve(groups: tuple[int, ...]) -> Row:
            low, high = lower.copy(), upper.copy()
            low[list(groups)] = high[list(groups)] = 0.0
            solved = programme.maximise(low, high, objective, start=start)
            return (solved.value,), solved.status

        return solve


def _table(tables: ModelTables, bounds: ConditionBounds, losses: Sequence[Loss], how: How, sign: float) -> pd.DataFrame:
    """Columns growth, ratio and status of each loss."""
    rows = _growth_without(tables, bounds, losses, how)
    (base,), _ = rows[()]
    growth = np.array([rows[loss][0][0] for loss in losses], dtype=float)
    ratio = growth / base if abs(base) > NO_GROWTH else np.full(len(losses), np.nan)
    return pd.DataFrame({"growth": sign * growth, "ratio": ratio, "status": [rows[loss][1] for loss in losses]})


def _growth_without(tables: ModelTables, bounds: ConditionBounds, losses: Iterable[Loss], how: How) -> dict[Loss, Row]:
    """The optimum after each loss; () is the condition itself."""
    wanted = {loss: _SEPARATOR.join(tables.reactions[e] for e in loss) for loss in [(), *losses]}
    key = key_of("knock-outs", tables, bounds)
    known = load(key) if how.cached else {}
    missing = [loss for loss, name in wanted.items() if name not in known]
    if missing:
        small = compress(tables, bounds)
        base = FluxProgramme(small.tables).maximise(small.lower, small.upper, small.objective)
        known[wanted[()]] = (base.value,), base.status
        solves: dict[Loss, tuple[int, ...]] = {}
        for loss in missing:
            answer = _without_solving(small, base, loss)
            if answer is None:
                solves[loss] = small.groups_of(loss)
            else:
                known[wanted[loss]] = answer
        found: dict[tuple[int, ...], Row] = {}
        items: list[Hashable] = list(dict.fromkeys(solves.values()))
        try:
            solve_all(_Losing(key, small), items, found, how)
        finally:
            known |= {wanted[loss]: found[groups] for loss, groups in solves.items() if groups in found}
            if how.cached:
                keep(key, known)
    return {loss: known[name] for loss, name in wanted.items()}


def _without_solving(small: Compressed, base: Solved, loss: Loss) -> Row | None:
    """What follows from the condition's own optimum; None where a solve is needed."""
    groups = list(small.groups_of(loss))
    tied = small.forced & np.isin(small.group, groups)
    tied[list(loss)] = False
    if tied.any():
        return (np.nan,), INFEASIBLE  # a flux that is forced cannot flow without what is lost
    # A loss only shrinks what is feasible, unless it lifts a forced flux: an optimum without flux there stays, and infeasible stays infeasible.
    stays = base.status == INFEASIBLE if base.fluxes is None else not base.fluxes[groups].any()
    return ((base.value,), base.status) if stays and not small.forced[list(loss)].any() else None


def _known(tables: ModelTables, kind: str, given: Iterable[str] | None, index: dict[str, int], every: tuple[str, ...]) -> list[str]:
    """The ids asked for, checked."""
    chosen = list(every if given is None else given)
    unknown = [name for name in chosen if name not in index]
    if unknown:
        raise InputError(f"{tables.id} has no {kind} {unknown[0]!r} to knock out; use {kind} ids of the model.")
    return chosen
