"""Trains an :class:`~core.models.rna.RnaGine` by contrast on synthetic families: seeded, resumable, same result either way."""

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
from core.models.device import autocast, resolve_device
from core.models.rna import RnaGine, RnaGineConfig
from core.storage import write_bytes
from core.train.resume import append_history, append_loss, pin_settings, restore_state, save_state, schedule
from core.train.rna_families import make_families
from core.train.rna_graphs import FamilyGraphs, run
from core.train.rna_losses import contrastive_loss, draw_batch
from core.train.rna_readout import fit_readout
from core.train.settings import check_settings

VALIDATION_SEED, TEST_SEED = 1, 2
"""Offsets on the seed of the data: families of the three splits are drawn independently, before any training."""
LENGTH_JITTER = 8.0
"""Standard deviation (nt) of the noise by which families are ordered into batches of like length."""
LENGTH_MATCH = 0.07
"""Pairs are compared when their lengths differ by at most this share of the longer."""


@dataclass(frozen=True)
class RnaTrainConfig:
    """One training run. ``families`` are for training; ``validation`` selects, ``test`` is only ever quoted.

    ``given`` is the share of batches shown with the designed structures instead of the folded ones, ``mixed`` of those where one relative of each
    family has the designed one and the other is folded; ``shuffles`` is the share of a batch's families whose shuffle is a negative too.
    ``sequence_weight`` is the w of the encoding; ``temperature`` divides the cosines of the loss, in which aligned bases and aligned elements count
    ``bases`` and ``elements``. Validation comes every ``validate_every`` epochs and at the end. ``readout_families``, ``readout_power`` and
    ``readout_pooled`` are those of :func:`core.train.rna_readout.fit_readout`, which makes the last linear map when training is over.
    ``shuffle_labels``: relatives, and their bases and elements, are dealt out at random, for a control that can have learned nothing about them.
    ``seed`` is of the network and of the order of batches, ``data_seed`` of the families (None: ``seed``); ``members``: seeds of the ensemble,
    counted up from ``seed``, all on the same families.
    """

    encoding: str = "forgi"
    sequence_weight: float = 0.5
    families: int = 9_000
    validation: int = 200
    test: int = 400
    epochs: int = 40
    validate_every: int = 4
    batch: int = 128
    given: float = 0.2
    mixed: float = 0.15
    shuffles: float = 0.5
    bases: float = 0.2
    elements: float = 0.2
    temperature: float = 0.05
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    average: float = 0.99
    readout_families: int = 2_000
    readout_power: float = 0.5
    readout_pooled: float = 0.01
    shuffle_labels: bool = False
    seed: int = 40
    data_seed: int | None = None
    members: int = 1
    device: str = "auto"
    network: dict[str, Any] = field(
        default_factory=lambda: {"hidden": 96, "out": 384, "layers": 4, "norm": "layer", "ensemble": True, "segments": 12, "segment_width": 128}
    )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RnaTrainConfig:
        """A configuration from plain values; the network's choices are merged into the defaults.

        Raises:
            InputError: an unknown setting, a value of another kind, or a network that cannot be built.
        """
        check_settings(cls(), values, {"data_seed": (int,)})
        config = cls(**values)
        config = replace(config, network={**cls().network, **config.network})
        try:
            config.build()
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(f"The network of this configuration cannot be built: {error}.") from None
        counts = (config.epochs, config.validate_every, config.validation, config.test, config.members)
        if config.families < config.batch or config.batch < 2 or min(counts) < 1:
            raise InputError("A run needs an epoch, a validation family, a test family, a seed, batches of two or more, and families for one batch.")
        shares = (config.given, config.mixed, config.given + config.mixed, config.shuffles)
        if config.readout_families < 2 or not (0 <= config.readout_power <= 1 and config.readout_pooled > 0):
            raise InputError("The read-out is fitted on 2 families or more, with a power between 0 and 1 and a share of the pooled nodes above 0.")
        if not (0 < config.sequence_weight <= 1 and all(0 <= share <= 1 for share in shares) and config.temperature > 0):
            raise InputError("sequence_weight lies in (0, 1], given, mixed, their sum and shuffles between 0 and 1, temperature above 0.")
        return config

    def each_member(self) -> list[RnaTrainConfig]:
        """One configuration for each seed of the ensemble."""
        return [replace(self, seed=self.seed + i, data_seed=self.drawn_from, members=1) for i in range(self.members)]

    @property
    def drawn_from(self) -> int:
        """The seed of the families."""
        return self.seed if self.data_seed is None else self.data_seed

    def build(self) -> RnaGineConfig:
        """The network's configuration with the widths of the encoding filled in."""
        from core.rna.graph import EDGE_FEATURES, ENSEMBLE_FEATURES, NODE_FEATURES

        soft = len(ENSEMBLE_FEATURES) if self.network.get("ensemble") else 0
        widths = len(NODE_FEATURES[self.encoding]) + soft, len(EDGE_FEATURES[self.encoding])
        return RnaGineConfig(*widths, encoding=self.encoding, sequence_weight=self.sequence_weight, **self.network)  # type: ignore[arg-type]


def epoch_batches(lengths: np.ndarray, batch: int, rng: np.random.Generator) -> np.ndarray:
    """[steps, batch] families of an epoch: each batch of like length, so that length cannot tell its families apart; order random."""
    order = np.argsort(lengths + rng.normal(0, LENGTH_JITTER, len(lengths)), kind="stable")
    steps = len(lengths) // batch
    start = rng.integers(len(lengths) - steps * batch + 1)
    return rng.permutation(order[start : start + steps * batch].reshape(steps, batch))


class RnaRun:
    """A training run in a folder: ``training.json``, families and graphs in blocks, ``resume.safetensors``, ``history.jsonl``,
    ``best.safetensors``.

    Killing the process at any moment and calling :meth:`fit` again gives the weights an unbroken run gives: batches, views,
    dropout and the learning rate depend on the seed and the step alone.

    Args:
        data: where the families lie; the run's own folder when None. Runs that share a ``data_seed`` may share them.
    """

    SAVE_EVERY = 200

    def __init__(self, config: RnaTrainConfig, folder: Path, *, data: Path | None = None) -> None:
        self.folder, self.config, self.data = folder, config, data or folder
        pin_settings(folder, asdict(config))
        self.device = resolve_device(config.device).device

    def split(self, name: str, executor: Executor, on_progress: Callable[[str, int, int], None], should_stop: Callable[[], bool]) -> FamilyGraphs:
        """Families of "train", "validation" or "test", made or read back."""
        return load_split(self.config, name, self.data, executor=executor, on_progress=on_progress, should_stop=should_stop)

    def fit(self, train: FamilyGraphs, validation: FamilyGraphs, on_progress: Callable[..., None], should_stop: Callable[[], bool]) -> RnaGine:
        """Trains to the end and returns the network whose averaged weights did best on validation, its last linear map fitted anew.

        Raises:
            Cancelled: ``should_stop`` said so; the state is saved and the next call goes on from it.
        """
        c = self.config
        torch.manual_seed(c.seed)
        network = RnaGine(c.build()).to(self.device)
        average = RnaGine(c.build()).to(self.device).requires_grad_(False).eval()
        average.load_state_dict(network.state_dict())
        optimizer = torch.optim.AdamW(network.parameters(), lr=c.learning_rate, weight_decay=c.weight_decay)
        lengths = train.families.lengths()
        per_epoch = len(train.families) // c.batch
        total = per_epoch * c.epochs
        step, best, seconds = restore_state(self.folder, network, average, optimizer, self.device, per_epoch=per_epoch)
        started = time.monotonic() - seconds
        while step < total:
            epoch, within = divmod(step, per_epoch)
            families = epoch_batches(lengths, c.batch, np.random.default_rng([c.seed, epoch]))[within]
            for group in optimizer.param_groups:
                group["lr"] = c.learning_rate * schedule(step, total)
            loss = self._loss(network, train, families, step)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            _follow(average, network, min(c.average, step / (step + 10)))
            if step % 10 == 0 or step == total:
                on_progress("training", step, total, loss=float(loss.detach()))
                append_loss(self.folder, step, total, float(loss.detach()))
            ended_epoch = step % per_epoch == 0
            if (ended_epoch and (step // per_epoch) % c.validate_every == 0) or step == total:
                best = self._validate(average, validation, step // per_epoch, float(loss.detach()), best, time.monotonic() - started)
            stop = should_stop()
            if ended_epoch or stop or step % self.SAVE_EVERY == 0:
                save_state(self.folder, network, average, optimizer, step, best, time.monotonic() - started)
            if stop:
                raise Cancelled(f"Training was stopped at step {step} of {total}; the same command resumes it.")
        return self.finished(train)

    def finished(self, train: FamilyGraphs) -> RnaGine:
        """The network selected on validation with the read-out of its training families."""
        c, network = self.config, self.best()
        fit_readout(network, train, families=c.readout_families, power=c.readout_power, pooled=c.readout_pooled, device=self.device)
        return network

    def best(self) -> RnaGine:
        """The network selected on validation so far, as trained."""
        from safetensors.torch import load_file

        network = RnaGine(self.config.build()).to(self.device)
        network.load_state_dict(load_file(self.folder / "best.safetensors", device=self.device))
        return network.eval()

    def _loss(self, network: RnaGine, graphs: FamilyGraphs, families: np.ndarray, step: int) -> Tensor:
        c = self.config
        drawn = draw_batch(graphs, families, given=c.given, mixed=c.mixed, shuffles=c.shuffles, rng=np.random.default_rng([c.seed, 1, step]))
        if c.shuffle_labels:
            drawn = drawn.dealt_out(np.random.default_rng([c.seed, 2, step]))
        torch.manual_seed(c.seed * 1_000_003 + step)  # dropout
        with autocast(self.device):
            out = run(network, graphs.assemble(drawn.views), self.device)
        whole, nodes, count = out.graph.float(), out.nodes.float(), len(families)
        others = whole[2 * count :] if drawn.shuffles else None
        second = whole[count : 2 * count][torch.from_numpy(drawn.partners).to(self.device)]
        loss = contrastive_loss(whole[:count], second, c.temperature, others=others)
        if c.bases and len(drawn.bases):
            first, second = nodes[torch.from_numpy(drawn.bases).to(self.device)].unbind(1)
            loss = loss + c.bases * contrastive_loss(first, second, c.temperature)
        if c.elements and len(drawn.elements):
            first, second = nodes[torch.from_numpy(drawn.elements).to(self.device)].unbind(1)
            kinds = torch.from_numpy(drawn.kinds).to(self.device)
            loss = loss + c.elements * contrastive_loss(first, second, c.temperature, unlike=kinds.unsqueeze(1) != kinds)
        return loss

    def _validate(self, network: RnaGine, validation: FamilyGraphs, epoch: int, loss: float, best: float, seconds: float) -> float:
        from core.train.rna_evaluate import synthetic_figures

        figures = synthetic_figures(network, validation, self.device)
        append_history(self.folder, {"epoch": epoch, "loss": loss, "seconds": round(seconds, 1), **figures})
        score = sum(value for value in figures.values() if not np.isnan(value))  # few families may have no distant pair
        if score > best:
            from safetensors.torch import save

            write_bytes(self.folder / "best.safetensors", save({k: v.contiguous().cpu() for k, v in network.state_dict().items()}))
        return max(best, score)


def load_split(
    config: RnaTrainConfig,
    name: str,
    folder: Path,
    *,
    executor: Executor,
    on_progress: Callable[[str, int, int], None],
    should_stop: Callable[[], bool] | None = None,
) -> FamilyGraphs:
    """A split of a configuration, from what the folder holds or made there."""
    count, offset = {"train": (config.families, 0), "validation": (config.validation, VALIDATION_SEED), "test": (config.test, TEST_SEED)}[name]
    families = make_families(
        count,
        config.drawn_from + offset,
        folder,
        executor=executor,
        on_progress=lambda i, n: on_progress(f"making {name} families", i, n),
        should_stop=should_stop,
    )
    network = config.build()
    return FamilyGraphs(families, encoding=network.encoding, sequence_weight=network.sequence_weight, ensemble=network.ensemble)


@torch.no_grad()
def _follow(average: RnaGine, network: RnaGine, keep: float) -> None:
    """Moves the averaged weights, and the averaged running statistics of batch norm, towards the network's."""
    theirs = dict(network.state_dict())
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(theirs[name], 1 - keep)
        else:
            value.copy_(theirs[name])
