"""Peers that see a condition's bounds and no network, given the network's own training samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from core.metabolic.tables import ModelTables
from core.train.metrics import report
from core.train.samples import Samples

GROWTH_ROUNDS, FLUX_ROUNDS = 400, 100
"""Boosting rounds of the baselines for growth and for each flux."""
BOOSTED_FLUXES = 200
"""With more varying reactions than this, boosting is fitted for growth alone: one ensemble of trees a flux would take longer than the network."""
Progress = Callable[[str, int, int], None]

BOOSTING, RIDGE, MEAN = "gradient boosting on the bounds", "ridge regression on asinh bounds", "mean of the training samples"


def baselines(train: Samples, tests: dict[str, Samples], on_progress: Progress | None = None) -> dict[str, dict[str, Any]]:
    """Figures by baseline and test set: histogram gradient boosting (scikit-learn), ridge regression and the training mean."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    given = _bounds(train)
    varies = given.std(0) > 0
    given = given[:, varies]
    asked = {name: _bounds(test)[:, varies] for name, test in tests.items()}
    boosted = boosted_growth(train)
    changing = np.flatnonzero(train.fluxes.std(0) > 1e-3)
    fluxes = {name: np.tile(train.fluxes.mean(0), (len(test), 1)) for name, test in tests.items()}
    few = len(changing) <= BOOSTED_FLUXES
    for i, e in enumerate(changing if few else ()):
        one = HistGradientBoostingRegressor(max_iter=FLUX_ROUNDS, random_state=0).fit(given, train.fluxes[:, e])
        for name in tests:
            fluxes[name][:, e] = one.predict(asked[name])
        if on_progress:
            on_progress("boosting a baseline per flux", i + 1, len(changing))
    ridge = Ridge(1.0).fit(np.arcsinh(given), np.column_stack([train.growth, train.fluxes]))
    found: dict[str, dict[str, Any]] = {BOOSTING: {}, RIDGE: {}, MEAN: {}}
    for name, test in tests.items():
        straight = ridge.predict(np.arcsinh(asked[name]))
        mean = np.full(len(test), train.growth.mean())
        found[BOOSTING][name] = report(test.growth, boosted(test), test.fluxes, fluxes[name] if few else None)
        found[RIDGE][name] = report(test.growth, straight[:, 0], test.fluxes, straight[:, 1:])
        found[MEAN][name] = report(test.growth, mean, test.fluxes, np.tile(train.fluxes.mean(0), (len(test), 1)))
    return found


def boosted_growth(train: Samples) -> Callable[[Samples], np.ndarray]:
    """Gradient boosting of growth on the bounds, fitted: samples to growth [N], 1/h."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    given = _bounds(train)
    varies = given.std(0) > 0
    fitted = HistGradientBoostingRegressor(max_iter=GROWTH_ROUNDS, random_state=0).fit(given[:, varies], train.growth)
    return lambda asked: fitted.predict(_bounds(asked)[:, varies])


def transfer_baselines(train: Samples, own: ModelTables, test: Samples, other: ModelTables) -> dict[str, Any]:
    """What can be said of another organism without a network: boosting on the bounds of the reactions both have, and the training mean."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    common = [r for r in own.reactions if r in other.reaction_index()]
    here, there = ([index[r] for r in common] for index in (own.reaction_index(), other.reaction_index()))
    given, asked = (np.concatenate([s.lower[:, rows], s.upper[:, rows]], axis=1) for s, rows in ((train, here), (test, there)))
    boosted = HistGradientBoostingRegressor(max_iter=GROWTH_ROUNDS, random_state=0).fit(given, train.growth).predict(asked)
    return {
        f"{BOOSTING} of common reactions": report(test.growth, boosted, test.fluxes, None),
        MEAN: report(test.growth, np.full(len(test), train.growth.mean()), test.fluxes, None),
    }


def _bounds(samples: Samples) -> np.ndarray:
    """Bounds, and which objective is aimed at where that varies."""
    aims = samples.objective[:, None].astype(float)
    return np.concatenate([samples.lower, samples.upper, aims], axis=1)
