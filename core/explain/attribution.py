"""Attributions of a masked function: how much of F(1) - F(0) each part, or group of parts, carries.

The methods are Captum's (Kokhlikyan et al. 2020), asked about the mask. Integrated gradients come point by point, so that what is known so far can
be shown and a stop keeps it. With a number of steps they equal Captum's to rounding. Without one the points go where they are needed: networks with
ReLU or with exponentials have kinks on the way, about which evenly spread points are wrong by a fifth where as many well placed ones are wrong by a
thousandth.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from core.errors import Cancelled, InputError
from core.explain.masked import EPS, Masked, Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

SALIENCY, INPUT_X_GRADIENT, INTEGRATED_GRADIENTS = "saliency", "input_x_gradient", "integrated_gradients"
DEEP_LIFT, SHAPLEY, OCCLUSION, NOISE_TUNNEL = "deep_lift", "shapley", "occlusion", "noise_tunnel"
METHODS = {
    SALIENCY: "the absolute slope of F at the whole mask: which way is not told",
    INPUT_X_GRADIENT: "the slope of F at the whole mask: the first-order effect of fading a part out",
    INTEGRATED_GRADIENTS: "the slope summed on the straight way from the baseline to the whole (Sundararajan et al. 2017)",
    DEEP_LIFT: "differences from the baseline, passed back (Shrikumar et al. 2017); exact only where every step is linear or one of Captum's rules",
    SHAPLEY: "the mean effect of adding a group to random orders of the others (Castro et al. 2009)",
    OCCLUSION: "F less F without the part or group: leaving one out",
    NOISE_TUNNEL: "the slope averaged over masks with noise (SmoothGrad, Smilkov et al. 2017)",
}
"""What each one is, in a line."""
BY_PART = (SALIENCY, INPUT_X_GRADIENT, INTEGRATED_GRADIENTS, DEEP_LIFT, NOISE_TUNNEL)
"""Methods that give a number to every part at once and roll up by summing; the others are asked about the groups of a level."""
ADDS_UP = (INTEGRATED_GRADIENTS, DEEP_LIFT, SHAPLEY)
"""Methods whose numbers should sum to F(1) - F(0)."""
ORDERS, DRAWS, NOISE = 25, 20, 0.05
"""Orders of Shapley sampling, draws and standard deviation of the noise tunnel."""
FIRST, MOST, SPLIT = 16, 200, 8
"""Points of the integral to begin with, most of them, and intervals that are split at a time."""
CLOSE, CLOSE_ON_THE_WAY = 0.005, 0.03
"""Shares of |F1 - F0| at which the integral is close enough: its error at the end, and the sum of its errors on the way, which may cancel."""
GOOD, FAIR = 0.01, 0.05
"""Completeness up to which an attribution is good, and fair."""

SLOPES = (SALIENCY, INPUT_X_GRADIENT)
"""Methods that know the whole mask alone."""
ROUNDING = 1e-5
"""Share of |F1 - F0| up to which slopes, summed without their signs, are errors of single precision: where F stands at its maximum it has none."""

Progress = Callable[[str, int, int], None]


def without_slope(method: str, values: np.ndarray, effect: float) -> bool:
    """Whether a method of :data:`SLOPES` has nothing but rounding errors to say: the order of such values [...] is none."""
    return method in SLOPES and float(np.nansum(np.abs(values))) < ROUNDING * abs(effect)


@dataclass(frozen=True, eq=False)
class Attribution:
    """What a method says of a masked function.

    Attributes:
        method: of :data:`METHODS`; level: whose groups have a number; names, values: [G] in the target's unit.
        done, total: units of work; a stopped one holds what is known so far, with nan where nothing is.
        completeness: for methods that add up, {"delta", "relative", "change"}: sum - (F1 - F0), its share of |F1 - F0|, and F1 - F0; of integrated
            gradients whose points were chosen also "on_the_way", the sum of the errors of all intervals, without their signs, by |F1 - F0|.
        settings: steps, orders, seed and the like; ``chosen`` where the points of the integral were put where they are needed.
    """

    method: str
    level: str
    names: list[str]
    values: np.ndarray
    done: int
    total: int
    completeness: dict[str, float] | None
    settings: dict[str, Any]

    @property
    def whole(self) -> bool:
        """Whether it was finished."""
        return self.done >= self.total

    def at(self, masked: Masked, level: str) -> pd.Series:
        """By name at a level: sums of the parts' values, or the values themselves at their own level.

        Raises:
            InputError: it was asked about groups of another level.
        """
        if self.level == masked.part:
            return masked.summed(self.values, level)
        if level != self.level:
            raise InputError(f"{self.method} was asked about {self.level}; ask it about {level} to see that.")
        return pd.Series(self.values, index=self.names)


def judged(completeness: dict[str, float] | None) -> str:
    """Completeness in words: good, fair, poor, "no effect to explain", or "" for a method that does not add up."""
    if completeness is None:
        return ""
    if abs(completeness["change"]) < EPS:
        return "no effect to explain"
    return "good" if completeness["relative"] < GOOD else "fair" if completeness["relative"] < FAIR else "poor: ask for twice the steps"


def attribute(masked: Masked, method: str = INTEGRATED_GRADIENTS, **how: Any) -> Attribution:
    """The last of :func:`attributions`, to which the arguments go: finished, or what was known when it was stopped.

    Raises:
        InputError: an unknown method or level.
    """
    last: Attribution | None = None
    for found in attributions(masked, method, **how):
        last = found
    assert last is not None
    return last


def attributions(
    masked: Masked,
    method: str = INTEGRATED_GRADIENTS,
    *,
    level: str | None = None,
    steps: int | None = None,
    orders: int = ORDERS,
    draws: int = DRAWS,
    noise: float = NOISE,
    seed: int = 0,
    on_progress: Progress | None = None,
    should_stop: Stop | None = None,
) -> Iterator[Attribution]:
    """A method's numbers, better and better: partial ones while it runs, the finished one last. Stopped, it ends with what it has.

    Args:
        level: for occlusion and Shapley sampling, whose groups are asked about; the parts themselves unless given.
        steps: points of integrated gradients, Gauss-Legendre as in Captum; None puts up to :data:`MOST` of them where they are needed.
        orders: of Shapley sampling; draws, noise: of the noise tunnel; seed: of all that is random.
        on_progress: called with (method, done, total).

    Raises:
        InputError: an unknown method or level.
    """
    if method not in METHODS:
        raise InputError(f"There is no method {method!r}; choose of {', '.join(METHODS)}.")
    level = masked.part if level is None or method in BY_PART else level
    masked.groups(level)

    def told(done: int, total: int) -> None:
        if on_progress:
            on_progress(method, min(done, total), total)

    if method == INTEGRATED_GRADIENTS and steps is None:
        yield from _where_needed(masked, told, should_stop)
    elif method == INTEGRATED_GRADIENTS:
        assert steps is not None
        yield from _integrated_gradients(masked, steps, told, should_stop)
    elif method == OCCLUSION:
        yield from _occlusion(masked, level, told, should_stop)
    elif method == SHAPLEY:
        yield from _shapley(masked, level, orders, seed, told, should_stop)
    else:
        yield _at_once(masked, method, draws, noise, seed, told, should_stop)


def _finished(masked: Masked, method: str, level: str, values: np.ndarray, done: int, total: int, **settings: Any) -> Attribution:
    names = masked.parts[masked.part].tolist() if level == masked.part else masked.groups(level)[1]
    completeness = None
    if method in ADDS_UP and done:
        change = masked.effect
        delta = float(values.sum()) - change
        completeness = {"delta": delta, "relative": abs(delta) / max(abs(change), EPS), "change": change}
    return Attribution(method, level, names, values, done, total, completeness, settings)


def _integrated_gradients(masked: Masked, steps: int, told: Callable[[int, int], None], should_stop: Stop | None) -> Iterator[Attribution]:
    """Gauss-Legendre points in an order that covers the way evenly at any time; what is known so far is scaled to their share of the weights."""
    from captum.attr._utils.approximation_methods import approximation_parameters

    sizes, alphas = (np.array(f(steps)) for f in approximation_parameters("gausslegendre"))
    order = np.argsort([int(f"{i:032b}"[::-1], 2) for i in range(steps)], kind="stable")
    summed, weight, done = np.zeros(len(masked)), 0.0, 0
    try:
        for found in masked.slopes_in_turn(_on_the_way(masked, alphas[order]), should_stop=should_stop):
            own = sizes[order[done : done + len(found)]]
            summed += own @ found
            weight += own.sum()
            done += len(found)
            told(done, steps)
            yield _finished(masked, INTEGRATED_GRADIENTS, masked.part, summed / weight if done < steps else summed.copy(), done, steps, steps=steps)
    except Cancelled:
        pass
    if weight == 0:
        yield _finished(masked, INTEGRATED_GRADIENTS, masked.part, np.full(len(masked), np.nan), 0, steps, steps=steps)


@dataclass(eq=False)
class _Interval:
    """A piece of the way from the baseline to the whole: its ends, F at them, and the slope at its middle [K]."""

    low: float
    high: float
    before: float
    after: float
    slope: np.ndarray

    @property
    def error(self) -> float:
        """What the slope at the middle says of the change of F in the interval, less what it is."""
        return float(self.slope.sum()) * (self.high - self.low) - (self.after - self.before)


def _where_needed(masked: Masked, told: Callable[[int, int], None], should_stop: Stop | None) -> Iterator[Attribution]:
    """The midpoint rule on intervals; those whose slope misses the change of F most are cut in three, of which the middle one keeps its slope."""
    parts: list[_Interval] = []
    scale = max(abs(masked.effect), EPS)

    def so_far(whole: bool) -> Attribution:
        values = np.sum([part.slope * (part.high - part.low) for part in parts], axis=0)
        used = len(parts)
        found = _finished(masked, INTEGRATED_GRADIENTS, masked.part, values, used, used if whole else max(MOST, used + 1), steps=used, chosen=True)
        assert found.completeness is not None
        found.completeness["on_the_way"] = sum(abs(part.error) for part in parts) / scale
        return found

    try:
        ends = np.linspace(0, 1, FIRST + 1)
        f = masked.of(ends[:, None] * masked.full_mask().cpu().numpy(), should_stop=should_stop)
        slopes = masked.slopes(_on_the_way(masked, (ends[1:] + ends[:-1]) / 2), should_stop=should_stop)
        parts = [_Interval(*piece) for piece in zip(ends, ends[1:], f, f[1:], slopes)]
    except Cancelled:
        yield _finished(masked, INTEGRATED_GRADIENTS, masked.part, np.full(len(masked), np.nan), 0, MOST, chosen=True)
        return
    while True:
        errors = np.array([part.error for part in parts])
        close = abs(errors.sum()) < CLOSE * scale and np.abs(errors).sum() < CLOSE_ON_THE_WAY * scale
        told(len(parts), MOST)
        yield so_far(close or len(parts) >= MOST)
        if close or len(parts) >= MOST:
            return
        worst = np.argsort(-np.abs(errors))[: max(1, min(SPLIT, len(parts) // 4))]
        thirds = {int(row): (parts[row].high - parts[row].low) / 3 for row in worst}
        try:
            middles = np.array([at for row, h in thirds.items() for at in (parts[row].low + h / 2, parts[row].high - h / 2)])
            new = masked.slopes(_on_the_way(masked, middles), should_stop=should_stop)
            cuts = np.array([at for row, h in thirds.items() for at in (parts[row].low + h, parts[row].high - h)])
            f = masked.of(cuts[:, None] * masked.full_mask().cpu().numpy(), should_stop=should_stop)
        except Cancelled:
            return
        for place, (row, h) in enumerate(thirds.items()):
            own, (first, second), (left, right) = parts[row], f[2 * place : 2 * place + 2], new[2 * place : 2 * place + 2]
            parts += [_Interval(own.low, own.low + h, own.before, first, left), _Interval(own.high - h, own.high, second, own.after, right)]
            own.low, own.high, own.before, own.after = own.low + h, own.high - h, first, second


def _on_the_way(masked: Masked, places: np.ndarray) -> Tensor:
    """[N, K] masks at N places on the way from the baseline to the whole."""
    return masked.full_mask() * torch.as_tensor(places, device=masked.device, dtype=masked.dtype).unsqueeze(1)


def _occlusion(masked: Masked, level: str, told: Callable[[int, int], None], should_stop: Stop | None) -> Iterator[Attribution]:
    count = len(masked) if level == masked.part else len(masked.groups(level)[1])
    lost, whole = np.full(count, np.nan), masked.ends[0]
    yield _finished(masked, OCCLUSION, level, lost.copy(), 0, count)
    for start in range(0, count, masked.rows):
        if should_stop and should_stop():
            return
        which = range(start, min(start + masked.rows, count))
        lost[which.start : which.stop] = whole - masked.of(masked.without(level, which))
        told(which.stop, count)
        yield _finished(masked, OCCLUSION, level, lost.copy(), which.stop, count)


def _shapley(masked: Masked, level: str, orders: int, seed: int, told: Callable[[int, int], None], should_stop: Stop | None) -> Iterator[Attribution]:
    """Captum's Shapley sampling, an order at a time; parts of no group stay as they are."""
    from captum.attr import ShapleyValueSampling

    numbers, names = masked.groups(level)
    groups = torch.from_numpy(np.where(numbers < 0, len(names), numbers)).to(masked.device).unsqueeze(0)
    base = torch.from_numpy((numbers < 0).astype(np.float64)).to(masked.device, masked.dtype).unsqueeze(0)
    first = [int(np.flatnonzero(numbers == g)[0]) for g in range(len(names))]
    summed, done = np.zeros(len(names)), 0
    settings = {"orders": orders, "seed": seed, "groups": len(names)}
    yield _finished(masked, SHAPLEY, level, np.full(len(names), np.nan), 0, orders, **settings)
    method = ShapleyValueSampling(masked.watched(should_stop=should_stop))
    while done < orders:
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed * 1_000_003 + done)
                found = method.attribute(
                    masked.full_mask(), baselines=base, feature_mask=groups, n_samples=1, perturbations_per_eval=masked.rows, show_progress=False
                )
        except Cancelled:
            return
        summed += found[0].detach().cpu().double().numpy()[first]
        done += 1
        told(done, orders)
        yield _finished(masked, SHAPLEY, level, summed / done, done, orders, **settings)


def _at_once(
    masked: Masked,
    method: str,
    draws: int,
    noise: float,
    seed: int,
    told: Callable[[int, int], None],
    should_stop: Stop | None,
) -> Attribution:
    from captum.attr import InputXGradient, NoiseTunnel, Saliency

    total = draws if method == NOISE_TUNNEL else 1
    value = masked.watched(lambda calls: told(calls, total), should_stop)
    full = masked.full_mask().requires_grad_()
    settings: dict[str, Any] = {}
    try:
        if method == SALIENCY:
            found = Saliency(value).attribute(full)
        elif method == INPUT_X_GRADIENT:
            found = InputXGradient(value).attribute(full)
        elif method == DEEP_LIFT:
            found = _deep_lift(masked, full)
        else:
            settings = {"draws": draws, "noise": noise, "seed": seed}
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                tunnel = NoiseTunnel(Saliency(value))
                found = tunnel.attribute(full, nt_type="smoothgrad", nt_samples=draws, nt_samples_batch_size=masked.rows, stdevs=noise, abs=False)
    except Cancelled:
        return _finished(masked, method, masked.part, np.full(len(masked), np.nan), 0, total, **settings)
    return _finished(masked, method, masked.part, found[0].detach().cpu().double().numpy(), total, total, **settings)


class _AsModule(nn.Module):
    """A masked function with its network inside, as DeepLift wants it."""

    def __init__(self, inside: nn.Module | None, value: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.inside = inside
        self._value = value

    def forward(self, mask: Tensor) -> Tensor:
        return self._value(mask).unsqueeze(1)


def _deep_lift(masked: Masked, full: Tensor) -> Tensor:
    """On a copy of the network, as Captum's hooks stay on its modules while it runs."""
    from captum.attr import DeepLift

    inside, value = (None, masked.value) if masked.apart is None else masked.apart()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum tells of the hooks it sets
        found: Tensor = DeepLift(_AsModule(inside, value)).attribute(full, baselines=torch.zeros_like(full), target=0)
    return found
