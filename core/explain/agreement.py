"""Do the reactions that moved in one quantity also move in another? A rank correlation with its interval, and the overlap of the largest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOP = 20
RESAMPLES = 1000
LEAST = 5
"""With fewer reactions than this no correlation is computed."""
WORDS = {
    "gate": "gate",
    "message": "|message|",
    "attention": "attention",
    "flux_predicted": "predicted flux",
    "flux_fba": "FBA flux",
    "ratio": "knock-out growth ratio",
}
_LARGELY, _PARTLY = 0.6, 0.3
"""Correlations from which one set is said to be largely and partly the other; an interval around 0 inside the lower one is a null result."""


@dataclass(frozen=True)
class Agreement:
    """How the changes of ``quantity`` and of ``truth`` (keys of :data:`WORDS`) go together.

    Attributes:
        population: which reactions, in words; reactions: how many of them have both numbers.
        still: the one of the two that changed nowhere, "" when both did somewhere.
        spearman, low, high: Spearman's correlation of the two absolute changes and its 95% bootstrap interval (percentiles over resampled
            reactions); nan where a change is zero everywhere.
        top, overlap, expected, chance: of the ``top`` reactions that moved most in either, how many are the same, how many chance gives on
            average, and how probable at least as many are by chance (hypergeometric).
    """

    quantity: str
    truth: str
    population: str
    reactions: int
    still: str
    spearman: float
    low: float
    high: float
    top: int
    overlap: int
    expected: float
    chance: float

    @property
    def sentence(self) -> str:
        """All of it in words, a null result as one."""
        quantity, truth = WORDS[self.quantity], WORDS[self.truth]
        if self.reactions < LEAST:
            return f"Only {self.reactions} reactions have both a {quantity} and a {truth} in A and B: too few to compare."
        if self.still == self.quantity:
            return f"No {quantity} moved between A and B, so there is nothing that could agree with the {truth}."
        if self.still:
            return f"No {truth} moved between A and B, so there is nothing the {quantity} could agree with."
        if self.high < 0:
            extent = "rather" if self.spearman <= -_PARTLY else "if anything"
            verdict = f"The reactions whose {quantity} moved are {extent} those whose {truth} stayed"
        elif self.low > 0:
            extent = "largely" if self.spearman >= _LARGELY else "partly" if self.spearman >= _PARTLY else "only to a small part"
            verdict = f"The reactions whose {quantity} moved are {extent} those whose {truth} moved"
        elif max(-self.low, self.high) < _PARTLY:
            verdict = f"The reactions whose {quantity} moved are not those whose {truth} moved"
        else:
            verdict = f"Whether the reactions whose {quantity} moved are those whose {truth} moved cannot be told"
        interval = f"Spearman {short(self.spearman)} [{short(self.low)}, {short(self.high)}] over {self.reactions:,} reactions ({self.population})"
        same = f"of the {self.top} that moved most in each, {self.overlap} are the same, chance gives {self.expected:.1f} (P = {self.chance:.2g})"
        return f"{verdict}: {interval}; {same}."


def agreement(
    moved: np.ndarray,
    truth: np.ndarray,
    *,
    quantity: str = "gate",
    of: str = "flux_fba",
    population: str = "all reactions",
    top: int = TOP,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Agreement:
    """Agreement of two changes, [E] each; reactions where either is nan are left out.

    Args:
        moved, truth: changes of a quantity and of what it is held against; their absolute values are compared.
        top: the overlap is taken of at most this many reactions, fewer where fewer changed at all.
    """
    known = ~(np.isnan(moved) | np.isnan(truth))
    x, y = np.abs(moved[known]), np.abs(truth[known])
    n, k = len(x), int(min(top, (x > 0).sum(), (y > 0).sum()))
    still = quantity if not x.any() else of if not y.any() else ""
    if n < LEAST or still:
        return Agreement(quantity, of, population, n, still, np.nan, np.nan, np.nan, k, 0, np.nan, np.nan)
    from scipy.stats import hypergeom

    spearman = float(_spearman(x, y, np.ones((1, n), dtype=np.int64))[0])
    low, high = np.nanpercentile(bootstrap(x, y, resamples, seed), [2.5, 97.5]).tolist()
    overlap = len(set(_largest(x, k)) & set(_largest(y, k)))
    return Agreement(quantity, of, population, n, "", spearman, low, high, k, overlap, k * k / n, float(hypergeom.sf(overlap - 1, n, k, k)))


def bootstrap(x: np.ndarray, y: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """[resamples] Spearman correlations of pairs drawn with replacement, ties at their mean rank; nan where a draw holds one value only."""
    n = len(x)
    generator = np.random.default_rng(seed)
    chunk = max(1, 2_000_000 // n)
    parts = [min(chunk, resamples - start) for start in range(0, resamples, chunk)]
    return np.concatenate([_spearman(x, y, generator.multinomial(n, np.full(n, 1 / n), size=part)) for part in parts])


def short(value: float) -> str:
    """A correlation with two decimals and no zero before the point: ".03", "-.02"."""
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"


def _spearman(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[R] Spearman correlations with each pair taken ``counts`` [R, n] times."""
    total = counts.sum(axis=1, keepdims=True)
    first, second = (_ranks(values, counts) - (total + 1) / 2 for values in (x, y))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            (counts * first * second).sum(axis=1) / np.sqrt((counts * first**2).sum(axis=1) * (counts * second**2).sum(axis=1)), dtype=float
        )


def _ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[R, n] mean rank of each value within a sample that holds it ``counts`` times."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) > 0])
    within = np.add.reduceat(counts[:, order], starts, axis=1)
    rank = np.cumsum(within, axis=1) - within + (within + 1) / 2
    ranks = np.empty(counts.shape)
    ranks[:, order] = np.repeat(rank, np.diff(np.r_[starts, len(values)]), axis=1)
    return ranks


def _largest(values: np.ndarray, count: int) -> list[int]:
    return np.argsort(-values, kind="stable")[:count].tolist()
