"""Solved conditions on disk: blocks written as they are finished, so that a killed run loses one block at most."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import Cancelled
from core.metabolic.condition import ConditionBounds
from core.metabolic.tables import ModelTables
from core.storage import digest_of, write_atomic
from core.train.conditions import DISTRIBUTION, bounds_of, sample_conditions, solve

BLOCK = 100
_FIELDS = ("lower", "upper", "knocked_out", "uptake", "growth", "fluxes")


@dataclass(frozen=True, eq=False)
class Samples:
    """N solved conditions of one model.

    Attributes:
        lower, upper, uptake: [N, E] float64 bounds, mmol/gDW/h.
        knocked_out: [N, E] bool.
        growth: [N] FBA growth, 1/h, 0 where infeasible.
        fluxes: [N, E] pFBA fluxes, mmol/gDW/h.
    """

    lower: np.ndarray
    upper: np.ndarray
    knocked_out: np.ndarray
    uptake: np.ndarray
    growth: np.ndarray
    fluxes: np.ndarray

    def __len__(self) -> int:
        return len(self.growth)

    def bounds(self, row: int, objective: np.ndarray) -> ConditionBounds:
        """The bounds of one sample under an objective."""
        return ConditionBounds(self.lower[row], self.upper[row], objective, self.knocked_out[row], self.uptake[row])

    def head(self, count: int) -> Samples:
        """The first ``count`` samples."""
        return Samples(*(getattr(self, name)[:count] for name in _FIELDS))


def make_samples(
    source: str,
    tables: ModelTables,
    count: int,
    seed: int,
    folder: Path,
    *,
    executor: Executor,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Samples:
    """Draws and solves ``count`` conditions, reusing the blocks that ``folder`` holds already.

    Args:
        source: what :func:`core.metabolic.load_model` reads; ``tables`` are its tables.
        executor: any ``concurrent.futures`` executor; blocks of :data:`BLOCK` conditions are its work items.
        on_progress: called with (conditions solved, conditions in all).

    Raises:
        Cancelled: ``should_stop`` said so; finished blocks stay.
    """
    key = digest_of(model=tables.key, distribution=DISTRIBUTION, seed=seed)[:12]
    drawn = [bounds_of(tables, c) for c in sample_conditions(tables, count, seed)]
    bounds = {name: np.array([getattr(b, name) for b in drawn]) for name in ("lower", "upper", "knocked_out", "uptake")}
    starts = range(0, count, BLOCK)
    paths = {s: folder / f"samples-{key}" / f"{s:06d}-{min(s + BLOCK, count) - s}.npz" for s in starts}
    waiting = {
        executor.submit(solve, source, bounds["lower"][s : s + BLOCK], bounds["upper"][s : s + BLOCK]): s for s in starts if not paths[s].exists()
    }
    done = len(starts) - len(waiting)
    for future in as_completed(waiting):
        start = waiting[future]
        growth, fluxes = future.result()
        _save(paths[start], growth, fluxes)
        done += 1
        if on_progress:
            on_progress(min(done * BLOCK, count), count)
        if should_stop and should_stop():
            executor.shutdown(wait=False, cancel_futures=True)
            raise Cancelled("Sampling was stopped; the blocks solved so far are kept.")
    solved = [_load(paths[s]) for s in starts]
    return Samples(**bounds, growth=np.concatenate([g for g, _ in solved]), fluxes=np.concatenate([f for _, f in solved]))


def _save(path: Path, growth: np.ndarray, fluxes: np.ndarray) -> None:
    def write(temporary: Path) -> None:
        with open(temporary, "wb") as out:
            np.savez_compressed(out, growth=growth, fluxes=fluxes)

    write_atomic(path, write)


def _load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return stored["growth"], stored["fluxes"]
