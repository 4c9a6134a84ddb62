"""Colours of bases and of an RNA graph's edges: one scale per quantity, the same in every view, and palettes for kinds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from core.errors import InputError
from core.viz.colour import ATTENTION_LIMIT, CIVIDIS, DIVERGING, Scale

ColourBy = Literal["identity", "element", "probability", "entropy", "reactivity", "attention", "openness", "message", "values"]
COLOUR_BY: tuple[ColourBy, ...] = get_args(ColourBy)

NUCLEOTIDES = {"A": "#56b4e9", "C": "#4fbf9f", "G": "#e8a735", "U": "#d890bb", "N": "#c4c4c4"}
"""After Okabe and Ito (2008), light enough for dark letters."""
ELEMENTS = {
    "stem": "#0072b2",
    "hairpin": "#e69f00",
    "internal": "#009e73",
    "multiloop": "#d55e00",
    "five-prime": "#cc79a7",
    "three-prime": "#f0e442",
    "other": "#999999",
}
"""Kind of element to colour (Okabe and Ito, 2008)."""
PSEUDOKNOT = "#8a63c9"
_DARK, _LIGHT = "#111111", "#ffffff"


def scale_of(quantity: ColourBy, values: Sequence[float] | np.ndarray | None = None, *, over: str = "mean over layers") -> Scale:
    """The scale of a quantity per base.

    Fixed: probability, openness on [0, 1], attention as log2(attention x competitors) on [-3, 3]. From 0 to the largest of ``values``:
    entropy, reactivity, |message|. Own ``values`` get a scale symmetric about zero where some are negative.

    Args:
        quantity: any of :data:`COLOUR_BY` that is a number.
        values: what the upper end is taken from; nan is left out.
        over: which layers are taken together, for the legend.
    """
    known = [float(value) for value in values if math.isfinite(value)] if values is not None else []
    most = max(known, default=0.0)
    most = most if most > 0 else 1.0
    to_most = f"0 to the maximum, {most:.3g}"
    if quantity == "probability":
        return Scale("probability of being paired", "", 0.0, 1.0, CIVIDIS, "fixed scale 0 to 1")
    if quantity == "openness":
        return Scale(f"openness of the edges to a base, {over}", "share of units", 0.0, 1.0, CIVIDIS, "fixed scale 0 to 1")
    if quantity == "attention":
        limit = ATTENTION_LIMIT
        return Scale("log2(attention x competitors), mean over steps", "", -limit, limit, DIVERGING, "fixed scale -3 to 3, 0 = uniform share")
    if quantity == "entropy":
        return Scale("positional entropy", "bits", 0.0, most, CIVIDIS, to_most)
    if quantity == "message":
        return Scale(f"|message| to a base, {over}", "network units", 0.0, most, CIVIDIS, to_most)
    if quantity == "reactivity":
        return Scale("reactivity", "as given", 0.0, most, CIVIDIS, to_most)
    if quantity == "values":
        if any(value < 0 for value in known):
            limit = max(abs(value) for value in known)
            return Scale("value", "as given", -limit, limit, DIVERGING, f"symmetric about 0, ±{limit:.3g}")
        return Scale("value", "as given", 0.0, most, CIVIDIS, to_most)
    raise InputError(f"{quantity!r} has no scale; use one of {', '.join(name for name in COLOUR_BY if name not in ('identity', 'element'))}.")


def edge_scale(quantity: Literal["openness", "message"], *, message_max: float = 1.0, over: str = "mean over layers") -> Scale:
    """The scale of an edge's openness on a fixed [0, 1], or of its |message| from 0 to ``message_max``."""
    if quantity == "openness":
        return replace(scale_of("openness"), quantity=f"openness, {over}")
    if quantity == "message":
        return replace(scale_of("message", [message_max]), quantity=f"|message|, {over}")
    raise InputError(f"Edges carry no {quantity!r}; colour them by openness or message.")


def attention_log2(attention: Sequence[float] | np.ndarray, competitors: int) -> np.ndarray:
    """[n] log2(attention x competitors): 0 is the uniform share 1 / ``competitors``; nan stays nan, no attention is -inf."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log2(np.asarray(attention, dtype=float) * competitors))


def letter_on(fill: str) -> str:
    """Dark or light text, whichever stands out more on ``fill`` (WCAG 2 relative luminance)."""
    brightness = luminance(fill)
    on_dark_text = (brightness + 0.05) / (luminance(_DARK) + 0.05)
    return _DARK if on_dark_text > (luminance(_LIGHT) + 0.05) / (brightness + 0.05) else _LIGHT


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" in [0, 1] (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
