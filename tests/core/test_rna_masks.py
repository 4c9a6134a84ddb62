"""Masked functions of RNA networks: ends, targets and masks against the network called by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.explain.attribution import INTEGRATED_GRADIENTS, OCCLUSION, attribute
from core.explain.bases import base_importance
from core.explain.rna_masks import like_motif, like_rnas, rna_masks
from core.models import load_checkpoint
from core.rna import load_example
from core.rna.elements import decompose
from core.rna.embedding import embed, embed_levels, prepare
from core.rna.records import RnaRecord

FIVE = ("trna-phe", "5s-rrna", "hammerhead", "adenine-riboswitch", "hdv-ribozyme")


def example(name: str = "trna-phe") -> RnaRecord:
    return load_example(name)


def graph_of(network, record):  # type: ignore[no-untyped-def]
    record, ensemble = prepare(record, network.config.ensemble)
    return network.graph_of(record, decompose(str(record.structure)), ensemble)


def called(network, graph, **given):  # type: ignore[no-untyped-def]
    with torch.no_grad():
        weight = {"edge_weight": graph.edge_weight} if "edge_weight" in graph else {}
        return network(**({"x": graph.x, "edge_index": graph.edge_index, "edge_attr": graph.edge_attr} | weight | given))


@pytest.mark.parametrize("name", ["rna", "rna_standard"])
def test_targets_are_what_embeddings_say(name: str) -> None:
    network, other = load_checkpoint(name), example("hammerhead")
    vectors = embed([example(), other], checkpoint=network).vectors.astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert rna_masks(network, example()).ends[0] == pytest.approx(np.linalg.norm(vectors[0]), rel=1e-4)
    assert rna_masks(network, example(), target=like_rnas(network, [other], "like the hammerhead")).ends[0] == pytest.approx(
        unit[0] @ unit[1], abs=1e-4
    )
    family = like_rnas(network, [other, example()], "like both")
    assert rna_masks(network, example(), target=family).ends[0] == pytest.approx((unit[0] @ unit[1] + 1) / 2, abs=1e-4)
    levels = embed_levels([example(), other], checkpoint=network, levels=("element",))["element"]
    place = {n: v.astype(np.float64) for n, v in zip(levels.names, levels.vectors, strict=True)}
    own, motif = place[f"{example().id}/h1"], place[f"{other.id}/h0"]
    masked = rna_masks(network, example(), target=like_motif("h1", motif, "like the hairpin"))
    assert masked.ends[0] == pytest.approx(own @ motif / np.linalg.norm(own) / np.linalg.norm(motif), abs=1e-4)
    with pytest.raises(InputError, match="no element 'h9'"):
        rna_masks(network, example(), target=like_motif("h9", motif, ""))


def test_masks_do_what_they_say() -> None:
    network, _ = load_checkpoint("rna")
    opened, record = load_checkpoint("rna"), example()
    graph = graph_of(network, record)
    n, nodes = int(graph.num_bases), len(graph.x)
    bases = torch.ones(nodes)
    bases[:5] = 0
    masked = rna_masks(opened, record)
    assert masked.of(bases[:n].unsqueeze(0))[0] == pytest.approx(float(called(network, graph, node_mask=bases).graph.norm()), rel=1e-4)
    edges = rna_masks(opened, record, over="edges")
    half = (torch.arange(graph.edge_index.shape[1]) % 2).float()
    assert edges.of(half.unsqueeze(0))[0] == pytest.approx(float(called(network, graph, edge_mask=half).graph.norm()), rel=1e-4)
    columns = rna_masks(opened, record, over="features")
    x = graph.x.clone()
    x[:, 2] = 0
    mask = np.ones((1, x.shape[1]), dtype=np.float32)
    mask[0, 2] = 0
    assert columns.of(mask)[0] == pytest.approx(float(called(network, graph, x=x).graph.norm()), rel=1e-4)
    pairs = rna_masks(opened, record, over="pairs")
    names = list(pairs.parts["pair"])
    mask = np.ones((1, len(names)), dtype=np.float32)
    mask[0, names.index("pair:1-72")] = 0
    gone = torch.ones(graph.edge_index.shape[1])
    bases_of = {graph.node_names.index("base:1"), graph.node_names.index("base:72")}
    for e in range(graph.edge_index.shape[1]):
        if set(graph.edge_index[:, e].tolist()) == bases_of:
            gone[e] = 0
    assert int((gone == 0).sum()) == 2
    assert pairs.of(mask)[0] == pytest.approx(float(called(network, graph, edge_mask=gone).graph.norm()), rel=1e-4)
    assert pairs.parts["element"][names.index("pair:1-72")] == "elem:s0"


def test_a_shuffled_rna_is_the_other_end() -> None:
    opened, record = load_checkpoint("rna"), example()
    masked = rna_masks(opened, record, baseline="shuffled", seed=4)
    assert masked.ends[0] == pytest.approx(rna_masks(opened, record).ends[0], rel=1e-5)
    assert masked.ends[1] not in (masked.ends[0], rna_masks(opened, record, baseline="shuffled", seed=5).ends[1])
    assert "another order" in masked.baseline
    with pytest.raises(InputError, match="'shuffled' is not known for pairs"):
        rna_masks(opened, record, over="pairs", baseline="shuffled")
    with pytest.raises(InputError, match="no mask over 'atoms'"):
        rna_masks(opened, record, over="atoms")  # type: ignore[arg-type]


def test_bases_are_weighed_as_the_rna_page_does() -> None:
    opened, record = load_checkpoint("rna"), example()
    masked = rna_masks(opened, record)
    table = base_importance(record, opened, methods=("occlusion", "integrated_gradients"), steps=50).bases
    assert attribute(masked, OCCLUSION).values == pytest.approx(table["occlusion"].to_numpy(), abs=2e-3)
    assert attribute(masked, INTEGRATED_GRADIENTS, steps=50).values == pytest.approx(table["integrated_gradients"].to_numpy(), abs=2e-2)


def test_likeness_to_itself_adds_up_on_five_rnas() -> None:
    network = load_checkpoint("rna")
    for name in FIVE:
        record = example(name)
        found = attribute(rna_masks(network, record, target=like_rnas(network, [record], "likeness to itself")), INTEGRATED_GRADIENTS)
        assert found.completeness is not None
        print(f"{name}: completeness {found.completeness} with {found.settings['steps']} points")
        assert found.completeness["relative"] < 0.01
