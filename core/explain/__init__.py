"""What a trained network listens to: gates, attention, messages, attributions. Numbers out, no drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.explain.reactions import ReactionImportance, reaction_importance

_MODULE = {"ReactionImportance": "reactions", "reaction_importance": "reactions"}
__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)
