"""Many linear programmes of one model and condition: solved side by side, counted, stopped, and their results kept on disk.

They run in threads, each with a programme of its own: HiGHS gives up the interpreter's lock while it solves, so threads are as fast as processes
and need no start. Any other executor, of processes or of a cluster, serves as well.
"""

from __future__ import annotations

import os
import threading
import zipfile
import zlib
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from core.errors import Cancelled
from core.metabolic.condition import ConditionBounds
from core.metabolic.reading import MAX_CACHE
from core.metabolic.tables import ModelTables
from core.storage import digest_of, folder, trim, write_atomic

SCHEMA = 1
"""Version of the files' layout and of how they are computed; files of another version are not used."""

Progress = Callable[[int, int], None]
Row = tuple[tuple[float, ...], str]
"""Numbers and a status."""

_CHUNK = 8  # solves between two looks at ``should_stop``
_WORTH = 24  # solves that are worth a programme of their own: building one takes as long as some ten
_LOOK = 0.1  # seconds between two looks at ``should_stop`` while nothing is finished
_FOREIGN = 64  # chunks given out at a time where the number of workers is not known
_here = threading.local()


class Work(Protocol):
    """What is solved; it travels to the workers."""

    @property
    def key(self) -> str:
        """Tells one work from another."""

    def begin(self) -> Callable[[Any], Row]:
        """Builds the programme and returns what solves one item on it."""


@dataclass(frozen=True)
class How:
    """The keywords that say how many solves are done: see :func:`core.metabolic.knockout_growth`."""

    on_progress: Progress | None = None
    should_stop: Callable[[], bool] | None = None
    executor: Executor | None = None
    processes: int | None = None
    cached: bool = True


def solve_all(work: Work, items: Sequence[Hashable], found: dict[Any, Row], how: How) -> None:
    """Solves ``items`` and puts each result into ``found`` as soon as it is there; what was found before an exception stays.

    Raises:
        Cancelled: ``how.should_stop`` said so; each worker ends with the chunk at hand.
    """
    if how.executor is not None:
        with suppress(BrokenExecutor):  # a worker died; what it left is solved here, to the same numbers
            _spread(how.executor, _FOREIGN, work, items, found, how)
        items = [item for item in items if item not in found]
    if items:
        threads = max(1, min(how.processes or os.cpu_count() or 1, len(items) // _WORTH))
        with ThreadPoolExecutor(threads, "solve") as pool:
            _spread(pool, 2 * threads, work, items, found, how)


def _spread(pool: Executor, window: int, work: Work, items: Sequence[Hashable], found: dict[Any, Row], how: How) -> None:
    """At most ``window`` chunks are given out at a time, so that a stop leaves the others unsolved."""
    chunks = [items[i : i + _CHUNK] for i in range(0, len(items), _CHUNK)][::-1]
    waiting: dict[Future[list[Row]], Sequence[Hashable]] = {}
    done = 0
    try:
        while chunks or waiting:
            if how.should_stop and how.should_stop():
                raise Cancelled("The work was stopped; what was solved so far is kept.")
            while chunks and len(waiting) < window:
                chunk = chunks.pop()
                waiting[pool.submit(_chunk, work, chunk)] = chunk
            ready, _ = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
            for future in ready:
                chunk = waiting.pop(future)
                found.update(zip(chunk, future.result(), strict=True))
                done += len(chunk)
            if ready and how.on_progress:
                how.on_progress(done, len(items))
    finally:
        for future in waiting:
            future.cancel()


def _chunk(work: Work, items: Sequence[Any]) -> list[Row]:
    """In a worker: its programme is built for the first chunk and used for the next ones."""
    if getattr(_here, "key", None) != work.key:
        _here.solve = work.begin()
        _here.key = work.key
    return [_here.solve(item) for item in items]


def key_of(kind: str, tables: ModelTables, bounds: ConditionBounds, **more: float) -> str:
    """The key of what is solved under a condition: the model's content, its bounds and objective there, and the solver."""
    given = {name: getattr(bounds, name) for name in ("lower", "upper", "objective")}
    return digest_of(kind=kind, model=tables.key, solver=version("highspy"), schema=SCHEMA, **given, **more)


def load(key: str) -> dict[str, Row]:
    """Results kept under a key, by name; none when there is no file or it is damaged."""
    path = _path(key)
    try:
        with np.load(path, allow_pickle=False) as stored:
            names, values, statuses = (stored[name].tolist() for name in ("names", "values", "statuses"))
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return {}
    with suppress(OSError):
        os.utime(path)  # the cache drops what was used longest ago
    return {name: (tuple(row), status) for name, row, status in zip(names, values, statuses, strict=True)}


def keep(key: str, rows: dict[str, Row]) -> None:
    """Keeps results under a key and bounds the cache."""

    def write(temporary: Path) -> None:
        values, statuses = zip(*rows.values(), strict=True)
        with open(temporary, "wb") as out:
            np.savez_compressed(out, names=np.array(list(rows)), values=np.array(values, dtype=float), statuses=np.array(statuses))

    write_atomic(_path(key), write)
    trim("cache", MAX_CACHE)


def _path(key: str) -> Path:
    return folder("cache") / "solved" / f"{key}.npz"
