"""Many RNAs folded and embedded in a process of its own, which folds on all cores and can be ended.

``python -m core.explain._embed_apart FOLDER`` is that process: it reads ``task.json`` in the folder, keeps ``progress.json`` up to date and writes
``result.npz``, or ``problem.txt`` when the RNAs cannot be embedded.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from core.errors import InputError
from core.explain.embedded import EmbeddedRnas, embed_rnas, load_embedded, save_embedded
from core.rna._process import run_module
from core.rna.records import RnaRecord
from core.storage import write_json

_TELL = 0.3  # seconds between two notes on progress

Progress = Callable[[str, int, int], None]


def embed_apart(
    name: str,
    records: Sequence[RnaRecord],
    checkpoint: str | Path,
    *,
    families: Mapping[str, str] | None = None,
    titles: Mapping[str, str] | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> EmbeddedRnas:
    """:func:`core.explain.embedded.embed_rnas`, apart from this process; arguments and errors as there."""
    with tempfile.TemporaryDirectory(prefix="gatescope-embed-") as held:
        folder = Path(held)
        task = {
            "name": name,
            "records": [[r.id, r.sequence, r.structure] for r in records],
            "checkpoint": str(checkpoint),
            "path": isinstance(checkpoint, Path),
            "families": dict(families or {}),
            "titles": dict(titles or {}),
            "device": device,
            "batch_size": batch_size,
        }
        write_json(folder / "task.json", task)

        def look() -> None:
            told = folder / "progress.json"
            if on_progress and told.exists():
                on_progress(*json.loads(told.read_text()))

        run_module("core.explain._embed_apart", folder, on_look=look, should_stop=should_stop)
        if (folder / "problem.txt").exists():
            raise InputError((folder / "problem.txt").read_text(encoding="utf-8"))
        found = load_embedded(folder / "result.npz")
    if found is None:
        raise InputError("The process that embeds was ended from outside, perhaps for want of memory; start it again or give fewer RNAs.")
    return found


def main(folder: Path) -> None:
    """Does the task of a folder."""
    from core.train.command import workers

    task = json.loads((folder / "task.json").read_text())
    last = 0.0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > _TELL or done == total:
            last = time.monotonic()
            write_json(folder / "progress.json", [what, done, total])

    try:
        with workers(None) as executor:
            found = embed_rnas(
                task["name"],
                [RnaRecord(id, sequence, structure) for id, sequence, structure in task["records"]],
                Path(task["checkpoint"]) if task["path"] else task["checkpoint"],
                families=task["families"],
                titles=task["titles"],
                device=task["device"],
                batch_size=task["batch_size"],
                executor=executor,
                on_progress=tell,
                should_stop=lambda: os.getppid() == 1,  # the app is gone
            )
        save_embedded(found, folder / "result.npz", table=True)
    except InputError as error:
        (folder / "problem.txt").write_text(str(error), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
