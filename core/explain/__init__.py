"""What a trained network listens to: gates, attention, messages, attributions. Numbers out, no drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lazy import exports

if TYPE_CHECKING:
    from core.explain.atp import MetaboliteGateTest, metabolite_gate_test
    from core.explain.bases import BaseImportance, base_importance
    from core.explain.conditions import ConditionComparison, compare
    from core.explain.gate_replacement import GateReplacement, replace_gates
    from core.explain.media_matrix import MediaMatrix, matrix
    from core.explain.reactions import ReactionImportance, reaction_importance

__all__, __getattr__ = exports(
    __name__,
    {
        "atp": ("MetaboliteGateTest", "metabolite_gate_test"),
        "bases": ("BaseImportance", "base_importance"),
        "conditions": ("ConditionComparison", "compare"),
        "gate_replacement": ("GateReplacement", "replace_gates"),
        "media_matrix": ("MediaMatrix", "matrix"),
        "reactions": ("ReactionImportance", "reaction_importance"),
    },
)
