"""The gated stoichiometric hypergraph convolution against its formula, against PyG's HypergraphConv, and its invariances."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.testing import assert_close

from core.models.conv import StoichHypergraphConv

GATES = ("none", "metabolite", "incidence")
ATTENTIONS = (None, "reaction", "metabolite")
BACKENDS = ("reference", "dense", "sparse")
MODES = list(itertools.product(GATES, ATTENTIONS))
F_IN, F_U, F_OUT = 5, 3, 4


@pytest.fixture(autouse=True)
def _float64():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def hypergraph(nodes: int = 8, edges: int = 6, incidences: int = 20, seed: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Distinct incidences in random order, the last metabolite isolated and the last reaction empty; index, stoich, x, u."""
    draw = torch.Generator().manual_seed(seed)
    cell = torch.randperm((nodes - 1) * (edges - 1), generator=draw)[:incidences]
    index = torch.stack([cell // (edges - 1), cell % (edges - 1)])
    size = 0.1 + 3 * torch.rand(incidences, generator=draw)
    sign = torch.where(torch.rand(incidences, generator=draw) < 0.5, -1.0, 1.0)
    return index, sign * size, torch.randn(nodes, F_IN, generator=draw), torch.randn(edges, F_U, generator=draw)


def layer(gate: str = "incidence", attention: str | None = None, **options) -> StoichHypergraphConv:
    """A layer whose every parameter, biases and the gate's sign weight included, is random."""
    options.setdefault("reaction_channels", F_U)
    conv = StoichHypergraphConv(F_IN, F_OUT, gate=gate, attention=attention, **options)
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.normal_()
    return conv


@pytest.fixture(scope="module")
def ecoli_core() -> tuple[Tensor, Tensor, int, int]:
    """Incidences of E. coli core as COBRApy ships it: index, stoich, V, E."""
    import cobra

    from core.metabolic.tables import tables_from_model

    tables = tables_from_model(cobra.io.read_sbml_model(str(Path(cobra.__file__).parent / "data" / "textbook.xml.gz")))
    index = torch.stack([torch.from_numpy(tables.rows), torch.from_numpy(tables.cols)])
    return index, torch.from_numpy(tables.stoich), tables.shape[0], tables.shape[1]


# -- the formula ------------------------------------------------------------------------------------------------------


@torch.no_grad()
def by_hand(conv: StoichHypergraphConv, index: Tensor, stoich: Tensor, x: Tensor, u: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The convolution written out incidence by incidence, head by head; no update between the passes."""
    heads, width = conv.heads, conv.out_channels
    nodes, edges, incidences = len(x), len(u), [(int(v), int(e), float(s)) for v, e, s in zip(*index, stoich, strict=True)]
    size = {"linear": abs, "sqrt": lambda s: math.sqrt(abs(s)), "log1p": lambda s: math.log1p(abs(s))}[conv.magnitude]
    count = {"stoichiometric": abs, "count": lambda s: 1.0, "none": None}[conv.normalization]

    def norm(place: int, position: int) -> float:
        if count is None:
            return 1.0
        total = sum(count(incidence[2]) for incidence in incidences if incidence[position] == place)
        return 1 / total if total else 0.0

    xw = (x @ conv.lin.weight.T).view(nodes, heads, width)

    def gate(v: int, e: int, s: float, h: int) -> float:
        if conv.gate == "none":
            return 1.0
        logit = float(x[v] @ conv.gate_x.weight[h] + conv.gate_x.bias[h])
        if conv.gate == "incidence":
            logit += math.copysign(1, s) * float(conv.gate_sign[h])
            logit += float(u[e] @ conv.gate_u.weight[h]) if conv.gate_u is not None else 0.0
        return 1 / (1 + math.exp(-logit))

    def score(v: int, e: int, h: int) -> float:
        uw = (u[e] @ conv.lin_u.weight.T).view(heads, width)[h]
        raw = float(torch.cat([xw[v, h], uw]) @ conv.att[0, h])
        return math.exp(raw if raw > 0 else conv.negative_slope * raw)

    def attention(v: int, e: int, h: int) -> float:
        if conv.attention is None:
            return 1.0
        position, place = (1, e) if conv.attention == "reaction" else (0, v)
        return score(v, e, h) / sum(score(i, j, h) for i, j, _ in incidences if (i, j)[position] == place)

    z, out = torch.zeros(edges, heads, width), torch.zeros(nodes, heads, width)
    shared = [
        [gate(v, e, s, h) * attention(v, e, h) * size(s) * math.copysign(1, s) * (1.0 if mask is None else float(mask[k])) for h in range(heads)]
        for k, (v, e, s) in enumerate(incidences)
    ]
    for k, (v, e, _) in enumerate(incidences):
        for h in range(heads):
            z[e, h] += norm(e, 1) * shared[k][h] * xw[v, h]
    for k, (v, e, _) in enumerate(incidences):
        for h in range(heads):
            out[v, h] += norm(v, 0) * shared[k][h] * z[e, h]
    if conv.concat:
        return out.flatten(1) + conv.bias, z.flatten(1)
    return out.mean(1) + conv.bias, z.mean(1)


@pytest.mark.parametrize(("gate", "attention"), MODES)
@pytest.mark.parametrize("concat", [True, False])
def test_equals_the_formula_in_every_gate_and_attention_mode(gate, attention, concat):
    index, stoich, x, u = hypergraph()
    conv = layer(gate, attention, heads=2, concat=concat)
    h, z = conv(x, index, stoich, u)
    expected_h, expected_z = by_hand(conv, index, stoich, x, u)
    assert h.shape == (8, 8 if concat else 4)
    assert z.shape == (6, 8 if concat else 4)
    assert_close(h, expected_h, rtol=1e-12, atol=1e-12)
    assert_close(z, expected_z, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("normalization", ["stoichiometric", "count", "none"])
@pytest.mark.parametrize("magnitude", ["linear", "sqrt", "log1p"])
def test_equals_the_formula_in_every_normalization_and_magnitude_with_a_mask(normalization, magnitude):
    index, stoich, x, u = hypergraph()
    mask = torch.rand(20)
    conv = layer(normalization=normalization, magnitude=magnitude)
    for got, expected in zip(conv(x, index, stoich, u, mask=mask), by_hand(conv, index, stoich, x, u, mask), strict=True):
        assert_close(got, expected, rtol=1e-12, atol=1e-12)


def test_normalisation_is_zero_where_nothing_is_summed():
    index, stoich, x, u = hypergraph()
    conv = layer()
    h, z = conv(x, index, stoich, u)
    assert_close(z[-1], torch.zeros(F_OUT))
    assert_close(h[-1], conv.bias)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_a_mask_leaves_the_normalisation_and_the_softmax_as_they_are(attention):
    index, stoich, x, u = hypergraph()
    conv = layer(attention=attention)
    mask = torch.ones(20)
    mask[3] = 0
    whole, masked = (conv(x, index, stoich, u, mask=m, return_trace=True)[2] for m in (None, mask))
    kept = mask.bool()
    assert_close(masked.to_reaction.norm, whole.to_reaction.norm)
    assert_close(masked.to_metabolite.norm, whole.to_metabolite.norm)
    assert_close(masked.to_reaction.message[kept], whole.to_reaction.message[kept])
    assert masked.to_reaction.message[3].abs().sum() == 0
    assert masked.to_metabolite.message[3].abs().sum() == 0
    if attention is not None:
        assert_close(masked.attention, whole.attention)


# -- PyG's HypergraphConv ---------------------------------------------------------------------------------------------


def peer(conv: StoichHypergraphConv):
    """PyG's layer with the same weights."""
    from torch_geometric.nn import HypergraphConv

    mode = "edge" if conv.attention == "metabolite" else "node"
    other = HypergraphConv(F_IN, F_OUT, use_attention=conv.attention is not None, attention_mode=mode, heads=conv.heads, concat=conv.concat).double()
    missing, unexpected = other.load_state_dict({k: v for k, v in conv.state_dict().items() if k != "lin_u.weight"}, strict=False)
    assert not missing
    assert not unexpected
    return other


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("attention", "heads", "concat"), [(None, 1, True), *itertools.product(ATTENTIONS[1:], (1, 3), (True, False))])
def test_equals_pyg_on_random_hypergraphs(attention, heads, concat, backend):
    index, _, x, _ = hypergraph(12, 9, 40)
    u = torch.randn(9, F_IN)
    conv = layer("none", attention, heads=heads, concat=concat, reaction_channels=F_IN, backend=backend)
    if attention is not None:
        conv.lin_u = conv.lin  # PyG sends both kinds of features through one matrix
    expected = peer(conv)(x, index, hyperedge_attr=u if attention else None, num_edges=9)
    assert_close(conv(x, index, torch.ones(40), u)[0], expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_equals_pyg_on_ecoli_core(ecoli_core, attention, backend):
    index, stoich, nodes, edges = ecoli_core
    assert index.shape == (2, 360)
    assert (nodes, edges) == (72, 95)
    x, u = torch.randn(nodes, F_IN), torch.randn(edges, F_IN)
    conv = layer("none", attention, heads=1 if attention is None else 3, reaction_channels=F_IN, backend=backend)
    if attention is not None:
        conv.lin_u = conv.lin
    expected = peer(conv)(x, index, hyperedge_attr=u if attention else None, num_edges=edges)
    assert_close(conv(x, index, torch.ones_like(stoich), u)[0], expected, rtol=1e-11, atol=1e-11)
    assert not torch.allclose(conv(x, index, stoich, u)[0], expected)


# -- signs, gates, symmetries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gate", "attention"), MODES)
def test_a_message_carries_the_sign_of_its_coefficient(gate, attention):
    index, stoich, x, u = hypergraph()
    conv = layer(gate, attention, heads=2)
    _, _, trace = conv(x, index, stoich, u, return_trace=True)
    value = conv.lin(x).view(8, 2, F_OUT)[index[0]]
    assert torch.equal(trace.to_reaction.message.sign(), stoich.sign().view(-1, 1, 1) * value.sign())
    assert (trace.gate > 0).all()
    assert (trace.gate < 1).all() if gate != "none" else (trace.gate == 1).all()


@pytest.mark.parametrize(("gate", "attention"), list(itertools.product(("none", "metabolite"), ATTENTIONS)))
def test_reversing_every_reaction_negates_z_and_leaves_h(gate, attention):
    index, stoich, x, u = hypergraph()
    conv = layer(gate, attention)
    (h, z), (reversed_h, reversed_z) = conv(x, index, stoich, u), conv(x, index, -stoich, u)
    assert torch.equal(reversed_z, -z)
    assert torch.equal(reversed_h, h)
    assert z.abs().max() > 0.1
    updated = conv(x, index, stoich, u, update=lambda z, _: torch.relu(z))[0]
    assert not torch.allclose(updated, conv(x, index, -stoich, u, update=lambda z, _: torch.relu(z))[0])


def test_incidence_gates_see_the_sign():
    index, stoich, x, u = hypergraph()
    conv = layer("incidence")
    assert not torch.allclose(conv(x, index, -stoich, u)[1], -conv(x, index, stoich, u)[1])
    with torch.no_grad():
        conv.gate_sign.zero_()
    assert_close(conv(x, index, -stoich, u)[1], -conv(x, index, stoich, u)[1])


@pytest.mark.parametrize("gate", GATES)
def test_gates_do_not_depend_on_the_size_of_a_coefficient(gate):
    index, stoich, x, u = hypergraph()
    conv = layer(gate, heads=2)
    gates = [conv(x, index, s, u, return_trace=True)[2].gate for s in (stoich, 7.5 * stoich, stoich * torch.linspace(0.1, 9, 20))]
    assert torch.equal(gates[0], gates[1])
    assert torch.equal(gates[0], gates[2])


def test_metabolite_gates_are_one_per_metabolite_and_incidence_gates_differ():
    index, stoich, x, u = hypergraph()
    spread = {}
    for gate in ("metabolite", "incidence"):
        shown = layer(gate)(x, index, stoich, u, return_trace=True)[2].gate.detach().squeeze(-1)
        spread[gate] = max(float(shown[index[0] == v].max() - shown[index[0] == v].min()) for v in range(7) if (index[0] == v).sum() > 1)
    assert spread["metabolite"] == 0
    assert spread["incidence"] > 0.1


def test_incidence_gates_differ_at_identical_stoichiometry():
    """One metabolite with coefficient -1 in two reactions: only incidence gates can weigh the two differently."""
    index, stoich = torch.tensor([[0, 0], [0, 1]]), -torch.ones(2)
    x, u = torch.randn(1, F_IN), torch.randn(2, F_U)
    gates = {gate: layer(gate)(x, index, stoich, u, return_trace=True)[2].gate for gate in ("metabolite", "incidence")}
    assert torch.equal(*gates["metabolite"])
    assert not torch.allclose(*gates["incidence"])


@pytest.mark.parametrize(("gate", "attention"), MODES)
@pytest.mark.parametrize("backend", ["reference", "sparse"])
def test_equivariant_to_permutations(gate, attention, backend):
    index, stoich, x, u = hypergraph()
    conv = layer(gate, attention, heads=2, backend=backend)
    h, z = conv(x, index, stoich, u)
    nodes, edges, order = torch.randperm(8), torch.randperm(6), torch.randperm(20)
    new_index = torch.stack([nodes.argsort()[index[0]], edges.argsort()[index[1]]])[:, order]
    new_h, new_z = conv(x[nodes], new_index, stoich[order], u[edges])
    assert_close(new_h, h[nodes], rtol=1e-12, atol=1e-12)
    assert_close(new_z, z[edges], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("gate", "attention"), MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(gate, attention, backend):
    index, stoich, x, u = hypergraph(4, 4, 7)
    conv = layer(gate, attention, heads=2, backend=backend)
    names = [name for name, _ in conv.named_parameters()]

    def run(x, u, stoich, mask, *parameters):
        return functional_call(
            conv, dict(zip(names, parameters, strict=True)), (x, index, stoich, u), {"mask": mask, "update": lambda z, _: z.tanh()}
        )

    inputs = [t.detach().clone().requires_grad_() for t in (x, u, stoich, torch.rand(7), *conv.parameters())]
    assert torch.autograd.gradcheck(run, inputs, atol=1e-7, rtol=1e-5)


# -- the worked examples ----------------------------------------------------------------------------------------------

EXAMPLES = [
    (-1, torch.tanh, [-0.5, -1.0], [-0.4, -0.8], [-0.4621, -0.7616], [-0.3799, -0.6640]),
    (+1, torch.tanh, [0.5, 1.0], [0.4, 0.8], [0.4621, 0.7616], [0.3799, 0.6640]),
    (-1, torch.relu, [-0.5, -1.0], [-0.4, -0.8], [0.0, 0.0], [0.0, 0.0]),
    (+1, torch.relu, [0.5, 1.0], [0.4, 0.8], [0.5, 1.0], [0.4, 0.8]),
    (-1, torch.nn.functional.gelu, [-0.5, -1.0], [-0.4, -0.8], [-0.1543, -0.1587], [-0.1378, -0.1695]),
    (+1, torch.nn.functional.gelu, [0.5, 1.0], [0.4, 0.8], [0.3457, 0.8413], [0.2622, 0.6305]),
]


def example_layer() -> StoichHypergraphConv:
    conv = StoichHypergraphConv(2, 2, gate="incidence", normalization="none", bias=False)
    with torch.no_grad():
        conv.lin.weight.copy_(torch.eye(2))
    return conv


@pytest.mark.parametrize(("s", "activation", "message", "gated", "ungated_h", "gated_h"), EXAMPLES)
def test_worked_examples(s, activation, message, gated, ungated_h, gated_h):
    conv, x, index = example_layer(), torch.tensor([[0.5, 1.0]]), torch.tensor([[0], [0]])
    for override, expected_message, expected_h in ((1.0, message, ungated_h), (0.8, gated, gated_h)):
        _, z, trace = conv(x, index, torch.tensor([float(s)]), gate_override=override, return_trace=True)
        assert_close(trace.to_reaction.message[0, 0], torch.tensor(expected_message))
        assert [round(float(v), 4) + 0.0 for v in activation(z)[0]] == expected_h


def test_the_gate_acts_before_the_activation():
    """Gate before GELU (the layer's order) and after it (the source's printed -0.12, -0.13) are different numbers."""
    conv, x, index = example_layer(), torch.tensor([[0.5, 1.0]]), torch.tensor([[0], [0]])
    gelu = torch.nn.functional.gelu
    for s, gate_then_gelu, gelu_then_gate in ((-1.0, [-0.1378, -0.1695], [-0.1234, -0.1269]), (1.0, [0.2622, 0.6305], [0.2766, 0.6731])):
        gated, ungated = (conv(x, index, torch.tensor([s]), gate_override=g)[1] for g in (0.8, 1.0))
        assert_close(gelu(gated)[0], torch.tensor(gate_then_gelu), atol=5e-5, rtol=0)
        assert_close(0.8 * gelu(ungated)[0], torch.tensor(gelu_then_gate), atol=5e-5, rtol=0)


def test_two_vertex_proof():
    """A -> 2B with x_A = 1, x_B = 0.5 and g = 0.8: m_A = -0.8, m_B = +0.8, and the true two-step h."""
    conv = StoichHypergraphConv(1, 1, normalization="none", bias=False)
    with torch.no_grad():
        conv.lin.weight.fill_(1.0)
    x, index, stoich = torch.tensor([[1.0], [0.5]]), torch.tensor([[0, 1], [0, 0]]), torch.tensor([-1.0, 2.0])
    h, z, trace = conv(x, index, stoich, gate_override=0.8, return_trace=True, update=lambda z, _: z + 1.0)
    assert_close(trace.to_reaction.message.flatten(), torch.tensor([-0.8, 0.8]))
    assert_close(z, torch.tensor([[0.0]]))
    assert_close(h, torch.tensor([[-0.8], [1.6]]))


# -- batches, traces, refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gate", "attention"), MODES)
@pytest.mark.parametrize("batched", [("x",), ("u",), ("mask",), ("x", "u", "mask")])
def test_batch_dimensions_equal_a_loop(gate, attention, batched):
    index, stoich, x, u = hypergraph()
    single = {"x": x, "u": u, "mask": torch.rand(20)}
    batch = {name: torch.randn(2, 3, *value.shape) if name in batched else value for name, value in single.items()}
    conv = layer(gate, attention, heads=2)
    h, z, trace = conv(batch["x"], index, stoich, batch["u"], mask=batch["mask"], return_trace=True)
    for i, j in itertools.product(range(2), range(3)):
        one = {name: value[i, j] if name in batched else value for name, value in batch.items()}
        expected = conv(one["x"], index, stoich, one["u"], mask=one["mask"], return_trace=True)
        seen = [t.expand(2, 3, *t.shape[-2:])[i, j] for t in (h, z)]
        assert_close(seen[0], expected[0], rtol=1e-11, atol=1e-11)
        assert_close(seen[1], expected[1], rtol=1e-11, atol=1e-11)
        norm = trace.to_metabolite.message_norm
        assert_close(norm.expand(2, 3, 20, 2)[i, j], expected[2].to_metabolite.message_norm, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("gate", "attention"), MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_trace_holds_every_factor_of_every_message(gate, attention, backend):
    index, stoich, x, u = hypergraph()
    conv = layer(gate, attention, heads=2, magnitude="sqrt", backend=backend)
    h, z, trace = conv(x, index, stoich, u, update=lambda z, _: z.tanh(), return_trace=True)
    value, state = conv.lin(x).view(8, 2, F_OUT), z.tanh().view(6, 2, F_OUT)
    assert trace.gate.shape == (20, 2)
    assert (trace.attention is None) == (attention is None)
    factor = trace.gate * (trace.sign * trace.magnitude).unsqueeze(-1) * (1.0 if trace.attention is None else trace.attention)
    for one, source, place, total in ((trace.to_reaction, value, index, z), (trace.to_metabolite, state, index.flip(0), h - conv.bias)):
        assert_close(one.message, (factor * one.norm.unsqueeze(-1)).unsqueeze(-1) * source[place[0]], rtol=1e-12, atol=1e-12)
        assert_close(one.message_norm, one.message.square().sum(-1).sqrt(), rtol=1e-12, atol=1e-12)
        assert_close(torch.zeros(len(total), 2, F_OUT).index_add(0, place[1], one.message).flatten(1), total, rtol=1e-12, atol=1e-12)


def test_refusals_name_what_is_wrong():
    index, stoich, x, u = hypergraph()
    with pytest.raises(ValueError, match="x has 4 features, the layer was built for 5"):
        layer()(x[:, :4], index, stoich, u)
    with pytest.raises(ValueError, match="u has 2 features, the layer was built for 3"):
        layer()(x, index, stoich, u[:, :2])
    with pytest.raises(ValueError, match="pass u"):
        layer()(x, index, stoich)
    with pytest.raises(ValueError, match="pass the reaction features u"):
        layer("none", "reaction")(x, index, stoich)
    for wrong in ({"gate": "some"}, {"attention": "node"}, {"normalization": "row"}, {"magnitude": "square"}, {"backend": "cuda"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is .* choose one of"):
            StoichHypergraphConv(2, 2, **wrong)


def test_str_and_parameter_names():
    conv = layer("incidence", "reaction", heads=2)
    assert str(conv) == "StoichHypergraphConv(5, 4, heads=2, gate=incidence, attention=reaction, normalization=stoichiometric, magnitude=linear)"
    assert {name: tuple(p.shape) for name, p in conv.named_parameters()} == {
        "lin.weight": (8, 5),
        "lin_u.weight": (8, 3),
        "att": (1, 2, 8),
        "gate_x.weight": (2, 5),
        "gate_x.bias": (2,),
        "gate_u.weight": (2, 3),
        "gate_sign": (2,),
        "bias": (8,),
    }
