"""A fold in a process of its own: ViennaRNA holds Python's lock while it folds and cannot be interrupted, a process can.

``python -m core.rna._apart FOLDER`` is that process: it reads ``task.json`` in the folder and writes ``result.npz``, or
``problem.txt`` when the input cannot be folded.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import Cancelled, InputError
from core.rna._process import run_module
from core.rna.folding import FoldResult, estimate, fold
from core.rna.records import RnaRecord

SHORT = 300
"""nt up to which a fold is done at once: it takes less time than starting a process."""

_ARRAYS = ("entropy", "pair_probabilities")


def run(
    record: RnaRecord,
    on_progress: Callable[[str, int, int], None] | None,
    should_stop: Callable[[], bool] | None,
    arguments: Mapping[str, Any],
) -> FoldResult:
    """:func:`core.rna.folding.fold` of ``record``, apart from this process when longer than :data:`SHORT`.

    Args:
        record: the RNA.
        on_progress: called with ("folding", done, 100); ``done`` is the elapsed share of the estimated time, 100 at the end.
        should_stop: asked twenty times a second; True kills the process.
        arguments: keyword arguments of ``fold``.

    Raises:
        Cancelled: ``should_stop`` said so; the process is gone.
        InputError: as ``fold`` raises it, or the process was ended from outside.
    """
    if should_stop and should_stop():
        raise Cancelled
    if record.length <= SHORT:
        result = fold(record, **arguments)
    else:
        with tempfile.TemporaryDirectory(prefix="gatescope-fold-") as folder:
            result = _run(record, on_progress, should_stop, arguments, Path(folder))
    if on_progress:
        on_progress("folding", 100, 100)
    return result


def _run(
    record: RnaRecord,
    on_progress: Callable[[str, int, int], None] | None,
    should_stop: Callable[[], bool] | None,
    arguments: Mapping[str, Any],
    folder: Path,
) -> FoldResult:
    task = {"sequence": record.sequence, "arguments": dict(arguments)}
    (folder / "task.json").write_text(json.dumps(task, default=_plain), encoding="utf-8")
    with_partition = arguments.get("probabilities", True) or arguments.get("method", "mfe") != "mfe"
    expected = 1 + estimate(record.length, "pf" if with_partition else "mfe")
    began = time.monotonic()

    def look() -> None:
        if on_progress:
            on_progress("folding", min(int(100 * (time.monotonic() - began) / expected), 99), 100)

    run_module("core.rna._apart", folder, on_look=look, should_stop=should_stop)
    problem = folder / "problem.txt"
    if problem.exists():
        raise InputError(problem.read_text(encoding="utf-8"))
    if not (folder / "result.npz").exists():
        raise InputError("The fold ended before it was done, most likely for lack of memory; give a structure, or use the windowed fold.")
    return _load(folder / "result.npz")


def _load(path: Path) -> FoldResult:
    with np.load(path, allow_pickle=False) as stored:
        content: dict[str, Any] = json.loads(str(stored["content"]))
        arrays = {name: stored[name] for name in _ARRAYS if name in stored.files}
        return FoldResult(**{**content, **arrays, "notes": tuple(content["notes"])})


def _plain(value: Any) -> Any:
    return value.tolist()  # numpy arrays and scalars among the arguments


def main(folder: Path) -> None:
    """Does the task in ``folder``."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    try:
        result = fold(RnaRecord("rna", task["sequence"]), **task["arguments"])
    except InputError as error:
        (folder / "problem.txt").write_text(str(error), encoding="utf-8")
        return
    arrays = {name: getattr(result, name) for name in _ARRAYS if getattr(result, name) is not None}
    content = {name: value for name, value in asdict(result).items() if name not in _ARRAYS}
    np.savez(folder / "result.npz", content=json.dumps(content), **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
