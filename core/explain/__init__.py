"""What a trained network listens to: gates, attention, messages, attributions. Numbers out, no drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lazy import exports

if TYPE_CHECKING:
    from core.explain.bases import BaseImportance, base_importance
    from core.explain.reactions import ReactionImportance, reaction_importance

__all__, __getattr__ = exports(__name__, {"bases": ("BaseImportance", "base_importance"), "reactions": ("ReactionImportance", "reaction_importance")})
