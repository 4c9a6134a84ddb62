"""Files a person loaded, kept by content hash in the user-data folder: ``uploads/<kind><sha256>/<file name>``; all kinds share one bound."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from core import storage
from core.errors import InputError

MAX_UPLOADS = 500 * 2**20
"""Bytes kept of all uploads together; the least recently used go first."""

PREFIX = "upload:"
_SHA256 = r"[0-9a-f]{64}"


@dataclass(frozen=True)
class Uploads:
    """The files of one kind.

    Attributes:
        kind: begins the names of their folders, which keeps them apart from other kinds.
        gone: the sentence for a file that is no longer stored.
    """

    kind: str
    gone: str

    def keep(self, data: bytes, name: str) -> str:
        """Stores a checked file and returns its id, ``upload:<sha256>``; the same content under another name replaces the earlier name.

        Another content under a name that is taken gets a number, ``set (2).csv``: lists tell files apart by name.
        """
        key = storage.digest(data)
        path = self._folder(key) / self._free(storage.safe_name(name), PREFIX + key)
        storage.write_bytes(path, data)
        for other in _files(path.parent):
            if other != path:
                other.unlink(missing_ok=True)
        storage.trim("uploads", MAX_UPLOADS)
        return PREFIX + key

    def stored(self, source: str) -> Path:
        """The file of an ``upload:<sha256>``, marked as used now.

        Raises:
            InputError: it is no longer stored, or the id is none.
        """
        found = self._find(source)
        if found is None:
            raise InputError(self.gone)
        with suppress(OSError):
            found.touch()
        return found

    def label(self, source: str) -> str:
        """The name a file was given."""
        found = self._find(source)
        return "removed upload" if found is None else found.name

    def listed(self) -> list[tuple[str, str]]:
        """(id, file name) of every stored file, the most recently used first."""
        folders = [f for f in storage.folder("uploads").iterdir() if re.fullmatch(re.escape(self.kind) + _SHA256, f.name)]
        files = [file for folder in folders for file in _files(folder)[:1]]
        files.sort(key=lambda file: file.stat().st_mtime_ns, reverse=True)
        return [(PREFIX + file.parent.name.removeprefix(self.kind), file.name) for file in files]

    def _free(self, name: str, source: str) -> str:
        taken = {other for own, other in self.listed() if own != source}
        stem, suffix = Path(name).stem, Path(name).suffix
        numbered = (f"{stem} ({number}){suffix}" for number in count(2))
        return name if name not in taken else next(other for other in numbered if other not in taken)

    def _find(self, source: str) -> Path | None:
        key = source.removeprefix(PREFIX)
        return next(iter(_files(self._folder(key))), None) if re.fullmatch(_SHA256, key) else None

    def _folder(self, key: str) -> Path:
        return storage.folder("uploads") / f"{self.kind}{key}"


def _files(folder: Path) -> list[Path]:
    return [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")] if folder.is_dir() else []
