"""The networks, their checkpoints and devices. Names load on first use, so that listing checkpoints does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.models.checkpoint import Card, checkpoint_warnings, list_checkpoints, load_card, load_checkpoint, save_checkpoint
    from core.models.conv import IncidenceTrace, StoichHypergraphConv
    from core.models.device import DeviceChoice, available_devices, resolve_device
    from core.models.network import NetworkConfig, ReactionNetwork
    from core.models.prediction import Prediction, predict

_HOME = {
    "checkpoint": ("Card", "checkpoint_warnings", "list_checkpoints", "load_card", "load_checkpoint", "save_checkpoint"),
    "conv": ("IncidenceTrace", "StoichHypergraphConv"),
    "device": ("DeviceChoice", "available_devices", "resolve_device"),
    "network": ("NetworkConfig", "ReactionNetwork"),
    "prediction": ("Prediction", "predict"),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)
