"""Features of metabolites and reactions that mean the same in every model, so that a trained network carries over.

No feature names an entity: a metabolite is its composition, charge, place and connections, a reaction its bounds and
shape. Every feature has a name, a unit and a stated scaling; what a model does not tell is masked by a flag of its
own and never mistaken for zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from core.metabolic.condition import ConditionBounds, as_networks_read, uptake_side
from core.metabolic.dead_ends import live_directions
from core.metabolic.tables import ModelTables

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


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
_VALENCES = {"C": 4, "H": 1, "O": -2, "N": -3, "P": 5, "S": 6}
"""Electrons that an atom gives when a compound is burnt to CO2, water, ammonia, phosphate and sulfate (Roels, 1983)."""

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
    FeatureSpec("open producers", "reactions whose bounds let them make it", _COUNT),
    FeatureSpec("open consumers", "reactions whose bounds let them use it", _COUNT),
    FeatureSpec("live producers", "open producers that no dead end rules out", _COUNT),
    FeatureSpec("live consumers", "open consumers that no dead end rules out", _COUNT),
)
"""New features are added at the end: a network trained before reads the columns it knows."""
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
    FeatureSpec("carbon on offer", "mmol C/gDW/h of all open uptakes", _BOUND),
    FeatureSpec("electrons on offer", "mmol/gDW/h, carbon sources burnt to CO2, water, ammonia", _BOUND),
    FeatureSpec("nitrogen on offer", "mmol N/gDW/h of all open uptakes", _BOUND),
    FeatureSpec("oxygen on offer", "mmol O2/gDW/h", _BOUND),
)
"""Kinetic parameters (:mod:`core.metabolic.kinetics`) stand behind these, for networks that were built for them."""


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
    bounds = as_networks_read(tables, bounds)
    at_exchange = np.flatnonzero((uptake_side(tables) != 0)[tables.cols])
    uptake = np.zeros((*bounds.uptake.shape[:-1], len(tables.metabolites)))
    for k in at_exchange:
        uptake[..., tables.rows[k]] = np.maximum(uptake[..., tables.rows[k]], bounds.uptake[..., tables.cols[k]])
    open_to = (*makers_and_users(tables, bounds.upper > 0, bounds.lower < 0), *makers_and_users(tables, *live_directions(tables, bounds)))
    return _stack([*_metabolite_constants(tables), scale_bound(uptake), uptake > 0, *map(np.log1p, open_to)], uptake.shape)


def makers_and_users(tables: ModelTables, ahead: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[..., V] each: how many reactions may make a metabolite, and how many may use it; a reversible one counts in both.

    Args:
        ahead, back: [..., E] bool, whether a reaction may run forward, and backward.
    """
    produces, consumes = _sides(tables)
    forward, backward = (m.reshape(-1, len(tables.reactions)).T.astype(np.float32) for m in (ahead, back))
    shape = (*ahead.shape[:-1], len(tables.metabolites))
    return tuple((a @ forward + b @ backward).T.reshape(shape) for a, b in ((produces, consumes), (consumes, produces)))  # type: ignore[return-value]


def reaction_features(tables: ModelTables, bounds: ConditionBounds) -> np.ndarray:
    """[..., E, F_u] float32 in the order of :data:`REACTION_FEATURES`; bounds may carry leading batch dimensions."""
    bounds = as_networks_read(tables, bounds)
    lower, upper = bounds.lower, bounds.upper
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
        *_reaction_constants(tables),
        bounds.knocked_out,
        *np.moveaxis(scale_bound(medium_on_offer(tables, bounds)), -1, 0)[..., None],
    ]
    return _stack(columns, lower.shape)


def medium_on_offer(tables: ModelTables, bounds: ConditionBounds) -> np.ndarray:
    """[..., 4] carbon, electrons, nitrogen and oxygen that the open uptakes may bring (mmol/gDW/h): what a medium is to every reaction at once.

    Far reactions otherwise hear of the medium only through many steps of averaging over hubs. Carbon dioxide and its salts bring no carbon.
    """
    return bounds.uptake @ _brought(tables)


@lru_cache(maxsize=4)
def _metabolite_constants(tables: ModelTables) -> list[np.ndarray]:
    """The features of metabolites that no condition changes: composition to degree, and whether they are exchanged."""
    count = len(tables.metabolites)
    atoms = [parse_formula(f) for f in tables.formulas]
    elements = np.array([[(a or {}).get(e, 0.0) for e in ELEMENTS] for a in atoms]).reshape(count, len(ELEMENTS))
    other = np.array([sum(n for e, n in (a or {}).items() if e not in ELEMENTS) for a in atoms])
    place = np.array([[c == known for known in COMPARTMENTS] + [c not in COMPARTMENTS] for c in tables.compartments]).reshape(count, -1)
    exchanged = np.zeros(count)
    exchanged[tables.rows[(uptake_side(tables) != 0)[tables.cols]]] = 1.0
    return [
        *np.log1p(elements).T,
        np.log1p(other),
        np.array([a is not None for a in atoms]),
        np.arcsinh(np.nan_to_num(tables.charges)),
        np.isfinite(tables.charges),
        *place.T,
        np.log1p(np.bincount(tables.rows, minlength=count)),
        exchanged,
    ]


@lru_cache(maxsize=4)
def _reaction_constants(tables: ModelTables) -> list[np.ndarray]:
    """The features of reactions that no condition changes: substrates to genes in the rule."""
    count = len(tables.reactions)
    total = np.bincount(tables.cols, weights=np.abs(tables.stoich), minlength=count)
    sides = [np.bincount(tables.cols[side], minlength=count) for side in (tables.stoich < 0, tables.stoich > 0)]
    genes = np.array([len(set(re.findall(r"[^\s()]+", rule)) - {"and", "or", "AND", "OR"}) for rule in tables.gprs])
    return [*map(np.log1p, sides), np.log1p(total), np.log1p(genes), genes > 0]


@lru_cache(maxsize=4)
def _brought(tables: ModelTables) -> np.ndarray:
    """[E, 4] carbon, electrons, nitrogen and oxygen per molecule taken up by each exchange reaction; 0 elsewhere and where no formula is known."""
    from core.metabolic.media import carbon_exchanges

    organic = set(carbon_exchanges(tables))
    brought = np.zeros((len(tables.reactions), 4))
    for v, e in zip(tables.rows, tables.cols, strict=True):
        atoms = parse_formula(tables.formulas[v])
        if not tables.exchange[e] or atoms is None:
            continue
        brought[e, 2] = atoms.get("N", 0.0)
        brought[e, 3] = float(atoms == {"O": 2.0})
        if tables.reactions[e] in organic:
            reduction = sum(valence * atoms.get(element, 0.0) for element, valence in _VALENCES.items()) - float(np.nan_to_num(tables.charges[v]))
            brought[e, :2] = atoms.get("C", 0.0), max(reduction, 0.0)
    return brought


@lru_cache(maxsize=4)
def _sides(tables: ModelTables) -> tuple[csr_matrix, csr_matrix]:
    """[V, E] sparse 0/1: which reactions make a metabolite as written, and which use it."""
    from scipy.sparse import csr_matrix

    made, used = (
        csr_matrix((np.ones(side.sum(), dtype=np.float32), (tables.rows[side], tables.cols[side])), shape=tables.shape[:2])
        for side in (tables.stoich > 0, tables.stoich < 0)
    )
    return made, used


def _stack(columns: Sequence[ArrayLike], shape: tuple[int, ...]) -> np.ndarray:
    return np.stack([np.broadcast_to(np.asarray(c, dtype=np.float32), shape) for c in columns], axis=-1)
