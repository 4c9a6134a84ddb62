"""Small models and explanation tables the drawing tests share."""

from __future__ import annotations

from collections.abc import Callable

import cobra
import numpy as np
import pandas as pd

from core.metabolic.tables import ModelTables, tables_from_model

Tabled = Callable[[str], ModelTables]

HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>"


def model_of(equations: dict[str, dict[str, float]], names: dict[str, str] | None = None) -> ModelTables:
    """Tables of a model given as reaction id to {metabolite id: coefficient}; ``names`` are display names by id."""
    model = cobra.Model("small")
    names = names or {}
    for reaction, coefficients in equations.items():
        added = cobra.Reaction(reaction, name=names.get(reaction, ""))
        model.add_reactions([added])
        added.add_metabolites({cobra.Metabolite(m, name=names.get(m, ""), compartment="c"): s for m, s in coefficients.items()})
    return tables_from_model(model)


def chain(length: int) -> ModelTables:
    """R1: A0 -> A1, R2: A1 -> A2, ..."""
    return model_of({f"R{i + 1}": {f"A{i}": -1.0, f"A{i + 1}": 1.0} for i in range(length)})


def incidences_of(tables: ModelTables, gate: float | None = None, seed: int = 0) -> pd.DataFrame:
    """One row per incidence with made-up values, or one gate for all."""
    random = np.random.default_rng(seed)
    count = len(tables.stoich)
    return pd.DataFrame(
        {
            "reaction": [tables.reactions[e] for e in tables.cols],
            "metabolite": [tables.metabolites[v] for v in tables.rows],
            "coefficient": tables.stoich,
            "gate": random.random(count) if gate is None else np.full(count, gate),
            "attention_log2": random.normal(size=count),
            "message": random.exponential(size=count),
        }
    )
