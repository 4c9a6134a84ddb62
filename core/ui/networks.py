"""The trained networks a person can choose from: shipped checkpoints, and those of finished runs on this computer."""

from __future__ import annotations

import re
from pathlib import Path

from core import storage
from core.errors import InputError

RUN = "run:"
_RUN_ID = re.compile(r"[\w.-]{1,80}")


def choices(kind: str = "metabolic") -> list[str]:
    """Names of the networks of a kind, "metabolic" or "rna": the shipped ones first, then ``run:<run id>``, newest first."""
    from core.models import list_checkpoints

    runs = sorted((f.name for f in storage.folder("runs").iterdir() if _kind(_weights(f)) == kind), reverse=True)
    return [*list_checkpoints(kind=kind), *(f"{RUN}{name}" for name in runs)]


def source(name: str, kind: str = "metabolic") -> str | Path:
    """What :func:`core.models.load_checkpoint` reads for a name of :func:`choices`.

    Raises:
        InputError: no such network; a link must not open files of this computer.
    """
    from core.models import list_checkpoints

    if name in list_checkpoints(kind=kind, controls=True):
        return name
    run = name.removeprefix(RUN)
    weights = _weights(storage.folder("runs") / run) if name.startswith(RUN) and _RUN_ID.fullmatch(run) else None
    if weights is None:
        known = choices(kind)
        remedy = f"choose one of {', '.join(known)}" if known else "none of its kind is installed"
        raise InputError(f"There is no network {name!r} here; {remedy}.")
    return weights


def label(name: str) -> str:
    """How a network is called on the page."""
    return f"trained here: {name.removeprefix(RUN)}" if name.startswith(RUN) else name


def _weights(folder: Path) -> Path | None:
    """The checkpoint a finished run wrote, with its card beside it."""
    for card in sorted(folder.glob("*.json")):
        weights = card.with_suffix(".safetensors")
        if weights.is_file():
            return weights
    return None


def _kind(weights: Path | None) -> str | None:
    """What a checkpoint reads; None for none, or for one that cannot be opened."""
    from core.models import load_card

    try:
        return load_card(weights).kind if weights else None
    except InputError:
        return None
