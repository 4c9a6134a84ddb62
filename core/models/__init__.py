"""The networks, their checkpoints and devices. Names load on first use, so that listing checkpoints does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lazy import exports

if TYPE_CHECKING:
    from core.models.checkpoint import (
        Card,
        checkpoint_warnings,
        ensemble_key,
        list_checkpoints,
        load_card,
        load_checkpoint,
        load_members,
        network_for,
        save_checkpoint,
    )
    from core.models.conv import IncidenceTrace, StoichHypergraphConv
    from core.models.device import DeviceChoice, available_devices, resolve_device
    from core.models.network import NetworkConfig, ReactionNetwork
    from core.models.prediction import Prediction, predict
    from core.models.rna import RnaGine, RnaGineConfig, RnaOutput, RnaTrace

__all__, __getattr__ = exports(
    __name__,
    {
        "checkpoint": (
            "Card",
            "checkpoint_warnings",
            "ensemble_key",
            "list_checkpoints",
            "load_card",
            "load_checkpoint",
            "load_members",
            "network_for",
            "save_checkpoint",
        ),
        "conv": ("IncidenceTrace", "StoichHypergraphConv"),
        "device": ("DeviceChoice", "available_devices", "resolve_device"),
        "network": ("NetworkConfig", "ReactionNetwork"),
        "prediction": ("Prediction", "predict"),
        "rna": ("RnaGine", "RnaGineConfig", "RnaOutput", "RnaTrace"),
    },
)
