"""A metabolic model in, a hypergraph with features out: reading files, media, hypergraph, features, flux balance analysis.

Names load on first use, so that reading a model does not import torch and building features does not import COBRApy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lazy import exports

if TYPE_CHECKING:
    from core.metabolic.condition import Condition, ConditionBounds, apply_condition, own_medium, resolve_medium
    from core.metabolic.flux_balance import FbaResult, blocked_reactions, fba, knockout_growth, missing_nutrients
    from core.metabolic.hypergraph import FeatureNames, MetabolicHypergraph, build_hypergraph
    from core.metabolic.media import carbon_exchanges, find_exchange, named_media, nutrient_name
    from core.metabolic.reading import BUNDLED, list_uploads, load_model, load_tables, model_label, store_upload
    from core.metabolic.search import SearchIndex, links, search_index
    from core.metabolic.subsystems import Subsystems, assign_subsystems, currency_metabolites
    from core.metabolic.tables import ModelTables, tables_from_model

__all__, __getattr__ = exports(
    __name__,
    {
        "condition": ("Condition", "ConditionBounds", "apply_condition", "own_medium", "resolve_medium"),
        "flux_balance": ("FbaResult", "blocked_reactions", "fba", "knockout_growth", "missing_nutrients"),
        "hypergraph": ("FeatureNames", "MetabolicHypergraph", "build_hypergraph"),
        "media": ("carbon_exchanges", "find_exchange", "named_media", "nutrient_name"),
        "reading": ("BUNDLED", "list_uploads", "load_model", "load_tables", "model_label", "store_upload"),
        "search": ("SearchIndex", "links", "search_index"),
        "subsystems": ("Subsystems", "assign_subsystems", "currency_metabolites"),
        "tables": ("ModelTables", "tables_from_model"),
    },
)
