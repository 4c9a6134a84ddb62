"""Graphs of ensembles: probabilities as ViennaRNA gives them, as weights of edges; messages summed quickly; places along a sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.models.rna import RnaGine, RnaGineConfig
from core.models.rna_messages import Messages, segment_means
from core.rna import EDGE_FEATURES, ENSEMBLE_FEATURES, NODE_FEATURES, PairEnsemble, RnaRecord, build_graph, embed_levels, fold, load_example, walk
from core.rna.assembly import GraphParts, assemble
from core.rna.ensemble import LEAST, fold_ensemble
from tests.core.test_rna_embedding import RECORDS, checkpoint

SEQUENCES = [load_example(name).sequence for name in ("trna-phe", "5s-rrna", "adenine-riboswitch")]


def soft_network(encoding: str = "forgi", **options) -> RnaGine:
    torch.manual_seed(0)
    widths = len(NODE_FEATURES[encoding]) + len(ENSEMBLE_FEATURES), len(EDGE_FEATURES[encoding])
    return RnaGine(RnaGineConfig(*widths, encoding, hidden=12, out=6, layers=2, norm="layer", ensemble=True, segments=5, **options)).eval()


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_the_quick_fold_is_the_whole_fold(sequence: str):
    structure, ensemble, drawn = fold_ensemble(sequence, samples=3, seed=4)
    whole = fold(RnaRecord("r", sequence))
    assert structure == whole.structure
    expected = PairEnsemble.of_matrix(whole.pair_probabilities)
    assert set(zip(ensemble.first, ensemble.second)) == set(zip(expected.first, expected.second))
    order = np.lexsort((ensemble.second, ensemble.first))
    assert ensemble.probability[order] == pytest.approx(expected.probability, abs=1e-5)
    dense = np.where(whole.pair_probabilities >= LEAST, whole.pair_probabilities, 0)
    assert ensemble.downstream == pytest.approx(np.triu(dense).sum(1), abs=1e-4)
    assert ensemble.upstream == pytest.approx(np.tril(dense).sum(1), abs=1e-4)
    assert drawn == fold_ensemble(sequence, samples=3, seed=4)[2] and all(len(s) == len(sequence) for s in drawn)


def test_a_structure_is_an_ensemble_of_certain_pairs():
    certain = PairEnsemble.certain("((..[[.))..]]")
    assert list(zip(certain.first, certain.second)) == [(0, 8), (1, 7), (4, 12), (5, 11)]
    assert certain.downstream.tolist() == [1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert certain.upstream.tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1]
    assert certain.profile(13).tolist() == [*certain.upstream, *certain.downstream]
    with pytest.raises(InputError, match="too long for pair probabilities"):
        fold_ensemble("A" * 701)


@pytest.mark.parametrize("encoding", ["forgi", "standard"])
def test_the_graph_of_an_ensemble_by_hand(encoding: str):
    record = RnaRecord("r", "GGAAACC", "((...))")
    pairs = PairEnsemble(7, np.array([0, 1, 0]), np.array([6, 5, 5]), np.array([0.75, 0.5, 0.25], dtype=np.float32))
    graph, plain = build_graph(record, encoding=encoding, ensemble=pairs), build_graph(record, encoding=encoding)
    names = [*NODE_FEATURES[encoding], *ENSEMBLE_FEATURES]
    column = {name: graph.x[:7, names.index(name)].tolist() for name in names}
    assert column["paired"] == pytest.approx([0.5, 0.25, 0, 0, 0, 0.375, 0.375])
    assert column["unpaired"] == pytest.approx([0, 0.25, 0.5, 0.5, 0.5, 0.125, 0.125])
    assert column["pairs_downstream"] == pytest.approx([0.5, 0.25, 0, 0, 0, 0, 0])
    assert column["pairs_upstream"] == pytest.approx([0, 0, 0, 0, 0, 0.375, 0.375])
    assert torch.equal(graph.x[:, 2 : len(NODE_FEATURES[encoding])], plain.x[:, 2:])
    weights = {(int(a), int(b)): float(w) for (a, b), w in zip(graph.edge_index.T, graph.edge_weight)}
    assert [weights[edge] for edge in ((0, 6), (6, 0), (1, 5), (0, 5), (5, 0), (0, 1))] == [0.75, 0.75, 0.5, 0.25, 0.25, 1]
    assert len(weights) == plain.edge_index.shape[1] + 2 and "edge_weight" not in plain
    bit = EDGE_FEATURES[encoding].index("base_pair")
    assert int(graph.edge_attr[:, bit].sum()) == 6
    with pytest.raises(InputError, match="of 7 bases and q has 3"):
        build_graph(RnaRecord("q", "ACG", "..."), encoding=encoding, ensemble=pairs)


@pytest.mark.parametrize("encoding", ["forgi", "standard"])
def test_many_graphs_at_once_are_the_graphs_one_by_one(encoding: str):
    drawn = [(s, *fold_ensemble(s)[:2]) for s in SEQUENCES] + [("GCN", "(.)", PairEnsemble.certain("(.)")), ("GC", "()", PairEnsemble.certain("()"))]
    parts = [GraphParts.of(s, db, elements=walk(db) if encoding == "forgi" else None, ensemble=pairs) for s, db, pairs in drawn]
    together = assemble(parts, 0.3)
    for i, (sequence, structure, pairs) in enumerate(drawn):
        graph = build_graph(RnaRecord("r", sequence, structure), encoding=encoding, sequence_weight=0.3, ensemble=pairs)
        start, stop = together.starts[i : i + 2]
        assert np.array_equal(together.x[start:stop], graph.x.numpy())
        own = (together.edge_index[0] >= start) & (together.edge_index[0] < stop)
        edges = {(int(a) - start, int(b) - start, *bits, w) for a, b, bits, w in _rows(together, own)}
        assert edges == {
            (int(a), int(b), *map(float, bits), float(w)) for (a, b), bits, w in zip(graph.edge_index.T, graph.edge_attr, graph.edge_weight)
        }
        assert (together.batch[start:stop] == i).all()


def _rows(found, own):
    return zip(*found.edge_index[:, own], found.edge_attr[own].tolist(), found.edge_weight[own].tolist())


def test_messages_summed_by_sort_are_pygs():
    """Weights, gradients for states, weights and parameters; binary features and others."""
    torch.manual_seed(1)
    net = soft_network().double()
    graph = build_graph(RnaRecord("r", SEQUENCES[0], fold_ensemble(SEQUENCES[0])[0]), ensemble=fold_ensemble(SEQUENCES[0])[1])
    conv, index = net.convs[0], graph.edge_index
    for attr in (graph.edge_attr.double(), torch.rand(len(graph.edge_attr), 7).double().round(decimals=1)):
        found = []
        for quick in (True, False):
            h = torch.linspace(-1, 1, len(graph.x) * 12).double().view(-1, 12).requires_grad_()
            weight = graph.edge_weight.double().unsqueeze(1).requires_grad_()
            net.zero_grad()
            out = conv.summed(h, Messages(index, attr, len(h)), weight) if quick else conv(h, index, attr, weight)
            out.square().sum().backward()
            found.append((out.detach(), h.grad, weight.grad, conv.lin.weight.grad.clone(), conv.lin.bias.grad.clone()))
        for quick, slow in zip(*found, strict=True):
            assert torch.allclose(quick, slow, atol=1e-9)


def test_means_along_a_sequence_by_hand():
    values = torch.tensor([[1.0], [2.0], [4.0], [10.0], [20.0]])
    # graph 0 has 3 rows at 1/6, 1/2, 5/6; three places at 0, 1/2, 1: row 0 counts 2/3 to the first and 1/3 to the second
    found = segment_means(values, torch.tensor([0, 0, 0, 1, 1]), 3, 3)
    assert found[0, :, 0].tolist() == pytest.approx([2 / 3 * 1, 1 / 3 * 1 + 2 + 1 / 3 * 4, 2 / 3 * 4])
    assert found[1, :, 0].tolist() == pytest.approx([3 / 2 * 0.5 * 10, 3 / 2 * 0.5 * 30, 3 / 2 * 0.5 * 20])
    assert found[2].abs().sum() == 0
    assert torch.allclose(found[:2].mean(1), torch.tensor([[7 / 3], [15.0]]))  # nothing is lost


@pytest.mark.parametrize(("encoding", "pooling"), [("forgi", "set2set"), ("standard", "add")])
def test_embeddings_of_ensembles_alone_and_together(encoding: str, pooling: str):
    network = soft_network(encoding, pooling=pooling).requires_grad_(False)
    opened = (network, checkpoint()[1])
    together = embed_levels(RECORDS, checkpoint=opened, device="cpu")
    for i, record in enumerate(RECORDS):
        alone = embed_levels([record], checkpoint=opened, device="cpu")
        assert np.allclose(together["rna"].vectors[i], alone["rna"].vectors[0], atol=1e-5)
    bare = RnaRecord("bare", SEQUENCES[1])
    structure, pairs, _ = fold_ensemble(bare.sequence)
    given = RnaRecord("bare", bare.sequence, structure)
    folded = embed_levels([bare], checkpoint=opened, device="cpu")["rna"].vectors
    same = embed_levels([given], checkpoint=opened, ensembles=[pairs], device="cpu")["rna"].vectors
    certain = embed_levels([given], checkpoint=opened, device="cpu")["rna"].vectors
    assert np.array_equal(folded, same) and not np.allclose(folded, certain, atol=1e-3)


def test_a_fragment_moved_along_the_molecule_is_another_embedding():
    """Position is read: the same hairpin at the other end of a loose strand moves the embedding."""
    network = (soft_network().requires_grad_(False), checkpoint()[1])
    hairpin, loose = ("GGGGAAAACCCC", "((((....))))"), ("A" * 30, "." * 30)
    records = [RnaRecord("left", hairpin[0] + loose[0], hairpin[1] + loose[1]), RnaRecord("right", loose[0] + hairpin[0], loose[1] + hairpin[1])]
    left, right = embed_levels(records, checkpoint=network, device="cpu")["rna"].vectors
    assert np.abs(left - right).max() > 0.01


def test_long_rnas_are_taken_as_certain_and_it_is_said():
    network = (soft_network().requires_grad_(False), checkpoint()[1])
    found = embed_levels([RnaRecord("long", "GGGAAACCC" + "A" * 700)], checkpoint=network, levels=("rna",), device="cpu")["rna"]
    assert found.notices == ("long is too long for pair probabilities: the best structure is taken as certain.",)
