"""A session as one file that a colleague can open: the view, with the files and networks of this computer that it names.

A ZIP: ``session.json`` is the view (:meth:`ViewState.to_json`) with the page that showed it, ``uploads/`` and ``libraries/`` hold the files it names
by their hashes as the user-data folder does, ``networks/<run id>/`` the networks that were trained here. A file may come from anybody: whatever is in
it is checked before anything is stored, and nothing of it is ever run. Nothing here touches Streamlit.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core import storage
from core.errors import InputError
from core.models.checkpoint import Card, load_checkpoint
from core.rna.libraries import adopt_library, check_library
from core.runs.record import CONFIG_FILE, read_json
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
_OF_RNA = ("motifs", "search", "whatif", "scoreboard")
"""Pages of RNA whose place in the URL does not begin so."""
_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_RUN = re.compile(r"run:([\w-][\w.-]{0,79})")
_UPLOAD = re.compile(r"uploads/([a-z]{0,20}-?)([0-9a-f]{64})/([^/]{1,200})")
_LIBRARY = re.compile(r"libraries/([0-9a-f]{64})\.jsonl")
_NETWORK = re.compile(r"networks/([\w-][\w.-]{0,79})/([\w-][\w.-]{0,120})\.(json|safetensors)")
_ADOPTED = {"from": "a session file"}
"""What tells a network that came in a session file from a run of this computer."""
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
        check_library(key, content)
    for key, content in libraries.items():
        adopt_library(key, content)
    for path, content in uploads.items():
        here = [file for file in path.parent.glob("*") if not file.name.startswith(".")]
        for file in here:
            file.touch()  # the files of this view are not those to be dropped for want of room
        if not here:
            storage.write_bytes(path, content)
    storage.trim("uploads", MAX_UPLOADS)
    for run, files in networks.items():
        if not (storage.folder("runs") / run).exists():
            _adopt_network(run, titles[run], files)
    return session


def adopted_networks() -> list[str]:
    """Run ids of the networks that came in session files."""
    folders = sorted(folder for folder in storage.folder("runs").iterdir() if folder.is_dir())
    return [folder.name for folder in folders if _ADOPTED.items() <= read_json(folder / CONFIG_FILE).items()]


def remove_adopted(run: str) -> None:
    """Removes a network that came in a session file; a run of this computer is left alone."""
    if run in adopted_networks():
        shutil.rmtree(storage.folder("runs") / run)


def suggested_name(session: Session) -> str:
    """A file name for a session: the model, or on a page of RNA the RNA, where it has a short name, and the key of the view."""
    view = session.view
    shown = view.rna.removeprefix("example:") if session.page.startswith("rna") or session.page in _OF_RNA else view.model
    return f"{storage.safe_name(shown if len(shown) < 40 else 'session')}-{view.key[:8]}{SUFFIX}"


def _adopt_network(run: str, title: str, files: Mapping[str, bytes]) -> None:
    """Stores a network, whole or not at all, as what is no run of this computer and cannot be resumed."""
    place = Path(tempfile.mkdtemp(dir=storage.home(), prefix=".adopting-"))
    try:
        for file, content in files.items():
            storage.write_bytes(place / file, content)
        storage.write_json(place / CONFIG_FILE, {"name": title, **_ADOPTED})
        place.chmod(0o755)
        place.rename(storage.folder("runs") / run)
    finally:
        shutil.rmtree(place, ignore_errors=True)


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
        raise InputError(f"Another network is called {run!r} on this computer; remove it on the page Stored data or Train, then open the session.")
    if any(PurePosixPath(file).stem in RESERVED for file in files):
        raise InputError(f"The network {run!r} of the session file has the name of a run's own file; ask for the file again.")
    with tempfile.TemporaryDirectory() as place:
        for file, content in files.items():
            (Path(place) / file).write_bytes(content)
        stems = {file.rpartition(".")[0] for file in files}
        if any({f"{stem}.json", f"{stem}.safetensors"} - files.keys() for stem in stems):
            raise InputError(f"The network {run!r} of the session file is not whole; ask for the file again.")
        cards = [load_checkpoint(Path(place) / f"{stem}.safetensors")[1] for stem in sorted(stems)]
    for card in cards:
        if not _readable(card):
            raise InputError(f"The card of the network {run!r} of the session file lacks what the pages read; ask for the file again.")
    first = [card for card in cards if not card.content.get("member_of")]
    named = {card.name for card in cards}
    members = first[0].content.get("members", ()) if len(first) == 1 else None
    if members is None or named != stems or named != {first[0].name, *members}:
        raise InputError(f"The network {run!r} of the session file is not whole; ask for the file again.")
    return first[0].name


def _readable(card: Card) -> bool:
    """Whether a card holds what the pages read to show a network, beyond the card itself."""
    content = card.content
    if card.kind == "metabolic":
        trained = content.get("trained_on")
        if not (isinstance(trained, dict) and isinstance(trained.get("objective"), dict) and isinstance(trained.get("bounds"), dict)):
            return False
        if not all(isinstance(one, list) and len(one) == 4 and all(map(_number, one)) for one in trained["bounds"].values()):
            return False
    if content.get("member_of"):
        return True  # its figures are on the card of its ensemble
    kinds = {"training": dict, "data": dict, "test": dict, "baselines": dict, "limits": list}
    figures = ("growth_r2", "flux_r2_median") if card.kind == "metabolic" else ("folded",)
    return all(isinstance(content.get(key), kind) for key, kind in kinds.items()) and all(_number(content["test"].get(key)) for key in figures)


def _number(value: object) -> bool:
    return isinstance(value, int | float)
