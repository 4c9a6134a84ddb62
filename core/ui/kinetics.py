"""Kinetic parameters a person loaded, kept by content hash: ``uploads/kinetics-<sha256>/<file name>``, beside models and within their bound."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from core import storage
from core.errors import InputError
from core.ui import networks
from core.ui.view_state import ViewState
from core.uploads import MAX_UPLOADS

if TYPE_CHECKING:
    from core.metabolic.kinetics import Kinetics

SETTING = "explorer.kinetics"
_FOLDER = "kinetics-"


def keep(files: list[tuple[bytes, str]]) -> str:
    """Reads one or more files as one set of parameters, stores it and returns its id.

    Raises:
        InputError: a file cannot be used; nothing is kept then.
    """
    from core.metabolic.kinetics import read_kinetics

    data = read_kinetics(*files).to_csv().encode()
    key = storage.digest(data)
    name = files[0][1] if len(files) == 1 else "kinetics.csv"
    for other in _files(key):
        other.unlink(missing_ok=True)
    storage.write_bytes(storage.folder("uploads") / f"{_FOLDER}{key}" / storage.safe_name(name), data)
    storage.trim("uploads", MAX_UPLOADS)
    return key


def chosen(view: ViewState) -> str | None:
    """The id of the parameters a view names, None for none."""
    key = view.settings.get(SETTING)
    return key if isinstance(key, str) and re.fullmatch(r"[0-9a-f]{64}", key) else None


def stored(key: str) -> Kinetics:
    """The parameters with an id.

    Raises:
        InputError: they are no longer stored.
    """
    from core.metabolic.kinetics import read_kinetics

    return read_kinetics(_file(key))


def label(key: str) -> str:
    """The name of the file they came in."""
    return _file(key).name


def read_by(name: str) -> bool:
    """Whether a network was trained on kinetic parameters."""
    from core.metabolic.kinetics import reads_kinetics
    from core.models import load_card

    return reads_kinetics(int(load_card(networks.source(name)).content["network"]["reaction_channels"]))


def for_network(view: ViewState) -> str | None:
    """The parameters of a view where its network reads such and they are stored; a network that ignores them gives the same numbers without."""
    key = chosen(view)
    with suppress(InputError):
        return key if key and _files(key) and read_by(view.checkpoint) else None
    return None


def remove(view: ViewState) -> None:
    """Leaves the parameters out of the view; the stored file stays for undo."""
    from core.ui import state

    if chosen(view):
        state.update(settings={SETTING: None})


def _file(key: str) -> Path:
    found = _files(key)
    if not found:
        raise InputError("These kinetic parameters are no longer stored on this computer; load their file again.")
    with suppress(OSError):
        found[0].touch()
    return found[0]


def _files(key: str) -> list[Path]:
    folder = storage.folder("uploads") / f"{_FOLDER}{key}"
    return [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")] if folder.is_dir() else []
