"""Texts a person pasted or loaded on the RNA page, kept by content hash: ``uploads/rna-<sha256>/<file name>``.

The folder's name keeps them apart from metabolic models, which lie beside them and share their bound.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from core import storage
from core.errors import InputError
from core.metabolic._uploads import MAX_UPLOADS, PREFIX

_FOLDER = "rna-"
_SEQUENCES = ".seq"
"""Ends the names of texts that hold RNAs; the others hold numbers for bases."""


def keep(data: bytes, name: str, *, sequences: bool = True) -> str:
    """Stores a text and returns its id, ``upload:<sha256>``; the same content again takes the new name."""
    key = storage.digest(data)
    path = storage.folder("uploads") / f"{_FOLDER}{key}" / (storage.safe_name(name) + (_SEQUENCES if sequences else ""))
    for other in _files(path.parent):
        if other != path:
            other.unlink(missing_ok=True)
    storage.write_bytes(path, data)
    storage.trim("uploads", MAX_UPLOADS)
    return PREFIX + key


def stored(source: str) -> Path:
    """The file of an ``upload:<sha256>``, marked as used now.

    Raises:
        InputError: it is no longer stored, or the id is none.
    """
    key = source.removeprefix(PREFIX)
    found = _files(storage.folder("uploads") / f"{_FOLDER}{key}") if re.fullmatch(r"[0-9a-f]{64}", key) else []
    if not found:
        raise InputError("This text is no longer stored on this computer; paste it or load its file again.")
    with suppress(OSError):
        found[0].touch()
    return found[0]


def label(source: str) -> str:
    """The name an upload was given."""
    try:
        return stored(source).name.removesuffix(_SEQUENCES)
    except InputError:
        return "removed upload"


def listed() -> list[str]:
    """The ids of every stored text with RNAs, the most recently used first."""
    folders = [folder for folder in storage.folder("uploads").iterdir() if folder.name.startswith(_FOLDER)]
    files = [file for folder in folders for file in _files(folder)[:1] if file.name.endswith(_SEQUENCES)]
    files.sort(key=lambda file: file.stat().st_mtime_ns, reverse=True)
    return [PREFIX + file.parent.name.removeprefix(_FOLDER) for file in files]


def _files(folder: Path) -> list[Path]:
    return [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")] if folder.is_dir() else []
