"""Measurement files a person loaded, kept by content hash: ``uploads/measured-<sha256>/<file name>``.

They lie beside models and RNAs and share their bound.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from core import storage
from core.errors import InputError
from core.metabolic._uploads import MAX_UPLOADS, PREFIX

_FOLDER = "measured-"


def keep(data: bytes, name: str) -> str:
    """Stores a file and returns its id, ``upload:<sha256>``; the same content again takes the new name."""
    path = storage.folder("uploads") / f"{_FOLDER}{storage.digest(data)}" / storage.safe_name(name)
    for other in _files(path.parent):
        if other != path:
            other.unlink(missing_ok=True)
    storage.write_bytes(path, data)
    storage.trim("uploads", MAX_UPLOADS)
    return PREFIX + storage.digest(data)


def stored(source: str) -> Path:
    """The file of an ``upload:<sha256>``, marked as used now.

    Raises:
        InputError: it is no longer stored, or the id is none.
    """
    key = source.removeprefix(PREFIX)
    found = _files(storage.folder("uploads") / f"{_FOLDER}{key}") if re.fullmatch(r"[0-9a-f]{64}", key) else []
    if not found:
        raise InputError("This measurement file is no longer stored on this computer; load it again.")
    with suppress(OSError):
        found[0].touch()
    return found[0]


def label(source: str) -> str:
    """The name a file was given."""
    try:
        return stored(source).name
    except InputError:
        return "removed file"


def listed() -> list[str]:
    """The ids of every stored file, the most recently used first."""
    folders = [folder for folder in storage.folder("uploads").iterdir() if folder.name.startswith(_FOLDER)]
    files = [file for folder in folders for file in _files(folder)[:1]]
    files.sort(key=lambda file: file.stat().st_mtime_ns, reverse=True)
    return [PREFIX + file.parent.name.removeprefix(_FOLDER) for file in files]


def _files(folder: Path) -> list[Path]:
    return [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")] if folder.is_dir() else []
