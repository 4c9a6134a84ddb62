"""Before a training starts: whether its settings can be used, how large the network is, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from core.errors import Cancelled
from core.models.network import ReactionNetwork
from core.train.arrays import predict_samples
from core.train.command import PROCESSES
from core.train.conditions import bounds_of, sample_conditions, solve
from core.train.metabolic import Run, TrainConfig
from core.train.samples import Samples

STEPS = 5
"""Training steps that are taken to see how long one takes; the first, which warms up, and the last, which validates, do not count."""
SOLVED = 40
"""Conditions that are solved to see how long one takes."""
_AT_ONCE = 4  # conditions between two looks at ``should_stop``


@dataclass(frozen=True)
class Estimate:
    """How long a training takes, from a few of its own steps; evaluation at the end is not part of it.

    Attributes:
        parameters: of the network.
        step_seconds: a training step; steps: of all seeds together.
        solve_seconds: solving one condition, on one of ``processes``; conditions: to solve in all.
        validate_seconds: one validation; validations: how many.
    """

    parameters: int
    step_seconds: float
    steps: int
    solve_seconds: float
    conditions: int
    processes: int
    validate_seconds: float
    validations: int

    @property
    def sampling(self) -> float:
        """Seconds of solving conditions."""
        return self.solve_seconds * self.conditions / self.processes

    @property
    def training(self) -> float:
        """Seconds of training, with its validations."""
        return self.step_seconds * self.steps + self.validate_seconds * self.validations


def check(values: Mapping[str, Any]) -> TrainConfig:
    """The configuration, once a run could start with it: the model is there, has one objective and exchanges what its conditions vary.

    Raises:
        InputError: it could not.
    """
    config = TrainConfig.from_dict(values)
    with TemporaryDirectory(prefix="gatescope-check-") as place:
        run = Run(config, Path(place))
    sample_conditions(run.tables, 1, config.drawn_from, distribution=config.distribution, split=config.split)
    return config


def parameters(network: Mapping[str, Any]) -> int:
    """How many parameters a metabolic network of these choices has.

    Raises:
        InputError: it cannot be built.
    """
    return _size(TrainConfig.from_dict({"network": dict(network)}))


def measure(values: Mapping[str, Any], *, on_progress: Callable[[str, int, int], None], should_stop: Callable[[], bool]) -> Estimate:
    """Solves a few conditions and takes a few steps with these settings, on the device they name, and multiplies.

    Raises:
        InputError: the settings cannot be used. Cancelled: ``should_stop`` said so.
    """
    config = check(values)
    enough = STEPS * config.batch
    moments: list[float] = []

    def stop() -> bool:
        moments.append(time.perf_counter())
        on_progress("measuring training steps", len(moments), STEPS)
        return should_stop()

    with TemporaryDirectory(prefix="gatescope-measure-") as place:
        run = Run(replace(config, samples=enough, epochs=1, members=1, compile=False), Path(place))
        solved, solve_seconds = _solved(run, min(SOLVED, enough), on_progress, should_stop)
        few = solved.take(np.arange(min(len(solved), 8)))
        network = run.fit(solved.take(np.arange(enough) % len(solved)), few, lambda *_, **__: None, stop)
        started = time.perf_counter()
        predict_samples(network, run.tables, few, device=run.device)
        validate_seconds = (time.perf_counter() - started) * config.validation / len(few)
    return Estimate(
        parameters=_size(config),
        step_seconds=float(np.median(np.diff(moments)[:-1])),
        steps=config.samples // config.batch * config.epochs * config.members,
        solve_seconds=solve_seconds,
        conditions=sum(count for _, count, _, _ in config.splits().values()),
        processes=PROCESSES,
        validate_seconds=validate_seconds,
        validations=config.epochs * config.members,
    )


def _solved(run: Run, count: int, on_progress: Callable[[str, int, int], None], should_stop: Callable[[], bool]) -> tuple[Samples, float]:
    """A few solved conditions of a run, and the seconds one took; the first few, which build the programme, do not count."""
    c, tables = run.config, run.tables
    drawn = [bounds_of(tables, one) for one in sample_conditions(tables, count, c.drawn_from, distribution=c.distribution, split=c.split)]
    bounds = {name: np.array([getattr(b, name) for b in drawn]) for name in ("lower", "upper", "knocked_out", "uptake")}
    bounds["objective"] = np.array([int(np.argmax(b.objective)) for b in drawn])
    parts, began = [], time.perf_counter()
    for start in range(0, count, _AT_ONCE):
        if should_stop():
            raise Cancelled
        parts.append(solve(c.model, *(bounds[name][start : start + _AT_ONCE] for name in ("lower", "upper", "objective"))))
        if start == 0:
            began = time.perf_counter()
        on_progress("solving conditions", min(start + _AT_ONCE, count), count)
    growth, fluxes, known = (np.concatenate([part[i] for part in parts]) for i in range(3))
    samples = Samples(**bounds, growth=growth, fluxes=fluxes)
    return samples.take(np.flatnonzero(known)), (time.perf_counter() - began) / max(1, count - _AT_ONCE)


def _size(config: TrainConfig) -> int:
    return sum(p.numel() for p in ReactionNetwork(config.build()).parameters())
