"""Trains a :class:`~core.models.network.ReactionNetwork` on flux balance analysis: seeded, resumable, same result either way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.errors import Cancelled, InputError
from core.metabolic.features import METABOLITE_FEATURES, REACTION_FEATURES
from core.metabolic.kinetics import KINETIC_FEATURES, read_kinetics
from core.models.device import autocast, resolve_device
from core.models.network import NetworkConfig, ReactionNetwork
from core.storage import write_bytes
from core.train.arrays import Hyperedges, batch_of, predict_samples, reaction_weights, run_batch
from core.train.conditions import DISTRIBUTION, DISTRIBUTIONS, SPLITS, sample_conditions
from core.train.kinetics import KineticInputs, step_features
from core.train.metrics import report
from core.train.resume import append_history, append_loss, pin_settings, restore_state, save_state, schedule
from core.train.samples import Samples, make_samples
from core.train.settings import check_settings

VALIDATION_SEED, TEST_SEED = 1, 2
"""Offsets on the run's seed: the three splits are drawn independently, before any training."""
TURNOVER = 100.0
"""The steady-state penalty divides by at least this much turnover, mmol/gDW/h: an E. coli that grows turns over thousands."""
HELD_OUT_SEED = 3
"""Offset of the held-out splits, which a run on seen nutrients and genes is asked about as well."""


@dataclass(frozen=True)
class TrainConfig:
    """One training run. ``samples`` are for training; ``validation`` selects, ``test`` is only ever quoted.

    Attributes:
        model: what is trained on; distribution, split: see :mod:`core.train.conditions`.
        held_out: conditions of each held-out split the network is quoted on; only with the split "seen".
        transfer: other organisms' models to conditions of each it is quoted on.
        batch: conditions of one step; accumulate: how many parts a step is computed in (the same step in less memory).
        growth_weight: loss weight of the objective's flux against any other; spread_floor: reactions whose asinh flux varies less than this are not
            magnified further by standardisation.
        steady_state: weight of the imbalance |S v| / |S||v| of the predicted fluxes; gate_sparsity: weight of the mean gate.
        shuffle_labels: truth dealt out to other conditions, for a control that can have learned nothing about them.
        average: decay of the averaged weights, which are what is selected and shipped.
        seed: of the network and of the order of batches; data_seed: of the conditions (None: ``seed``);
            members: seeds of the ensemble, counted up from ``seed``, all on the same conditions.
        compile: torch.compile, where a compiler is installed.
        kinetics: path of a CSV of kinetic parameters (:func:`core.metabolic.read_kinetics`) the network is built for and given;
            kinetics_hidden: share of the known values that is taken away at random in each step, so that the network meets gaps.
    """

    model: str = "e_coli_core"
    distribution: str = DISTRIBUTION
    split: str = "all"
    samples: int = 20_000
    validation: int = 1_000
    test: int = 2_000
    held_out: int = 0
    transfer: dict[str, int] = field(default_factory=dict)
    epochs: int = 30
    batch: int = 32
    accumulate: int = 1
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    growth_weight: float = 10.0
    spread_floor: float = 1e-3
    steady_state: float = 0.0
    gate_sparsity: float = 0.0
    shuffle_labels: bool = False
    average: float = 0.999
    seed: int = 10
    data_seed: int | None = None
    members: int = 1
    device: str = "auto"
    compile: bool = False
    kinetics: str | None = None
    kinetics_hidden: float | None = None
    network: dict[str, Any] = field(default_factory=lambda: {"hidden": 48, "heads": 2, "layers": 6})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """A configuration from plain values; the network's choices are merged into the defaults.

        Raises:
            InputError: an unknown setting, or a network that cannot be built.
        """
        check_settings(cls(), values, {"data_seed": (int,), "kinetics": (str,), "kinetics_hidden": (int, float)})
        if not all(isinstance(m, str) and type(n) is int and n > 1 for m, n in values.get("transfer", {}).items()):
            raise InputError("The training setting 'transfer' names models with a number of conditions, at least 2, such as {'salmonella': 500}.")
        config = cls(**values)
        config = replace(config, network={**cls().network, **config.network})
        try:
            ReactionNetwork(config.build())
        except (TypeError, ValueError) as error:
            raise InputError(f"The network of this configuration cannot be built: {error}.") from None
        if config.samples < config.batch or min(config.epochs, config.batch, config.validation - 1, config.test - 1, config.members) < 1:
            raise InputError("A run needs at least one epoch, two validation and two test samples, and as many samples as a batch holds.")
        if config.distribution not in DISTRIBUTIONS or config.split not in SPLITS[:2]:
            raise InputError(f"A run learns from {' or '.join(DISTRIBUTIONS)} and from all conditions or those seen; correct the configuration.")
        if config.accumulate < 1 or config.batch % config.accumulate:
            raise InputError(f"A batch of {config.batch} cannot be computed in {config.accumulate} equal parts; choose a divisor of it.")
        if config.kinetics_hidden is not None and not (config.kinetics and 0 <= config.kinetics_hidden < 1):
            raise InputError("kinetics_hidden is a share from 0 to below 1 of the values in the file that 'kinetics' names; give both.")
        return config

    def build(self) -> NetworkConfig:
        """The network's configuration with the feature widths filled in."""
        columns = len(REACTION_FEATURES) + (len(KINETIC_FEATURES) if self.kinetics else 0)
        return NetworkConfig(**{"metabolite_channels": len(METABOLITE_FEATURES), "reaction_channels": columns, **self.network})

    def each_member(self) -> list[TrainConfig]:
        """One configuration for each seed of the ensemble."""
        return [replace(self, seed=self.seed + i, data_seed=self.drawn_from, members=1) for i in range(self.members)]

    @property
    def drawn_from(self) -> int:
        """The seed of the conditions."""
        return self.seed if self.data_seed is None else self.data_seed

    def splits(self) -> dict[str, tuple[str, int, int, str]]:
        """Every set of conditions by name: (model, how many, seed, split), drawn independently and fixed before training."""
        seed = self.drawn_from
        found = {
            "train": (self.model, self.samples, seed, self.split),
            "validation": (self.model, self.validation, seed + VALIDATION_SEED, self.split),
            "test": (self.model, self.test, seed + TEST_SEED, self.split),
        }
        if self.split == "seen" and self.held_out:
            found |= {s: (self.model, self.held_out, seed + HELD_OUT_SEED, s) for s in SPLITS[2:]}
        return found | {model: (model, count, seed + TEST_SEED, "all") for model, count in self.transfer.items()}


class Run:
    """A training run in a folder: ``training.json``, ``samples-*``, ``resume.safetensors``, ``history.jsonl``, ``best.safetensors``.

    Killing the process at any moment and calling :meth:`fit` again gives the weights an unbroken run gives: batches and
    the learning rate depend on the seed and the step alone.

    Args:
        data: where the samples lie; the run's own folder when None. Runs that share a ``data_seed`` may share them.
        build: makes the network, untrained, where it is not the :class:`ReactionNetwork` of the configuration but another that is called alike.
    """

    SAVE_EVERY = 200

    def __init__(self, config: TrainConfig, folder: Path, *, data: Path | None = None, build: Callable[[], Any] | None = None) -> None:
        from core.metabolic import load_tables

        self.folder, self.data = folder, data or folder
        self.build = build or (lambda: ReactionNetwork(config.build()))
        self.config = config
        drawn = config.splits().values()
        tables = {model: load_tables(model) for model in dict.fromkeys(model for model, *_ in drawn)}
        for model, _, seed, split in drawn:  # before the folder is bound to settings that cannot work
            sample_conditions(tables[model], 1, seed, distribution=config.distribution, split=split)
        pin_settings(folder, asdict(config))
        self.tables = tables[config.model]
        self.device = resolve_device(config.device).device
        self.kinetics = read_kinetics(Path(config.kinetics)).features(self.tables) if config.kinetics else None
        if np.count_nonzero(self.tables.objective) != 1 or self.tables.objective.max() != 1:
            raise InputError(f"The objective of {self.tables.id} is not one reaction's flux; choose one reaction as its objective to train on it.")

    def samples(
        self, executor: Executor, on_progress: Callable[..., None], should_stop: Callable[[], bool], *, only: tuple[str, ...] | None = None
    ) -> dict[str, Samples]:
        """The solved sets of conditions (see :meth:`TrainConfig.splits`), drawn independently and solved once; all, or only some."""
        chosen = {n: s for n, s in self.config.splits().items() if only is None or n in only}
        return {name: solved_split(self.config, name, *split, self.data, executor, on_progress, should_stop) for name, split in chosen.items()}

    def fit(self, train: Samples, validation: Samples, on_progress: Callable[..., None], should_stop: Callable[[], bool]) -> ReactionNetwork:
        """Trains to the end and returns the network whose averaged weights did best on validation.

        Raises:
            Cancelled: ``should_stop`` said so; the state is saved and the next call goes on from it.
        """
        c = self.config
        torch.manual_seed(c.seed)
        network = self.build().to(self.device)
        average = self.build().to(self.device).requires_grad_(False)
        average.load_state_dict(network.state_dict())
        optimizer = torch.optim.AdamW(network.parameters(), lr=c.learning_rate, weight_decay=c.weight_decay)
        edges = Hyperedges.of(self.tables, self.device)
        weights = torch.from_numpy(reaction_weights(np.arcsinh(train.fluxes).std(0), c.spread_floor)).float().to(self.device)
        forward = torch.compile(network, dynamic=False) if c.compile else network
        dealt = np.random.default_rng(c.seed).permutation(len(train)) if c.shuffle_labels else np.arange(len(train))
        per_epoch = len(train) // c.batch
        total = per_epoch * c.epochs
        step, best, seconds = restore_state(self.folder, network, average, optimizer, self.device, per_epoch=per_epoch)
        started = time.monotonic() - seconds
        while step < total:
            epoch, within = divmod(step, per_epoch)
            order = torch.randperm(len(train), generator=torch.Generator().manual_seed(c.seed * 100_003 + epoch)).numpy()
            for group in optimizer.param_groups:
                group["lr"] = c.learning_rate * schedule(step, total)
            optimizer.zero_grad(set_to_none=True)
            loss = 0.0
            given = forward if self.kinetics is None else KineticInputs(forward, step_features(self.kinetics, c.kinetics_hidden, c.seed, step))
            for rows in np.split(order[within * c.batch : (within + 1) * c.batch], c.accumulate):
                part = self._loss(given, edges, train, rows, dealt[rows], weights) / c.accumulate
                part.backward()
                loss += float(part.detach())
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            with torch.no_grad():
                keep = min(c.average, step / (step + 10))
                torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - keep)
            if step % 10 == 0 or step == total:
                on_progress("training", step, total, loss=loss)
                append_loss(self.folder, step, total, loss)
            ended_epoch = step % per_epoch == 0
            if ended_epoch:
                best = self._validate(average, validation, step // per_epoch, loss, best, time.monotonic() - started)
            stop = should_stop()
            if ended_epoch or stop or step % self.SAVE_EVERY == 0:
                save_state(self.folder, network, average, optimizer, step, best, time.monotonic() - started)
            if stop and step < total:
                raise Cancelled(f"Training was stopped at step {step} of {total}; the same command resumes it.")
        return self.best()

    def best(self) -> ReactionNetwork:
        """The network selected on validation so far."""
        from safetensors.torch import load_file

        network = self.build().to(self.device)
        network.load_state_dict(load_file(self.folder / "best.safetensors", device=self.device))
        return network.eval()

    def seconds_per_step(self, train: Samples, steps: int = 7) -> float:
        """Median seconds of a training step (features, both passes, optimizer) of a network that is thrown away; the first two are not counted.

        On the CPU these are seconds of processor time, all threads together, so that what else the machine does is left out.
        """
        network = self.build().to(self.device)
        optimizer = torch.optim.AdamW(network.parameters())
        edges = Hyperedges.of(self.tables, self.device)
        rows, weights = np.arange(self.config.batch), torch.ones(self.tables.shape[1], device=self.device)
        taken = []
        clock = time.process_time if self.device == "cpu" else time.perf_counter
        for _ in range(steps + 2):
            started = clock()
            optimizer.zero_grad(set_to_none=True)
            loss = self._loss(network, edges, train, rows, rows, weights)
            loss.backward()
            optimizer.step()
            float(loss.detach())  # waits for the device
            taken.append(clock() - started)
        return float(np.median(taken[2:]))

    def _loss(self, network: Any, edges: Hyperedges, samples: Samples, rows: np.ndarray, labels: np.ndarray, weights: Tensor) -> Tensor:
        c = self.config
        batch = batch_of(self.tables, samples, rows, self.device)
        target = batch.target if not c.shuffle_labels else torch.from_numpy(np.arcsinh(samples.fluxes[labels])).float().to(self.device)
        with autocast(self.device):
            out = run_batch(network, edges, batch, return_trace=c.gate_sparsity > 0)
        favoured = weights * (1 + (c.growth_weight - 1) * (batch.objective != 0))
        loss = ((out.raw.float() - target) ** 2 * favoured).mean()
        if c.steady_state > 0:
            loss = loss + c.steady_state * edges.imbalance(torch.sinh(out.raw.float().clamp(-12, 12)), least=TURNOVER).mean()
        if c.gate_sparsity > 0 and out.traces:
            loss = loss + c.gate_sparsity * torch.stack([t.gate.float().mean() for t in out.traces]).mean()
        return loss

    def _validate(self, network: ReactionNetwork, truth: Samples, epoch: int, loss: float, best: float, seconds: float) -> float:
        given: Any = network if self.kinetics is None else KineticInputs(network, self.kinetics)
        growth, fluxes = predict_samples(given, self.tables, truth, device=self.device)
        figures = report(truth.growth, growth, truth.fluxes, fluxes)
        append_history(self.folder, {"epoch": epoch, "loss": loss, "seconds": round(seconds, 1), **figures})
        score = figures["growth_r2"] + figures["flux_r2_median"]
        if score > best or not (self.folder / "best.safetensors").exists():
            from safetensors.torch import save

            write_bytes(self.folder / "best.safetensors", save({k: v.contiguous().cpu() for k, v in network.state_dict().items()}))
        return max(best, score)


def solved_split(
    config: TrainConfig,
    name: str,
    model: str,
    count: int,
    seed: int,
    split: str,
    folder: Path,
    executor: Executor,
    on_progress: Callable[..., None],
    should_stop: Callable[[], bool] | None = None,
) -> Samples:
    """One set of conditions of a run, solved or read back."""
    from core.metabolic import load_tables

    return make_samples(
        model,
        load_tables(model),
        count,
        seed,
        folder,
        executor=executor,
        distribution=config.distribution,
        split=split,
        on_progress=lambda done, total: on_progress(f"solving {name} conditions", done, total),
        should_stop=should_stop,
    )
