"""A session as one file that a colleague can open: the view, with the files and networks of this computer that it names.

A ZIP: ``session.json`` is the view (:meth:`ViewState.to_json`) with the page that showed it, ``uploads/`` and ``libraries/`` hold the files it names
by their hashes as the user-data folder does, ``networks/<run id>/`` the networks that were trained here. A file may come from anybody: whatever is in
it is checked before anything is stored, and nothing of it is ever run. Nothing here touches Streamlit.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core import storage
from core.errors import InputError
from core.models.checkpoint import load_checkpoint
from core.rna.libraries import adopt_library
from core.runs.record import CONFIG_FILE
from core.ui.view_state import ViewState
from core.uploads import MAX_UPLOADS

SUFFIX = ".gatescope"
VIEW = "session.json"
WHEN = (2000, 1, 1, 0, 0, 0)
"""Time of every entry: the same view and files give the same bytes."""
LARGEST, MOST_FILES = 100 * 2**20, 200
"""Bytes of all files of a session together, unpacked, and their number; the browser uploads no more than that."""
RESERVED = ("config", "state", "process", "previous-process", "progress", "training", "about", "evaluation")
"""Names that files of a run have; a network's are others."""
_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_RUN = re.compile(r"run:([\w-][\w.-]{0,79})")
_UPLOAD = re.compile(r"uploads/([a-z]{0,20}-?)([0-9a-f]{64})/([^/]{1,200})")
_LIBRARY = re.compile(r"libraries/([0-9a-f]{64})\.jsonl")
_NETWORK = re.compile(r"networks/([\w-][\w.-]{0,79})/([\w-][\w.-]{0,120})\.(json|safetensors)")
_DAMAGED = "This is not a Gatescope session file, or it is damaged; choose one saved with 'Save session'."


@dataclass(frozen=True)
class Session:
    """What a session file holds: a view, and the place in the URL of the page that showed it."""

    view: ViewState
    page: str = "explorer"


def pack(session: Session) -> bytes:
    """The bytes of a session file.

    Raises:
        InputError: a file or network that the view names is no longer stored, or all together are too large.
    """
    text = json.dumps({**json.loads(session.view.to_json()), "page": session.page}, indent=1, sort_keys=True)
    found = checked(session.view)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {VIEW: text.encode(), **{name: path.read_bytes() for name, path in found.items()}}.items():
            archive.writestr(zipfile.ZipInfo(name, WHEN), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def checked(view: ViewState) -> dict[str, Path]:
    """The files a session of this view holds, by their place in it. Errors as for :func:`pack`."""
    text = view.to_json()
    found = dict(_files(text))
    if lost := [key for key in re.findall(r"upload:([0-9a-f]{64})", text) if not any(key in name for name in found)]:
        raise InputError(f"A file this view was loaded from ({lost[0][:8]}...) is no longer stored on this computer; load it again and save then.")
    if lost := [run for run in _RUN.findall(text) if not any(name.startswith(f"networks/{run}/") for name in found)]:
        raise InputError(f"The network of {lost[0]!r}, which this view names, is not on this computer; choose another network and save then.")
    if sum(path.stat().st_size for path in found.values()) > LARGEST or len(found) >= MOST_FILES:
        raise InputError("What this view was loaded from is larger than 100 MB together; share its files beside its link instead.")
    return found


def unpack(data: bytes) -> Session:
    """The session of a file, its files and networks stored on this computer; what is here already stays as it is.

    A session's JSON alone, without files, is read too.

    Raises:
        InputError: no session file, a damaged one, one of a newer version, or one that would replace a network of this computer; nothing is
            stored then.
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return _session(data)
    held = _unzipped(data)
    session = _session(held.pop(VIEW, b""))
    uploads: dict[Path, bytes] = {}
    libraries: dict[str, bytes] = {}
    networks: dict[str, dict[str, bytes]] = {}
    for name, content in held.items():
        if upload := _UPLOAD.fullmatch(name):
            kind, key, file = upload.groups()
            if storage.digest(content) != key:
                raise InputError(f"The session file is damaged: {file[:40]!r} is not what the view names; ask for the file again.")
            uploads[storage.folder("uploads") / f"{kind}{key}" / storage.safe_name(file)] = content
        elif library := _LIBRARY.fullmatch(name):
            libraries[library[1]] = content
        elif network := _NETWORK.fullmatch(name):
            networks.setdefault(network[1], {})[f"{network[2]}.{network[3]}"] = content
        else:
            raise InputError(f"The session file holds {PurePosixPath(name).name[:40]!r}, which belongs to no session; ask for the file again.")
    titles = {run: _checked_network(run, files) for run, files in networks.items()}
    for key, content in libraries.items():
        adopt_library(key, content)
    for path, content in uploads.items():
        if not any(path.parent.glob("*")):
            storage.write_bytes(path, content)
    storage.trim("uploads", MAX_UPLOADS)
    for run, files in networks.items():
        folder = storage.folder("runs") / run
        if not folder.exists():
            for file, content in files.items():
                storage.write_bytes(folder / file, content)
            # what the pages call it; without the rest of a run's settings it is no run of this computer, and cannot be resumed
            storage.write_json(folder / CONFIG_FILE, {"name": titles[run]})
    return session


def suggested_name(view: ViewState) -> str:
    """A file name for a session: its model or RNA, and the key of the view."""
    return f"{storage.safe_name(view.model if len(view.model) < 40 else 'session')}-{view.key[:8]}{SUFFIX}"


def _unzipped(data: bytes) -> dict[str, bytes]:
    """Contents by name, never more than is allowed, whatever the archive says of their sizes."""
    held: dict[str, bytes] = {}
    room = LARGEST
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > LARGEST:
                raise InputError("This session file holds more than 100 MB or 200 files; ask for one of a single view.")
            for entry in entries:
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise InputError(_DAMAGED)
                with archive.open(entry) as stream:
                    held[entry.filename] = stream.read(room + 1)
                room -= len(held[entry.filename])
                if room < 0:
                    raise InputError(_DAMAGED)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError):
        raise InputError(_DAMAGED) from None
    return held


def _session(text: bytes) -> Session:
    view, page = ViewState.from_json(text), json.loads(text).get("page")
    return Session(view, page) if isinstance(page, str) else Session(view)


def _files(text: str) -> Iterator[tuple[str, Path]]:
    """What a view's text names by hash or run, with the place in the archive."""
    for key in dict.fromkeys(_HASH.findall(text)):
        for folder in sorted(storage.folder("uploads").glob(f"*{key}")):
            for file in sorted(f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")):
                yield f"uploads/{folder.name}/{file.name}", file
        library = storage.folder("libraries") / f"{key}.jsonl"
        if library.is_file():
            yield f"libraries/{library.name}", library
    for run in dict.fromkeys(_RUN.findall(text)):
        for card in sorted((storage.folder("runs") / run).glob("*.json")):
            if (weights := card.with_suffix(".safetensors")).is_file() and not card.name.startswith("."):
                yield f"networks/{run}/{card.name}", card
                yield f"networks/{run}/{weights.name}", weights


def _checked_network(run: str, files: Mapping[str, bytes]) -> str:
    """That files are a network and the other seeds of its ensemble, and no other network of this id is here; returns its name.

    Raises:
        InputError: they are not, or one is.
    """
    here = storage.folder("runs") / run
    if here.exists() and any(not (here / file).is_file() or (here / file).read_bytes() != content for file, content in files.items()):
        raise InputError(f"Another network is called {run!r} on this computer; remove that run on the Train page, then open the session.")
    if any(PurePosixPath(file).stem in RESERVED for file in files):
        raise InputError(f"The network {run!r} of the session file has the name of a run's own file; ask for the file again.")
    with tempfile.TemporaryDirectory() as place:
        for file, content in files.items():
            (Path(place) / file).write_bytes(content)
        stems = {file.rpartition(".")[0] for file in files}
        if any({f"{stem}.json", f"{stem}.safetensors"} - files.keys() for stem in stems):
            raise InputError(f"The network {run!r} of the session file is not whole; ask for the file again.")
        cards = [load_checkpoint(Path(place) / f"{stem}.safetensors")[1] for stem in sorted(stems)]
    first = [card for card in cards if not card.content.get("member_of")]
    named = {card.name for card in cards}
    members = first[0].content.get("members", ()) if len(first) == 1 else None
    if members is None or named != stems or named != {first[0].name, *members}:
        raise InputError(f"The network {run!r} of the session file is not whole; ask for the file again.")
    return first[0].name
