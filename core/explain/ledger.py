"""The ledger of an attribution: signed entries from the baseline to the prediction, group by group, with what is missing as an entry of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.attribution import ADDS_UP, Attribution
from core.explain.masked import Masked

REST, RESIDUAL = "all others", "residual"
SHOWN = 12
"""Groups of a page of the ledger; the smaller ones are one entry together."""


@dataclass(frozen=True, eq=False)
class Ledger:
    """One page of the ledger: the children of a group, or the coarsest groups.

    Attributes:
        table: one row an entry in order: ``name``, ``value`` (signed, in the target's unit), ``start`` and ``end`` (the running sum before and after
            it), ``parts`` (how many parts it holds) and ``kind`` ("group", "rest" or "residual").
        level: of the groups; within: (level, name) of the group whose children they are, None for the whole.
        first, last: where the running sum begins and ends. Of the whole these are F0 and F1; of a group 0 and its sum.
    """

    table: pd.DataFrame
    level: str
    within: tuple[str, str] | None
    first: float
    last: float


def ledger(masked: Masked, attribution: Attribution, level: str, *, within: tuple[str, str] | None = None, shown: int = SHOWN) -> Ledger:
    """A page of the ledger of an attribution by parts.

    The entries of the whole add up to F1 exactly: what the attribution misses is the residual, the last entry. The entries of a group add up to the
    group's own entry on the page above.

    Args:
        level: of the groups, not an overlapping one. within: a group of a coarser level.
        shown: groups with an entry of their own, the largest by absolute value; all others are one entry.

    Raises:
        InputError: a method that does not add up, a group that is not there, or groups of a level that lie in several.
    """
    if attribution.level != masked.part or attribution.method not in ADDS_UP:
        raise InputError(f"{attribution.method.replace('_', ' ')} does not add up to the prediction; use integrated gradients for the ledger.")
    numbers, names = masked.groups(level)
    rows = np.ones(len(masked), dtype=bool)
    if within is not None:
        rows = masked.parts[within[0]].to_numpy(dtype=object) == within[1] if within[0] in masked.parts else np.zeros(len(masked), dtype=bool)
        if not rows.any():
            raise InputError(f"There is no {within[0]} {within[1]!r} here; choose another.")
    kept = rows & (numbers >= 0)
    sums = np.bincount(numbers[kept], attribution.values[kept], minlength=len(names))
    sizes = np.bincount(numbers[kept], minlength=len(names))
    order = [int(i) for i in np.argsort(-np.abs(sums), kind="stable") if sizes[i]]
    entries = [(names[i], float(sums[i]), int(sizes[i]), "group") for i in order[:shown]]
    loose = rows & (numbers < 0)
    rest = float(sums[order[shown:]].sum() + attribution.values[loose].sum())
    count = int(sizes[order[shown:]].sum() + loose.sum())
    if count:
        entries.append((REST, rest, count, "rest"))
    first, last = (masked.ends[1], masked.ends[0]) if within is None else (0.0, float(attribution.values[rows].sum()))
    if within is None:
        entries.append((RESIDUAL, masked.effect - float(attribution.values.sum()), 0, "residual"))
    table = pd.DataFrame(entries, columns=["name", "value", "parts", "kind"])
    table["end"] = first + table["value"].cumsum()
    table["start"] = table["end"] - table["value"]
    return Ledger(table[["name", "value", "start", "end", "parts", "kind"]], level, within, first, last)
