"""Numbers of the lab as text, in tables and in formulas."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

if TYPE_CHECKING:
    from torch import Tensor


def number(value: float, scale: float = 0.0) -> str:
    """Four decimals at most, and four digits of a number below 0.01.

    Args:
        scale: size of the terms the number is the sum of; what is only their rounding is 0.
    """
    from core.explain.anatomy import ROUNDING

    if abs(value) <= ROUNDING * scale:
        return "0"
    if 0 < abs(value) < 0.01:
        return f"{value:.4g}"
    return np.format_float_positional(round(value, 4) + 0.0, trim="-")


def vector(values: Tensor, scale: Tensor | None = None) -> str:
    """Numbers [N] as a row; ``scale`` [N] as in :func:`number`."""
    scales = [0.0] * len(values) if scale is None else scale.tolist()
    return f"[{', '.join(number(v, s) for v, s in zip(values.tolist(), scales, strict=True))}]"


def tex(text: str) -> str:
    """A number or a row of numbers for a formula: 1e-05 as a power of ten."""
    return re.sub(r"e([+-]\d+)", lambda found: rf"\cdot 10^{{{int(found[1])}}}", text).replace(", ", r",\ ")


def factor(value: float) -> str:
    """A number for a product in a formula, a negative one in brackets."""
    text = tex(number(value))
    return f"({text})" if value < 0 else text


def columns(table: pd.DataFrame, called: dict[str, str] | None = None) -> dict[str, Any]:
    """Columns of numbers with four digits, under the names in ``called``."""
    shown = st.column_config.NumberColumn
    names = called or {}
    return {str(name): shown(names.get(str(name), str(name)), format="%.4g") for name in table if pd.api.types.is_numeric_dtype(table[name])}
