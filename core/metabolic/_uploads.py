"""Uploaded model files in the user-data folder, by content hash: ``uploads/<sha256>/<file name>``."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from core import storage
from core.errors import InputError
from core.storage import safe_name

MAX_UPLOADS = 500 * 2**20
"""Bytes kept of all uploads together; the least recently used go first."""

PREFIX = "upload:"


def keep(data: bytes, name: str) -> str:
    """Stores a checked file and returns its source id; the same content under another name replaces the earlier name."""
    key = storage.digest(data)
    path = storage.folder("uploads") / key / safe_name(name)
    storage.write_bytes(path, data)
    for other in _files(path.parent):
        if other != path:
            other.unlink(missing_ok=True)
    storage.trim("uploads", MAX_UPLOADS)
    return PREFIX + key


def find(source: str) -> Path:
    """The stored file of an ``upload:<sha256>`` source, marked as used now.

    Raises:
        InputError: the upload is no longer stored, or the id is none.
    """
    key = source.removeprefix(PREFIX)
    stored = _files(storage.folder("uploads") / key) if re.fullmatch(r"[0-9a-f]{64}", key) else []
    if not stored:
        raise InputError("This uploaded model is no longer stored on this machine; upload the file again.")
    with suppress(OSError):
        stored[0].touch()
    return stored[0]


def listed() -> list[tuple[str, str]]:
    """(source id, file name) of every stored upload, the most recently used first."""
    folders = [folder for folder in storage.folder("uploads").iterdir() if re.fullmatch(r"[0-9a-f]{64}", folder.name)]
    stored = [file for folder in folders for file in _files(folder)[:1]]
    stored.sort(key=lambda file: file.stat().st_mtime_ns, reverse=True)
    return [(PREFIX + file.parent.name, file.name) for file in stored]


def _files(folder: Path) -> list[Path]:
    return [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")] if folder.is_dir() else []
