"""Solved conditions on disk: blocks written as they are finished, so that a killed run loses one block at most."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from core.errors import Cancelled
from core.metabolic.condition import ConditionBounds
from core.metabolic.tables import ModelTables
from core.storage import digest_of, write_atomic
from core.train.conditions import DISTRIBUTION, bounds_of, sample_conditions, solve

BLOCK = 100
SOLVED = 4
"""Version of the truth: 1 was GLPK by COBRApy, 2 HiGHS, 3 HiGHS with every block solved from a fresh start, 4 with a programme of its own."""


@dataclass(frozen=True, eq=False)
class Samples:
    """N solved conditions of one model.

    Attributes:
        lower, upper, uptake: [N, E] bounds, mmol/gDW/h.
        knocked_out: [N, E] bool.
        objective: [N] row of the reaction that is maximised.
        growth: [N] FBA growth, 1/h, 0 where infeasible.
        fluxes: [N, E] pFBA fluxes, mmol/gDW/h.
    """

    lower: np.ndarray
    upper: np.ndarray
    knocked_out: np.ndarray
    uptake: np.ndarray
    objective: np.ndarray
    growth: np.ndarray
    fluxes: np.ndarray

    def __len__(self) -> int:
        return len(self.growth)

    def bounds(self, rows: np.ndarray | slice = slice(None)) -> ConditionBounds:
        """The bounds of some samples, with leading batch dimension; objective coefficients [n, E]."""
        aims = np.zeros((len(self.objective[rows]), self.lower.shape[1]))
        aims[np.arange(len(aims)), self.objective[rows]] = 1.0
        return ConditionBounds(self.lower[rows], self.upper[rows], aims, self.knocked_out[rows], self.uptake[rows])

    def take(self, rows: np.ndarray | slice) -> Samples:
        """Some of the samples."""
        return Samples(*(getattr(self, field.name)[rows] for field in fields(self)))


def make_samples(
    source: str,
    tables: ModelTables,
    count: int,
    seed: int,
    folder: Path,
    *,
    executor: Executor,
    distribution: str = DISTRIBUTION,
    split: str = "all",
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Samples:
    """Draws and solves ``count`` conditions, reusing the blocks that ``folder`` holds already.

    Conditions the solver gave up on are left out (none was, so far).

    Args:
        source: what :func:`core.metabolic.load_tables` reads; ``tables`` are its tables.
        executor: any ``concurrent.futures`` executor; blocks of :data:`BLOCK` conditions are its work items.
        on_progress: called with (conditions solved, conditions in all).

    Raises:
        Cancelled: ``should_stop`` said so; finished blocks stay.
    """
    key = digest_of(model=tables.key, distribution=distribution, split=split, seed=seed, solved=SOLVED)[:12]
    drawn = [bounds_of(tables, c) for c in sample_conditions(tables, count, seed, distribution=distribution, split=split)]
    bounds = {name: np.array([getattr(b, name) for b in drawn]) for name in ("lower", "upper", "knocked_out", "uptake")}
    bounds["objective"] = np.array([int(np.argmax(b.objective)) for b in drawn])
    starts = range(0, count, BLOCK)
    paths = {s: folder / f"samples-{key}" / f"{s:06d}-{min(s + BLOCK, count) - s}.npz" for s in starts}
    found = {s: _load(paths[s]) for s in starts}
    waiting = {
        executor.submit(solve, source, *(bounds[name][s : s + BLOCK] for name in ("lower", "upper", "objective"))): s
        for s in starts
        if found[s] is None
    }
    done = len(starts) - len(waiting)
    for future in as_completed(waiting):
        start = waiting[future]
        found[start] = future.result()
        _save(paths[start], *future.result())
        done += 1
        if on_progress:
            on_progress(min(done * BLOCK, count), count)
        if should_stop and should_stop():
            executor.shutdown(wait=False, cancel_futures=True)
            raise Cancelled("Sampling was stopped; the blocks solved so far are kept.")
    growth, fluxes, known = (np.concatenate([part[i] for s in starts if (part := found[s]) is not None]) for i in range(3))
    samples = Samples(**bounds, growth=growth, fluxes=fluxes)
    return samples if known.all() else samples.take(np.flatnonzero(known))


def _save(path: Path, growth: np.ndarray, fluxes: np.ndarray, known: np.ndarray) -> None:
    def write(temporary: Path) -> None:
        with open(temporary, "wb") as out:
            np.savez_compressed(out, growth=growth, fluxes=fluxes, known=known)

    write_atomic(path, write)


def _load(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as stored:
        return stored["growth"], stored["fluxes"], stored["known"]
