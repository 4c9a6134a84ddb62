"""The process side of a run: how a computation tells its folder how far it is, and hears that it should stop."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

from core.storage import write_json

PROGRESS_FILE, HISTORY_FILE, STOP_FILE = "progress.json", "history.jsonl", "stop"


class Pace:
    """How fast a stage goes: over the later half of its time, so that a computer that became slower or faster is noticed.

    Args:
        points: how many moments are remembered, evenly spread over the stage whatever its length.
    """

    _stage: str
    _kept: list[tuple[float, int]]
    _last: tuple[float, int]
    _calls: int
    _stride: int

    def __init__(self, points: int = 64) -> None:
        self._limit = points
        self._begin("")

    def add(self, stage: str, done: int, now: float) -> None:
        """Notes that ``done`` steps of ``stage`` are finished at a time in seconds; another stage, or steps taken back, start anew."""
        if stage != self._stage or done < self._last[1]:
            self._begin(stage)
        self._last = (now, done)
        if self._calls % self._stride == 0:
            self._kept.append(self._last)
        self._calls += 1
        if len(self._kept) > self._limit:
            self._kept, self._stride = self._kept[::2], 2 * self._stride

    def rate(self) -> float | None:
        """Steps per second; None while there is only one moment, or nothing was done since."""
        if not self._kept:
            return None
        middle = (self._kept[0][0] + self._last[0]) / 2
        then, done = max((point for point in self._kept if point[0] <= middle), default=self._kept[0])
        spent, steps = self._last[0] - then, self._last[1] - done
        return steps / spent if spent > 0 and steps > 0 else None

    def _begin(self, stage: str) -> None:
        self._stage, self._kept, self._last = stage, [], (-math.inf, 0)
        self._calls, self._stride = 0, 1


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
        self._pace = Pace()
        self._asked: float | None = None

    def update(self, done: int, total: int, message: str = "", *, ahead: float = 0, **metrics: float) -> None:
        """Says that ``done`` of ``total`` steps are finished, with numbers worth showing now.

        Args:
            message: names the stage; the pace is that of the steps under one message.
            ahead: how many more stages of as many steps come after this one.
        """
        now = time.monotonic()
        self._pace.add(message, done, now)
        if done < total and now - self._written < self.interval:
            return
        self._written = now
        finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
        progress = {"done": int(done), "total": int(total), "message": message, "metrics": finite, "heartbeat": time.time()}
        write_json(self.folder / PROGRESS_FILE, {**progress, "pace": self._pace.rate(), "ahead": int(ahead), "asked": self._asked})

    def record(self, **row: Any) -> None:
        """Adds one line to the history, such as ``epoch=3, loss=.2, growth_r2=.7``; numbers that are not finite become null."""
        plain = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()}
        with open(self.folder / HISTORY_FILE, "a", encoding="utf-8") as lines:
            lines.write(json.dumps(plain) + "\n")

    def should_stop(self) -> bool:
        """Whether somebody asked this run to stop."""
        self._asked = time.time()
        return (self.folder / STOP_FILE).exists()

    def go_on(self) -> None:
        """Forgets that an earlier sitting of this run was asked to stop."""
        (self.folder / STOP_FILE).unlink(missing_ok=True)
