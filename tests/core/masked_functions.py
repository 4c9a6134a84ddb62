"""Masked functions whose true importances are known by construction."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor

from core.explain.masked import Masked


def planted(value: Callable[[Tensor], Tensor], groups: list[str], rows: int = 3) -> Masked:
    """A function of as many parts as there are group names; "" is a part of no group."""
    parts = pd.DataFrame({"part": [f"p{i}" for i in range(len(groups))], "group": groups})
    return Masked(value, parts, "planted", "", "nothing", rows=rows, dtype=torch.float64)


def weighted(weights: list[float], groups: list[str] | None = None, constant: float = 0.5) -> Masked:
    """F = constant + w . m."""
    w = torch.tensor(weights, dtype=torch.float64)
    return planted(lambda m: constant + m @ w, groups or [f"g{i}" for i in range(len(weights))])
