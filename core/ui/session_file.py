"""A session as one file that a colleague can open: the view, with the files and networks of this computer that it names.

A ZIP: ``session.json`` is the view (:meth:`ViewState.to_json`), ``uploads/`` and ``libraries/`` hold the files it names by their hashes as the
user-data folder does, ``networks/<run id>/`` the networks that were trained here. Nothing here touches Streamlit.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core import storage
from core.errors import InputError
from core.runs.record import CONFIG_FILE, read_json
from core.ui.view_state import ViewState
from core.uploads import MAX_UPLOADS

SUFFIX = ".gatescope"
VIEW = "session.json"
WHEN = (2000, 1, 1, 0, 0, 0)
"""Time of every entry: the same view and files give the same bytes."""
MOST_FILES = 200
_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_RUN = re.compile(r"run:([\w.-]{1,80})")
_ENTRY = re.compile(
    r"(?P<place>uploads)/(?P<kind>[a-z]{0,20}-?)(?P<hash>[0-9a-f]{64})/(?P<name>[^/]{1,200})"
    r"|(?P<library>libraries)/[0-9a-f]{64}\.jsonl"
    r"|networks/(?P<run>[\w-][\w.-]{0,79})/(?P<file>[\w-][\w.-]{0,120}\.(?:json|safetensors))"
)


@dataclass(frozen=True)
class Session:
    """What a session file holds: a view, and the place in the URL of the page that showed it."""

    view: ViewState
    page: str = "explorer"


def pack(session: Session) -> bytes:
    """The bytes of a session file.

    Raises:
        InputError: a file that the view names is no longer stored, or all together are too large.
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
    if sum(path.stat().st_size for path in found.values()) > MAX_UPLOADS:
        raise InputError("What this view was loaded from is larger than 500 MB together; share its files beside its link instead.")
    return found


def unpack(data: bytes) -> Session:
    """The session of a file, its files and networks stored on this computer; what is here already stays as it is.

    A session's JSON alone, without files, is read too.

    Raises:
        InputError: no session file, a damaged one, or one of a newer version; nothing is stored then.
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return _session(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MAX_UPLOADS:
                raise InputError("This session file holds more than 500 MB or 200 files; ask for one of a single view.")
            session = _session(archive.read(VIEW))
            held = {entry.filename: archive.read(entry) for entry in entries if entry.filename != VIEW}
    except (KeyError, zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError):
        raise InputError("This is not a Gatescope session file, or it is damaged; choose one saved with 'Save session'.") from None
    for path, content in [(_place(name, content), content) for name, content in held.items()]:
        if not path.exists():
            storage.write_bytes(path, content)
    for run in {name.split("/")[1] for name in held if name.startswith("networks/")}:
        _name(storage.folder("runs") / run)
    return session


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
        folder = storage.folder("runs") / run
        weights = sorted(folder.glob("*.safetensors"))
        cards = [(one.with_suffix(".json"), one) for one in weights if one.with_suffix(".json").is_file()]
        for file in [file for pair in cards for file in pair]:
            yield f"networks/{run}/{file.name}", file


def _place(name: str, content: bytes) -> Path:
    """Where an entry belongs among the user's data."""
    found = _ENTRY.fullmatch(name)
    if found is None:
        raise InputError(f"The session file holds {PurePosixPath(name).name[:40]!r}, which belongs to no session; ask for the file again.")
    if found["place"]:
        if storage.digest(content) != found["hash"]:
            raise InputError(f"The session file is damaged: {found['name'][:40]!r} is not what the view names; ask for the file again.")
        return storage.folder("uploads") / f"{found['kind']}{found['hash']}" / storage.safe_name(found["name"])
    if found["library"]:
        return storage.folder("libraries") / name.removeprefix("libraries/")
    return storage.folder("runs") / found["run"] / found["file"]


def _name(folder: Path) -> None:
    """What the pages call a network that came with a session: its card's name. It is no run of this computer, and cannot be resumed."""
    if not (folder / CONFIG_FILE).exists():
        cards = [read_json(card) for card in sorted(folder.glob("*.json"))]
        storage.write_json(folder / CONFIG_FILE, {"name": next((str(card["name"]) for card in cards if "name" in card), folder.name)})


def suggested_name(view: ViewState) -> str:
    """A file name for a session: its model or RNA, and the key of the view."""
    return f"{storage.safe_name(view.model if len(view.model) < 40 else 'session')}-{view.key[:8]}{SUFFIX}"
