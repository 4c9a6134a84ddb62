"""Is a ranking true of the network? Tests that ask the masked function itself, at one level (reactions, elements, bases).

F1 is the function with everything there, F0 that of the baseline; a ranking puts the group with the largest absolute value first. Every test says
what the network does when parts are masked, nothing about biology.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from core.explain.masked import EPS, Masked, Stop

POINTS = 21
"""Points of a deletion or insertion curve, from nothing to everything."""
RANDOM = 20
"""Random orders beside a curve."""
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Shares of groups kept or taken away for fidelity."""
SUBSET, DRAWS = 0.05, 100
"""Share of groups in a random subset, and how many subsets, for faithfulness correlation and infidelity."""
GONE, STAYS, ROBUST = 0.1, 0.9, 50
"""Robust fidelity: chance that an explained group is taken away and that another stays, and draws (Zheng et al. 2024)."""

Told = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Sized:
    """Groups of a level and how their masks are made: ``numbers`` [K] (-1 for parts of no group, which stay), ``count`` G."""

    numbers: np.ndarray
    count: int

    @classmethod
    def of(cls, masked: Masked, level: str) -> Sized:
        """Of a level of a masked function."""
        numbers, names = masked.groups(level)
        return cls(numbers, len(names))

    def masks(self, kept: np.ndarray) -> np.ndarray:
        """[B, K] masks from which groups are kept, [B, G] of 0 to 1."""
        padded = np.concatenate([kept, np.ones((len(kept), 1), dtype=kept.dtype)], axis=1)
        return np.asarray(padded[:, np.where(self.numbers < 0, self.count, self.numbers)], dtype=np.float32)


def order_of(values: np.ndarray) -> np.ndarray:
    """[G] groups from the most important on, by absolute value; unknown ones last, ties in the groups' order."""
    return np.argsort(-np.where(np.isfinite(values), np.abs(values), -1.0), kind="stable")


def curve(masked: Masked, sized: Sized, order: np.ndarray, *, insertion: bool = False, should_stop: Stop | None = None) -> np.ndarray:
    """[POINTS] (F - F0) / (F1 - F0) while groups are taken away in an order, or added to the baseline.

    Args:
        order: [G], the first to go or to come.
    """
    steps = np.round(np.linspace(0, sized.count, POINTS)).astype(int)
    place = np.empty(sized.count, dtype=int)
    place[order] = np.arange(sized.count)
    gone = place[None, :] < steps[1:-1, None]
    inner = masked.of(sized.masks((gone if insertion else ~gone).astype(np.float32)), should_stop=should_stop)
    whole, empty = masked.ends
    full, none = whole, float(masked.of(sized.masks(np.zeros((1, sized.count), dtype=np.float32)))[0])
    ends = (none, full) if insertion else (full, none)
    values = np.concatenate([[ends[0]], inner, [ends[1]]])
    return np.asarray((values - empty) / _scale(whole - empty))


def area(values: np.ndarray) -> float:
    """Of a curve over its way from 0 to 1, by trapezoids."""
    return float(np.trapezoid(values, np.linspace(0, 1, len(values))))


@dataclass(frozen=True, eq=False)
class Curves:
    """Deletion or insertion curves of rankings beside random orders.

    Attributes:
        table: one row a ranking and point: ``ranking``, ``share`` (of groups gone or come), ``value``.
        areas: one row a ranking: ``area``, ``random`` (mean of the random orders), ``random_sd``, ``z`` (positive is better than chance).
        chance: [R, POINTS] of the random orders.
    """

    table: pd.DataFrame
    areas: pd.DataFrame
    chance: np.ndarray

    @property
    def band(self) -> np.ndarray:
        """[POINTS, 2] lowest and highest of the random orders."""
        return np.stack([self.chance.min(0), self.chance.max(0)], axis=1)


def curves(
    masked: Masked,
    level: str,
    rankings: Mapping[str, np.ndarray],
    *,
    insertion: bool = False,
    randoms: int = RANDOM,
    seed: int = 0,
    mirrored: Curves | None = None,
    on_progress: Told | None = None,
    should_stop: Stop | None = None,
) -> Curves:
    """Curves of every ranking, and of random orders, with z scores of their areas.

    Args:
        rankings: name to values [G].
        mirrored: the curves of the other way, whose random orders serve again: adding back what was taken away, the last first.

    Raises:
        Cancelled: ``should_stop`` said so.
    """
    sized = Sized.of(masked, level)
    rng = np.random.default_rng(seed)
    orders = [order_of(values) for values in rankings.values()]
    if mirrored is None:
        orders += [rng.permutation(sized.count) for _ in range(randoms)]
    found = []
    for done, order in enumerate(orders, 1):
        found.append(curve(masked, sized, order, insertion=insertion, should_stop=should_stop))
        if on_progress:
            on_progress(done, len(orders))
    chance = np.array(found[len(rankings) :]) if mirrored is None else mirrored.chance[:, ::-1]
    of_chance = np.array([area(values) for values in chance])
    mean, sd = float(of_chance.mean()), float(of_chance.std(ddof=1))
    share = np.linspace(0, 1, POINTS)
    rows = [pd.DataFrame({"ranking": name, "share": share, "value": values}) for name, values in zip(rankings, found)]
    areas = [area(values) for values in found[: len(rankings)]]
    better = 1.0 if insertion else -1.0
    z = [better * (value - mean) / sd if sd > EPS else float("nan") for value in areas]
    table = pd.DataFrame({"ranking": list(rankings), "area": areas, "random": mean, "random_sd": sd, "z": z})
    return Curves(pd.concat(rows, ignore_index=True), table, chance)


def fidelity(masked: Masked, level: str, values: np.ndarray, *, shares: Sequence[float] = SHARES, should_stop: Stop | None = None) -> pd.DataFrame:
    """One row a share of the top groups: ``fid_plus`` |F1 - F without them|, ``fid_minus`` |F1 - F of them alone|, both by |F1 - F0| (the regression
    variant), and ``characterization``, the harmonic mean of fid+ and 1 - fid- (Amara et al. 2022), 0 where either is not positive."""
    sized, order = Sized.of(masked, level), order_of(values)
    counts = [max(1, round(share * sized.count)) for share in shares]
    place = np.empty(sized.count, dtype=int)
    place[order] = np.arange(sized.count)
    top = np.stack([place < count for count in counts])
    found = masked.of(sized.masks(np.concatenate([~top, top]).astype(np.float32)), should_stop=should_stop)
    whole, empty = masked.ends
    moved = np.abs(whole - found) / abs(_scale(whole - empty))
    plus, minus = moved[: len(counts)], moved[len(counts) :]
    good = 1 - minus
    with np.errstate(divide="ignore", invalid="ignore"):
        character = np.where((plus > 0) & (good > 0), 1 / (0.5 / plus + 0.5 / good), 0.0)
    return pd.DataFrame({"share": shares, "groups": counts, "fid_plus": plus, "fid_minus": minus, "characterization": character})


def robust_fidelity(
    masked: Masked, level: str, values: np.ndarray, *, share: float = 0.1, draws: int = ROBUST, seed: int = 0, should_stop: Stop | None = None
) -> dict[str, float]:
    """Fidelity under random masks near the whole input: ``fid_plus``, the mean |F1 - F| when each of the top groups goes with chance 0.1, and
    ``fid_minus``, when each of the others does; by |F1 - F0|. A faithful ranking has a large first and a small second, per group taken away
    (``plus_each``, ``minus_each``)."""
    sized, order = Sized.of(masked, level), order_of(values)
    count = max(1, round(share * sized.count))
    top = np.zeros(sized.count, dtype=bool)
    top[order[:count]] = True
    rng = np.random.default_rng(seed)
    goes = rng.random((2 * draws, sized.count)) < GONE
    goes[:draws] &= top
    goes[draws:] &= ~top
    whole, empty = masked.ends
    moved = np.abs(whole - masked.of(sized.masks((~goes).astype(np.float32)), should_stop=should_stop)) / abs(_scale(whole - empty))
    plus, minus = float(moved[:draws].mean()), float(moved[draws:].mean())
    return {
        "fid_plus": plus,
        "fid_minus": minus,
        "plus_each": plus / max(1e-12, GONE * count),
        "minus_each": minus / max(1e-12, GONE * (sized.count - count)),
    }


class Subsets(NamedTuple):
    """Random subsets of groups and what taking each away does: ``gone`` [N, G] bool, ``drop`` [N] F1 - F without it."""

    gone: np.ndarray
    drop: np.ndarray


def random_subsets(
    masked: Masked, level: str, *, share: float = SUBSET, draws: int = DRAWS, seed: int = 0, should_stop: Stop | None = None
) -> Subsets:
    """The function without random subsets of groups of one size."""
    sized = Sized.of(masked, level)
    size = max(1, round(share * sized.count))
    rng = np.random.default_rng(seed)
    gone = np.zeros((draws, sized.count), dtype=bool)
    for row in gone:
        row[rng.choice(sized.count, size=size, replace=False)] = True
    return Subsets(gone, masked.ends[0] - masked.of(sized.masks((~gone).astype(np.float32)), should_stop=should_stop))


def faithfulness_correlation(subsets: Subsets, values: np.ndarray) -> float:
    """Pearson's correlation of a subset's summed values with what taking it away does (Bhatt et al. 2020); nan where either does not vary."""
    summed = subsets.gone @ np.nan_to_num(values)
    if np.ptp(summed) < EPS or np.ptp(subsets.drop) < EPS:
        return float("nan")
    return float(np.corrcoef(summed, subsets.drop)[0, 1])


def infidelity(subsets: Subsets, values: np.ndarray) -> dict[str, float]:
    """Yeh et al. 2019: E[(I . A - (F(x) - F(x - I)))^2] with I the random subsets, ``infidelity``, and by E[(dF)^2], ``relative``."""
    error = float(((subsets.gone @ np.nan_to_num(values) - subsets.drop) ** 2).mean())
    return {"infidelity": error, "relative": error / max(float((subsets.drop**2).mean()), EPS**2)}


def sensitivity_max(masked: Masked, explain: Callable[[torch.Tensor], np.ndarray], *, radius: float = 0.02, draws: int = 10, seed: int = 0) -> float:
    """Yeh et al. 2019: the largest |A(m + d) - A(m)| / |A(m)| over d uniform in [-radius, radius], m the whole mask.

    Args:
        explain: a mask [1, K] to its attribution [K].
    """
    full = masked.full_mask()
    first = explain(full)
    size = float(np.linalg.norm(first))
    generator = torch.Generator().manual_seed(seed)
    largest = 0.0
    for _ in range(draws):
        shift = ((torch.rand(full.shape, generator=generator) * 2 - 1) * radius).to(full.device, full.dtype)
        largest = max(largest, float(np.linalg.norm(explain(full + shift) - first)))
    return largest / max(size, EPS)


def sparsity(values: np.ndarray) -> dict[str, float]:
    """``gini`` of |values| (0 all alike, towards 1 one alone) and ``effective``, exp of the entropy of their shares: effectively how many count."""
    sizes = np.sort(np.abs(values[np.isfinite(values)]))
    total = float(sizes.sum())
    n = len(sizes)
    if total <= 0 or n == 0:
        return {"gini": float("nan"), "effective": float("nan")}
    gini = float(2 * (np.arange(1, n + 1) * sizes).sum() / (n * total) - (n + 1) / n)
    shares = sizes[sizes > 0] / total
    return {"gini": gini, "effective": float(np.exp(-(shares * np.log(shares)).sum()))}


class Alike(NamedTuple):
    """Two rankings of the same groups: ``spearman`` of absolute values, ``overlap`` of the top ones (share), and ``signs`` that agree (share of
    groups where both have one; nan for rankings without signs)."""

    spearman: float
    overlap: float
    signs: float


def alike(first: np.ndarray, second: np.ndarray, *, top: int = 20, signed: bool = True) -> Alike:
    """How alike two rankings are; groups unknown to either are left out."""
    from scipy.stats import spearmanr

    known = np.isfinite(first) & np.isfinite(second)
    one, other = first[known], second[known]
    if len(one) < 3 or np.ptp(np.abs(one)) == 0 or np.ptp(np.abs(other)) == 0:
        return Alike(float("nan"), float("nan"), float("nan"))
    k = min(top, len(one))
    shared = len(set(order_of(one)[:k].tolist()) & set(order_of(other)[:k].tolist())) / k
    both = (np.abs(one) > EPS) & (np.abs(other) > EPS)
    signs = float((np.sign(one[both]) == np.sign(other[both])).mean()) if signed and both.any() else float("nan")
    return Alike(float(spearmanr(np.abs(one), np.abs(other)).statistic), shared, signs)


def _scale(change: float) -> float:
    """F1 - F0, kept away from zero."""
    return change if abs(change) > EPS else EPS
