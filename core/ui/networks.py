"""The trained networks a person can choose from: shipped checkpoints, and those of finished runs on this computer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from core import storage
from core.errors import InputError
from core.rna.ginfinity_kept import GINFINITY, absent, kept_ginfinity
from core.runs.record import CONFIG_FILE, read_json
from core.ui import device

if TYPE_CHECKING:
    from core.models import Card

RUN = "run:"
_MEMBER = re.compile(r"\.seed\d+$")
_RUN_ID = re.compile(r"[\w.-]{1,80}")


def choices(kind: str = "metabolic", *, controls: bool = False, encoders: bool = False) -> list[str]:
    """Names of the networks of a kind, "metabolic" or "rna": the shipped ones first, then ``run:<run id>``, newest first.

    Args:
        controls: name the shipped controls too (trained on shuffled labels), which are there to be read about rather than used.
        encoders: name GINFINITY too, where it is kept: for pages that need vectors of RNAs and nothing of the network's inside.
    """
    from core.models import list_checkpoints

    runs = sorted((f.name for f in storage.folder("runs").iterdir() if _kind(_weights(f)) == kind), reverse=True)
    kept = [GINFINITY] if encoders and kind == "rna" and kept_ginfinity() else []
    return [*list_checkpoints(kind=kind, controls=controls), *kept, *(f"{RUN}{name}" for name in runs)]


def source(name: str, kind: str = "metabolic", *, encoders: bool = False) -> str | Path:
    """What :func:`core.models.load_checkpoint`, or with ``encoders`` :func:`core.rna.embedding.open_network`, reads for a name of :func:`choices`.

    Raises:
        InputError: no such network; a link must not open files of this computer.
    """
    from core.models import list_checkpoints

    if name == GINFINITY and kind == "rna":
        if not encoders:
            own = ", ".join(choices(kind))
            raise InputError(f"GINFINITY gives vectors alone, and neither attention nor messages; choose one of {own} to see inside a network.")
        if kept_ginfinity() is None:
            raise InputError(absent())
        return GINFINITY
    if name in list_checkpoints(kind=kind, controls=True):
        return name
    run = name.removeprefix(RUN)
    weights = _weights(storage.folder("runs") / run) if name.startswith(RUN) and _RUN_ID.fullmatch(run) else None
    if weights is None:
        known = choices(kind)
        remedy = f"choose one of {', '.join(known)}" if known else "none of its kind is installed"
        raise InputError(f"There is no network {name!r} here; {remedy}.")
    return weights


def weights_of(name: str, kind: str = "metabolic", *, encoders: bool = False) -> str:
    """sha256 of a network's weights, by its name. Arguments and errors as for :func:`source`."""
    from core.models import load_card

    found = source(name, kind, encoders=encoders)
    kept = kept_ginfinity() if found == GINFINITY else None
    return load_card(found).weights_sha256 if kept is None else kept.sha256


def ensemble(name: str, kind: str = "metabolic") -> list[tuple[Any, Card]]:
    """The networks of a checkpoint's ensemble on this session's device, the checkpoint's own first. Errors as for :func:`source`."""
    return members(name, ensemble_key(name, kind), device.choice().device, kind)


def ensemble_key(name: str, kind: str = "metabolic") -> str:
    """The key of everything computed from all seeds of a checkpoint."""
    from core.models import ensemble_key as key_of

    return key_of(source(name, kind))


@st.cache_resource(max_entries=4, show_spinner="Loading the seeds ...")
def members(name: str, key: str, where: str, kind: str = "metabolic") -> list[tuple[Any, Card]]:
    """What :func:`ensemble` gives, for results that were keyed by ``key`` and the device ``where`` already."""
    from core.models import load_members

    return [(network.to(where), card) for network, card in load_members(source(name, kind))]


def credit(name: str) -> str:
    """What the title of a figure adds for vectors that are under a licence of others; "" for Gatescope's own."""
    return ", vectors by GINFINITY (CC BY-NC 4.0)" if name == GINFINITY else ""


def label(name: str) -> str:
    """How a network is called on the page."""
    if name == GINFINITY:
        return "GINFINITY"
    run = name.removeprefix(RUN)
    if not name.startswith(RUN) or not _RUN_ID.fullmatch(run):
        return name
    config = read_json(storage.folder("runs") / run / CONFIG_FILE)
    called, came = config.get("name"), "from a session" if "from" in config else "trained here"
    return f"{came}: {called} ({run[:15]})" if called else f"{came}: {run}"


def _weights(folder: Path) -> Path | None:
    """The checkpoint a finished run wrote, with its card beside it; the other seeds of an ensemble, written before it, are none by themselves."""
    for card in sorted(folder.glob("*.json")):
        weights = card.with_suffix(".safetensors")
        if weights.is_file() and not _MEMBER.search(card.stem):
            return weights
    return None


def _kind(weights: Path | None) -> str | None:
    """What a checkpoint reads; None for none, or for one that cannot be opened."""
    from core.models import load_card

    try:
        return load_card(weights).kind if weights else None
    except InputError:
        return None
