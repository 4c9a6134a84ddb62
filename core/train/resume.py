"""What lets a killed training run go on as if nothing had happened: its settings, its state and its history on disk."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import InputError
from core.runs.record import read_lines
from core.storage import write_atomic, write_bytes, write_json

STATE = "resume.safetensors"
HISTORY = "history.jsonl"
LOSSES = "losses.jsonl"
ABOUT = "about.json"
POINTS = 1_000
"""A run's loss curve holds at most about this many points."""


def pin_settings(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Writes a run's settings on the first start and refuses other ones afterwards (another device is allowed).

    Raises:
        InputError: the folder holds a run with other settings.
    """
    path = folder / "training.json"
    if path.exists():
        stored = json.loads(path.read_text())
        differs = [k for k in wanted if k != "device" and stored.get(k) != wanted[k]]
        if differs:
            raise InputError(
                f"{folder} holds a run with another {differs[0]} ({stored.get(differs[0])}); resume it unchanged or choose another --out."
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, wanted)


def save_state(
    folder: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, step: int, best: float, seconds: float
) -> None:
    """Weights, their average and the optimizer's moments after a step, in one safetensors file."""
    from safetensors.torch import save_file

    content = {f"network.{k}": v for k, v in network.state_dict().items()} | {f"average.{k}": v for k, v in average.state_dict().items()}
    for i, moments in optimizer.state_dict()["state"].items():
        content |= {f"optimizer.{i}.{name}": value for name, value in moments.items()}
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in content.items()}
    metadata = {"step": str(step), "best": repr(best), "seconds": repr(seconds)}
    write_atomic(folder / STATE, lambda p: save_file(plain, p, metadata))


def restore_state(
    folder: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, device: str, *, per_epoch: int
) -> tuple[int, float, float]:
    """Step, best score and seconds spent of a run, its weights and moments loaded; (0, -inf, 0) for a new run.

    Lines of the history and of the loss curve that will be written again are dropped.

    Raises:
        InputError: the state is of another version, and does not fit the network.
    """
    from safetensors import safe_open

    path = folder / STATE
    if not path.exists():
        _forget_after(folder, 0, per_epoch)
        return 0, -math.inf, 0.0
    with safe_open(path, framework="pt", device=device) as stored:
        metadata = stored.metadata()
        content = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
    try:
        network.load_state_dict({k[8:]: v for k, v in content.items() if k.startswith("network.")})
        average.load_state_dict({k[8:]: v for k, v in content.items() if k.startswith("average.")})
    except RuntimeError:
        raise InputError(
            f"The state saved in {folder} is of another version, whose network has other inputs; start the training anew in another folder."
        ) from None
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in content.items():
        if name.startswith("optimizer."):
            _, index, moment = name.split(".")
            moments.setdefault(int(index), {})[moment] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    step = int(metadata["step"])
    _forget_after(folder, step, per_epoch)
    return step, float(metadata["best"]), float(metadata["seconds"])


def append_history(folder: Path, line: Mapping[str, Any]) -> None:
    """Adds an epoch's line to the history, flushed to disk."""
    with open(folder / HISTORY, "a") as log:
        log.write(json.dumps(line) + "\n")
        log.flush()
        os.fsync(log.fileno())


def append_loss(folder: Path, step: int, total: int, loss: float) -> None:
    """Adds a step to the loss curve: every tenth, or fewer, so that the whole run has about :data:`POINTS`."""
    every = 10 * max(1, round(total / (10 * POINTS)))
    if step % every == 0 or step == total:
        with open(folder / LOSSES, "a", encoding="utf-8") as lines:
            lines.write(json.dumps({"step": step, "loss": loss if math.isfinite(loss) else None}) + "\n")


def schedule(step: int, total: int, warmup: int = 200) -> float:
    """Share of the learning rate at a step: linear warm-up, then a half cosine to 1%."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def _forget_after(folder: Path, step: int, per_epoch: int) -> None:
    """Keeps the lines up to a step; a line that a kill cut off goes as well."""
    for name, unit, last in ((HISTORY, "epoch", step // per_epoch), (LOSSES, "step", step)):
        path = folder / name
        if path.exists():
            kept = [row for row in read_lines(path) if row.get(unit, math.inf) <= last]
            write_bytes(path, "".join(json.dumps(row) + "\n" for row in kept).encode())
