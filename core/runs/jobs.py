"""Starting, listing, stopping and deleting runs: the side of whoever watches."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core import __version__, storage
from core.errors import InputError
from core.runs import record
from core.runs.progress import PROGRESS_FILE, STOP_FILE
from core.runs.record import RunInfo

GRACE_SECONDS = 5.0
"""How long a cancelled process may take to leave tidily before it is killed."""

ASKING_SECONDS = 20.0
"""How long a process that looks now and then whether it should stop is given to notice by itself, and to save the step it is at."""

LONGEST_NOTES = 4_000
"""Characters of notes on a run."""

_ROOT = Path(__file__).resolve().parents[2]
_children: dict[str, subprocess.Popen[bytes]] = {}
_resuming = threading.Lock()


def start_job(
    kind: str,
    arguments: Sequence[str],
    *,
    name: str = "",
    notes: str = "",
    module: str = "core",
    files: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunInfo:
    """Starts ``python -m <module> <arguments>`` as a process of its own, which outlives this one.

    Args:
        kind: what is computed, such as ``train-metabolic``.
        arguments: the command line; :data:`core.runs.record.RUN_FOLDER` in them becomes the run's folder.
        name: what to call the run; its kind when empty. notes: what to say about it.
        module: the module to run.
        files: JSON files to write into the folder before the start, by name.
    """
    created = time.time()
    run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(created))}-{secrets.token_hex(3)}"
    folder = storage.folder("runs") / run_id
    command = [str(argument).replace(record.RUN_FOLDER, str(folder)) for argument in arguments]
    config = {
        "schema": record.SCHEMA,
        "kind": kind,
        "name": name.strip() or kind,
        "notes": _checked_notes(notes),
        "module": module,
        "arguments": command,
        "created": created,
        "version": __version__,
        "key": storage.digest_of(kind=kind, module=module, arguments=list(arguments), files=files or {}, version=__version__),
    }
    for file, content in (files or {}).items():
        storage.write_json(folder / file, content)
    storage.write_json(folder / record.STATE_FILE, {"state": "running", "started": created})
    storage.write_json(folder / record.CONFIG_FILE, config)
    _start(folder, module, command)
    return read_run(run_id)


def resume_run(run_id: str) -> RunInfo:
    """Starts a cancelled, failed or lost run again in its folder with the same arguments; it goes on from what it had saved.

    Raises:
        InputError: there is no such run, it is going on, or it is finished.
    """
    with _resuming:
        run = read_run(run_id)
        if not run.resumable:
            raise InputError(f"The run {run.name!r} is {run.state} and cannot be resumed; choose one that was cancelled, failed or lost.")
        config = record.read_json(run.folder / record.CONFIG_FILE)
        if run.pid is not None and not _claim(run.folder):
            raise InputError(f"The run {run.name!r} is being resumed by another window; wait for it to appear there.")
        (run.folder / STOP_FILE).unlink(missing_ok=True)
        progress = record.read_json(run.folder / PROGRESS_FILE)
        if progress:
            again = {"message": "resuming", "heartbeat": time.time(), "pace": None, "asked": None}
            storage.write_json(run.folder / PROGRESS_FILE, {**progress, **again})
        sitting = {"started": time.time(), "spent": run.seconds(), "sittings": run.sittings + 1}
        storage.write_json(run.folder / record.STATE_FILE, {"state": "running", **sitting})
        _start(run.folder, str(config.get("module", "core")), list(run.arguments))
        return read_run(run_id)


def _claim(folder: Path) -> bool:
    """Takes the note of the process that ended; whoever else wants to resume the run at the same moment finds it gone."""
    try:
        os.rename(folder / record.PROCESS_FILE, folder / f"previous-{record.PROCESS_FILE}")
    except OSError:
        return False
    return True


def _start(folder: Path, module: str, command: Sequence[str]) -> None:
    """Starts the process of a run, its output added to the log."""
    with open(folder / record.LOG_FILE, "ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "core.runs.worker", str(folder), module, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    _children[folder.name] = child
    storage.write_json(folder / record.PROCESS_FILE, record.identity(child.pid))


def read_run(run_id: str) -> RunInfo:
    """A run as it stands now.

    Raises:
        InputError: there is no such run.
    """
    folder = _folder(run_id)
    _reap(run_id)
    run = record.read_folder(folder)
    if run is None:
        raise InputError(f"The run {run_id} cannot be read: it was deleted or written by another version; choose one from the list of runs.")
    return run


def list_runs() -> list[RunInfo]:
    """Every run on disk, newest first; folders this version cannot read are left out."""
    folders = [path for path in storage.folder("runs").iterdir() if path.is_dir()]
    for path in folders:
        _reap(path.name)
    runs = [run for run in map(record.read_folder, folders) if run is not None]
    return sorted(runs, key=lambda run: (run.created, run.id), reverse=True)


def cancel_run(run_id: str) -> RunInfo:
    """Stops a run with everything it started and keeps what it has written; a run that is not running stays as it is.

    A process that looks for the request is waited for, so that it can save the step it is at; any other is told to end at once.
    """
    run = read_run(run_id)
    if not run.running:
        return run
    (run.folder / STOP_FILE).touch()
    process = record.read_json(run.folder / record.PROCESS_FILE)
    if process and record.is_running(process):
        if run.asked is not None and time.time() - run.asked < ASKING_SECONDS:
            _await_end(process, ASKING_SECONDS)
        _signal_group(process["pid"], signal.SIGTERM)
        _await_end(process, GRACE_SECONDS)
        _signal_group(process["pid"], signal.SIGKILL)
        _await_end(process, GRACE_SECONDS)
    _reap(run_id)
    state = record.read_json(run.folder / record.STATE_FILE)
    if state.get("state") == "running":
        storage.write_json(run.folder / record.STATE_FILE, {**state, "state": "cancelled", "ended": time.time()})
    return read_run(run_id)


def delete_run(run_id: str) -> None:
    """Removes a run and everything it wrote, stopping it first."""
    shutil.rmtree(cancel_run(run_id).folder)
    _children.pop(run_id, None)


def annotate_run(run_id: str, *, name: str | None = None, notes: str | None = None) -> RunInfo:
    """Gives a run another name or other notes; None leaves what there is.

    Raises:
        InputError: there is no such run, the name is empty, or the notes are too long.
    """
    if name is not None and not name.strip():
        raise InputError("A run needs a name; type at least one letter.")
    given = {} if name is None else {"name": name.strip()}
    given |= {} if notes is None else {"notes": _checked_notes(notes)}
    folder = read_run(run_id).folder
    storage.write_json(folder / record.CONFIG_FILE, {**record.read_json(folder / record.CONFIG_FILE), **given})
    return read_run(run_id)


def _checked_notes(notes: str) -> str:
    if len(notes) > LONGEST_NOTES:
        raise InputError(f"Notes on a run hold at most {LONGEST_NOTES:,} characters and these have {len(notes):,}; shorten them.")
    return notes.strip()


def _folder(run_id: str) -> Path:
    if Path(run_id).name != run_id or run_id in ("", ".", ".."):
        raise InputError(f"{run_id!r} is not the id of a run; choose one from the list of runs.")
    return storage.folder("runs") / run_id


def _reap(run_id: str) -> None:
    """Takes note of a child of this process that ended, so that it does not stay behind as a zombie."""
    child = _children.get(run_id)
    if child is not None and child.poll() is not None:
        _children.pop(run_id, None)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass


def _await_end(process: Mapping[str, Any], longest: float) -> None:
    """Waits for a process to end, so many seconds at most; one that its own parent has yet to reap has ended."""
    pause = threading.Event()
    deadline = time.monotonic() + longest
    while record.is_running(process) and time.monotonic() < deadline:
        pause.wait(0.02)
