"""The model card: held-out figures, baselines on the same samples, where the network fails; and all of it again on request."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import __version__
from core.metabolic.tables import ModelTables
from core.models.checkpoint import Card
from core.models.network import ReactionNetwork
from core.train.conditions import DISTRIBUTION
from core.train.metabolic import TEST_SEED, VALIDATION_SEED, TrainConfig, hyperedges, predict_arrays, to_arrays
from core.train.metrics import flux_r2, report
from core.train.samples import Samples, make_samples

Progress = Callable[[str, int, int], None]
GROWTH_ROUNDS, FLUX_ROUNDS = 400, 100
"""Boosting rounds of the baselines for growth and for each flux."""


def build_card(
    name: str,
    config: TrainConfig,
    tables: ModelTables,
    network: ReactionNetwork,
    splits: dict[str, Samples],
    *,
    seconds: float,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """The content of a model card; the test split is looked at here for the first time."""
    command = f"python -m core train metabolic --name {name}" + "".join(
        f" --{key} {value}" for key, value in asdict(config).items() if key in ("samples", "epochs", "seed") and value != getattr(TrainConfig(), key)
    )
    content = {
        "name": name,
        "kind": "metabolic",
        "summary": f"{config.build().gate.capitalize()}-gated stoichiometric hypergraph network trained on flux balance analysis of {tables.id}.",
        "network": config.build().to_dict(),
        "parameters": sum(p.numel() for p in network.parameters()),
        "training": {
            **asdict(config),
            "seconds": round(seconds),
            "command": f"{command} --out DIR",
            "gatescope": __version__,
            "torch": torch.__version__,
        },
        "data": {
            "distribution": DISTRIBUTION,
            "truth": "growth by FBA, fluxes by pFBA (COBRApy, GLPK); an infeasible condition has growth 0 and no flux",
            "splits": "train, validation and test are drawn independently from seeds fixed before training; validation selects, test is only quoted",
            "infeasible_or_no_growth": {split: round(float((s.growth < 1e-6).mean()), 4) for split, s in splits.items()},
        },
        "trained_on": {
            "model": tables.id,
            "model_sha256": tables.key,
            "bounds": _bounds_seen(tables, splits["train"]),
            "objective": {tables.reactions[e]: float(tables.objective[e]) for e in np.flatnonzero(tables.objective)},
        },
        "test": figures(tables, network, splits["test"]),
        "validation": report_on(tables, network, splits["validation"]),
        "baselines": baselines(splits["train"], splits["test"], on_progress),
        "limits": [
            "Trained on one model; on any other its gates and predictions are extrapolation, and the app says so.",
            "Flux balance labels hold no regulation or expression: a gate cannot show that a reaction is a control point of the cell.",
            "pFBA fluxes are one optimum among many; a low flux R2 of a reaction can mean that its flux is not determined.",
            "Weighting by stoichiometry does not enforce mass balance; predicted fluxes are not a steady state.",
        ],
    }
    return dict(_without_nan(content))


def figures(tables: ModelTables, network: ReactionNetwork, samples: Samples) -> dict[str, Any]:
    """Held-out figures in all, by kind of condition, and per reaction."""
    growth, fluxes = predict_arrays(network, hyperedges(tables, "cpu"), to_arrays(tables, samples))
    scores = flux_r2(samples.fluxes, fluxes)
    oxygen = _oxygen(tables, samples)
    lost = samples.knocked_out.sum(1)
    groups = {
        "anaerobic": oxygen == 0,
        "limited oxygen": (oxygen > 0) & (oxygen < 1000),
        "unlimited oxygen": oxygen >= 1000,
        "no knock-out": lost == 0,
        "1 knock-out": lost == 1,
        "2 or 3 knock-outs": lost >= 2,
    }
    return {
        "samples": len(samples),
        **report(samples.growth, growth, samples.fluxes, fluxes),
        "by_condition": {
            n: {"samples": int(m.sum()), **report(samples.growth[m], growth[m], samples.fluxes[m], None)} for n, m in groups.items() if m.any()
        },
        "growth_called_where_none": float((growth[samples.growth < 1e-6] > 0.05).mean()),
        "worst_reactions": {tables.reactions[e]: round(float(scores[e]), 3) for e in np.argsort(np.where(np.isnan(scores), np.inf, scores))[:10]},
        "flux_r2_by_reaction": {r: None if np.isnan(s) else round(float(s), 4) for r, s in zip(tables.reactions, scores, strict=True)},
    }


def report_on(tables: ModelTables, network: ReactionNetwork, samples: Samples) -> dict[str, float]:
    """The figures every card quotes, on some samples."""
    growth, fluxes = predict_arrays(network, hyperedges(tables, "cpu"), to_arrays(tables, samples))
    return report(samples.growth, growth, samples.fluxes, fluxes)


def baselines(train: Samples, test: Samples, on_progress: Progress | None = None) -> dict[str, Any]:
    """Peers that see the bounds and no network, given the network's own training samples.

    Histogram gradient boosting (scikit-learn) for growth and for each varying flux, ridge regression, and the training mean.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    given, asked = _bounds(train), _bounds(test)
    varies = given.std(0) > 0
    given, asked = given[:, varies], asked[:, varies]
    boosted = HistGradientBoostingRegressor(max_iter=GROWTH_ROUNDS, random_state=0).fit(given, train.growth).predict(asked)
    fluxes = np.tile(train.fluxes.mean(0), (len(test), 1))
    changing = np.flatnonzero(train.fluxes.std(0) > 1e-3)
    for i, e in enumerate(changing):
        fluxes[:, e] = HistGradientBoostingRegressor(max_iter=FLUX_ROUNDS, random_state=0).fit(given, train.fluxes[:, e]).predict(asked)
        if on_progress:
            on_progress("boosting a baseline per flux", i + 1, len(changing))
    ridge = Ridge(1.0).fit(np.arcsinh(given), np.column_stack([train.growth, train.fluxes])).predict(np.arcsinh(asked))
    mean = np.full(len(test), train.growth.mean())
    return {
        "gradient boosting on the bounds": report(test.growth, boosted, test.fluxes, fluxes),
        "ridge regression on asinh bounds": report(test.growth, ridge[:, 0], test.fluxes, ridge[:, 1:]),
        "mean of the training samples": report(test.growth, mean, test.fluxes, np.tile(train.fluxes.mean(0), (len(test), 1))),
    }


def evaluate(
    network: ReactionNetwork, card: Card, folder: Path, *, executor: Executor, with_baselines: bool = True, on_progress: Progress | None = None
) -> dict[str, Any]:
    """Draws and solves the card's conditions again and recomputes its figures.

    Returns:
        ``test`` and (when asked for) ``baselines`` as in the card, and ``differences``: figures that differ from the card's by more
        than 1e-3, name to (card, now).
    """
    from core.metabolic import load_tables

    config = TrainConfig(**{k: v for k, v in card.content["training"].items() if k in TrainConfig.__dataclass_fields__})
    tables = load_tables(config.model)

    def split(name: str, count: int, seed: int) -> Samples:
        report_solved = None if on_progress is None else lambda i, n: on_progress(f"solving {name} conditions", i, n)
        return make_samples(config.model, tables, count, seed, folder, executor=executor, on_progress=report_solved)

    test = split("test", config.test, config.seed + TEST_SEED)
    validation = split("validation", config.validation, config.seed + VALIDATION_SEED)
    found: dict[str, Any] = {"test": figures(tables, network, test), "validation": report_on(tables, network, validation)}
    if with_baselines:
        found["baselines"] = baselines(split("train", config.samples, config.seed), test, on_progress)
    found = dict(_without_nan(found))
    found["differences"] = _differences({k: card.content[k] for k in found}, found)
    return found


def _differences(card: Any, now: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    if isinstance(card, dict) and isinstance(now, dict):
        return {k: v for key in card.keys() | now.keys() for k, v in _differences(card.get(key), now.get(key), f"{path}/{key}").items()}
    same = abs(card - now) <= 1e-3 if isinstance(card, (int, float)) and isinstance(now, (int, float)) else card == now
    return {} if same else {path.lstrip("/"): (card, now)}


def _bounds(samples: Samples) -> np.ndarray:
    return np.concatenate([samples.lower, samples.upper], axis=1)


def _oxygen(tables: ModelTables, samples: Samples) -> np.ndarray:
    from core.metabolic.media import find_exchange

    exchange = find_exchange(tables, "oxygen")
    return samples.uptake[:, tables.reactions.index(exchange)] if exchange else np.zeros(len(samples))


def _bounds_seen(tables: ModelTables, samples: Samples) -> dict[str, list[float]]:
    """For each reaction the least and greatest lower bound and upper bound of the training conditions."""
    seen = np.stack([samples.lower.min(0), samples.lower.max(0), samples.upper.min(0), samples.upper.max(0)], axis=1)
    return {reaction: [round(float(b), 4) for b in row] for reaction, row in zip(tables.reactions, seen, strict=True)}


def _without_nan(value: Any) -> Any:
    """JSON knows no nan: a figure that is not defined (R2 of a constant) becomes None."""
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
