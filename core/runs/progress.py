"""The process side of a run: how a computation tells its folder how far it is, and hears that it should stop."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

from core.storage import write_json

PROGRESS_FILE, HISTORY_FILE, STOP_FILE = "progress.json", "history.jsonl", "stop"


class ProgressWriter:
    """Writes ``progress.json`` and ``history.jsonl`` into a run's folder (created when absent).

    Args:
        folder: the run's folder; any folder will do for a computation started by hand.
        interval: seconds between two writes of the progress; what comes sooner is dropped, except the end.
    """

    def __init__(self, folder: str | Path, *, interval: float = 0.5) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.interval = interval
        self._written = -math.inf

    def update(self, done: int, total: int, message: str = "", **metrics: float) -> None:
        """Says that ``done`` of ``total`` steps are finished, with numbers worth showing now."""
        now = time.monotonic()
        if done < total and now - self._written < self.interval:
            return
        self._written = now
        finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
        progress = {"done": int(done), "total": int(total), "message": message, "metrics": finite, "heartbeat": time.time()}
        write_json(self.folder / PROGRESS_FILE, progress)

    def record(self, **row: Any) -> None:
        """Adds one line to the history, such as ``epoch=3, loss=.2, growth_r2=.7``; numbers that are not finite become null."""
        plain = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()}
        with open(self.folder / HISTORY_FILE, "a", encoding="utf-8") as lines:
            lines.write(json.dumps(plain) + "\n")

    def should_stop(self) -> bool:
        """Whether somebody asked this run to stop."""
        return (self.folder / STOP_FILE).exists()
