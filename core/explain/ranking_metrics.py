"""How well a score ranks a measurement: AUROC, average precision and Spearman's correlation, with bootstrap intervals.

The bootstrap (Efron and Tibshirani, 1993) draws genes with replacement, the positives and the negatives apart, so that every draw has the
prevalence of the whole; intervals are percentiles. A draw is held as how often each gene was drawn, which makes all draws one matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

DRAWS = 1000
LEVEL = 0.95


class Estimate(NamedTuple):
    """A metric and the ends of its percentile interval; nan where it is not defined."""

    value: float
    low: float
    high: float


NOTHING = Estimate(np.nan, np.nan, np.nan)


class Ranking(NamedTuple):
    """What one score achieves. ``auroc`` and ``precision`` (average precision) need labels of both kinds."""

    auroc: Estimate
    precision: Estimate
    spearman: Estimate


def evaluate_ranking(
    scores: np.ndarray,
    strength: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
    counts: np.ndarray | None = None,
) -> Ranking:
    """The metrics of one score, all on the same draws.

    Args:
        scores: [N] finite; a higher score predicts more of what was measured.
        strength: [N] finite, what was measured; Spearman's correlation is with this.
        labels: [N] bool, the positives; None where nothing separates positives from negatives.
        draws: of the bootstrap; seed: of its generator; level: share of the draws inside the interval.
        counts: the draws themselves (:func:`draw_counts`), where several scores share them.
    """
    from scipy.stats import spearmanr
    from sklearn.metrics import average_precision_score, roc_auc_score

    if len(scores) < 2:
        return Ranking(NOTHING, NOTHING, NOTHING)
    weights = draw_counts(labels, len(scores), draws, seed) if counts is None else counts
    varies = len(np.unique(scores)) > 1 and len(np.unique(strength)) > 1
    found = float(spearmanr(scores, strength).statistic) if varies else np.nan
    spearman = _interval(found, spearman_of(scores, strength, weights), level) if varies else NOTHING
    if labels is None or labels.all() or not labels.any():
        return Ranking(NOTHING, NOTHING, spearman)
    auroc, precision = auroc_and_precision(scores, labels, weights)
    return Ranking(
        _interval(float(roc_auc_score(labels, scores)), auroc, level),
        _interval(float(average_precision_score(labels, scores)), precision, level),
        spearman,
    )


def draw_counts(labels: np.ndarray | None, count: int, draws: int, seed: int) -> np.ndarray:
    """[draws, count] how often each gene is drawn; with ``labels`` ([count] bool) positives and negatives apart."""
    generator = np.random.default_rng(seed)
    counts = np.zeros((draws, count))
    for side in (np.ones(count, dtype=bool),) if labels is None else (labels, ~labels):
        rows = np.flatnonzero(side)
        if len(rows):
            counts[:, rows] = generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=draws)
    return counts


def auroc_and_precision(scores: np.ndarray, labels: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUROC and average precision, [draws] each, of [draws, N] counts; equal scores form one step, as in scikit-learn."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    drawn = counts.take(order, axis=1)
    called = np.cumsum(drawn, axis=1)
    np.multiply(drawn, labels[order], out=drawn)
    hits = np.cumsum(drawn, axis=1)
    if len(ends) < len(order):
        called, hits = called.take(ends, axis=1), hits.take(ends, axis=1)
    misses = called - hits
    first = np.zeros((len(counts), 1))
    new_hits, new_misses = np.diff(hits, axis=1, prepend=first), np.diff(misses, axis=1, prepend=first)
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (new_misses * (hits - new_hits / 2)).sum(1) / (hits[:, -1] * misses[:, -1])
        precision = np.where(called > 0, hits / called, 0.0)
        average = (new_hits * precision).sum(1) / hits[:, -1]
    return area, average


def spearman_of(first: np.ndarray, second: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Spearman's correlation, [draws], of [draws, N] counts; nan where a draw leaves one side constant."""
    total = counts.sum(1, keepdims=True)
    centred = []
    for values in (first, second):
        ranks = _mid_ranks(values, counts)
        centred.append(ranks - (counts * ranks).sum(1, keepdims=True) / total)
    x, y = centred
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((counts * x * y).sum(1) / np.sqrt((counts * x**2).sum(1) * (counts * y**2).sum(1)))


def _mid_ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[draws, N] the rank of each value within each draw, the middle of its ties."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.add.reduceat(counts[:, order], starts, axis=1)
    return np.asarray((np.cumsum(sizes, axis=1) - (sizes - 1) / 2)[:, group])


def _interval(value: float, drawn: np.ndarray, level: float) -> Estimate:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Estimate(value, np.nan, np.nan)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high))


def precision_recall(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision, one point per distinct score, from the strictest threshold on; recall starts at 0."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, scores)
    return recall[::-1], precision[::-1]
