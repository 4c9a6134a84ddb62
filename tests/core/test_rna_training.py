"""Synthetic families and training by contrast: what is kept by a shuffle, the same result after an interruption, the card's figures again."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError
from core.models import load_checkpoint, save_checkpoint
from core.train import rna_evaluate, rna_families
from core.train.rna import RnaRun, RnaTrainConfig, contrastive_loss, draw_views, epoch_batches
from core.train.rna_families import RELATIVES, SHUFFLES, fold_mfe, shuffle_dinucleotides, to_columns, to_structure
from core.train.rna_graphs import PER_FAMILY, embed_packed

TINY = RnaTrainConfig.from_dict(
    {"families": 8, "validation": 4, "test": 4, "epochs": 2, "batch": 4, "seed": 3, "network": {"hidden": 8, "out": 8, "layers": 2, "dropout": 0.2}}
)


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    """Blocks of four families, so that a test makes as few as it needs; threads share the setting."""
    patch = pytest.MonkeyPatch()
    patch.setattr(rna_families, "BLOCK", 4)
    patch.setattr("core.train.rna_graphs.BLOCK", 4)
    yield
    patch.undo()


def quiet(*_: object, **__: float) -> None:
    """Progress nobody watches."""


def splits(run: RnaRun, *names: str):
    with ThreadPoolExecutor(1) as pool:
        return [run.split(name, pool, quiet, lambda: False) for name in names]


def test_a_shuffle_keeps_every_dinucleotide_and_length():
    rng = random.Random(1)
    changed = 0
    for _ in range(300):
        sequence = "".join(rng.choices("ACGU", k=rng.randint(1, 90)))
        shuffled = shuffle_dinucleotides(sequence, rng)
        assert Counter(pairwise(shuffled)) == Counter(pairwise(sequence))
        assert (shuffled[0], shuffled[-1], len(shuffled)) == (sequence[0], sequence[-1], len(sequence))
        changed += shuffled != sequence
    assert changed > 200


def test_every_eulerian_path_of_a_shuffle_is_as_likely():
    """AACAGA has four sequences with its dinucleotides AA AC AG CA GA: each comes in about a quarter of the draws."""
    rng = random.Random(2)
    seen = Counter(shuffle_dinucleotides("AACAGA", rng) for _ in range(6000))
    same = {"AACAGA", "AAGACA", "ACAAGA", "AGAACA", "ACAGAA", "AGACAA"}
    assert set(seen) == same
    assert all(abs(n / 6000 - 1 / 6) < 0.03 for n in seen.values())


def test_families_are_what_they_say():
    rng = random.Random(5)
    for _ in range(6):
        sequences, folded, designed = rna_families.make_family(rng)
        assert (len(sequences), len(folded), len(designed)) == (RELATIVES + SHUFFLES, RELATIVES + SHUFFLES, RELATIVES)
        for sequence, structure in zip(sequences, folded, strict=True):
            assert structure == fold_mfe(sequence)
        for sequence, structure in zip(sequences, designed):
            columns = to_columns(sequence, structure)
            assert to_structure(columns) == structure
            assert all(c.partner is None or c.base + c.partner.base in rna_families.PAIRS for c in columns if c.partner)
        for i in range(SHUFFLES):
            assert Counter(pairwise(sequences[RELATIVES + i])) == Counter(pairwise(sequences[i]))


@pytest.mark.parametrize("change", [rna_families.change_loop, rna_families.change_stem, rna_families.move_branch])
def test_a_change_keeps_the_structure_nested_and_pairs_whole(change):
    rng = random.Random(7)
    structure = "..((((...))))..(((.((...))..((....)).)))...."
    before = len(structure)
    shapes = set()
    for _ in range(200):
        columns = to_columns("A" * before, structure)
        change(columns, rng)
        found = to_structure(columns)
        shapes.add(found)
        assert found.count("(") == found.count(")")
        again = to_columns("A" * len(found), found)
        assert to_structure(again) == found
        assert "()" not in found and "(.)" not in found and "(..)" not in found
        if change is rna_families.move_branch:
            assert len(found) == before and found.count("(") == structure.count("(")
        if change is rna_families.change_stem:
            assert abs(found.count("(") - structure.count("(")) <= 1 and found.count(".") == structure.count(".")
        if change is rna_families.change_loop:
            assert found.count("(") == structure.count("(")
    assert len(shapes) > 5


def test_a_seed_and_a_block_make_the_same_families():
    one, again, other = rna_families.family_block(1, 0), rna_families.family_block(1, 0), rna_families.family_block(2, 0)
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["sequences"], other["sequences"])


def test_batches_are_of_like_length_and_views_of_the_same_family():
    rng = np.random.default_rng(0)
    lengths = rng.integers(40, 200, 320)
    batches = epoch_batches(lengths, 32, rng)
    assert sorted(batches.ravel()) == sorted(set(batches.ravel())) and batches.shape == (10, 32)
    assert np.mean([lengths[b].std() for b in batches]) < lengths.std() / 3
    views = draw_views(np.arange(50), 0.5, rng)
    assert np.array_equal(views // PER_FAMILY, np.tile(np.arange(50), (3, 1)))
    first, second, shuffled = views % PER_FAMILY
    assert (first != second).all() and ((shuffled >= RELATIVES) & (shuffled < RELATIVES + SHUFFLES)).all()
    designed = first >= RELATIVES + SHUFFLES
    assert np.array_equal(designed, second >= RELATIVES + SHUFFLES) and 0.2 < designed.mean() < 0.8


def test_the_loss_by_hand():
    e = torch.eye(3)
    # cosines: own relative 1, every other 0; two ways the same
    expected = -np.log(np.e**2 / (np.e**2 + 3))
    assert contrastive_loss(3 * e[:2], e[:2], e[[2, 2]], 0.5).item() == pytest.approx(expected, rel=1e-6)


def test_packed_graphs_are_the_graphs():
    from core.rna import RnaRecord, build_graph
    from core.train.rna_graphs import PackedGraphs, pack

    records = [("GGGAAACCC", "(((...)))"), ("ACGUACGU", "........"), ("GGGGAAAACCAACC", "((((....))..))")]
    packed = PackedGraphs.join([pack(*zip(*records[:2], strict=True), "forgi", 0.5), pack(*zip(*records[2:], strict=True), "forgi", 0.5)])
    batch = packed.take([2, 0])
    start = 0
    for sequence, structure in (records[2], records[0]):
        graph = build_graph(RnaRecord("r", sequence, structure))
        nodes = slice(start, start + len(graph.x))
        edges = (batch.edge_index[0] >= nodes.start) & (batch.edge_index[0] < nodes.stop)
        assert torch.equal(batch.x[nodes], graph.x)
        assert torch.equal(batch.edge_index[:, edges] - start, graph.edge_index)
        assert torch.equal(batch.edge_attr[edges], graph.edge_attr)
        start = nodes.stop
    assert batch.batch.bincount().tolist() == [len(build_graph(RnaRecord("r", *records[i])).x) for i in (2, 0)]


def test_an_interrupted_run_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path):
    whole = RnaRun(TINY, tmp_path / "whole")
    train, validation = splits(whole, "train", "validation")
    unbroken = whole.fit(train, validation, quiet, lambda: False).state_dict()
    calls = iter([False, False, True])
    broken = RnaRun(TINY, tmp_path / "broken")
    with pytest.raises(Cancelled, match="step 3 of 4"):
        broken.fit(train, validation, quiet, lambda: next(calls))
    resumed = RnaRun(TINY, tmp_path / "broken").fit(train, validation, quiet, lambda: False).state_dict()
    for name, value in unbroken.items():
        assert torch.equal(value, resumed[name]), name
    histories = [
        [json.loads(line) | {"seconds": 0} for line in (tmp_path / f / "history.jsonl").read_text().splitlines()] for f in ("whole", "broken")
    ]
    assert histories[0] == histories[1]
    with pytest.raises(InputError, match="another seed"):
        RnaRun(replace(TINY, seed=4), tmp_path / "whole")


def test_settings_are_checked():
    with pytest.raises(InputError, match="no training setting 'epoch'"):
        RnaTrainConfig.from_dict({"epoch": 3})
    with pytest.raises(InputError, match="cannot be built"):
        RnaTrainConfig.from_dict({"network": {"pooling": "max"}})
    with pytest.raises(InputError, match="cannot be built"):
        RnaTrainConfig.from_dict({"encoding": "shapes"})
    with pytest.raises(InputError, match="families for one batch"):
        RnaTrainConfig.from_dict({"families": 3})
    assert RnaTrainConfig.from_dict({"encoding": "standard"}).build().edge_features == 4


def rfam_file(folder: Path) -> Path:
    """Three small made-up families in the columns of the Rfam file."""
    rng = random.Random(3)
    lines = ["family\tname\taccession\tsequence\tstructure\taligned_sequence"]
    for family in range(3):
        structure = "((((((....))))))" * 2 + "." * (10 + family)
        for member in range(3):
            sequence = "".join(rng.choices("ACGU", k=len(structure)))
            lines.append(f"RF{family}\tmade{family}\tX{family}.{member}\t{sequence}\t{structure}\t{sequence}")
    path = folder / "rfam.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_card_is_reproduced_by_evaluate(tmp_path: Path):
    run = RnaRun(TINY, tmp_path / "run")
    train, validation, test = splits(run, "train", "validation", "test")
    network = run.fit(train, validation, quiet, lambda: False)
    selected = rna_evaluate.synthetic_figures(embed_packed(network, validation.graphs), validation.families)
    rfam = rfam_file(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        card = rna_evaluate.build_card("tiny", TINY, network, test, selected, seconds=1.0, executor=pool, rfam=rfam)
        loaded, read = load_checkpoint(save_checkpoint(network, card, tmp_path))
        again = rna_evaluate.evaluate(loaded, read, tmp_path / "again", executor=pool, rfam=rfam)
        without = rna_evaluate.evaluate(loaded, read, tmp_path / "again", executor=pool, rfam=tmp_path / "absent.tsv")
        read.content["test"]["folded"] += 0.01
        told = rna_evaluate.evaluate(loaded, read, tmp_path / "again", executor=pool, rfam=rfam)
    assert again["differences"] == {} == without["differences"]
    assert again["test"] == card["test"] | {"folded": again["test"]["folded"]}
    assert set(card["baselines"]) == {"length difference", "element histogram (14 counts)", "4-mer cosine (sequence only)"}
    assert all(set(rna_evaluate.FIGURES) <= set(figures) for figures in [card["test"], *card["baselines"].values()])
    assert card["rfam"]["families"] == 3 and card["rfam"]["distant_pairs"] == card["rfam"]["pairs"] == 9
    assert "absent.tsv was not there" in without["rfam"]["skipped"] and without["test"]["rfam_folded"] is None
    assert list(told["differences"]) == ["test/folded"]
    from core.train.command import rna_summary

    assert "Rfam: 9 members of 3 families" in rna_summary(card)
    assert "Rfam was left out" in rna_summary({**card, **without})


def test_figures_by_hand():
    related = np.array([True, True, False, False])
    assert rna_evaluate.auc(np.array([4.0, 2.0, 3.0, 1.0]), related) == 0.75
    assert rna_evaluate.auc(np.ones(4), related) == 0.5
    assert np.isnan(rna_evaluate.auc(np.ones(2), np.array([True, True])))
    assert rna_evaluate.identity("AC-G-", "AU-GG") == 0.5
    histogram = np.expm1(rna_evaluate.element_histogram(".((..))..."))
    assert histogram.tolist() == pytest.approx([1, 1, 0, 0, 1, 1, 0, 2, 4, 0, 0, 1, 3, 0])
    assert rna_evaluate.kmer_counts("AAAAAC").sum() == 3 and rna_evaluate.kmer_counts("AAAAAC")[0] == 2


def test_pairs_are_matched_in_length():
    rng = np.random.default_rng(4)
    lengths, families = rng.integers(50, 120, 80), np.repeat(np.arange(20), 4)
    pairs = rna_evaluate.matched_pairs(lengths, families, seed=1)
    a, b = lengths[pairs.a], lengths[pairs.b]
    assert (np.abs(a - b) <= 0.07 * np.maximum(a, b)).all()
    assert np.array_equal(families[pairs.a] == families[pairs.b], pairs.related)
    assert pairs.related.mean() == 0.5 and pairs.related.sum() > 10
    assert np.array_equal(pairs.a[pairs.related], pairs.a[~pairs.related])
