"""``embed`` and ``scoreboard`` from the command line: the files are core's own numbers under their names, and bad input is one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from core.__main__ import main
from core.explain.labelled import read_labelled
from core.explain.scoreboard import scoreboard
from core.models import load_checkpoint
from core.rna import embed, load_example
from tests.app.test_scoreboard_page import labelled_file

ROOT = Path(__file__).resolve().parents[2]
RECORDS = [load_example(name) for name in ("trna-phe", "hammerhead", "adenine-riboswitch")]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """A command as a person gives it: it starts workers of its own, which a worker of pytest could not."""
    return subprocess.run([sys.executable, "-m", "core", *map(str, words)], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("level", ["rna", "element"])
def test_vectors_of_many_rnas_under_their_names(level: str, tmp_path: Path):
    file = tmp_path / "rnas.fa"
    file.write_text("".join(f">{r.id}\n{r.sequence}\n{r.structure}\n" for r in RECORDS))
    assert run("embed", file, "--level", level, "--out", tmp_path / "out").returncode == 0
    expected = embed(RECORDS, level=level, device="cpu")
    table = pd.read_csv(tmp_path / "out" / "embeddings.csv")
    held = anndata.read_h5ad(tmp_path / "out" / "embeddings.h5ad")
    arrays = np.load(tmp_path / "out" / "embeddings.npz")
    assert table["name"].tolist() == list(held.obs_names) == arrays[f"{level}_names"].tolist() == expected.names
    for found in (held.X, arrays[f"{level}_vectors"], table.filter(like="unit ").to_numpy()):
        assert np.asarray(found) == pytest.approx(expected.vectors, abs=1e-5)


@pytest.mark.parametrize("level", ["rna", "element"])
def test_the_further_columns_of_a_table_come_along(level: str, tmp_path: Path):
    file = tmp_path / "rnas.csv"
    kds, organisms = [1e-3, np.nan, 20.0], ["yeast", "=1+1", ""]
    rows = [f"{r.id},{r.sequence},{r.structure},F{i},{kds[i]},{organisms[i]},{i}" for i, r in enumerate(RECORDS)]
    file.write_text("\n".join(["id,sequence,structure,family,Kd (mg/L),organism,Length", *rows]))
    assert run("embed", file, "--level", level, "--out", tmp_path / "out").returncode == 0
    table = pd.read_csv(tmp_path / "out" / "embeddings.csv", keep_default_na=False, na_values={"Kd (mg/L)": [""]})
    held = anndata.read_h5ad(tmp_path / "out" / "embeddings.h5ad").obs
    place = [[r.id for r in RECORDS].index(name.split("/")[0]) for name in table["name"]]
    assert len(set(place)) == 3 and (len(place) == 3) == (level == "rna")
    assert table["Kd (mg/L)"].tolist() == pytest.approx([kds[i] for i in place], nan_ok=True)
    assert held["Kd (mg_L)"].tolist() == pytest.approx([kds[i] for i in place], nan_ok=True)
    assert table["organism"].tolist() == held["organism"].tolist() == [organisms[i] for i in place]
    assert table["Length (yours)"].tolist() == held["Length (yours)"].tolist() == place
    assert table["family"].tolist() == [f"F{i}" for i in place]


def test_a_scoreboard_of_a_file(tmp_path: Path):
    file = tmp_path / "mine.csv"
    file.write_bytes(labelled_file())
    told = run("scoreboard", file, "--out", tmp_path / "out")
    assert told.returncode == 0 and "the embedding of rna alone" in told.stdout
    found = pd.read_csv(tmp_path / "out" / "scoreboard.csv")
    expected = scoreboard(read_labelled(file), {"rna": load_checkpoint("rna")}).table
    assert found["score"].tolist() == expected["score"].tolist()
    assert found["all"].to_numpy() == pytest.approx(expected["all"].to_numpy(), abs=1e-6)


def test_bad_files_end_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "bad.csv"
    file.write_text("kind,letters\nx,ACGU\n")
    assert main(["scoreboard", str(file), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("gatescope: The labelled set has no column 'family'")
    assert main(["embed", str(file), "--checkpoint", "core", "--out", str(tmp_path / "out")]) == 2
