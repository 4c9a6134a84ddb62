"""How good a prediction of growth and fluxes is, and of which reactions growth needs."""

from __future__ import annotations

import numpy as np

VARIES = 1e-3
"""A reaction counts as varying when its true flux has a standard deviation above this, mmol/gDW/h."""
GROWS = 1e-6
"""Growth (1/h) above this counts as growth."""
ESSENTIAL = 0.01
"""A knock-out that leaves less than this share of the growth is lethal: what it removes is essential."""


def r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Coefficient of determination, 1 - SS_res / SS_tot; nan when the truth does not vary or is empty."""
    total = float(((truth - truth.mean()) ** 2).sum()) if len(truth) else 0.0
    return 1.0 - float(((truth - predicted) ** 2).sum()) / total if total > 0 else float("nan")


def flux_r2(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """[E] R2 per reaction of [N, E] fluxes; nan for reactions that do not vary (:data:`VARIES`)."""
    scores = np.full(truth.shape[1], np.nan)
    for e in np.flatnonzero(truth.std(0) > VARIES):
        scores[e] = r2(truth[:, e], predicted[:, e])
    return scores


def report(growth: np.ndarray, predicted_growth: np.ndarray, fluxes: np.ndarray, predicted_fluxes: np.ndarray | None) -> dict[str, float]:
    """The figures every card quotes.

    ``growth_r2`` over all conditions, ``growth_r2_growing`` over those with growth > 1e-6, ``growth_mae`` (1/h),
    ``flux_r2_median`` over varying reactions, the same over growing conditions alone (``flux_r2_median_growing``),
    ``flux_r2_pooled`` over all their values, and how many reactions vary.
    """
    growing = growth > GROWS
    figures = {
        "growth_r2": r2(growth, predicted_growth),
        "growth_r2_growing": r2(growth[growing], predicted_growth[growing]),
        "growth_mae": float(np.abs(growth - predicted_growth).mean()),
    }
    if predicted_fluxes is not None:
        scores = flux_r2(fluxes, predicted_fluxes)
        varying = np.isfinite(scores)
        grown = flux_r2(fluxes[growing], predicted_fluxes[growing]) if growing.any() else np.array([])
        figures |= {
            "flux_r2_median": float(np.median(scores[varying])) if varying.any() else float("nan"),
            "flux_r2_median_growing": float(np.median(grown[np.isfinite(grown)])) if np.isfinite(grown).any() else float("nan"),
            "flux_r2_pooled": r2(fluxes[:, varying], predicted_fluxes[:, varying]),
            "varying_reactions": int(varying.sum()),
        }
    return figures


def average_precision(truth: np.ndarray, score: np.ndarray) -> float:
    """Average precision of a score for a yes/no truth (scikit-learn's); nan when all or none are true."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, score)) if 0 < truth.sum() < len(truth) else float("nan")
