"""GINFINITY's rows of a scoreboard, of a card and of the command line, with random weights: what its vectors say, its kind, its credit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ginfinity_weights import CONFIG, archive, random_state, zipped

from core.__main__ import main
from core.explain import ginfinity_scores as scores
from core.explain.scoreboard import prepare_all, scoreboard
from core.rna import embed, ginfinity, load_example, open_ginfinity
from core.rna.fingerprints import kmer_counts, kmers_by_place
from core.rna.ginfinity_kept import keep_ginfinity
from core.storage import digest
from core.train import command, rna_card
from tests.app.test_scoreboard_page import labelled_file
from tests.core.test_rna_pairs import families

WEIGHTS = archive({"cfg": CONFIG, "state_dict": random_state(CONFIG)})


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel with random weights, which count as published ones."""
    monkeypatch.setattr(ginfinity, "CHECKSUMS", {digest(WEIGHTS): "of the test"})
    path = tmp_path / "ginfinity.whl"
    path.write_bytes(zipped({ginfinity.WEIGHTS: WEIGHTS}))
    return path


@pytest.fixture
def opened(wheel: Path) -> Any:
    return open_ginfinity(wheel, accept_licence=True)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_scores_are_those_of_its_vectors(opened: Any, monkeypatch: pytest.MonkeyPatch):
    labelled = families()
    prepared = prepare_all(labelled, "family")
    found = scores.ginfinity_scores(opened)(labelled, prepared)
    assert tuple(found) == scores.ROWS
    bases = [embed([record], checkpoint=opened, level="base", device="cpu").vectors.astype(float) for record in labelled.records]
    mean, both = (np.stack([make(own) for own in bases]) for make in (lambda b: b.mean(0), lambda b: np.concatenate([b.mean(0), b.std(0)])))
    a, b = np.array([0, 0, 5]), np.array([1, 9, 20])
    assert found["GINFINITY, mean"].of_pairs(a, b) == pytest.approx((unit(mean)[a] * unit(mean)[b]).sum(1), abs=1e-5)
    assert found["GINFINITY, mean + std (L1)"].of_pairs(a, b) == pytest.approx(-np.abs(both[a] - both[b]).sum(1), abs=1e-4)
    for name, count in (("4-mers", kmer_counts), ("4-mers by place", kmers_by_place)):
        words = np.stack([count(record.sequence) for record in labelled.records])
        parts = [unit(part - part.mean(0)) for part in (mean, words)]
        assert found[f"GINFINITY, mean + {name}"].of_pairs(a, b) == pytest.approx(sum((p[a] * p[b]).sum(1) for p in parts) / 2, abs=1e-4)
    monkeypatch.setattr(scores, "AT_ONCE", 7)
    assert np.abs(scores.ginfinity_scores(opened)(labelled, prepared)["GINFINITY, mean"].vectors - found["GINFINITY, mean"].vectors).max() < 1e-6


def test_kinds_of_its_rows(opened: Any):
    table = scoreboard(families(), {scores.PEER: scores.ginfinity_scores(opened)}, sources=("family",)).table.set_index("score")
    assert table.loc[list(scores.ROWS), "kind"].tolist() == ["peer", "peer", "hybrid", "hybrid"]
    labelled = families(changed=0.7)
    motifs = scores.ginfinity_motifs(labelled, prepare_all(labelled, "family"), opened)
    assert motifs[["level", "score", "kind"]].to_numpy().tolist() == [["element", "GINFINITY", "peer"], ["base", "GINFINITY", "peer"]]
    assert motifs["auc"].between(0, 1).all() and (motifs["pairs"] > 0).all()


@contextmanager
def threads(_scheduler: str | None = None) -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_the_command_measures_it_and_says_whose_it_is(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(command, "workers", threads)
    file, out = tmp_path / "mine.csv", tmp_path / "out"
    file.write_bytes(labelled_file())
    assert main(["scoreboard", str(file), "--ginfinity", str(wheel), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "note: GINFINITY by the GINFINITY maintainers" in said.err and "non-commercial purposes only" in said.err
    assert "the embedding of GINFINITY, mean alone" in said.out
    table = pd.read_csv(out / "scoreboard.csv")
    assert set(scores.ROWS) <= set(table["score"]) and "GINFINITY" in set(pd.read_csv(out / "motifs.csv")["score"])
    assert json.loads((out / "manifest.json").read_text())["peers"]["GINFINITY"]["weights_sha256"] == digest(WEIGHTS)
    assert main(["scoreboard", str(file), "--ginfinity", str(file), "--out", str(out)]) == 2
    assert "mine.csv is neither a wheel nor a weights file of GINFINITY" in capsys.readouterr().err
    assert main(["evaluate", "rna", "--ginfinity", str(tmp_path / "gone.whl"), "--out", str(out)]) == 2
    assert "There is no file gone.whl" in capsys.readouterr().err


def test_vectors_from_the_command_line_by_its_name(wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(command, "workers", threads)
    record = load_example("trna-phe")
    file, out = tmp_path / "one.fa", tmp_path / "out"
    file.write_text(f">{record.id}\n{record.sequence}\n{record.structure}\n")
    ask = ["embed", str(file), "--checkpoint", "ginfinity", "--out", str(out)]
    assert main(ask) == 2 and "GINFINITY's weights are not on this computer" in capsys.readouterr().err
    keep_ginfinity(wheel, accept_licence=True)
    assert main(ask) == 0
    with np.load(out / "embeddings.npz") as held:
        assert held["rna_vectors"] == pytest.approx(embed([record], checkpoint="ginfinity", device="cpu").vectors, abs=1e-6)
    assert json.loads((out / "manifest.json").read_text())["licence"]["credit"] == ginfinity.LICENCE.credit


def test_a_card_holds_its_figures_and_is_compared_with_and_without_it(opened: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The synthetic families are left out: their figures know nothing of GINFINITY."""
    from tests.core.test_rna_embedding import checkpoint
    from tests.core.test_rna_training import TINY, rfam_file

    figures = dict.fromkeys(rna_card.FIGURES, 0.5)
    monkeypatch.setattr(rna_card, "synthetic_figures", lambda *_: figures)
    monkeypatch.setattr(rna_card, "fingerprint_figures", lambda *_: {})
    monkeypatch.setattr(rna_card, "synthetic_pairs", lambda *_: ())
    graphs: Any = SimpleNamespace(families=())
    monkeypatch.setattr(rna_card, "load_split", lambda *_, **__: graphs)
    network, card = checkpoint()
    rfam = rfam_file(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        given = {"executor": pool, "rfam": rfam}
        content = rna_card.build_card("tiny", TINY, [network], graphs, {}, seconds=1, command="", ginfinity=opened, **given)
        described = type(card)("tiny", "rna", "", content, "")
        without = rna_card.evaluate([network], described, tmp_path, **given)
        rows = [row for row in content["rfam"]["scores"] if row["score"] in scores.ROWS]
        rows[0]["all"] -= 0.01
        told = rna_card.evaluate([network], described, tmp_path, ginfinity=opened, **given)
    assert [(row["structures"], row["score"]) for row in rows] == [(source, row) for source in ("folded", "family") for row in scores.ROWS]
    assert content["rfam"]["peers"]["GINFINITY"]["credit"] == ginfinity.LICENCE.credit
    assert list(told["differences"]) == ["rfam/folded/GINFINITY, mean/all"] and told["not_recomputed"] == []
    assert without["differences"] == {}
    assert without["not_recomputed"] == [
        *(f"rfam/{source}/{row}" for source in ("folded", "family") for row in scores.ROWS),
        *(f"rfam/{source}/{level}/GINFINITY" for source in ("folded", "family") for level in ("element", "base")),
    ]


def test_evaluate_says_what_it_did_not_compute_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(command, "workers", threads)
    left: list[str] = []
    monkeypatch.setattr(rna_card, "evaluate", lambda *_, **__: {"differences": {}, "not_recomputed": left})
    assert main(["evaluate", "rna", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("every figure agrees with the card to 0.001\n")
    left.append("rfam/folded/GINFINITY, mean")
    assert main(["evaluate", "rna", "--out", str(tmp_path)]) == 0
    said = "1 of the card's rows not computed again: rfam/folded/GINFINITY, mean\nevery figure computed again agrees with the card to 0.001\n"
    assert capsys.readouterr().out.endswith(said)
