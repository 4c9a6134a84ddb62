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
from core.runs.progress import STOP_FILE
from core.runs.record import RunInfo

GRACE_SECONDS = 5.0
"""How long a cancelled process may take to leave tidily before it is killed."""

_ROOT = Path(__file__).resolve().parents[2]
_children: dict[str, subprocess.Popen[bytes]] = {}


def start_job(kind: str, arguments: Sequence[str], *, name: str = "", module: str = "core") -> RunInfo:
    """Starts ``python -m <module> <arguments>`` as a process of its own, which outlives this one.

    Args:
        kind: what is computed, such as ``train-metabolic``.
        arguments: the command line; :data:`core.runs.record.RUN_FOLDER` among them becomes the run's folder.
        name: what to call the run; its kind when empty.
        module: the module to run.
    """
    created = time.time()
    run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(created))}-{secrets.token_hex(3)}"
    folder = storage.folder("runs") / run_id
    command = [str(folder) if argument == record.RUN_FOLDER else str(argument) for argument in arguments]
    config = {
        "schema": record.SCHEMA,
        "kind": kind,
        "name": name.strip() or kind,
        "module": module,
        "arguments": command,
        "created": created,
        "version": __version__,
        "key": storage.digest_of(kind=kind, module=module, arguments=list(arguments), version=__version__),
    }
    storage.write_json(folder / record.STATE_FILE, {"state": "running"})
    storage.write_json(folder / record.CONFIG_FILE, config)
    with open(folder / record.LOG_FILE, "wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "core.runs.worker", str(folder), module, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    _children[run_id] = child
    storage.write_json(folder / record.PROCESS_FILE, record.identity(child.pid))
    return read_run(run_id)


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
    """Stops a run with everything it started and keeps what it has written; a run that is not running stays as it is."""
    run = read_run(run_id)
    if not run.running:
        return run
    (run.folder / STOP_FILE).touch()
    process = record.read_json(run.folder / record.PROCESS_FILE)
    if process and record.is_running(process):
        _signal_group(process["pid"], signal.SIGTERM)
        _await_end(process)
        _signal_group(process["pid"], signal.SIGKILL)
        _await_end(process)
    _reap(run_id)
    if record.read_json(run.folder / record.STATE_FILE).get("state") == "running":
        storage.write_json(run.folder / record.STATE_FILE, {"state": "cancelled", "ended": time.time()})
    return read_run(run_id)


def delete_run(run_id: str) -> None:
    """Removes a run and everything it wrote, stopping it first."""
    shutil.rmtree(cancel_run(run_id).folder)
    _children.pop(run_id, None)


def rename_run(run_id: str, name: str) -> RunInfo:
    """Calls a run something else.

    Raises:
        InputError: the name is empty.
    """
    if not name.strip():
        raise InputError("A run needs a name; type at least one letter.")
    folder = read_run(run_id).folder
    storage.write_json(folder / record.CONFIG_FILE, {**record.read_json(folder / record.CONFIG_FILE), "name": name.strip()})
    return read_run(run_id)


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


def _await_end(process: Mapping[str, Any]) -> None:
    """Waits for a process to end, as long as the grace period; one that its own parent has yet to reap has ended."""
    pause = threading.Event()
    deadline = time.monotonic() + GRACE_SECONDS
    while record.is_running(process) and time.monotonic() < deadline:
        pause.wait(0.02)
