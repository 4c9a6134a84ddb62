"""The RNA network: PyG's GINE, direction and membership matter, batching changes nothing, the trace says what happened."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GINEConv

from core.errors import InputError
from core.models.checkpoint import load_checkpoint, save_checkpoint
from core.models.rna import RnaGine, RnaGineConfig, RnaOutput, RnaTrace, WeightedGINEConv, normalise_nodes, set2set_attention
from core.rna.graph import EDGE_FEATURES, NODE_FEATURES, build_graph
from core.rna.records import RnaRecord

NORMS = ["batch", "graph", "layer", "instance", "none"]
HAIRPIN = RnaRecord("hairpin", "GGGACUUCGGUCCCAAGGCAAAGCCU", "(((((....)))))..(((...))).")


def network(encoding: str = "forgi", *, seed: int = 0, **options) -> RnaGine:
    torch.manual_seed(seed)
    chosen = {"hidden": 16, "out": 8, "layers": 3, **options}
    return RnaGine(RnaGineConfig(len(NODE_FEATURES[encoding]), len(EDGE_FEATURES[encoding]), encoding, **chosen)).eval()


def inputs(graph: Data) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return graph.x, graph.edge_index, graph.edge_attr


def random_graph(rng: torch.Generator, encoding: str = "forgi") -> Data:
    """An RNA of one to three hairpins with random letters."""
    parts = [int(torch.randint(2, 6, (1,), generator=rng)) for _ in range(int(torch.randint(1, 4, (1,), generator=rng)))]
    structure = "..".join("(" * p + "...." + ")" * p for p in parts)
    letters = "".join("ACGU"[int(i)] for i in torch.randint(0, 4, (len(structure),), generator=rng))
    return build_graph(RnaRecord("random", letters, structure), encoding=encoding)


def columns(*names: str) -> list[int]:
    return [EDGE_FEATURES["forgi"].index(name) for name in names]


def test_the_convolution_is_pygs_gine():
    graph = build_graph(HAIRPIN)
    conv = network(train_eps=True).convs[0]
    conv.eps.data.fill_(0.3)
    peer = GINEConv(conv.nn, train_eps=True, edge_dim=graph.edge_attr.shape[1])
    peer.load_state_dict(conv.state_dict())
    h = torch.randn(len(graph.x), 16)
    expected = peer(h, graph.edge_index, graph.edge_attr)
    assert torch.equal(conv(h, graph.edge_index, graph.edge_attr), expected)
    assert torch.equal(conv(h, graph.edge_index, graph.edge_attr, torch.ones(graph.num_edges, 1)), expected)
    assert isinstance(conv, WeightedGINEConv)


def test_a_convolution_by_hand():
    """Two bases, one edge each way: m = ReLU(h_j + W e + b), h' = MLP((1 + eps) h_i + m) with an MLP that passes positives."""
    identity = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 2), torch.nn.ReLU())
    conv = WeightedGINEConv(identity, edge_dim=1)
    for lin in (identity[0], identity[2]):
        lin.weight.data, lin.bias.data = torch.eye(2), torch.zeros(2)
    conv.lin.weight.data, conv.lin.bias.data = torch.tensor([[1.0], [-3.0]]), torch.tensor([0.5, 0.0])
    h, index, attr = torch.tensor([[1.0, 2.0], [4.0, 5.0]]), torch.tensor([[0, 1], [1, 0]]), torch.tensor([[1.0], [0.0]])
    # 0 -> 1: (1, 2) + (1, -3) + (.5, 0) = (2.5, -1) -> (2.5, 0); 1 -> 0: (4, 5) + (.5, 0)
    assert torch.allclose(conv(h, index, attr), torch.tensor([[1 + 4.5, 2 + 5.0], [4 + 2.5, 5.0]]))
    assert torch.allclose(conv(h, index, attr, torch.tensor([[0.5], [0.0]])), torch.tensor([[1.0, 2.0], [4 + 1.25, 5.0]]))


@pytest.mark.parametrize("encoding", ["forgi", "standard"])
def test_exchanging_forward_and_backward_changes_the_output(encoding: str):
    x, index, attr = inputs(build_graph(HAIRPIN, encoding=encoding))
    swapped = attr.clone()
    forward, backward = (EDGE_FEATURES[encoding].index(name) for name in ("is_forward", "is_backward"))
    swapped[:, [forward, backward]] = attr[:, [backward, forward]]
    net = network(encoding)
    assert (net(x, index, attr).nodes - net(x, index, swapped).nodes).abs().max() > 1e-2
    assert not torch.equal(net(x, index, attr).graph, net(x, index, swapped).graph)


def test_without_membership_edges_bases_and_elements_are_apart():
    """Zeroing the slots of these edges only takes their type: news still crosses."""
    graph = build_graph(HAIRPIN)
    x, index, attr = inputs(graph)
    net, bases = network(pooling="mean"), graph.num_bases
    member = attr[:, columns("parent_child", "child_parent")].any(1)
    louder = x.clone()
    louder[bases:] += 1.0  # every element shouts
    cut = [net(features, index[:, ~member], attr[~member]).nodes[:bases] for features in (x, louder)]
    assert torch.equal(*cut)
    untyped = attr.clone()
    untyped[:, columns("parent_child", "child_parent")] = 0
    crossed = [net(features, index, untyped).nodes[:bases] for features in (x, louder)]
    assert (crossed[0] - crossed[1]).abs().max() > 1e-3
    assert (net(x, index, attr).nodes - net(x, index, untyped).nodes).abs().max() > 1e-3


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("pooling", ["add", "mean", "set2set"])
def test_a_batch_of_64_gives_what_one_by_one_gives(norm: str, pooling: str):
    rng = torch.Generator().manual_seed(1)
    graphs = [random_graph(rng) for _ in range(64)]
    net = network(norm=norm, pooling=pooling, node_norm="zscore")
    for module in net.norms:  # running statistics of a trained network, not 0 and 1
        if norm == "batch":
            module.module.running_mean.uniform_(-0.5, 0.5)
            module.module.running_var.uniform_(0.5, 2)
    batch = Batch.from_data_list(graphs)
    together = net(*inputs(batch), batch.batch)
    alone = [net(*inputs(graph)) for graph in graphs]
    assert torch.allclose(together.graph, torch.cat([out.graph for out in alone]), atol=1e-5)
    assert torch.allclose(together.nodes, torch.cat([out.nodes for out in alone]), atol=1e-5)


def test_node_z_scores_are_taken_within_each_graph():
    rng = torch.Generator().manual_seed(2)
    h = torch.randn(12, 5, generator=rng)
    index = torch.tensor([0] * 5 + [1] * 7)
    scored = normalise_nodes(h, index, 2, "zscore")
    for part, own in ((scored[:5], h[:5]), (scored[5:], h[5:])):
        assert torch.allclose(part, (own - own.mean(0)) / (own.var(0, unbiased=False) + 1e-5).sqrt(), atol=1e-6)
        assert part.mean(0).abs().max() < 1e-6
    assert torch.allclose(normalise_nodes(h, index, 2, "l2").norm(dim=-1), torch.ones(12))
    assert torch.allclose(normalise_nodes(h, index, 2, "both"), torch.nn.functional.normalize(scored, dim=-1))
    assert normalise_nodes(h, index, 2, "none") is h


def test_set2set_attention_recomputed_gives_the_modules_own_output():
    rng = torch.Generator().manual_seed(3)
    batch = Batch.from_data_list([random_graph(rng) for _ in range(5)])
    net = network()
    out, trace = net(*inputs(batch), batch.batch, return_trace=True)
    read, attention = set2set_attention(net.set2set, out.nodes, batch.batch, 5)
    assert torch.allclose(read, net.set2set(out.nodes, batch.batch, dim_size=5), atol=1e-6)
    assert torch.equal(attention, trace.attention)
    assert attention.shape == (3, len(batch.x))
    for step in attention:
        assert torch.allclose(torch.zeros(5).index_add(0, batch.batch, step), torch.ones(5), atol=1e-5)


def test_the_trace_is_the_messages_themselves():
    graph = build_graph(HAIRPIN)
    x, index, attr = inputs(graph)
    net = network(residual=False, norm="none")
    weight = torch.rand(graph.num_edges)
    out, trace = net(x, index, attr, edge_weight=weight, return_trace=True)
    assert isinstance(out, RnaOutput) and isinstance(trace, RnaTrace)
    h = net.lin_in(x)
    for layer, conv in enumerate(net.convs):
        before = h[index[0]] + attr @ conv.lin.weight.T + conv.lin.bias
        assert torch.allclose(trace.openness[layer], (before > 0).float().mean(1))
        assert torch.allclose(trace.message[layer], before.relu().norm(dim=1) * weight, atol=1e-5)
        assert torch.allclose(trace.hidden_norm[layer], h.norm(dim=1), atol=1e-5)
        assert torch.equal(trace.edge_weights[layer], conv.lin.weight)
        summed = torch.zeros_like(h).index_add(0, index[1], before.relu() * weight[:, None])
        h = conv.nn((1 + conv.eps) * h + summed)
    assert torch.allclose(trace.hidden_norm[-1], out.nodes.norm(dim=1), atol=1e-5)
    assert network(pooling="mean")(x, index, attr, return_trace=True)[1].attention is None


def test_masks_are_arguments_and_leave_nothing_behind():
    graph = build_graph(HAIRPIN)
    x, index, attr = inputs(graph)
    net = network()
    plain = net(x, index, attr)
    keep = torch.ones(graph.num_edges)
    keep[::3] = 0
    assert torch.allclose(net(x, index, attr, edge_mask=keep).nodes, net(x, index[:, keep > 0], attr[keep > 0]).nodes, atol=1e-6)
    assert torch.allclose(net(x, index, attr, edge_mask=keep, edge_weight=keep).graph, net(x, index, attr, edge_weight=keep).graph)
    silent = torch.ones(len(x))
    silent[4] = 0
    blank = x.clone()
    blank[4] = 0
    assert torch.equal(net(x, index, attr, node_mask=silent).graph, net(blank, index, attr).graph)
    assert torch.equal(net(x, index, attr).graph, plain.graph)
    leaf = torch.ones(graph.num_edges, requires_grad=True)
    net(x, index, attr, edge_mask=leaf).graph.norm().backward()
    assert leaf.grad is not None and leaf.grad.abs().min() >= 0 and leaf.grad.abs().max() > 0


def test_choices_are_checked_and_eps_is_fixed_or_learned():
    with pytest.raises(ValueError, match="pooling is 'max'; choose one of add, mean, set2set"):
        RnaGineConfig(4, 4, pooling="max")
    assert any(name.endswith("eps") for name, _ in network(train_eps=True).named_parameters())
    assert not any(name.endswith("eps") for name, _ in network(train_eps=False).named_parameters())
    training = network(dropout=0.5).train()
    x, index, attr = inputs(build_graph(HAIRPIN))
    assert not torch.equal(training(x, index, attr).graph, training(x, index, attr).graph)


def test_a_checkpoint_of_an_rna_network_is_read_back(tmp_path: Path):
    net = network()
    content = {"name": "tiny", "kind": "rna", "summary": "tiny", "network": net.config.to_dict()}
    path = save_checkpoint(net, content, tmp_path)
    loaded, card = load_checkpoint(path, kind="rna")
    x, index, attr = inputs(build_graph(HAIRPIN))
    assert card.kind == "rna" and loaded.config == net.config
    assert torch.equal(loaded(x, index, attr).graph, net(x, index, attr).graph)
    with pytest.raises(InputError, match="'tiny' reads RNAs, not metabolic models; choose one of core"):
        load_checkpoint(path, kind="metabolic")
