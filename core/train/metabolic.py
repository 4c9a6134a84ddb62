"""Trains a :class:`~core.models.network.ReactionNetwork` on flux balance analysis: seeded, resumable, same result either way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.errors import Cancelled, InputError
from core.metabolic.condition import ConditionBounds
from core.metabolic.features import METABOLITE_FEATURES, REACTION_FEATURES, metabolite_features, reaction_features
from core.metabolic.tables import ModelTables
from core.models.device import autocast, resolve_device
from core.models.network import NetworkConfig, ReactionNetwork
from core.storage import write_bytes
from core.train.metrics import report
from core.train.resume import append_history, pin_settings, restore_state, save_state, schedule
from core.train.samples import Samples, make_samples

VALIDATION_SEED, TEST_SEED = 1, 2
"""Offsets on the run's seed: the three splits are drawn independently, before any training."""


@dataclass(frozen=True)
class TrainConfig:
    """One training run. ``samples`` are for training; ``validation`` selects, ``test`` is only ever quoted."""

    model: str = "e_coli_core"
    samples: int = 20_000
    validation: int = 1_000
    test: int = 2_000
    epochs: int = 30
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    growth_weight: float = 10.0
    average: float = 0.999
    seed: int = 10
    device: str = "auto"
    network: dict[str, Any] = field(default_factory=lambda: {"hidden": 48, "heads": 2, "layers": 6})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """A configuration from plain values; the network's choices are merged into the defaults.

        Raises:
            InputError: an unknown setting, or a network that cannot be built.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InputError(f"There is no training setting {unknown[0]!r}; the settings are {', '.join(sorted(known))}.")
        config = cls(**values)
        config = replace(config, network={**cls().network, **config.network})
        try:
            ReactionNetwork(config.build())
        except (TypeError, ValueError) as error:
            raise InputError(f"The network of this configuration cannot be built: {error}.") from None
        if config.samples < config.batch or min(config.epochs, config.batch, config.validation, config.test) < 1:
            raise InputError("A run needs at least one epoch, one validation and one test sample, and as many samples as a batch holds.")
        return config

    def build(self) -> NetworkConfig:
        """The network's configuration with the feature widths filled in."""
        return NetworkConfig(len(METABOLITE_FEATURES), len(REACTION_FEATURES), **self.network)


@dataclass(frozen=True, eq=False)
class Arrays:
    """Samples as tensors: x [N, V, F], u [N, E, F_u], lower, upper, target = asinh(flux) [N, E], growth [N]."""

    x: Tensor
    u: Tensor
    lower: Tensor
    upper: Tensor
    target: Tensor
    growth: Tensor


@dataclass(frozen=True, eq=False)
class Hyperedges:
    """The fixed structure a run trains on."""

    index: Tensor
    stoich: Tensor
    objective: Tensor


def to_arrays(tables: ModelTables, samples: Samples) -> Arrays:
    """Features and targets of solved conditions."""
    bounds = ConditionBounds(samples.lower, samples.upper, tables.objective, samples.knocked_out, samples.uptake)
    single = {"lower": samples.lower, "upper": samples.upper, "target": np.arcsinh(samples.fluxes), "growth": samples.growth}
    return Arrays(
        torch.from_numpy(metabolite_features(tables, bounds)),
        torch.from_numpy(reaction_features(tables, bounds)),
        **{name: torch.from_numpy(np.asarray(value, dtype=np.float32)) for name, value in single.items()},
    )


def hyperedges(tables: ModelTables, device: torch.device | str) -> Hyperedges:
    """Index, coefficients and objective of a model on a device."""
    index = torch.stack([torch.from_numpy(tables.rows), torch.from_numpy(tables.cols)])
    return Hyperedges(
        index.to(device),
        torch.from_numpy(tables.stoich).float().to(device),
        torch.from_numpy(tables.objective).float().to(device),
    )


def reaction_weights(tables: ModelTables, target: Tensor, growth_weight: float) -> Tensor:
    """[E] loss weights: each varying reaction standardised, the objective weighted ``growth_weight`` times, mean 1."""
    spread = target.std(0)
    weight = torch.where(spread > 1e-3, spread.clamp_min(1e-3) ** -2, torch.zeros_like(spread))
    weight = weight * torch.where(torch.from_numpy(tables.objective != 0), growth_weight, 1.0)
    return weight / weight.mean()


@torch.no_grad()
def predict_arrays(network: ReactionNetwork, edges: Hyperedges, arrays: Arrays, *, chunk: int = 250) -> tuple[np.ndarray, np.ndarray]:
    """Growth [N] and fluxes [N, E] predicted for many conditions."""
    device = edges.stoich.device
    growth, fluxes = [], []
    for part in torch.arange(len(arrays.growth)).split(chunk):
        out = network(
            arrays.x[part].to(device),
            arrays.u[part].to(device),
            edges.index,
            edges.stoich,
            lower=arrays.lower[part].to(device),
            upper=arrays.upper[part].to(device),
            objective=edges.objective,
        )
        growth.append(out.growth.cpu())
        fluxes.append(out.flux.cpu())
    return torch.cat(growth).double().numpy(), torch.cat(fluxes).double().numpy()


class Run:
    """A training run in a folder: ``training.json``, ``samples-*``, ``resume.safetensors``, ``history.jsonl``, ``best.safetensors``.

    Killing the process at any moment and calling :meth:`fit` again gives the weights an unbroken run gives: batches and
    the learning rate depend on the seed and the step alone.
    """

    SAVE_EVERY = 200

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        from core.metabolic import load_tables

        self.folder = folder
        self.config = config
        pin_settings(folder, asdict(config))
        self.tables = load_tables(config.model)
        self.device = resolve_device(self.config.device).device

    def samples(self, executor: Executor, on_progress: Callable[[str, int, int], None], should_stop: Callable[[], bool]) -> dict[str, Samples]:
        """The three splits, solved or read back."""
        c = self.config
        counts = {"train": (c.samples, c.seed), "validation": (c.validation, c.seed + VALIDATION_SEED), "test": (c.test, c.seed + TEST_SEED)}

        def solved(split: str, count: int, seed: int) -> Samples:
            def told(done: int, total: int) -> None:
                on_progress(f"solving {split} conditions", done, total)

            return make_samples(c.model, self.tables, count, seed, self.folder, executor=executor, on_progress=told, should_stop=should_stop)

        return {split: solved(split, *chosen) for split, chosen in counts.items()}

    def fit(self, train: Samples, validation: Samples, on_progress: Callable[..., None], should_stop: Callable[[], bool]) -> ReactionNetwork:
        """Trains to the end and returns the network whose averaged weights did best on validation.

        Raises:
            Cancelled: ``should_stop`` said so; the state is saved and the next call goes on from it.
        """
        c = self.config
        torch.manual_seed(c.seed)
        network = ReactionNetwork(c.build()).to(self.device)
        average = ReactionNetwork(c.build()).to(self.device).requires_grad_(False)
        average.load_state_dict(network.state_dict())
        optimizer = torch.optim.AdamW(network.parameters(), lr=c.learning_rate, weight_decay=c.weight_decay)
        arrays, held_out = to_arrays(self.tables, train), to_arrays(self.tables, validation)
        edges = hyperedges(self.tables, self.device)
        weights = reaction_weights(self.tables, arrays.target, c.growth_weight).to(self.device)
        per_epoch = len(train) // c.batch
        total = per_epoch * c.epochs
        step, best, seconds = restore_state(self.folder, network, average, optimizer, self.device, per_epoch=per_epoch)
        started = time.monotonic() - seconds
        while step < total:
            epoch, within = divmod(step, per_epoch)
            order = torch.randperm(len(train), generator=torch.Generator().manual_seed(c.seed * 100_003 + epoch))
            rows = order[within * c.batch : (within + 1) * c.batch]
            for group in optimizer.param_groups:
                group["lr"] = c.learning_rate * schedule(step, total)
            loss = self._loss(network, edges, arrays, rows, weights)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            with torch.no_grad():
                keep = min(c.average, step / (step + 10))
                torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - keep)
            if step % 20 == 0:
                on_progress("training", step, total, loss=float(loss.detach()))
            ended_epoch = step % per_epoch == 0
            if ended_epoch:
                best = self._validate(average, edges, held_out, validation, step // per_epoch, float(loss.detach()), best, time.monotonic() - started)
            stop = should_stop()
            if ended_epoch or stop or step % self.SAVE_EVERY == 0:
                save_state(self.folder, network, average, optimizer, step, best, time.monotonic() - started)
            if stop:
                raise Cancelled(f"Training was stopped at step {step} of {total}; the same command resumes it.")
        return self.best()

    def best(self) -> ReactionNetwork:
        """The network selected on validation so far."""
        from safetensors.torch import load_file

        network = ReactionNetwork(self.config.build()).to(self.device)
        network.load_state_dict(load_file(self.folder / "best.safetensors", device=self.device))
        return network.eval()

    def _loss(self, network: ReactionNetwork, edges: Hyperedges, arrays: Arrays, rows: Tensor, weights: Tensor) -> Tensor:
        batch = {name: getattr(arrays, name)[rows].to(self.device) for name in ("x", "u", "lower", "upper", "target")}
        with autocast(self.device):
            out = network(batch["x"], batch["u"], edges.index, edges.stoich, lower=batch["lower"], upper=batch["upper"], objective=edges.objective)
        return ((out.raw.float() - batch["target"]) ** 2 * weights).mean()

    def _validate(
        self, network: ReactionNetwork, edges: Hyperedges, arrays: Arrays, truth: Samples, epoch: int, loss: float, best: float, seconds: float
    ) -> float:
        growth, fluxes = predict_arrays(network, edges, arrays)
        figures = report(truth.growth, growth, truth.fluxes, fluxes)
        line = {"epoch": epoch, "loss": loss, "seconds": round(seconds, 1), **figures}
        append_history(self.folder, line)
        score = figures["growth_r2"] + figures["flux_r2_median"]
        if score > best:
            from safetensors.torch import save

            write_bytes(self.folder / "best.safetensors", save({k: v.contiguous().cpu() for k, v in network.state_dict().items()}))
        return max(best, score)
