"""A number a network says, as a function of a mask over what it reads: what attributions and trials are asked about, in both halves."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from core.errors import Cancelled, InputError
from core.models.threads import side_by_side

EPS = 1e-6
"""Below this (in the target's unit) a whole effect is no effect to explain."""

WITHOUT_SLOPES = 4
"""Times as many masks are evaluated together where no slope is asked for: little has to be kept."""
PRESENT = 0.5
"""A part with a mask above this is in the graph, where parts are deleted."""

Stop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Masked:
    """F(m), m in R^K: every part of the input is there at 1 and as in the baseline at 0. Masking is not deleting: what stands around a part stays.

    Attributes:
        value: masks [B, K] to F [B]; differentiable, keeps no state, any float type the network has.
        parts: one row a part. The first column names it; further ones name what it belongs to, "" where that is nothing.
        target, unit, baseline: in words, for legends and manifests.
        rows: masks whose slopes are evaluated together.
        device: of the network; dtype: of the masks.
        overlapping: groups that share parts (genes), level to name to rows: their sums do not add up to the whole.
        about: what identifies it, for manifests and keys.
        apart: makes a copy of the network and F on it, for methods that hook a network's modules: networks are shared between sessions.
        like: the same function of another network (module, card), for controls; None where that cannot be asked.
        deleted: makes the function where what is taken away leaves the graph, so that normalisation, softmax and pooling are those of what is left;
            of whole masks (1 or 0) only and not differentiable. None where nothing can be deleted.
    """

    value: Callable[[Tensor], Tensor] = field(repr=False)
    parts: pd.DataFrame = field(repr=False)
    target: str
    unit: str
    baseline: str
    rows: int = 8
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    overlapping: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict, repr=False)
    about: Mapping[str, Any] = field(default_factory=dict)
    apart: Callable[[], tuple[nn.Module, Callable[[Tensor], Tensor]]] | None = field(default=None, repr=False)
    like: Callable[[Any], Masked] | None = field(default=None, repr=False)
    deleted: Callable[[], Masked] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def part(self) -> str:
        """The finest level, that of the parts themselves."""
        return str(self.parts.columns[0])

    @property
    def levels(self) -> tuple[str, ...]:
        """From parts to the coarsest, then the overlapping ones."""
        return (*map(str, self.parts.columns), *self.overlapping)

    def full_mask(self) -> Tensor:
        """[1, K] of ones."""
        return torch.ones(1, len(self), device=self.device, dtype=self.dtype)

    def of(self, masks: np.ndarray | Tensor, *, should_stop: Stop | None = None) -> np.ndarray:
        """F of masks [B, K], as [B] float64.

        Raises:
            Cancelled: ``should_stop`` said so.
        """

        def values(chunk: Tensor) -> np.ndarray:
            with torch.no_grad():
                found: np.ndarray = self.value(chunk).cpu().double().numpy()
            return found

        found = list(self._in_chunks(values, masks, self.rows * WITHOUT_SLOPES, should_stop))
        return np.concatenate(found) if found else np.zeros(0)

    def slopes(self, masks: np.ndarray | Tensor, *, should_stop: Stop | None = None) -> np.ndarray:
        """The slope of F at masks [B, K], as [B, K] float64.

        Raises:
            Cancelled: ``should_stop`` said so.
        """
        return np.concatenate([np.zeros((0, len(self))), *self.slopes_in_turn(masks, should_stop=should_stop)])

    def slopes_in_turn(self, masks: np.ndarray | Tensor, *, should_stop: Stop | None = None) -> Iterator[np.ndarray]:
        """The same as soon as they are known, :attr:`rows` masks at a time.

        Raises:
            Cancelled: ``should_stop`` said so.
        """

        def slope(chunk: Tensor) -> np.ndarray:
            at = chunk.detach().requires_grad_()
            with torch.enable_grad():
                found: np.ndarray = torch.autograd.grad(self.value(at).sum(), at)[0].double().cpu().numpy()
            return found

        return self._in_chunks(slope, masks, self.rows, should_stop)

    def _in_chunks(
        self, work: Callable[[Tensor], np.ndarray], masks: np.ndarray | Tensor, rows: int, should_stop: Stop | None
    ) -> Iterator[np.ndarray]:
        def of_chunk(start: int) -> np.ndarray:
            if should_stop and should_stop():
                raise Cancelled("The explanation was stopped.")
            return work(torch.as_tensor(masks[start : start + rows]).to(self.device, self.dtype))

        return side_by_side(of_chunk, range(0, len(masks), rows), self.device)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """F with everything there and F of the baseline."""
        full = self.full_mask()
        whole, empty = self.of(torch.cat([full, torch.zeros_like(full)]))
        return float(whole), float(empty)

    @property
    def effect(self) -> float:
        """F(1) - F(0), what an attribution adds up to."""
        return self.ends[0] - self.ends[1]

    def groups(self, level: str) -> tuple[np.ndarray, list[str]]:
        """[K] number of each part's group at a level, -1 for none, and the groups' names in the order of their first part.

        Raises:
            InputError: there is no such level, or its groups share parts.
        """
        if level not in self.parts:
            told = "shares parts between groups" if level in self.overlapping else "is not a level here"
            raise InputError(f"{level!r} {told}; choose of {', '.join(map(str, self.parts.columns))}.")
        numbers, names = pd.factorize(self.parts[level].to_numpy(dtype=object), use_na_sentinel=True)
        empty = np.flatnonzero(names == "")
        if len(empty):
            numbers = np.where(numbers == empty[0], -1, numbers - (numbers > empty[0]))
        return numbers, [str(name) for name in names if name != ""]

    def summed(self, values: np.ndarray, level: str) -> pd.Series:
        """Values [K] of the parts, summed over the groups of a level; by name."""
        if level in self.overlapping:
            return pd.Series({name: float(values[rows].sum()) for name, rows in self.overlapping[level].items()}, dtype=float)
        numbers, names = self.groups(level)
        kept = numbers >= 0
        return pd.Series(np.bincount(numbers[kept], values[kept], minlength=len(names)), index=names, dtype=float)

    def without(self, level: str, which: Sequence[int]) -> Tensor:
        """[len(which), K] masks, each with one group of a level at 0."""
        numbers = torch.from_numpy(self.groups(level)[0]).to(self.device)
        wanted = torch.as_tensor(list(which), device=self.device)
        return (numbers.unsqueeze(0) != wanted.unsqueeze(1)).to(self.dtype)

    def watched(self, told: Callable[[int], None] | None = None, should_stop: Stop | None = None) -> Callable[[Tensor], Tensor]:
        """:attr:`value` in chunks that counts the masks it was given and can be stopped, for methods of other packages.

        Raises:
            Cancelled: from within, when ``should_stop`` says so.
        """
        calls = 0

        def value(masks: Tensor) -> Tensor:
            nonlocal calls
            found = []
            for chunk in masks.split(self.rows):
                if should_stop and should_stop():
                    raise Cancelled("The explanation was stopped.")
                found.append(self.value(chunk.to(self.dtype)))
                calls += len(chunk)
                if told:
                    told(calls)
            return torch.cat(found)

        return value


def apart_of(network: nn.Module, make: Callable[[Any], Callable[[Tensor], Tensor]]) -> Callable[[], tuple[nn.Module, Callable[[Tensor], Tensor]]]:
    """What :attr:`Masked.apart` is, from how F is made of a network."""

    def apart() -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
        own = copy.deepcopy(network)
        return own, make(own)

    return apart
