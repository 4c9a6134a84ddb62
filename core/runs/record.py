"""What the folder of a run holds, and reading it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from core.runs.progress import HISTORY_FILE, PROGRESS_FILE

SCHEMA = 1
"""Version of a run's config.json; runs of another version are not listed."""

CONFIG_FILE, STATE_FILE, PROCESS_FILE, LOG_FILE = "config.json", "state.json", "process.json", "log.txt"

RUN_FOLDER = "{run}"
"""Stands for the run's own folder among the arguments of a job."""

SILENCE_SECONDS = 120.0
"""A run on another computer (a shared home folder) counts as lost after this long without a heartbeat."""

STARTING_SECONDS = 60.0
"""A run whose process has not reported itself after this long never started."""

LOG_BYTES = 20_000
"""How much of the end of a log is read."""

State = Literal["running", "finished", "failed", "cancelled", "lost"]


@dataclass(frozen=True)
class RunInfo:
    """One run as its folder tells it.

    Attributes:
        id: the folder's name; folder: its path; kind: what it computes; name: what the person called it.
        arguments: the command line after ``python -m core``.
        state: ``lost`` is a process that ended without saying so (killed, or the computer went down).
        created, ended, heartbeat: Unix times in seconds; ended is None while running or lost.
        started: when it was last started or resumed; spent: seconds of the sittings before that; sittings: how often it was started.
        done, total: steps; message: one sentence on the current step; metrics: numbers of the latest step.
        pace: steps per second; ahead: how many more stages of as many steps follow this one.
        asked: when the process last looked whether it should stop; None when it never did.
        error: why it failed, one sentence; None otherwise.
        pid: the process, None before it reported itself.
        notes: what the person wrote about it.
    """

    id: str
    folder: Path
    kind: str
    name: str
    arguments: tuple[str, ...]
    state: State
    created: float
    ended: float | None = None
    heartbeat: float | None = None
    done: int = 0
    total: int = 0
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    pid: int | None = None
    started: float | None = None
    spent: float = 0.0
    sittings: int = 1
    pace: float | None = None
    ahead: int = 0
    asked: float | None = None
    notes: str = ""

    @property
    def resumable(self) -> bool:
        """Whether :func:`core.runs.resume_run` takes it up again."""
        return self.state in ("cancelled", "failed", "lost")

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def fraction(self) -> float:
        """The share of the steps that is done, 0 to 1."""
        return min(max(self.done / self.total, 0.0), 1.0) if self.total else 0.0

    def seconds(self, now: float | None = None) -> float:
        """How long it has been worked on in all sittings; up to its last sign of life when that is all that is known."""
        start = self.created if self.started is None else self.started
        end = (time.time() if now is None else now) if self.running else self.ended or self.heartbeat or start
        return self.spent + max(0.0, end - start)

    def time_left(self, now: float | None = None) -> float | None:
        """Seconds the present stage will still take at its present pace; None when it is not running or the pace is not known yet."""
        if not (self.running and self.pace and self.heartbeat):
            return None
        since = (time.time() if now is None else now) - self.heartbeat
        return max(0.0, (self.total - self.done) / self.pace - since)

    def time_ahead(self) -> float:
        """Seconds of the stages like the present one that follow it, at its pace; 0 when there are none or the pace is not known."""
        return self.ahead * self.total / self.pace if self.pace else 0.0

    def history(self) -> list[dict[str, Any]]:
        """The rows written so far, oldest first; a line cut off by a kill is left out."""
        return read_lines(self.folder / HISTORY_FILE)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines the process printed; a progress bar redrawn in place counts as its last state."""
        return "\n".join(_log_lines(self.folder)[-lines:])


def read_folder(folder: Path) -> RunInfo | None:
    """The run a folder holds, None when it holds none that this version can read."""
    config, state = read_json(folder / CONFIG_FILE), read_json(folder / STATE_FILE)
    if config.get("schema") != SCHEMA:
        return None
    process, progress = read_json(folder / PROCESS_FILE), read_json(folder / PROGRESS_FILE)
    said = state.get("state", "running")
    if said == "running" and not _alive(process, progress, float(state.get("started", config["created"]))):
        # Between reading the state and looking for the process it may have ended properly: what it said last holds.
        state = read_json(folder / STATE_FILE)
        said = "lost" if state.get("state", "running") == "running" else state["state"]
    return RunInfo(
        id=folder.name,
        folder=folder,
        kind=str(config["kind"]),
        name=str(config["name"]),
        arguments=tuple(config["arguments"]),
        state=said,
        created=float(config["created"]),
        ended=state.get("ended"),
        heartbeat=progress.get("heartbeat"),
        done=int(progress.get("done", 0)),
        total=int(progress.get("total", 0)),
        message=str(progress.get("message", "")),
        metrics=dict(progress.get("metrics", {})),
        error=state.get("error"),
        pid=process.get("pid"),
        started=state.get("started"),
        spent=float(state.get("spent", 0.0)),
        sittings=int(state.get("sittings", 1)),
        pace=progress.get("pace"),
        ahead=int(progress.get("ahead", 0)),
        asked=progress.get("asked"),
        notes=str(config.get("notes", "")),
    )


def last_line(folder: Path) -> str:
    """The last line a run printed, empty when it printed nothing."""
    return next(reversed(_log_lines(folder)), "")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, empty when the file is absent or no JSON object."""
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file with one in each line, oldest first; lines cut off by a kill are left out, an absent file has none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [row for row in map(_parse, lines) if row]


def identity(pid: int) -> dict[str, Any]:
    """What tells this process from a later one that was given the same number."""
    return {"pid": pid, "started": psutil.Process(pid).create_time(), "host": socket.gethostname()}


def is_running(process: Mapping[str, Any]) -> bool:
    """Whether the very process described by :func:`identity` is alive on this computer; one waiting to be reaped is not."""
    try:
        found = psutil.Process(process["pid"])
        return abs(found.create_time() - process["started"]) < 1.0 and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _alive(process: Mapping[str, Any], progress: Mapping[str, Any], created: float) -> bool:
    if not process:
        return time.time() - created < STARTING_SECONDS
    if process["host"] != socket.gethostname():
        return time.time() - float(progress.get("heartbeat", created)) < SILENCE_SECONDS
    return is_running(process)


def _log_lines(folder: Path) -> list[str]:
    """The lines at the end of a log; of a line redrawn in place, such as a progress bar, its last state."""
    try:
        with open(folder / LOG_FILE, "rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - LOG_BYTES))
            text = log.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n") if line.strip()]


def _parse(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
