"""Random growth conditions for training and for quoting figures: ``core-conditions-v1``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import InputError
from core.metabolic.condition import ConditionBounds, apply_condition, own_medium
from core.metabolic.media import carbon_exchanges, find_exchange
from core.metabolic.tables import ModelTables

DISTRIBUTION = "core-conditions-v1"


@dataclass(frozen=True)
class SampledCondition:
    """One draw: uptake bounds (mmol/gDW/h) that replace the medium, and reactions knocked out."""

    medium: dict[str, float]
    knockouts: tuple[str, ...]


def internal_reactions(tables: ModelTables) -> list[str]:
    """Reactions that may be knocked out: not on the boundary, not an objective (biomass), not ATP maintenance."""
    sides = np.zeros((2, len(tables.reactions)), dtype=bool)
    sides[(tables.stoich > 0).astype(int), tables.cols] = True
    return [
        r
        for i, r in enumerate(tables.reactions)
        if sides[:, i].all() and not tables.exchange[i] and tables.objective[i] == 0 and "biomass" not in r.lower() and r != "ATPM"
    ]


def sample_conditions(tables: ModelTables, count: int, seed: int) -> list[SampledCondition]:
    """``count`` conditions of :data:`DISTRIBUTION`, the same for the same model and seed.

    Glucose is removed; 1 to 3 carbon sources are drawn without replacement from the exchanges whose metabolite holds
    carbon (not CO2), each uptake uniform on 1-20; glucose comes back with probability 0.5, uniform on 1-20; oxygen is
    0 with probability 0.2, uniform on 1-40 with 0.4 and 1000 otherwise; other uptakes are the model's own; 0 to 3
    internal reactions are knocked out.

    Raises:
        InputError: the model exchanges no glucose or no oxygen.
    """
    rng = np.random.default_rng(seed)
    base = own_medium(tables)
    carbon, internal = carbon_exchanges(tables), internal_reactions(tables)
    glucose, oxygen = find_exchange(tables, "glucose"), find_exchange(tables, "oxygen")
    if glucose is None or oxygen is None:
        raise InputError(f"{DISTRIBUTION} varies glucose and oxygen, and {tables.id} does not exchange both; train on another model.")
    drawn = []
    for _ in range(count):
        medium = dict(base)
        medium.pop(glucose, None)
        sources = rng.choice(len(carbon), size=rng.integers(1, 4), replace=False)
        medium |= {carbon[i]: float(rng.uniform(1, 20)) for i in sources}
        if rng.random() < 0.5:
            medium[glucose] = float(rng.uniform(1, 20))
        kind = rng.random()
        medium[oxygen] = 0.0 if kind < 0.2 else float(rng.uniform(1, 40)) if kind < 0.6 else 1000.0
        lost = rng.choice(len(internal), size=rng.integers(0, 4), replace=False)
        drawn.append(SampledCondition(medium, tuple(internal[i] for i in sorted(lost))))
    return drawn


def bounds_of(tables: ModelTables, condition: SampledCondition) -> ConditionBounds:
    """The flux bounds of a sampled condition."""
    return apply_condition(tables, medium=condition.medium, knockouts=condition.knockouts)


def solve(source: str, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth for a block of conditions, by COBRApy: growth by FBA [N] (1/h), fluxes by pFBA [N, E] (mmol/gDW/h).

    An infeasible condition has growth 0 and no flux.

    Args:
        source: what :func:`core.metabolic.load_model` reads.
        lower, upper: [N, E] flux bounds.
    """
    from cobra.flux_analysis import pfba

    from core.metabolic import load_model

    if source not in _MODELS:
        _MODELS[source] = load_model(source)
    model = _MODELS[source]
    growth, fluxes = np.zeros(len(lower)), np.zeros(lower.shape)
    for n, (low, high) in enumerate(zip(lower, upper, strict=True)):
        with model:
            for reaction, a, b in zip(model.reactions, low, high, strict=True):
                if (reaction.lower_bound, reaction.upper_bound) != (a, b):
                    reaction.bounds = (a, b)
            best = model.slim_optimize(error_value=np.nan)
            if np.isfinite(best):
                growth[n] = best
                fluxes[n] = pfba(model).fluxes.to_numpy()
    return growth, fluxes


_MODELS: dict[str, Any] = {}
"""One parsed model per worker process and source."""
