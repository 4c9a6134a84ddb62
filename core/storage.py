"""The user-data folder, content hashes and writes that are whole or absent.

Everything Gatescope keeps between visits lies under one folder: ``GATESCOPE_HOME`` when set, else the platform's
own place for user data. Files are written beside their target, flushed to disk and renamed, so that a reader never
meets half a file and a killed process leaves nothing broken.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import platformdirs

from core.errors import InputError

_LONGEST_NAME = 120  # bytes; file systems stop at 255
FOLDERS = ("uploads", "libraries", "encoders", "cache", "runs")


def home() -> Path:
    """The user-data folder (created when absent): ``$GATESCOPE_HOME`` or the platform's default."""
    chosen = os.environ.get("GATESCOPE_HOME")
    path = Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("gatescope", appauthor=False))
    path.mkdir(parents=True, exist_ok=True)
    return path


def folder(name: str) -> Path:
    """One of the :data:`FOLDERS` of the user-data folder (created when absent)."""
    if name not in FOLDERS:
        raise KeyError(f"{name!r} is not a folder of the user data; choose one of {', '.join(FOLDERS)}")
    path = home() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def digest(data: bytes) -> str:
    """sha256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(**inputs: Any) -> str:
    """sha256 of named, JSON-serialisable inputs: the key of everything derived from them. Order does not matter."""
    return digest(json.dumps(inputs, sort_keys=True, separators=(",", ":"), default=_plain).encode())


def safe_name(name: str) -> str:
    """A file name that is safe on every platform: the last part of the path, letters, digits and ``. _ - ( ) +`` only."""
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[^\w.()+-]+", "_", last).lstrip(".") or "model"
    suffix = "".join(PurePosixPath(plain).suffixes[-2:])[-20:]
    stem = plain[: len(plain) - len(suffix)] or "model"
    while len((stem + suffix).encode()) > _LONGEST_NAME:
        stem = stem[:-1]
    return stem + suffix


def write_atomic(path: Path, write: Callable[[Path], None]) -> Path:
    """Calls ``write`` with a temporary path beside ``path``, flushes that file to disk and renames it into place.

    A process killed in between leaves the temporary file behind; :func:`sweep` removes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{_here()}-{os.getpid()}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)  # mkstemp's 0600 would make exports unreadable for others
        os.replace(temporary, path)
        _flush_names(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def sweep(place: Path) -> list[Path]:
    """Removes the temporary files below a folder whose writers were killed, and returns their paths; those still being written stay."""
    import psutil

    found = []
    for file in place.rglob(".*"):
        writer = re.search(rf"\.{_here()}-(\d+)-[^.]*(\.[^.]*)?$", file.name)
        if writer and not psutil.pid_exists(int(writer[1])):
            file.unlink(missing_ok=True)
            found.append(file)
    return found


def write_bytes(path: Path, data: bytes) -> Path:
    """Writes bytes atomically."""
    return write_atomic(path, lambda p: _dump(p, data))


def read_given(path: Path, name: str, *, limit: int, too_large: InputError) -> bytes:
    """The bytes of a file somebody named, of at most ``limit`` bytes; ``name`` is for the sentences.

    Raises:
        InputError: missing, a folder, unreadable; ``too_large`` when it is larger.
    """
    try:
        if path.is_dir():
            raise InputError(f"{name} is a folder; name the file inside it.")
        if not path.is_file():
            raise InputError(f"There is no file {name}; check the path and its spelling.")
        if path.stat().st_size > limit:
            raise too_large
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} cannot be opened; check that you may read the file.") from None


def write_json(path: Path, value: Mapping[str, Any] | list[Any]) -> Path:
    """Writes JSON atomically, keys in the order given."""
    return write_bytes(path, json.dumps(value, indent=1, default=_plain).encode())


def usage() -> dict[str, int]:
    """Bytes held by each folder of the user data."""
    return {name: sum(f.stat().st_size for f in folder(name).rglob("*") if f.is_file()) for name in FOLDERS}


def clear(name: str) -> int:
    """Empties one folder of the user data and returns the number of bytes freed."""
    freed = usage()[name]
    shutil.rmtree(folder(name))
    folder(name)
    return freed


def trim(name: str, limit: int) -> int:
    """Removes the files least recently used from a folder until it holds at most ``limit`` bytes; returns bytes freed."""
    files = sorted((f for f in folder(name).rglob("*") if f.is_file()), key=lambda f: f.stat().st_mtime)
    held = sum(f.stat().st_size for f in files)
    freed = 0
    for file in files:
        if held - freed <= limit:
            break
        freed += file.stat().st_size
        file.unlink(missing_ok=True)
    return freed


def _here() -> str:
    """This computer, in eight digits: a folder may be shared with others, whose process numbers mean nothing here."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _flush_names(place: Path) -> None:
    """Flushes a folder's list of names to disk, where the system can: the rename then outlasts a power cut as the content does."""
    try:
        handle = os.open(place, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    except OSError:  # nor does every network file system flush them
        pass
    finally:
        os.close(handle)


def _dump(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _plain(value: Any) -> Any:
    """What JSON does not know: numpy scalars and arrays, tuples in sets, paths."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a key")
