"""Single reaction knock-outs beside COBRApy's ``single_reaction_deletion``, with the same number of processors and nothing kept from before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

BOUNDS = {"iJO1366": 4.0}
"""Times faster than COBRApy that is asked for, by model."""


class KnockOutPair:
    """Every reaction of a bundled model lost in turn: ours from its tables, COBRApy's from its model; both are read beforehand."""

    def __init__(self, name: str) -> None:
        from core.metabolic.reading import load_model, load_tables

        self.name, self.processes = name, os.cpu_count() or 1
        self._tables, self._model = load_tables(name), load_model(name)
        self._ours: pd.DataFrame | None = None
        self._theirs: pd.DataFrame | None = None

    @property
    def task(self) -> str:
        return f"{len(self._tables.reactions):,} knock-outs of {self.name}, {self.processes} processors"

    def ours(self) -> None:
        """All knock-outs by our function."""
        from core.metabolic.knockouts import knockout_growth

        self._ours = knockout_growth(self._tables, processes=self.processes, cached=False)

    def theirs(self) -> None:
        """All knock-outs by COBRApy."""
        from cobra.flux_analysis import single_reaction_deletion

        self._theirs = single_reaction_deletion(self._model, processes=self.processes)

    def difference(self) -> float:
        """Largest difference in growth (1/h) between the last results; infinite where only one of them is infeasible."""
        assert self._ours is not None and self._theirs is not None
        growth = {next(iter(ids)): value for ids, value in zip(self._theirs["ids"], self._theirs["growth"], strict=True)}
        ours, theirs = self._ours["growth"].to_numpy(dtype=float), np.array([growth[r] for r in self._ours["reaction"]], dtype=float)
        if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
            return float("inf")
        return float(np.nanmax(np.abs(ours - theirs)))
