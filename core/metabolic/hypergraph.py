"""The stoichiometric hypergraph of a model under a condition: what the network is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from core.metabolic.condition import ConditionBounds, Medium, apply_condition, resolve_medium
from core.metabolic.features import METABOLITE_FEATURES, REACTION_FEATURES, metabolite_features, reaction_features
from core.metabolic.tables import ModelTables, tables_from_model
from core.storage import digest_of

if TYPE_CHECKING:
    import cobra

    from core.metabolic.kinetics import Kinetics


class FeatureNames(NamedTuple):
    """Names of the columns of ``x`` and of ``u``."""

    metabolite: tuple[str, ...]
    reaction: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class MetabolicHypergraph:
    """Metabolites as nodes, reactions as hyperedges, K incidences with their stoichiometric coefficients.

    Attributes:
        metabolites, reactions: V and E ids.
        hyperedge_index: [2, K] long, row 0 the metabolite, row 1 the reaction.
        stoich: [K] float64, negative consumed, positive produced.
        x: [V, F] float32 metabolite features; u: [E, F_u] float32 reaction features (see :mod:`core.metabolic.features`).
        feature_names: names of the columns of x and u.
        bounds: the condition's bounds, mmol/gDW/h.
        tables: the model the hypergraph came from.
        key: sha256 of the model's content, the condition and the kinetic parameters.
    """

    metabolites: tuple[str, ...]
    reactions: tuple[str, ...]
    hyperedge_index: torch.Tensor
    stoich: torch.Tensor
    x: torch.Tensor
    u: torch.Tensor
    feature_names: FeatureNames
    bounds: ConditionBounds
    tables: ModelTables
    key: str

    @cached_property
    def S(self) -> torch.Tensor:  # noqa: N802 - the field's symbol
        """The stoichiometric matrix, [V, E] float64, rebuilt from the incidences."""
        matrix = torch.zeros(len(self.metabolites), len(self.reactions), dtype=torch.float64)
        matrix[self.hyperedge_index[0], self.hyperedge_index[1]] = self.stoich
        return matrix


def build_hypergraph(
    model: cobra.Model | ModelTables,
    *,
    medium: str | Medium | None = None,
    knockouts: Iterable[str] = (),
    objective: str | None = None,
    kinetics: Kinetics | None = None,
) -> MetabolicHypergraph:
    """The hypergraph of a model under a condition.

    Args:
        model: a COBRApy model, or its tables.
        medium: a named medium, a dict of exchange reaction id to positive uptake bound (mmol/gDW/h) that replaces all
            uptakes, or None for the model's own.
        knockouts: gene or reaction ids; genes act through the gene-reaction rule.
        objective: a reaction id in place of the model's own objective.
        kinetics: turnover numbers and Michaelis constants, as further columns of u behind the others; only a network that was built for
            them reads these.

    Raises:
        InputError: the medium, a knock-out or the objective is not of this model.
    """
    tables = model if isinstance(model, ModelTables) else tables_from_model(model)
    knockouts = tuple(sorted(set(knockouts)))
    bounds = apply_condition(tables, medium=medium, knockouts=knockouts, objective=objective)
    condition = None if medium is None else resolve_medium(tables, medium)
    features, names = reaction_features(tables, bounds), tuple(f.name for f in REACTION_FEATURES)
    inputs = {"model": tables.key, "medium": condition, "knockouts": knockouts, "objective": objective}
    if kinetics is not None:
        from core.metabolic.kinetics import KINETIC_FEATURES

        features = np.concatenate([features, kinetics.features(tables)], axis=1)
        names, inputs = (*names, *(f.name for f in KINETIC_FEATURES)), inputs | {"kinetics": kinetics.key}
    return MetabolicHypergraph(
        metabolites=tables.metabolites,
        reactions=tables.reactions,
        hyperedge_index=torch.stack([torch.from_numpy(tables.rows), torch.from_numpy(tables.cols)]),
        stoich=torch.from_numpy(tables.stoich),
        x=torch.from_numpy(metabolite_features(tables, bounds)),
        u=torch.from_numpy(features),
        feature_names=FeatureNames(tuple(f.name for f in METABOLITE_FEATURES), names),
        bounds=bounds,
        tables=tables,
        key=digest_of(**inputs),
    )
