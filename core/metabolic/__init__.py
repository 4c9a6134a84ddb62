"""A metabolic model in, a hypergraph with features out: reading files, media, hypergraph, features, flux balance analysis.

Names load on first use, so that reading a model does not import torch and building features does not import COBRApy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lazy import exports

if TYPE_CHECKING:
    from core.metabolic.condition import Condition, ConditionBounds, apply_condition, demands, own_medium, resolve_medium
    from core.metabolic.flux_balance import FbaResult, blocked_reactions, fba, missing_nutrients
    from core.metabolic.hypergraph import FeatureNames, MetabolicHypergraph, build_hypergraph
    from core.metabolic.kinetics import Kinetics, read_kinetics
    from core.metabolic.knockouts import gene_knockout_growth, knockout_growth
    from core.metabolic.media import carbon_exchanges, carbon_media, find_exchange, named_media, nutrient_name
    from core.metabolic.reading import BUNDLED, list_uploads, load_model, load_tables, model_label, store_upload
    from core.metabolic.search import SearchIndex, links, search_index
    from core.metabolic.subsystems import Subsystems, assign_subsystems, currency_metabolites
    from core.metabolic.tables import ModelTables, tables_from_model
    from core.metabolic.variability import flux_variability, forced_flux

__all__, __getattr__ = exports(
    __name__,
    {
        "condition": ("Condition", "ConditionBounds", "apply_condition", "demands", "own_medium", "resolve_medium"),
        "flux_balance": ("FbaResult", "blocked_reactions", "fba", "missing_nutrients"),
        "hypergraph": ("FeatureNames", "MetabolicHypergraph", "build_hypergraph"),
        "kinetics": ("Kinetics", "read_kinetics"),
        "knockouts": ("gene_knockout_growth", "knockout_growth"),
        "media": ("carbon_exchanges", "carbon_media", "find_exchange", "named_media", "nutrient_name"),
        "reading": ("BUNDLED", "list_uploads", "load_model", "load_tables", "model_label", "store_upload"),
        "search": ("SearchIndex", "links", "search_index"),
        "subsystems": ("Subsystems", "assign_subsystems", "currency_metabolites"),
        "tables": ("ModelTables", "tables_from_model"),
        "variability": ("flux_variability", "forced_flux"),
    },
)
