"""GINFINITY's weights kept between visits, with the user's acceptance of their licence: ``encoders/ginfinity`` in the user-data folder."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core import storage
from core.errors import InputError

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.models.nucleotide_gine import NucleotideGine

GINFINITY = "ginfinity"
"""The name by which the kept network is chosen."""
SCHEMA = 1
_WEIGHTS, _ABOUT = "encoder.pt", "about.json"


class Kept(NamedTuple):
    """What is kept.

    Attributes:
        path: of the weights; sha256: of them; version: of the package they are of.
        licence: name of the licence that was accepted; accepted: when, Unix time in seconds.
    """

    path: Path
    sha256: str
    version: str
    licence: str
    accepted: float


def keep_ginfinity(source: Path | bytes, name: str = "", *, accept_licence: bool) -> Kept:
    """Keeps the weights of a wheel, or of the weights file inside it, for later visits.

    Args:
        source: path or contents of the file; name: of contents, for sentences.
        accept_licence: that the user has read and accepts :data:`core.rna.ginfinity.LICENCE`; it is kept with the weights.

    Raises:
        InputError: as :func:`core.rna.ginfinity.open_ginfinity`; nothing new is kept then.
    """
    from core.rna.ginfinity import LICENCE, known_weights, open_ginfinity

    weights = known_weights(source, name, accept_licence=accept_licence)
    folder = _folder()
    remove_ginfinity()  # what is replaced was accepted for other bytes
    try:
        open_ginfinity(storage.write_bytes(folder / _WEIGHTS, weights), accept_licence=accept_licence)
    except InputError:
        remove_ginfinity()
        raise
    about = {"schema": SCHEMA, "sha256": storage.digest(weights), "licence": LICENCE.name, "accepted": time.time()}
    storage.write_json(folder / _ABOUT, about)
    found = kept_ginfinity()
    assert found is not None
    return found


def kept_ginfinity() -> Kept | None:
    """What is kept; None for nothing, or without a licence accepted that is still the weights' own."""
    folder = _folder()
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    from core.rna.ginfinity import CHECKSUMS, LICENCE

    try:
        known = about["schema"] == SCHEMA and about["licence"] == LICENCE.name and about["sha256"] in CHECKSUMS
        if not known or not (folder / _WEIGHTS).is_file():
            return None
        return Kept(folder / _WEIGHTS, about["sha256"], CHECKSUMS[about["sha256"]], LICENCE.name, float(about["accepted"]))
    except (KeyError, TypeError, ValueError):
        return None


def open_kept() -> tuple[NucleotideGine, Card]:
    """The kept network and its card.

    Raises:
        InputError: none is kept, or its file was damaged since.
    """
    from core.rna.ginfinity import open_ginfinity

    found = kept_ginfinity()
    if found is None:
        raise InputError(absent())
    return open_ginfinity(found.path, accept_licence=True)


def remove_ginfinity() -> None:
    """Removes the weights and the acceptance of their licence; nothing happens where none are kept."""
    shutil.rmtree(_folder(), ignore_errors=True)


def absent() -> str:
    """The sentence for a computer that keeps none."""
    return "GINFINITY's weights are not on this computer; give its wheel under GINFINITY on the motif map, search, what-if or scoreboard page."


def _folder() -> Path:
    return storage.folder("encoders") / GINFINITY
