"""Embeddings: three levels from one pass, names that can be split, batches that change nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError
from core.models.checkpoint import Card
from core.models.rna import RnaGine, RnaGineConfig
from core.rna import EDGE_FEATURES, NODE_FEATURES, RnaRecord, decompose, embed, embed_levels, fold

TRNA = RnaRecord(
    "tRNA/Phe",
    "GCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA",
    "(((((((..((((........)))).((((.........)))).....(((((.......))))))))))))....",
)
RECORDS = [TRNA, RnaRecord("hairpin", "GGGGAAAACCCC"), RnaRecord("loose", "ACNA", "....")]


def checkpoint(encoding: str = "forgi") -> tuple[RnaGine, Card]:
    torch.manual_seed(0)
    config = RnaGineConfig(len(NODE_FEATURES[encoding]), len(EDGE_FEATURES[encoding]), encoding, hidden=12, out=6, layers=2)
    return RnaGine(config).eval().requires_grad_(False), Card("tiny", "rna", "", {"network": config.to_dict()}, "0" * 64)


@pytest.mark.parametrize("encoding", ["forgi", "standard"])
def test_three_levels_from_one_pass(encoding: str):
    found = embed_levels(RECORDS, checkpoint=checkpoint(encoding), device="cpu")
    assert found["rna"].names == ["tRNA/Phe", "hairpin", "loose"] and found["rna"].vectors.shape == (3, 6)
    assert found["base"].names[:2] == ["tRNA/Phe/1", "tRNA/Phe/2"] and found["base"].vectors.shape == (76 + 12 + 4, 12)
    assert {name.rsplit("/", 1)[0] for name in found["base"].names} == {record.id for record in RECORDS}
    elements = decompose(str(TRNA.structure)).elements
    assert found["element"].names[: len(elements)] == [f"tRNA/Phe/{e.name}" for e in elements]
    assert len(found["element"].names) == len(found["element"].vectors)
    assert all(level.vectors.dtype == np.float32 and np.isfinite(level.vectors).all() for level in found.values())
    for level in found:
        assert np.array_equal(embed(RECORDS, checkpoint=checkpoint(encoding), level=level, device="cpu").vectors, found[level].vectors)
    assert found["rna"].manifest["folded"] == 1


def test_without_element_nodes_an_element_is_the_mean_of_its_bases():
    found = embed_levels([TRNA], checkpoint=checkpoint("standard"), device="cpu")
    for element, vector in zip(decompose(str(TRNA.structure)).elements, found["element"].vectors, strict=True):
        mean = found["base"].vectors[list(element.bases)].mean(0) if element.bases else 0
        assert np.allclose(vector, mean, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, None])
def test_batches_change_nothing(size: int | None):
    network = checkpoint()
    together = embed_levels(RECORDS, checkpoint=network, device="cpu", batch_size=size)
    for i, record in enumerate(RECORDS):
        alone = embed_levels([record], checkpoint=network, device="cpu")
        assert np.allclose(together["rna"].vectors[i], alone["rna"].vectors[0], atol=1e-5)
        own = [n.rsplit("/", 1)[0] == record.id for n in together["base"].names]
        assert np.allclose(together["base"].vectors[own], alone["base"].vectors, atol=1e-5)


def test_a_record_without_a_structure_is_folded_here_or_by_workers():
    bare = RnaRecord("bare", "GGGGAAAACCCC")
    with ThreadPoolExecutor(1) as pool:
        vector = embed([bare], checkpoint=checkpoint(), device="cpu", executor=pool).vectors
    given = RnaRecord("bare", bare.sequence, fold(bare).structure)
    assert np.array_equal(vector, embed([given], checkpoint=checkpoint(), device="cpu").vectors)


def test_progress_and_stop():
    told: list[tuple[int, int]] = []
    embed(RECORDS, checkpoint=checkpoint(), device="cpu", batch_size=2, on_progress=lambda i, n: told.append((i, n)))
    assert told == [(2, 3), (3, 3)]
    with pytest.raises(Cancelled, match="after 1 of 3 RNAs"):
        embed(RECORDS, checkpoint=checkpoint(), device="cpu", batch_size=1, should_stop=lambda: True)


def test_the_gpus_memory_is_met_with_smaller_batches(monkeypatch: pytest.MonkeyPatch):
    network, card = checkpoint()
    plain = embed(RECORDS, checkpoint=(network, card), device="cpu").vectors
    forward = RnaGine.forward

    def narrow(self, *args, num_graphs=None, **options):
        if num_graphs > 1:
            raise torch.cuda.OutOfMemoryError
        return forward(self, *args, num_graphs=num_graphs, **options)

    monkeypatch.setattr(RnaGine, "forward", narrow)
    halved = embed(RECORDS, checkpoint=(network, card), device="cpu")
    assert np.allclose(halved.vectors, plain, atol=1e-5)
    assert halved.notices == ("The GPU's memory did not hold a whole batch; it was halved.",)


def test_what_cannot_be_embedded_is_said(tmp_path: Path):
    with pytest.raises(InputError, match="no RNA to embed"):
        embed([], checkpoint=checkpoint())
    with pytest.raises(InputError, match="Two RNAs are called 'hairpin'"):
        embed([RECORDS[1], RECORDS[1]], checkpoint=checkpoint())
    with pytest.raises(InputError, match="no embedding level 'motif'; choose one of rna, element, base"):
        embed(RECORDS, checkpoint=checkpoint(), level="motif")
    with pytest.raises(InputError, match="'core' reads metabolic models, not RNAs"):
        embed(RECORDS, checkpoint="core")
    with pytest.raises(InputError, match="batch size is 0"):
        embed(RECORDS, checkpoint=checkpoint(), batch_size=0)


def test_the_shipped_networks_put_relatives_nearer_than_strangers():
    mutant = RnaRecord("mutant", TRNA.sequence.replace("GACUGAAGAUC", "GUCUGAAGAAC"), TRNA.structure)
    stranger = RnaRecord("stranger", TRNA.sequence[::-1])
    for name in ("rna", "rna_standard"):
        vectors = embed([TRNA, mutant, stranger], checkpoint=name, device="cpu").vectors
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        assert unit[0] @ unit[1] > unit[0] @ unit[2]
