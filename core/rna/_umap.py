"""UMAP's layout in a process of its own: numba compiles for seconds, holds Python's lock, and must not be entered by two threads.

``python -m core.rna._umap FOLDER`` is that process: it reads ``task.npz`` in the folder and writes ``points.npy``, and the number of
the epoch it is at to ``epoch.txt``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from core.errors import InputError
from core.rna._process import run_module


def release() -> str:
    """The version of umap-learn.

    Raises:
        InputError: it is not installed.
    """
    try:
        return version("umap-learn")
    except PackageNotFoundError:
        raise InputError("UMAP needs the package umap-learn; install requirements.txt, or use PCA.") from None


def layout(
    neighbours: np.ndarray,
    distances: np.ndarray,
    start: np.ndarray,
    *,
    min_dist: float,
    epochs: int,
    seed: int,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> np.ndarray:
    """[N, 2] float32: a graph of nearest neighbours laid out in the plane.

    Args:
        neighbours: [N, k] int64 rows, the row itself first.
        distances: [N, k], ascending, 0 first.
        start: [N, 2], where the points are at first.
        min_dist: how close together points may come.
        epochs: rounds of moving points.
        seed: of the rounds.
        on_progress: called with (epochs done, epochs in all).
        should_stop: asked twenty times a second; True kills the process.

    Raises:
        InputError: the process ended before it was done.
        Cancelled: ``should_stop`` said so.
    """
    with tempfile.TemporaryDirectory(prefix="gatescope-umap-") as name:
        folder = Path(name)
        settings = json.dumps({"min_dist": min_dist, "epochs": epochs, "seed": seed})
        np.savez(
            folder / "task.npz", neighbours=neighbours, distances=distances.astype(np.float32), start=start.astype(np.float32), settings=settings
        )

        def look() -> None:
            if on_progress:
                on_progress(_epoch(folder / "epoch.txt"), epochs)

        run_module("core.rna._umap", folder, on_look=look, should_stop=should_stop)
        look()  # a short layout is over before it was looked at
        if not (folder / "points.npy").exists():
            raise InputError("UMAP ended before it was done, most likely for lack of memory; map fewer vectors, or use PCA.")
        return np.asarray(np.load(folder / "points.npy", allow_pickle=False))


def _epoch(path: Path) -> int:
    told = path.read_text().split() if path.exists() else []
    return int(told[-1]) if told else 0


def main(folder: Path) -> None:
    """Does the task in ``folder``."""
    import umap

    with np.load(folder / "task.npz", allow_pickle=False) as task:
        neighbours, distances, start, settings = task["neighbours"], task["distances"], task["start"], json.loads(str(task["settings"]))
    with open(folder / "epoch.txt", "w") as told:
        model = umap.UMAP(
            n_neighbors=neighbours.shape[1],
            min_dist=settings["min_dist"],
            n_epochs=settings["epochs"],
            random_state=settings["seed"],
            n_jobs=1,
            init=start,
            precomputed_knn=(neighbours, distances),
            tqdm_kwds={"disable": False, "file": told, "bar_format": "{n} "},
        )
        points = model.fit_transform(start)  # the vectors themselves are not looked at: their neighbours are known
    np.save(folder / "points.npy", points.astype(np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
