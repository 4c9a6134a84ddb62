"""Bytes of a model file: read within limits, unpacked without ever holding a decompression bomb, recognised by content.

The file name decides nothing but the wording of an error: what a file is follows from its bytes.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from core.errors import InputError
from core.storage import read_given

MAX_BYTES = 100 * 2**20
"""Largest model file, bytes."""
MAX_UNPACKED = 400 * 2**20
"""Largest model after decompression, bytes."""
MAX_RATIO = 200
"""Unpacked over packed bytes above which a file counts as a decompression bomb; SBML reaches about 40."""

FORMATS = "SBML (.xml, .sbml, also .gz, .bz2 or .zip), COBRA JSON, YAML or MATLAB (.mat)"
Kind = Literal["sbml", "json", "yaml", "mat"]

_CHUNK = 2**20
_FREE_OF_RATIO = 8 * 2**20  # a small file may repeat itself a lot and do no harm
_SUFFIXES = {
    ".xml": "SBML",
    ".sbml": "SBML",
    ".json": "COBRA JSON",
    ".yml": "YAML",
    ".yaml": "YAML",
    ".mat": "MATLAB",
    ".gz": "gzip",
    ".bz2": "bzip2",
    ".zip": "zip",
}
_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x7fELF", "a program"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89HDF", "an HDF5 file (MATLAB 7.3 writes these; save it with the -v7 option)"),
    (b"MATLAB 7.3", "a MATLAB 7.3 file, which cannot be read here (save it with the -v7 option)"),
)
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}


def shown(name: str, width: int = 60) -> str:
    """A file name or id as an error sentence prints it: one line, printable, at most ``width`` characters."""
    plain = "".join(c if c.isprintable() else "?" for c in name.strip())
    return plain if len(plain) <= width else f"{plain[: width // 2]}…{plain[-width // 2 + 1 :]}"


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        InputError: the file is missing, a folder, unreadable or above :data:`MAX_BYTES`.
    """
    name = shown(path.name or str(path))
    return read_given(path, name, limit=MAX_BYTES, too_large=_too_large(name))


def unpack(data: bytes, name: str) -> bytes:
    """The content of a model file, decompressed when it is gzip, bzip2 or zip. ``name`` is for error sentences.

    Raises:
        InputError: empty, above a limit, damaged, packed twice, or a zip that does not hold exactly one file.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(name)
    if not data.strip():
        raise InputError(f"{name} is empty; save or download the model again.")
    packing = _packing(data)
    if packing is None:
        return data
    try:
        content = _unzip(data, name) if packing == "zip" else _gunzip(data, name, packing)
    except EOFError:
        raise InputError(f"{name} is cut off: its {packing} data stops before the end; download or compress it again.") from None
    except (OSError, ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, IndexError, struct.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is damaged: its {packing} data cannot be unpacked; download or compress it again.") from None
    if not content.strip():
        raise InputError(f"{name} unpacks to an empty file; compress the model again.")
    if _packing(content):
        raise InputError(f"{name} is compressed more than once; unpack it and upload the model file itself.")
    return content


def recognise(content: bytes, name: str) -> Kind:
    """The format of unpacked content.

    Raises:
        InputError: the content is none of :data:`FORMATS`.
    """
    if content.startswith(b"MATLAB 5.0"):
        _check_mat(content, name)
        return "mat"
    text = decode_text(content)
    head = text[:4096].lstrip() if text is not None else ""
    if head.startswith("<"):
        return "sbml"
    if text is not None and (head.startswith(("{", "["))):
        return "yaml" if _suffix(name) in (".yml", ".yaml") and not _is_json(text) else "json"
    if text is not None and re.search(r"^(?:- +)?[\"']?reactions[\"']? *:", text, re.MULTILINE):
        return "yaml"
    what = next((label for magic, label in _MAGIC if content.startswith(magic)), "plain text" if text is not None else "binary data")
    suffix = _suffix(name)
    if suffix in _SUFFIXES:
        raise InputError(f"{name} is named as {_SUFFIXES[suffix]} but holds no model: its content is {what}; give a model as {FORMATS}.")
    raise InputError(f"{name} is not a metabolic model: its content is {what}; give a model as {FORMATS}.")


def decode_text(content: bytes) -> str | None:
    """The text of a file by its byte order mark, its XML declaration or UTF-8; None when it is no text."""
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if content.startswith(mark):
            return _decode(content, encoding)
    if content[:2] in (b"<\0", b"{\0", b"[\0"):
        return _decode(content, "utf-16-le")
    if content[:2] in (b"\0<", b"\0{", b"\0["):
        return _decode(content, "utf-16-be")
    declared = re.match(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']", content)
    known = {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"}
    encoding = _codec(declared[1].decode()) if declared else "utf-8"
    return _decode(content, encoding if encoding in known else "utf-8")


def _decode(content: bytes, encoding: str) -> str | None:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(content)  # a last character cut in two is no reason to call it binary
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _suffix(name: str) -> str:
    return PurePosixPath(name.lower()).suffix


def _packing(data: bytes) -> str | None:
    return next((kind for magic, kind in _PACKED.items() if data.startswith(magic)), None)


def _gunzip(data: bytes, name: str, packing: str) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) if packing == "gzip" else bz2.BZ2File(io.BytesIO(data)) as stream:
        return _drain(stream, len(data), name)


def _unzip(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [e for e in archive.infolist() if not e.is_dir() and not _clutter(e.filename)]
        if any(e.filename.startswith("/") or ".." in PurePosixPath(e.filename.replace("\\", "/")).parts for e in archive.infolist()):
            raise InputError(f"{name} holds a path that leaves the archive ('..'); zip the model file alone.")
        if len(entries) != 1:
            raise InputError(f"{name} holds {len(entries) or 'no'} files; put exactly one model into the zip.")
        entry = entries[0]
        if entry.flag_bits & 1:
            raise InputError(f"{name} is protected by a password; zip the model without one.")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{name} is zipped by an unusual method; zip it the ordinary way or use gzip.")
        with archive.open(entry) as stream:
            return _drain(stream, len(data), name)


def _clutter(path: str) -> bool:
    return path.startswith("__MACOSX/") or PurePosixPath(path).name in (".DS_Store", "Thumbs.db")


def _drain(stream: IO[bytes] | gzip.GzipFile | bz2.BZ2File, packed: int, name: str) -> bytes:
    """Reads a decompressing stream in chunks and stops at the first byte over a limit."""
    content = io.BytesIO()
    while chunk := stream.read(_CHUNK):
        content.write(chunk)
        _check_size(content.tell(), packed, name)
    return content.getvalue()


def _check_size(unpacked: int, packed: int, name: str) -> None:
    if unpacked > MAX_UNPACKED or (unpacked > _FREE_OF_RATIO and unpacked > MAX_RATIO * packed):
        raise InputError(f"{name} unpacks to far more data than a model needs (a decompression bomb?); upload the model uncompressed.")


def _check_mat(content: bytes, name: str) -> None:
    """Walks the compressed variables of a MATLAB 5 file and counts what they unpack to, before SciPy unpacks them whole."""
    order = "<" if content[126:128] == b"IM" else ">"
    position, unpacked = 128, 0
    while position + 8 <= len(content):
        kind, size = struct.unpack(f"{order}II", content[position : position + 8])
        position += 8
        if kind == 15:  # miCOMPRESSED
            packed = content[position : position + size]
            try:
                unpacked = _count_inflated(packed, unpacked, len(content), name)
            except zlib.error:
                raise InputError(f"{name} is damaged: a variable of this MATLAB file cannot be unpacked; save it again.") from None
        position += size
    if position > len(content):
        raise InputError(f"{name} is cut off: the MATLAB file stops in the middle of a variable; save or download it again.")


def _count_inflated(packed: bytes, unpacked: int, total: int, name: str) -> int:
    inflater = zlib.decompressobj()
    while packed and not inflater.eof:
        unpacked += len(inflater.decompress(packed, _CHUNK))
        packed = inflater.unconsumed_tail
        _check_size(unpacked, total, name)
    return unpacked


def _too_large(name: str) -> InputError:
    return InputError(f"{name} is larger than {MAX_BYTES // 2**20} MB, the limit for a model file; compress it or give a smaller model.")
