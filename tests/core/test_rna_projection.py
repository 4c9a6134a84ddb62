"""Maps: PCA is exact, both keep planted clusters apart, UMAP repeats itself by its seed, and new vectors stand among their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import Cancelled, InputError
from core.rna import _process, _umap, projection
from core.rna.projection import METHODS, Projection, load_projection, place, project, save_projection

CLUSTERS = 3
pytestmark = pytest.mark.filterwarnings("ignore:precomputed_knn")  # no transform by umap-learn: place() serves


def clusters(n: int, seed: int = 0, d: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """n vectors about three directions that share nothing, of any length, and which of the three each is of."""
    draw = np.random.default_rng(seed)
    of = draw.integers(CLUSTERS, size=n)
    directions = np.eye(d)[of * 4] + 0.15 * draw.normal(size=(n, d))
    return (directions * draw.uniform(0.5, 5, size=(n, 1))).astype(np.float32), of


def in_this_process(module: str, folder: Path, *, on_look: Callable[[], None], should_stop: Callable[[], bool] | None) -> None:
    """In place of a process of its own: numba then compiles once for all tests."""
    assert module == _umap.__name__ and should_stop is None
    _umap.main(folder)
    on_look()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_umap, "run_module", in_this_process)


@pytest.fixture(scope="module")
def maps() -> dict[str, Projection]:
    """150 vectors by both methods."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_umap, "run_module", in_this_process)
        return {method: project(clusters(150)[0], method=method, seed=1, neighbours=10) for method in METHODS}


def test_pca_is_the_singular_value_decomposition_with_fixed_signs() -> None:
    vectors = clusters(80)[0]
    found = project(vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    u, s, vt = np.linalg.svd(unit - unit.mean(0), full_matrices=False)
    signs = np.sign([row[np.abs(row).argmax()] for row in vt[:2]])
    assert np.allclose(found.points, u[:, :2] * s[:2] * signs, atol=1e-5)
    assert found.explained == pytest.approx(s[:2] ** 2 / (s**2).sum(), abs=1e-6)
    assert np.array_equal(project(vectors, seed=7).points, found.points)
    assert np.allclose(project(vectors * 100).points, found.points, atol=1e-6)  # lengths do not count
    assert (found.method, found.fitted, found.judged, found.settings) == ("pca", 80, 80, {})


@pytest.mark.parametrize("method", METHODS)
def test_planted_clusters_stay_apart(method: str, maps: dict[str, Projection]) -> None:
    found, of = maps[method], clusters(150)[1]
    centres = np.stack([found.points[of == k].mean(0) for k in range(CLUSTERS)])
    nearest = np.linalg.norm(found.points[:, None] - centres, axis=2).argmin(axis=1)
    assert np.array_equal(nearest, of)
    assert found.trustworthiness > 0.8
    assert (found.explained is None) == (method == "umap")


@pytest.mark.parametrize("method", METHODS)
def test_new_vectors_stand_in_their_cluster_and_fitted_ones_on_their_points(method: str, maps: dict[str, Projection]) -> None:
    found, of = maps[method], clusters(150)[1]
    new, new_of = clusters(40, seed=5)
    placed = place(found, np.vstack([new, np.zeros(12)]))
    centres = np.stack([found.points[of == k].mean(0) for k in range(CLUSTERS)])
    assert np.array_equal(np.linalg.norm(placed[:40, None] - centres, axis=2).argmin(axis=1), new_of)
    assert np.isnan(placed[40]).all()
    assert np.allclose(place(found, 3 * clusters(150)[0]), found.points, atol=1e-2 * np.ptp(found.points))
    with pytest.raises(InputError, match="5 numbers and the map's 12"):
        place(found, np.ones((2, 5)))


def test_umap_repeats_itself_by_its_seed_in_a_process_of_its_own(maps: dict[str, Projection]) -> None:
    vectors, found = clusters(150)[0], maps["umap"]
    told: list[tuple[int, int]] = []
    again = project(vectors, method="umap", seed=1, neighbours=10, on_progress=lambda *step: told.append(step))
    assert np.array_equal(again.points, found.points) and again.key == found.key
    assert told == sorted(told) and told[-1] == (100, 100)
    assert (75, 100) in told  # what the process wrote of its last epoch


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("method", ["pca", "umap"])
def test_a_stored_map_is_the_same_map(method: str, maps: dict[str, Projection], tmp_path: Path) -> None:
    path = save_projection(maps[method], tmp_path / "map.npz")
    found = load_projection(path)
    assert found is not None and np.array_equal(found.points, maps[method].points)
    for name in ("method", "seed", "settings", "explained", "trustworthiness", "judged", "fitted", "notices", "key"):
        assert getattr(found, name) == getattr(maps[method], name)
    new = np.random.default_rng(3).normal(size=(5, found.frame[0].shape[1]))
    assert np.array_equal(place(found, new), place(maps[method], new))
    path.write_bytes(path.read_bytes()[:-200])
    assert load_projection(path) is None and load_projection(tmp_path / "none.npz") is None


@pytest.mark.usefixtures("here")
def test_another_seed_is_another_map_and_the_key_follows_all_inputs(maps: dict[str, Projection]) -> None:
    vectors, found = clusters(150)[0], maps["umap"]
    other = project(vectors, method="umap", seed=2, neighbours=10)
    assert not np.allclose(other.points, found.points)
    keys = {p.key for p in (found, other, maps["pca"], project(vectors, method="umap", seed=1, neighbours=11), project(vectors[:149]))}
    assert len(keys) == 5


@pytest.mark.usefixtures("here")
def test_above_the_sample_the_others_are_placed_and_it_is_said() -> None:
    vectors, of = clusters(200)
    found = project(vectors, method="umap", sample=90, neighbours=8)
    assert found.fitted == 90 == len(found.frame[0])
    assert found.notices == ("UMAP was fitted on 90 of 200 vectors; the others stand among their nearest of those.",)
    assert np.isfinite(found.points).all()
    centres = np.stack([found.points[of == k].mean(0) for k in range(CLUSTERS)])
    assert np.array_equal(np.linalg.norm(found.points[:, None] - centres, axis=2).argmin(axis=1), of)
    own = {tuple(point) for point in found.frame[1].tolist()}
    assert sum(tuple(point) in own for point in found.points.tolist()) >= 90


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("method", METHODS)
def test_zeros_equals_and_few_vectors(method: str) -> None:
    vectors = np.array([[1, 0, 0]] * 5 + [[0, 1, 0]] * 2 + [[0, 0, 0]], dtype=np.float32)
    found = project(vectors, method=method, neighbours=4)
    assert np.isnan(found.points[7]).all() and np.isfinite(found.points[:7]).all()
    assert found.notices == ("1 vectors are zero and have no place on the map.",)
    assert np.isfinite(project(np.ones((6, 3)), method=method).points).all()
    assert np.isfinite(project(np.array([[1.0], [-1], [2], [3]]), method=method).points).all()


def test_trustworthiness_of_a_known_map() -> None:
    """Of vectors with two numbers nothing is lost; of thirty that have nothing in common most is."""
    turn = np.sort(np.random.default_rng(0).uniform(0, np.pi, 60))
    arc = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    assert project(arc).trustworthiness == pytest.approx(1)
    lost = project(np.random.default_rng(0).normal(size=(60, 30)))
    assert 0.5 < lost.trustworthiness < 0.8


def test_many_vectors_are_judged_on_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "JUDGED", 50)
    found = project(clusters(150)[0])
    assert found.judged == 50
    assert found.trustworthiness == project(clusters(150)[0]).trustworthiness != project(clusters(150)[0], seed=3).trustworthiness


def test_cancel_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    popen = _process.subprocess.Popen
    monkeypatch.setattr(_process.subprocess, "Popen", lambda *args, **rest: started.append(popen(*args, **rest)) or started[-1])
    with pytest.raises(Cancelled):
        project(clusters(60)[0], method="umap", should_stop=lambda: bool(started))
    assert started[0].poll() is not None


def test_a_process_that_ends_early_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_umap, "run_module", lambda *args, **rest: None)
    with pytest.raises(InputError, match="UMAP ended before it was done"):
        project(clusters(60)[0], method="umap")


def test_what_cannot_be_mapped_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clusters(20)[0]
    with pytest.raises(InputError, match="no map 'tsne'; choose one of pca, umap"):
        project(vectors, method="tsne")
    with pytest.raises(InputError, match="3 vectors make no map"):
        project(np.vstack([vectors[:3], np.zeros((2, 12))]))
    with pytest.raises(InputError, match="1 vectors with numbers that are not finite"):
        project(np.vstack([vectors, np.full(12, np.nan)]))
    for wrong in ({"neighbours": 1}, {"min_dist": -0.1}, {"sample": 2}):
        with pytest.raises(InputError, match="at least 2 neighbours"):
            project(vectors, method="umap", **wrong)
    monkeypatch.setattr(_umap, "version", lambda name: (_ for _ in ()).throw(_umap.PackageNotFoundError))
    with pytest.raises(InputError, match="needs the package umap-learn"):
        project(vectors, method="umap")
