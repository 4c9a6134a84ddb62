"""Spread and AUROC of gates over reactions, with intervals by a bootstrap whose draws all networks share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.explain.ranking_metrics import Estimate, auroc_and_precision, draw_counts

LEVEL = 0.95
CENTRAL, PERIPHERAL = "central", "peripheral"


@dataclass(frozen=True)
class Score:
    """Spread and AUROC of one network, and of each draw [draws], and the p value of the AUROC; nan where not defined."""

    spread: float
    spreads: np.ndarray
    auroc: float
    aurocs: np.ndarray
    p_value: float


class Draws:
    """Reactions drawn with replacement, the same draws for every network: all for the spread; central and peripheral apart for the AUROC."""

    def __init__(self, rows: pd.DataFrame, draws: int, seed: int) -> None:
        self.central = (rows["role"] == CENTRAL).to_numpy()
        self.peripheral = (rows["role"] == PERIPHERAL).to_numpy()
        one = (rows["size"] == 1).to_numpy()
        self.consumed = one & (rows["coefficient"] < 0).to_numpy() & (self.central | self.peripheral)
        self.produced = one & (rows["coefficient"] > 0).to_numpy() & (self.central | self.peripheral)
        self._all = draw_counts(None, len(rows), draws, seed)
        self._labels = self.central[self.consumed]
        self._apart = draw_counts(self._labels, len(self._labels), draws, seed)

    def of(self, gates: np.ndarray) -> Score:
        """Of [C, k] mean gates under each condition."""
        centred = gates - gates[:, :1]  # equal gates then have a spread of exactly zero
        total = self._all.sum(1, keepdims=True)
        mean = self._all @ centred.T / total
        spreads = np.sqrt(np.maximum(self._all @ (centred.T**2) / total - mean**2, 0.0)).mean(1)
        mine = gates.mean(0)
        return Score(float(centred.std(1).mean()), spreads, self.auroc(mine, self.consumed), *self._compared(mine[self.consumed], len(spreads)))

    def _compared(self, gates: np.ndarray, draws: int) -> tuple[np.ndarray, float]:
        from scipy.stats import mannwhitneyu

        if self._labels.all() or not self._labels.any():
            return np.full(draws, np.nan), float("nan")
        p_value = float(mannwhitneyu(gates[self._labels], gates[~self._labels]).pvalue)
        return auroc_and_precision(gates, self._labels, self._apart)[0], p_value

    def auroc(self, gates: np.ndarray, among: np.ndarray) -> float:
        """Of [k] gates, for central against peripheral reactions; nan without both."""
        labels = self.central[among]
        if labels.all() or not labels.any():
            return float("nan")
        return float(auroc_and_precision(gates[among], labels, np.ones((1, len(labels))))[0][0])


def interval(value: float, drawn: np.ndarray) -> Estimate:
    """A value with the percentile interval of its draws."""
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Estimate(value, float("nan"), float("nan"))
    return Estimate(value, *(float(q) for q in np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])))
