"""Vectors as points of a plane: PCA, exact and quick, or UMAP (McInnes, Healy and Melville, 2018), which keeps neighbours together.

Vectors are brought to length 1 first, as they are compared by cosine. A map of 64 numbers on two loses most of what they say;
:attr:`Projection.trustworthiness` tells how far neighbours on the map are neighbours by cosine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from core.errors import InputError
from core.rna import _umap
from core.rna.neighbours import Index, checked, unit_rows
from core.storage import digest, digest_of, write_atomic

METHODS = ("pca", "umap")
LEAST = 4
"""Vectors of a map at least."""
SAMPLE = 20_000
"""Vectors UMAP lays out itself, in about half a minute of one processor. The others are placed among them."""
JUDGED, NEIGHBOURS_JUDGED = 2_000, 15
"""Vectors, and neighbours of each, that trustworthiness is measured on."""
SCHEMA = 1
"""Version of stored maps."""
_PLAIN = ("method", "seed", "settings", "explained", "trustworthiness", "judged", "fitted", "notices", "key")
_TOUCHING = 1e-7  # 1 - cosine of a vector with itself in float32
_SHARES = {"neighbours": (0, 25), "layout": (25, 75), "placing": (75, 100)}  # of the progress


@dataclass(frozen=True, eq=False)
class Projection:
    """Points of a plane for N vectors.

    Attributes:
        points: [N, 2] float32; nan for vectors of zeros, which point nowhere.
        method: of :data:`METHODS`.
        seed: of UMAP, of the sample it was fitted on and of the sample that was judged.
        settings: of UMAP: neighbours, min_dist, sample, epochs, version; empty for PCA.
        explained: share of the variance along each axis of PCA; None for UMAP.
        trustworthiness: 0 to 1 (Venna and Kaski, 2001), 1 when the nearest neighbours on the map are nearest by cosine; nan for fewer than 4.
        judged: vectors it was measured on: all, or a random sample.
        fitted: vectors the map was made of; the others were placed among them.
        notices: sentences on what was left out or placed otherwise.
        key: sha256 of vectors, method, seed and settings.
        frame: what :func:`place` needs: mean [1, D] and axes [2, D] of PCA; unit vectors [fitted, D] and their points [fitted, 2] of UMAP.
    """

    points: np.ndarray
    method: str
    seed: int
    settings: dict[str, Any]
    explained: tuple[float, float] | None
    trustworthiness: float
    judged: int
    fitted: int
    notices: tuple[str, ...]
    key: str
    frame: tuple[np.ndarray, np.ndarray]


def project(
    vectors: np.ndarray,
    *,
    method: str = "pca",
    seed: int = 0,
    neighbours: int = 15,
    min_dist: float = 0.1,
    sample: int = SAMPLE,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Projection:
    """Maps vectors onto a plane.

    PCA is of the unit vectors about their mean; each axis points where its largest loading is positive. UMAP starts from it, on the exact
    nearest neighbours by cosine, in a process of its own; the same seed gives the same points. Above ``sample`` vectors it is
    fitted on a random sample, and the others are placed as :func:`place` does it.

    Args:
        vectors: [N, D].
        method: of :data:`METHODS`.
        neighbours, min_dist: of UMAP: how many neighbours each point is held to, and how close together points may come.
        on_progress: called with (percent done, 100).
        should_stop: asked twenty times a second while UMAP runs.

    Raises:
        InputError: an unknown method, settings outside their range, numbers that are not finite, or fewer than :data:`LEAST` vectors.
        Cancelled: ``should_stop`` said so.
    """
    vectors = checked(vectors, "The map")
    if method not in METHODS:
        raise InputError(f"There is no map {method!r}; choose one of {', '.join(METHODS)}.")
    if neighbours < 2 or not 0 <= min_dist <= 1 or sample < LEAST:
        raise InputError(f"UMAP needs at least 2 neighbours, a least distance from 0 to 1 and a sample of at least {LEAST}; change these settings.")
    whole = unit_rows(vectors)
    known = whole.any(axis=1)
    unit = whole[known]
    if len(unit) < LEAST:
        raise InputError(f"{len(unit)} vectors make no map; give at least {LEAST} that are not zero.")
    notices = [] if known.all() else [f"{int((~known).sum()):,} vectors are zero and have no place on the map."]
    settings: dict[str, Any] = {}
    mean, axes, explained = _components(unit)
    frame, shown = (mean, axes), ((unit - mean) @ axes.T).astype(np.float32)
    if method == "umap":
        epochs = 500 if min(len(unit), sample) <= 10_000 else 200  # umap-learn's own choice
        settings = {"neighbours": neighbours, "min_dist": min_dist, "sample": sample, "epochs": epochs, "version": _umap.release()}
        rows = np.arange(len(unit))
        if len(unit) > sample:
            rows = np.sort(np.random.default_rng(seed).choice(len(unit), sample, replace=False))
            notices.append(f"UMAP was fitted on {sample:,} of {len(unit):,} vectors; the others stand among their nearest of those.")
        frame = unit[rows], _fit(unit[rows], shown[rows], settings, seed, on_progress, should_stop)
        rest = np.delete(np.arange(len(unit)), rows)
        shown[rows], shown[rest] = frame[1], _among(frame, unit[rest], neighbours, _staged(on_progress, "placing"), should_stop)
    trustworthiness, judged = _trust(unit, shown, seed)
    points = np.full((len(vectors), 2), np.nan, dtype=np.float32)
    points[known] = shown
    if on_progress:
        on_progress(100, 100)
    return Projection(
        points=points,
        method=method,
        seed=seed,
        settings=settings,
        explained=explained if method == "pca" else None,
        trustworthiness=trustworthiness,
        judged=judged,
        fitted=len(unit) if method == "pca" else len(frame[0]),
        notices=tuple(notices),
        key=digest_of(vectors=digest(vectors.tobytes()), shape=vectors.shape, method=method, seed=seed, settings=settings),
        frame=frame,
    )


def place(projection: Projection, vectors: np.ndarray) -> np.ndarray:
    """[M, 2] float32: where new vectors stand on a map; nan for vectors of zeros.

    PCA: their own coordinates. UMAP: the mean of the points of their nearest fitted vectors, as many as the map has neighbours,
    weighted by 1 / (1 - cosine); a fitted vector stands on its own point. Points of the map do not move.

    Args:
        vectors: [M, D], by the network whose vectors the map shows.

    Raises:
        InputError: another width than the map's, or numbers that are not finite.
    """
    vectors = checked(vectors, "What is to be placed")
    width = projection.frame[0].shape[1]
    if vectors.shape[1] != width:
        raise InputError(f"The vectors have {vectors.shape[1]} numbers and the map's {width}; embed both by one network.")
    unit = unit_rows(vectors)
    known = unit.any(axis=1)
    points = np.full((len(unit), 2), np.nan, dtype=np.float32)
    if projection.method == "pca":
        mean, axes = projection.frame
        points[known] = (unit[known] - mean) @ axes.T
    else:
        points[known] = _among(projection.frame, unit[known], projection.settings["neighbours"], None, None)
    return points


def save_projection(projection: Projection, path: Path) -> Path:
    """Writes a map as npz, whole or not at all."""
    told = {name: getattr(projection, name) for name in _PLAIN} | {"schema": SCHEMA}
    arrays = {"points": projection.points, "first": projection.frame[0], "second": projection.frame[1]}
    text = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
    return write_atomic(path, lambda p: np.savez(p, about=text, **arrays))  # type: ignore[arg-type]


def load_projection(path: Path) -> Projection | None:
    """What :func:`save_projection` wrote; None for no file, a damaged one or one of another schema."""
    try:
        with np.load(path) as stored:
            told = json.loads(stored["about"].tobytes())
            if told.pop("schema") != SCHEMA:
                return None
            arrays = {"points": stored["points"], "frame": (stored["first"], stored["second"])}
        explained, notices = told.pop("explained"), tuple(told.pop("notices"))
        return Projection(explained=None if explained is None else tuple(explained), notices=notices, **arrays, **told)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return None


def _components(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Mean [1, D] and the two axes [2, D] of largest variance, float64, and the share of the variance along each."""
    mean = unit.mean(axis=0, keepdims=True, dtype=np.float64)
    covariance = np.zeros((unit.shape[1], unit.shape[1]))
    for start in range(0, len(unit), 8192):  # float64 of a part at a time
        part = unit[start : start + 8192] - mean
        covariance += part.T @ part
    variances, directions = np.linalg.eigh(covariance)
    axes = np.zeros((2, unit.shape[1]))
    largest = directions.T[::-1][:2]
    axes[: len(largest)] = largest * np.sign(largest[np.arange(len(largest)), np.abs(largest).argmax(axis=1)])[:, None]
    shares = np.zeros(2)
    total = variances.sum()
    if total > 0:
        shares[: len(largest)] = np.clip(variances[::-1][:2] / total, 0, 1)
    return mean, axes, (float(shares[0]), float(shares[1]))


def _fit(
    unit: np.ndarray,
    start: np.ndarray,
    settings: dict[str, Any],
    seed: int,
    on_progress: Callable[[int, int], None] | None,
    should_stop: Callable[[], bool] | None,
) -> np.ndarray:
    """[F, 2] float32 points of UMAP for unit vectors, which PCA puts at ``start``."""
    k = min(settings["neighbours"], len(unit) - 1)
    near = Index(unit).nearest(unit, k, on_progress=_staged(on_progress, "neighbours"), should_stop=should_stop)
    own = np.arange(len(unit))[:, None]
    others = np.argsort(near.rows == own, axis=1, kind="stable")[:, : k - 1]  # itself last, or not there among many equal ones
    rows = np.concatenate([own, np.take_along_axis(near.rows, others, axis=1)], axis=1)
    distances = np.concatenate([np.zeros((len(unit), 1)), 1 - np.take_along_axis(near.cosines, others, axis=1)], axis=1)
    spread = float(np.abs(start).max())
    first = np.round(start * (10 / spread if spread > 0 else 0), 3)  # the last digits depend on the number of threads, and UMAP amplifies them
    first += np.random.default_rng(seed).normal(scale=1e-4, size=start.shape)  # parts equal vectors
    return _umap.layout(
        rows,
        np.where(distances < _TOUCHING, 0, distances),
        first,
        min_dist=settings["min_dist"],
        epochs=settings["epochs"],
        seed=seed,
        on_progress=_staged(on_progress, "layout"),
        should_stop=should_stop,
    )


def _among(
    frame: tuple[np.ndarray, np.ndarray],
    unit: np.ndarray,
    neighbours: int,
    on_progress: Callable[[int, int], None] | None,
    should_stop: Callable[[], bool] | None,
) -> np.ndarray:
    """[M, 2] means of the points of the nearest fitted vectors, weighted by 1 / (1 - cosine)."""
    if not len(unit):
        return np.empty((0, 2), dtype=np.float32)
    fitted, points = frame
    near = Index(fitted).nearest(unit, neighbours, on_progress=on_progress, should_stop=should_stop)
    weights = 1 / np.maximum(1 - near.cosines, _TOUCHING)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((points[near.rows] * weights[:, :, None]).sum(axis=1), dtype=np.float32)


def _trust(unit: np.ndarray, points: np.ndarray, seed: int) -> tuple[float, int]:
    """Trustworthiness on at most :data:`JUDGED` vectors, and how many."""
    from sklearn.manifold import trustworthiness

    if len(unit) > JUDGED:
        rows = np.sort(np.random.default_rng(seed).choice(len(unit), JUDGED, replace=False))
        unit, points = unit[rows], points[rows]
    k = min(NEIGHBOURS_JUDGED, (len(unit) - 1) // 2)
    return float(trustworthiness(unit, points, n_neighbors=k, metric="cosine")), len(unit)


def _staged(on_progress: Callable[[int, int], None] | None, stage: str) -> Callable[[int, int], None] | None:
    """Progress of one stage as percent of the whole."""
    if on_progress is None:
        return None
    low, high = _SHARES[stage]
    return lambda done, total: on_progress(low + (high - low) * done // max(total, 1), 100)
