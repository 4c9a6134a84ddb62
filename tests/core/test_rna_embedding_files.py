"""Embeddings as AnnData, npz and CSV: read again they are the same numbers under the same names."""

from __future__ import annotations

import io
import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.rna import RnaRecord, decompose, embedding_files
from core.rna.embedding import Embeddings
from core.rna.embedding_files import csv, csv_parts, h5ad, npz, stacked, to_anndata, what_is_embedded
from core.rna.projection import project

NAMES = ["a/b", 'say "x", y', "<i>ü</i>", "1", "e"]


def embeddings(width: int = 4, level: str = "rna") -> Embeddings:
    vectors = np.random.default_rng(0).normal(size=(5, width)).astype(np.float32)
    return Embeddings(list(NAMES), vectors, level, ("halved",), {"key": "k", "checkpoint": {"name": "rna", "sha256": "0"}, "none": None})


def about() -> pd.DataFrame:
    return pd.DataFrame({"family": ["x", "x", None, "y", ""], "length": [1, 2, 3, 4, 5], "gc": [0.5, np.nan, 0.1, 0, 1]}, index=[9, 9, 9, 1, 0])


def test_anndata_comes_back_the_same(tmp_path: Path) -> None:
    given = embeddings()
    maps = {"X_pca": project(given.vectors), "X_other": project(given.vectors[::-1])}
    (tmp_path / "e.h5ad").write_bytes(h5ad(given, obs=about(), uns={"checkpoint": "rna", "more": [1, {"deep": True}]}, obsm=maps))
    held = anndata.read_h5ad(tmp_path / "e.h5ad")
    assert list(held.obs_names) == NAMES and list(held.var_names) == ["unit 1", "unit 2", "unit 3", "unit 4"]
    assert held.X.dtype == np.float32 and np.array_equal(held.X, given.vectors)
    assert held.obs["family"].astype(object).where(held.obs["family"].notna(), None).tolist() == ["x", "x", None, "y", ""]
    assert held.obs["length"].tolist() == [1, 2, 3, 4, 5] and np.array_equal(held.obs["gc"], about()["gc"], equal_nan=True)
    assert set(held.obsm) == set(maps) and all(np.array_equal(held.obsm[name], made.points) for name, made in maps.items())
    assert held.uns["checkpoint"] == "rna" and json.loads(held.uns["more"]) == [1, {"deep": True}]
    assert json.loads(held.uns["manifest"]) == given.manifest and json.loads(held.uns["notices"]) == ["halved"]
    how = json.loads(held.uns["X_pca"])
    assert how["key"] == maps["X_pca"].key and how["method"] == "pca" and how["explained"] == pytest.approx(maps["X_pca"].explained)


def test_columns_of_any_name_come_back_under_a_name_that_hdf5_takes(tmp_path: Path) -> None:
    names = ["Kd (mg/L)", "Kd (mg_L)", ".", "..", "/", "<img src=x>", "é"]
    obs = pd.DataFrame({name: [f"{name} {row}" for row in range(5)] for name in names})
    (tmp_path / "e.h5ad").write_bytes(h5ad(embeddings(), obs=obs))
    held = anndata.read_h5ad(tmp_path / "e.h5ad").obs
    assert list(held.columns) == ["Kd (mg_L)_", "Kd (mg_L)", "_", "__", "___", "<img src=x>", "é"]
    assert [str(held[column].iloc[4]) for column in held] == [f"{name} 4" for name in names]


def test_npz_and_csv_come_back_the_same() -> None:
    given, other = embeddings(), embeddings(3, "base")
    held = np.load(io.BytesIO(npz({"rna": given, "base": other})), allow_pickle=False)
    assert set(held.files) == {"rna_names", "rna_vectors", "base_names", "base_vectors"}
    assert held["rna_names"].tolist() == NAMES and np.array_equal(held["base_vectors"], other.vectors)
    made = project(given.vectors)
    table = pd.read_csv(io.BytesIO(csv(given, obs=about(), obsm={"X_pca": made})), keep_default_na=False)
    assert table["name"].tolist() == NAMES
    assert list(table.columns) == ["name", "family", "length", "gc", "X_pca 1", "X_pca 2", "unit 1", "unit 2", "unit 3", "unit 4"]
    assert np.array_equal(table.filter(like="unit").to_numpy(np.float32), given.vectors)
    assert np.array_equal(table[["X_pca 1", "X_pca 2"]].to_numpy(np.float32), made.points)
    assert table["family"].tolist() == ["x", "x", "", "y", ""]


def test_levels_stand_below_each_other_with_what_they_are() -> None:
    record = RnaRecord("r/1", "GGGGAAAACCCC", "((((....))))")
    elements = decompose(str(record.structure)).elements
    draw = np.random.default_rng(0)
    levels = {
        level: Embeddings(names, draw.normal(size=(len(names), 4)).astype(np.float32), level)
        for level, names in {
            "base": [f"r/1/{i}" for i in range(1, 13)],
            "rna": ["r/1"],
            "element": [f"r/1/{e.name}" for e in elements],
        }.items()
    }
    together, rows = stacked(levels), what_is_embedded([record])
    assert together.names[:2] == ["rna:r/1", f"element:r/1/{elements[0].name}"] and together.names[-1] == "base:r/1/12"
    assert [name.partition(":")[0] for name in together.names] == rows["level"].tolist()
    assert np.array_equal(together.vectors[-12:], levels["base"].vectors) and together.notices == ()
    assert rows["kind"].tolist() == ["rna", *(e.kind for e in elements), *["base"] * 12]
    assert "".join(rows["sequence"][-12:]) == record.sequence
    assert rows["size"].tolist()[: 1 + len(elements)] == [12, *(len(e.bases) for e in elements)]


def test_levels_of_other_widths_are_filled_up_and_it_is_said() -> None:
    together = stacked({"rna": embeddings(2), "base": embeddings(3, "base")})
    assert together.vectors.shape == (10, 3)
    assert np.isnan(together.vectors[:5, 2]).all() and np.isfinite(together.vectors[5:]).all()
    assert together.notices == ("halved", "The levels have different numbers of units (rna 2, base 3); the rest of each row is nan.")


def test_what_does_not_fit_is_said() -> None:
    given = embeddings()
    with pytest.raises(InputError, match="Two vectors are called 'a/b'"):
        to_anndata(Embeddings(["a/b"] * 5, given.vectors))
    for write in (to_anndata, csv):
        with pytest.raises(InputError, match="4 rows for 5 vectors"):
            write(given, obs=about()[:4])
        with pytest.raises(InputError, match="4 points for 5 vectors"):
            write(given, obsm={"X_pca": project(given.vectors[:4])})


def test_a_table_written_in_parts_is_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = csv(embeddings(), obs=about())
    monkeypatch.setattr(embedding_files, "ROWS", 2)
    parts = list(csv_parts(embeddings(), obs=about()))
    assert len(parts) == -(-len(embeddings().names) // 2) > 1 and b"".join(parts) == whole
    assert whole.count(b"name,") == 1
