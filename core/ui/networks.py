"""The trained networks a person can choose from: shipped checkpoints, and those of finished runs on this computer."""

from __future__ import annotations

import re
from pathlib import Path

from core import storage
from core.errors import InputError

RUN = "run:"
_RUN_ID = re.compile(r"[\w.-]{1,80}")


def choices() -> list[str]:
    """Names of metabolic networks: the shipped ones first, then ``run:<run id>``, newest first."""
    from core.models import list_checkpoints

    runs = sorted((f.name for f in storage.folder("runs").iterdir() if _weights(f) is not None), reverse=True)
    return [*list_checkpoints(kind="metabolic"), *(f"{RUN}{name}" for name in runs)]


def source(name: str) -> str | Path:
    """What :func:`core.models.load_checkpoint` reads for a name of :func:`choices`.

    Raises:
        InputError: no such network; a link must not open files of this computer.
    """
    from core.models import list_checkpoints

    if name in list_checkpoints(kind="metabolic", controls=True):
        return name
    run = name.removeprefix(RUN)
    weights = _weights(storage.folder("runs") / run) if name.startswith(RUN) and _RUN_ID.fullmatch(run) else None
    if weights is None:
        raise InputError(f"There is no network {name!r} here; choose one of {', '.join(choices())}.")
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
