"""Colour and width of a number: fixed scales, the same in every view, legible on light and dark backgrounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Quantity = Literal["gate", "attention", "message"]

CIVIDIS = ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838")
"""Cividis at ten equal steps from 0 to 1 (Nunez, Anderton and Renslow, 2018): monotone in lightness, colour-blind safe."""
DIVERGING = ("#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f")
"""ColorBrewer's RdBu reversed: blue below zero, white at zero, red above."""

METABOLITE_FILL = "#f9f9f9"
REACTION_FILL = "#e1f5fe"
BORDER = "#333333"
BLOCKED_FILL = "#d6d6d6"
BLOCKED_BORDER = "#8c8c8c"
CASING = "#808080"
"""Outline drawn under every spoke: 4:1 against white and against near-black, so both ends of a scale stay visible."""
LINK = "rgba(128,128,128,0.4)"
"""A line between subsystems."""
ACCENT = "#d81b60"
UNKNOWN = "#9e9e9e"
"""For a value that does not exist (nan)."""

ATTENTION_LIMIT = 3.0
"""log2(attention x competitors) is shown on [-3, 3]: an eighth of the uniform share to eight times it."""
MIN_WIDTH, MAX_WIDTH = 1.5, 7.0
"""Spoke width in px at the weak and the strong end of a scale."""


@dataclass(frozen=True)
class Scale:
    """How one quantity becomes colour and width.

    Attributes:
        quantity: what is shown, in words.
        unit: "" for pure numbers.
        low, high: ends of the scale; values beyond are drawn as the end.
        colours: hex colours at equal steps from ``low`` to ``high``.
        note: one clause on whether the scale is fixed.
    """

    quantity: str
    unit: str
    low: float
    high: float
    colours: tuple[str, ...]
    note: str

    @property
    def diverging(self) -> bool:
        """True when zero is in the middle and width follows the magnitude."""
        return self.low < 0

    def position(self, value: float) -> float:
        """Place of ``value`` on the scale, clipped to [0, 1]; nan stays nan."""
        if math.isnan(value):
            return math.nan
        span = self.high - self.low
        return min(1.0, max(0.0, (value - self.low) / span)) if span > 0 else 0.0

    def colour(self, value: float) -> str:
        """Hex colour of ``value``, linear in RGB between the steps; grey for nan."""
        at = self.position(value)
        if math.isnan(at):
            return UNKNOWN
        step = at * (len(self.colours) - 1)
        i = min(int(step), len(self.colours) - 2)
        low, high = _rgb(self.colours[i]), _rgb(self.colours[i + 1])
        return "#" + "".join(f"{round(a + (b - a) * (step - i)):02x}" for a, b in zip(low, high, strict=True))

    def width(self, value: float) -> float:
        """Spoke width in px: linear in the value, in its magnitude on a diverging scale; the least for nan."""
        at = self.position(value)
        if math.isnan(at):
            return MIN_WIDTH
        return MIN_WIDTH + (MAX_WIDTH - MIN_WIDTH) * (abs(2 * at - 1) if self.diverging else at)


def scale_for(quantity: Quantity, *, message_max: float = 1.0, over: str = "mean over heads and layers") -> Scale:
    """The scale of a quantity; only |message| has an upper end of its own, ``message_max``. ``over`` says which layers and heads."""
    if quantity == "gate":
        return Scale(f"gate, {over}", "", 0.0, 1.0, CIVIDIS, "fixed scale 0 to 1")
    if quantity == "attention":
        note = "fixed scale -3 to 3, 0 = uniform share"
        return Scale(f"log2(attention x competitors), {over}", "", -ATTENTION_LIMIT, ATTENTION_LIMIT, DIVERGING, note)
    return Scale(f"|message|, {over}", "network units", 0.0, message_max, CIVIDIS, f"0 to the maximum, {message_max:.3g}")


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
