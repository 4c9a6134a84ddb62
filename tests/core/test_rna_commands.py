"""``python -m core rna``: its files hold core's own numbers; bad input is one line and exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from core.__main__ import main
from core.explain import base_importance
from core.rna import decompose, embed_levels, fold, read_rna

FILES = ["bases.csv", "drawing.svg", "edges.csv", "elements.csv", "embeddings.h5ad", "embeddings.npz", "manifest.json"]
ONE = ">one\nGGGGAAAACCCC\n"
TWO = ">one\nGGGGAAAACCCC\n>two/x\nGGGAAACCC\n(((...)))\n"


def run(tmp_path: Path, text: str, *more: str) -> tuple[int, Path]:
    (tmp_path / "in.fa").write_text(text)
    out = tmp_path / "out"
    return main(["rna", str(tmp_path / "in.fa"), "--out", str(out), *more]), out


def test_one_rna_writes_what_core_computes(tmp_path: Path) -> None:
    code, out = run(tmp_path, ONE)
    assert code == 0
    assert sorted(path.name for path in out.iterdir()) == FILES
    [record] = read_rna(ONE)
    found = fold(record)
    structure = found.structure
    folded = type(record)(record.id, record.sequence, structure)
    expected = base_importance(folded, "rna", ensemble=found.ensemble)
    table = pd.read_csv(out / "bases.csv", keep_default_na=False, na_values=[""])
    assert list(table["name"]) == list(expected.bases["name"])
    assert set(table["rna"]) == {"one"}
    assert np.allclose(table["message"], expected.bases["message"])
    assert list(pd.read_csv(out / "elements.csv")["element"]) == [element.name for element in decompose(structure).elements]
    assert np.allclose(pd.read_csv(out / "edges.csv")["openness"], expected.edges["openness"])
    held = np.load(out / "embeddings.npz")
    for level in ("rna", "element", "base"):
        known = embed_levels([folded], checkpoint="rna", levels=(level,), ensembles=[found.ensemble])[level]
        assert list(held[f"{level}_names"]) == known.names
        assert np.allclose(held[f"{level}_vectors"], known.vectors, atol=1e-6)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["rnas"][0]["structure"] == structure
    svg = (out / "drawing.svg").read_text()
    assert svg.count('data-entity="base:') == record.length


def test_many_rnas_share_the_tables_and_have_drawings_of_their_own(tmp_path: Path) -> None:
    code, out = run(tmp_path, TWO)
    assert code == 0
    assert sorted(path.name for path in out.iterdir()) == sorted([*FILES, "drawing-one.svg", "drawing-two_x.svg"])
    table = pd.read_csv(out / "bases.csv")
    assert table.groupby("rna", sort=False).size().to_dict() == {"one": 12, "two/x": 9}
    assert (out / "drawing.svg").read_bytes() == (out / "drawing-one.svg").read_bytes()
    held, arrays = anndata.read_h5ad(out / "embeddings.h5ad"), np.load(out / "embeddings.npz")
    levels = held.obs["level"].astype(str).to_numpy()
    for level in ("rna", "element", "base"):
        part = held[levels == level]
        assert list(part.obs_names) == [f"{level}:{name}" for name in arrays[f"{level}_names"]]
        own = arrays[f"{level}_vectors"]
        assert np.array_equal(part.X[:, : own.shape[1]], own) and np.isnan(part.X[:, own.shape[1] :]).all()
        assert [name.split(":")[1].rsplit("/", level != "rna")[0] for name in part.obs_names] == list(part.obs["rna"])
    assert "".join(held[(levels == "base") & (held.obs["rna"] == "two/x").to_numpy()].obs["sequence"]) == "GGGAAACCC"
    elements = pd.read_csv(out / "elements.csv")
    assert list(held[levels == "element"].obs["kind"]) == list(elements["kind"])


@pytest.mark.parametrize(
    ("text", "more", "fragment"),
    [
        ("", (), ""),
        (">x\nMKVLLAGE\n", (), ""),
        (">x\nGGGAAACCC\n(((...))\n", (), ""),
        (ONE, ("--fold", "given"), "no structure"),
        (ONE, ("--checkpoint", "XYZ"), "no checkpoint 'XYZ'"),
        (ONE, ("--checkpoint", "core"), "metabolic"),
        (ONE, ("--temperature", "400"), "temperature"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    text: str, more: tuple[str, ...], fragment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = run(tmp_path, text, *more)
    said = capsys.readouterr().err
    assert code == 2
    assert fragment in said
    assert said.startswith("gatescope: ")
    assert said.count("\n") == 1
    assert not out.exists()


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rna", str(tmp_path / "none.fa"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
