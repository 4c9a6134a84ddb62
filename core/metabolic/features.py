"""Features of metabolites and reactions that mean the same in every model, so that a trained network carries over.

No feature names an entity: a metabolite is its composition, charge, place and connections, a reaction its bounds and
shape. Every feature has a name, a unit and a stated scaling; what a model does not tell is masked by a flag of its
own and never mistaken for zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from core.metabolic.condition import ConditionBounds, uptake_side
from core.metabolic.tables import ModelTables


class FeatureSpec(NamedTuple):
    """One feature: ``name``, ``unit`` before scaling, and the ``scaling`` applied."""

    name: str
    unit: str
    scaling: str


_LARGE = 1000.0
_BOUND = f"asinh(x) / asinh({_LARGE:g})"
_COUNT = "ln(1 + x)"
_FLAG = "0 or 1"
ELEMENTS = ("C", "H", "N", "O", "P", "S")
COMPARTMENTS = ("c", "e", "p")

METABOLITE_FEATURES: tuple[FeatureSpec, ...] = (
    *(FeatureSpec(f"atoms of {e}", "atoms", _COUNT) for e in ELEMENTS),
    FeatureSpec("atoms of other elements", "atoms", _COUNT),
    FeatureSpec("formula known", "flag", _FLAG),
    FeatureSpec("charge", "elementary charges", "asinh(x), 0 where unknown"),
    FeatureSpec("charge known", "flag", _FLAG),
    FeatureSpec("in cytosol", "flag", _FLAG),
    FeatureSpec("outside the cell", "flag", _FLAG),
    FeatureSpec("in periplasm", "flag", _FLAG),
    FeatureSpec("in another compartment", "flag", _FLAG),
    FeatureSpec("degree", "reactions", _COUNT),
    FeatureSpec("exchanged", "flag", _FLAG),
    FeatureSpec("uptake available", "mmol/gDW/h", _BOUND),
    FeatureSpec("uptake open", "flag", _FLAG),
)
REACTION_FEATURES: tuple[FeatureSpec, ...] = (
    FeatureSpec("lower bound", "mmol/gDW/h", _BOUND),
    FeatureSpec("upper bound", "mmol/gDW/h", _BOUND),
    FeatureSpec("can run forward", "flag", _FLAG),
    FeatureSpec("can run backward", "flag", _FLAG),
    FeatureSpec("flux forced", "mmol/gDW/h", f"{_BOUND} of the bound nearest zero when zero is excluded, else 0"),
    FeatureSpec("reversible", "flag", _FLAG),
    FeatureSpec("exchange", "flag", _FLAG),
    FeatureSpec("objective", "coefficient", "as given"),
    FeatureSpec("substrates", "metabolites", _COUNT),
    FeatureSpec("products", "metabolites", _COUNT),
    FeatureSpec("total stoichiometry", "molecules", _COUNT),
    FeatureSpec("genes in the rule", "genes", _COUNT),
    FeatureSpec("rule known", "flag", _FLAG),
    FeatureSpec("knocked out", "flag", _FLAG),
)


def scale_bound(bound: np.ndarray) -> np.ndarray:
    """asinh(x) / asinh(1000): linear near zero, logarithmic beyond, 1 at the customary 'unbounded' 1000 (infinite bounds count as 1000)."""
    return np.arcsinh(np.clip(bound, -_LARGE, _LARGE)) / np.arcsinh(_LARGE)


def parse_formula(formula: str) -> dict[str, float] | None:
    """Atoms by element of a chemical formula such as ``C6H12O6``; None when empty or not of that form."""
    parts = re.findall(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?", formula)
    if not parts or "".join(e + n for e, n in parts) != formula:
        return None
    atoms: dict[str, float] = {}
    for element, count in parts:
        atoms[element] = atoms.get(element, 0.0) + float(count or 1)
    return atoms


def metabolite_features(tables: ModelTables, bounds: ConditionBounds) -> np.ndarray:
    """[..., V, F] float32 in the order of :data:`METABOLITE_FEATURES`; bounds may carry leading batch dimensions."""
    count = len(tables.metabolites)
    atoms = [parse_formula(f) for f in tables.formulas]
    elements = np.array([[(a or {}).get(e, 0.0) for e in ELEMENTS] for a in atoms]).reshape(count, len(ELEMENTS))
    other = np.array([sum(n for e, n in (a or {}).items() if e not in ELEMENTS) for a in atoms])
    place = np.array([[c == known for known in COMPARTMENTS] + [c not in COMPARTMENTS] for c in tables.compartments]).reshape(count, -1)
    degree = np.bincount(tables.rows, minlength=count)
    at_exchange = np.flatnonzero((uptake_side(tables) != 0)[tables.cols])
    exchanged = np.zeros(count)
    exchanged[tables.rows[at_exchange]] = 1.0
    uptake = np.zeros((*bounds.uptake.shape[:-1], count))
    for k in at_exchange:
        uptake[..., tables.rows[k]] = np.maximum(uptake[..., tables.rows[k]], bounds.uptake[..., tables.cols[k]])
    columns = [
        *np.log1p(elements).T,
        np.log1p(other),
        [a is not None for a in atoms],
        np.arcsinh(np.nan_to_num(tables.charges)),
        np.isfinite(tables.charges),
        *place.T,
        np.log1p(degree),
        exchanged,
        scale_bound(uptake),
        uptake > 0,
    ]
    return _stack(columns, uptake.shape)


def reaction_features(tables: ModelTables, bounds: ConditionBounds) -> np.ndarray:
    """[..., E, F_u] float32 in the order of :data:`REACTION_FEATURES`; bounds may carry leading batch dimensions."""
    count = len(tables.reactions)
    lower, upper = bounds.lower, bounds.upper
    substrates = np.bincount(tables.cols[tables.stoich < 0], minlength=count)
    products = np.bincount(tables.cols[tables.stoich > 0], minlength=count)
    total = np.bincount(tables.cols, weights=np.abs(tables.stoich), minlength=count)
    genes = np.array([len(set(re.findall(r"[^\s()]+", rule)) - {"and", "or", "AND", "OR"}) for rule in tables.gprs])
    forced = np.where(lower > 0, lower, np.where(upper < 0, upper, 0.0))
    columns = [
        scale_bound(lower),
        scale_bound(upper),
        upper > 0,
        lower < 0,
        scale_bound(forced),
        (lower < 0) & (upper > 0),
        tables.exchange,
        bounds.objective,
        np.log1p(substrates),
        np.log1p(products),
        np.log1p(total),
        np.log1p(genes),
        genes > 0,
        bounds.knocked_out,
    ]
    return _stack(columns, lower.shape)


def _stack(columns: Sequence[ArrayLike], shape: tuple[int, ...]) -> np.ndarray:
    return np.stack([np.broadcast_to(np.asarray(c, dtype=np.float32), shape) for c in columns], axis=-1)
