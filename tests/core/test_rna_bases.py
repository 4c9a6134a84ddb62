"""What a network listens to in an RNA, by name: equal to the trace, whole in its attributions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.explain import base_importance
from core.explain.bases import ranges
from core.explain.edges import KINDS
from core.models.checkpoint import Card
from core.models.rna import RnaGine, RnaGineConfig
from core.rna import EDGE_FEATURES, NODE_FEATURES, RnaRecord, build_graph

RECORD = RnaRecord("two", "GGCAAUAGCCAAGGGAACCC", "(((....)))..(((..)))")


def checkpoint(encoding: str = "forgi", **options) -> tuple[RnaGine, Card]:
    torch.manual_seed(1)
    config = RnaGineConfig(len(NODE_FEATURES[encoding]), len(EDGE_FEATURES[encoding]), encoding, hidden=12, out=6, layers=2, **options)
    return RnaGine(config).eval().requires_grad_(False), Card("tiny", "rna", "", {"network": config.to_dict()}, "0" * 64)


@pytest.mark.parametrize("encoding", ["forgi", "standard"])
def test_tables_are_the_trace_by_name(encoding: str):
    network, card = checkpoint(encoding)
    found = base_importance(RECORD, (network, card))
    graph = build_graph(RECORD, encoding=encoding)
    _, trace = network(graph.x, graph.edge_index, graph.edge_attr, return_trace=True)
    names = graph.node_names
    assert found.edges["source"].tolist() == [names[i] for i in graph.edge_index[0]]
    assert found.edges["target"].tolist() == [names[i] for i in graph.edge_index[1]]
    assert np.allclose(found.edges["openness"], trace.openness.mean(0)) and found.edges["openness"].between(0, 1).all()
    assert np.allclose(found.per_layer.query("layer == 2")["message"], trace.message[1])
    assert set(found.edges["kind"]) <= set(KINDS) and len(found.per_layer) == 2 * len(found.edges)
    assert (found.edges["direction"] == np.where(graph.edge_index[0] < graph.edge_index[1], "forward", "backward")).all()
    incoming = found.edges[found.edges["target"] == "base:3"]
    third = found.bases.iloc[2]
    assert third["message"] == pytest.approx(incoming["message"].sum()) and third["openness"] == pytest.approx(incoming["openness"].mean())
    assert found.bases["attention"].to_numpy() == pytest.approx(trace.attention.mean(0)[:20].numpy())
    nodes = found.bases["attention"].sum() + (found.elements["attention"].sum() if encoding == "forgi" else 0)
    assert nodes == pytest.approx(1, abs=1e-5)
    assert [list(w.columns) for w in found.weights] == [list(EDGE_FEATURES[encoding])] * 2


def test_bases_and_elements_are_named():
    found = base_importance(RECORD, checkpoint())
    bases, elements = found.bases, found.elements.set_index("element")
    assert bases["base"].tolist() == list(range(1, 21)) and bases.loc[11, "name"] == "base:12"
    assert "".join(bases["nucleotide"]) == RECORD.sequence
    assert bases["paired_with"].tolist() == [10, 9, 8, 0, 0, 0, 0, 3, 2, 1, 0, 0, 20, 19, 18, 0, 0, 15, 14, 13]
    assert (elements.loc["s0", "name"], elements.loc["s0", "kind"], elements.loc["s0", "bases"]) == ("elem:s0", "stem", "1-3,8-10")
    assert bases.loc[0, "element"] == "s0" and elements.loc["h0", "bases"] == "4-7" and elements.loc["h0", "size"] == 4
    assert set(found.edges["kind"]) == set(KINDS) - {"pair+backbone"}
    sharp = base_importance(RnaRecord("sharp", "GGCC", "(())"), checkpoint())
    assert set(sharp.edges.query("source == 'base:2' and target == 'base:3'")["kind"]) == {"pair+backbone"}
    assert ranges([0, 1, 2, 5, 7, 8]) == "1-3,6,8-9" and ranges([]) == ""


def test_without_set2set_there_is_no_attention():
    found = base_importance(RECORD, checkpoint(pooling="mean"))
    assert found.bases["attention"].isna().all() and found.elements["attention"].isna().all()


def test_a_record_without_structure_is_folded():
    found = base_importance(RnaRecord("bare", "GGGGAAAACCCC"), checkpoint())
    assert found.record.structure == "((((....))))" and found.manifest["structure"].startswith("minimum free energy")


@pytest.mark.parametrize("encoding", ["forgi", "standard"])
def test_attributions_of_the_embeddings_norm(encoding: str):
    network, card = checkpoint(encoding)
    told: list[str] = []
    methods = ["saliency", "integrated_gradients", "occlusion"]
    found = base_importance(RECORD, (network, card), methods=methods, steps=64, on_progress=lambda what, *_: told.append(what))
    assert set(told) == {"saliency", "integrated gradients", "occlusion"}
    graph = build_graph(RECORD, encoding=encoding)

    def norm(mask: torch.Tensor) -> torch.Tensor:
        whole = torch.cat([mask, mask.new_ones(len(graph.x) - len(mask))])
        return network(graph.x, graph.edge_index, graph.edge_attr, node_mask=whole).graph.norm()

    full = torch.ones(20)
    for base in (0, 7, 16):
        without = full.clone()
        without[base] = 0
        assert found.bases.loc[base, "occlusion"] == pytest.approx(float(norm(full) - norm(without)), abs=1e-5)
    leaf = full.clone().requires_grad_()
    norm(leaf).backward()
    assert found.bases["saliency"].to_numpy() == pytest.approx(leaf.grad.abs().numpy(), abs=1e-5)
    completeness = found.manifest["completeness"]
    assert completeness["change"] == pytest.approx(float(norm(full) - norm(0 * full)), abs=1e-5)
    assert completeness["relative"] < 0.05
    assert found.bases["integrated_gradients"].sum() == pytest.approx(completeness["change"] + completeness["delta"], abs=1e-5)


def test_what_is_not_known_is_refused():
    with pytest.raises(InputError, match="no method 'gate'"):
        base_importance(RECORD, checkpoint(), methods=["gate"])
    with pytest.raises(InputError, match="target 'growth' is not known"):
        base_importance(RECORD, checkpoint(), target="growth")
    with pytest.raises(InputError, match="'core' reads metabolic models"):
        base_importance(RECORD, "core")


def test_the_manifest_names_everything():
    manifest = base_importance(RECORD, checkpoint()).manifest
    assert manifest["record"]["sha256"] == RECORD.key and manifest["checkpoint"]["name"] == "tiny"
    assert len(manifest["key"]) == 64 and manifest["value"] > 0 and manifest["completeness"] is None
