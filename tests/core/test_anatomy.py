"""A reaction taken apart: the worked examples to four decimals, both orders of gate and activation, and what is gated twice."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from core.errors import InputError
from core.explain.anatomy import direction_read, kept, take_apart, trained_messages
from core.explain.gine_anatomy import take_gine_apart
from core.metabolic.equation import MOST, TYPED, Equation, read_equation, typed_tables
from core.metabolic.hypergraph import build_hypergraph
from core.models import load_checkpoint
from core.models.network import NetworkConfig, ReactionNetwork
from core.models.prediction import run_network
from core.rna.elements import decompose
from core.rna.embedding import prepare
from core.rna.library import list_library
from core.rna.records import RnaRecord

X = torch.tensor([[0.5, 1.0]])
EXAMPLES = [
    (-1, "tanh", [-0.5, -1.0], [-0.4, -0.8], [-0.4621, -0.7616], [-0.3799, -0.6640]),
    (+1, "tanh", [0.5, 1.0], [0.4, 0.8], [0.4621, 0.7616], [0.3799, 0.6640]),
    (-1, "relu", [-0.5, -1.0], [-0.4, -0.8], [0.0, 0.0], [0.0, 0.0]),
    (+1, "relu", [0.5, 1.0], [0.4, 0.8], [0.5, 1.0], [0.4, 0.8]),
    (-1, "gelu", [-0.5, -1.0], [-0.4, -0.8], [-0.1543, -0.1587], [-0.1378, -0.1695]),
    (+1, "gelu", [0.5, 1.0], [0.4, 0.8], [0.3457, 0.8413], [0.2622, 0.6305]),
]


def rounded(values: torch.Tensor) -> list[float]:
    return [round(float(value), 4) + 0.0 for value in values]


@pytest.mark.parametrize(("s", "activation", "message", "gated", "ungated_h", "gated_h"), EXAMPLES)
def test_worked_examples(s: int, activation: str, message: list[float], gated: list[float], ungated_h: list[float], gated_h: list[float]) -> None:
    found = take_apart(torch.tensor([float(s)]), X, torch.eye(2), gate=0.8, activation=activation)
    assert rounded(found.ungated.messages[0]) == rounded(found.ungated.z) == message
    assert rounded(found.gated.messages[0]) == rounded(found.gated.z) == gated
    assert rounded(found.ungated.state) == ungated_h
    assert rounded(found.gate_before) == rounded(found.gated.state) == gated_h


@pytest.mark.parametrize(("s", "after"), [(-1.0, [-0.1234, -0.1269]), (1.0, [0.2766, 0.6731])])
def test_the_gate_after_the_activation_is_another_number(s: float, after: list[float]) -> None:
    found = take_apart(torch.tensor([s]), X, torch.eye(2), gate=0.8, activation="gelu")
    assert rounded(found.gate_after) == after != rounded(found.gate_before)
    gelu = [0.8 * v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in (0.5 * s, 1.0 * s)]
    assert_close(found.gate_after, torch.tensor(gelu, dtype=torch.float64), rtol=1e-12, atol=0)


def test_two_vertices_send_opposite_signs_and_what_comes_back_was_gated_twice() -> None:
    """A -> 2B with x_A = 1, x_B = .5: m_A = -.8, m_B = +.8; from B alone A hears .64 of what the ungated layer says."""
    both = take_apart(torch.tensor([-1.0, 2.0]), torch.tensor([[1.0], [0.5]]), torch.eye(1), gate=0.8, activation="identity")
    assert both.gated.messages.flatten().tolist() == pytest.approx([-0.8, 0.8]) and both.signs.tolist() == [-1, 1]
    assert both.gated.z.abs().max() < 1e-15 and both.gated.h.abs().max() < 1e-15
    alone = take_apart(torch.tensor([-1.0, 2.0]), torch.tensor([[0.0], [0.5]]), torch.eye(1), gate=0.8, activation="identity")
    assert alone.ungated.h.flatten().tolist() == pytest.approx([-1.0, 2.0])
    assert alone.gated.h.flatten().tolist() == pytest.approx([-0.64, 1.28])


def test_norms_sizes_and_weights_are_the_layers() -> None:
    weight = torch.tensor([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]])
    found = take_apart(torch.tensor([-1.0, -4.0, 3.0]), torch.rand(3, 2), weight, gate=0.3, normalization="stoichiometric", magnitude="sqrt")
    assert found.sizes.tolist() == pytest.approx([1, 2, 3**0.5]) and found.per_reaction == pytest.approx(1 / 8)
    assert found.per_metabolite.tolist() == pytest.approx([1, 1 / 4, 1 / 3])
    expected = found.signs.unsqueeze(1) * found.sizes.unsqueeze(1) * found.values * found.per_reaction
    assert_close(found.ungated.messages, expected)
    assert_close(found.gated.messages, 0.3 * expected)
    assert_close(found.gated.z, found.gated.messages.sum(0))


def test_what_activations_keep_of_a_negative_message() -> None:
    at = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    assert kept("relu", at).tolist() == [0, 2] and kept("identity", at).tolist() == [-1, 2]
    assert kept("leaky_relu", at).tolist() == pytest.approx([-0.01, 2]) and kept("tanh", at).tolist() == pytest.approx([math.tanh(-1), math.tanh(2)])


@pytest.mark.parametrize(
    ("how", "told"),
    [({"gate": 1.2}, "between 0 and 1"), ({"activation": "step"}, "no activation 'step'"), ({"weight": torch.eye(3)}, "a row for each feature")],
)
def test_refusals(how: dict[str, object], told: str) -> None:
    given: dict[str, object] = {"stoich": torch.ones(1), "x": X, "weight": torch.eye(2), "gate": 0.5} | how
    with pytest.raises(InputError, match=told):
        take_apart(**given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no activation"):
        kept("step", torch.zeros(1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 A + B -> 3 C", Equation(("A", "B", "C"), (-2, -1, 3), False)),
        ("A --> 2 B", Equation(("A", "B"), (-1, 2), False)),
        (" atp_c  + h2o_c <=> adp_c + 0.5 pi_c ", Equation(("atp_c", "h2o_c", "adp_c", "pi_c"), (-1, -1, 1, 0.5), True)),
        ("A <- B", Equation(("A", "B"), (1, -1), False)),
        ("A ->", Equation(("A",), (-1,), False)),
        ("A + B -> A + C", Equation(("B", "C"), (-1, 1), False)),
    ],
)
def test_reactions_as_people_type_them(text: str, expected: Equation) -> None:
    found = read_equation(text)
    assert dict(zip(found.names, found.coefficients)) == dict(zip(expected.names, expected.coefficients))
    assert found.reversible == expected.reversible


def test_an_equation_is_written_as_it_is_read() -> None:
    assert str(read_equation("2 A + B -> 3 C")) == "2 A + B -> 3 C" and str(read_equation("A <=> 0.5 B")) == "A <=> 0.5 B"
    assert str(read_equation("A <- B")) == "B -> A"


@pytest.mark.parametrize("text", ["", "A + B", "A -> A", "x A -> B -> C", " + ".join(f"m{i}" for i in range(MOST)) + " -> z"])
def test_what_is_no_reaction_says_how_to_write_one(text: str) -> None:
    with pytest.raises(InputError, match=r"2 A \+ B -> 3 C|at most 12"):
        read_equation(text)


@pytest.mark.parametrize("text", ["10000000 A -> B", "1e7 A -> B", "A -> 0.0000001 B"])
def test_coefficients_beyond_what_can_be_computed_with_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"at [AB]; write one from 0\.000001 to 1000000\."):
        read_equation(text)


def test_a_number_without_a_space_is_part_of_a_name_and_that_can_be_told() -> None:
    assert read_equation("A -> 2B") == Equation(("A", "2B"), (-1, 1), False)
    assert read_equation("A + 0.5C -> 2B").joined() == [("0.5C", "0.5", "C"), ("2B", "2", "B")]
    assert read_equation("2pg_c <=> pep_c + h2o_c").joined() == [("2pg_c", "2", "pg_c")] and read_equation("A -> 2 B").joined() == []


def test_an_equation_with_another_coefficient_is_read_again_as_it_is_written() -> None:
    found = read_equation("A + B -> C").with_coefficient(0, 1e6).with_coefficient(2, 4e-6)
    assert str(found) == "B -> 1000000 A + 0.000004 C" and [found.names[place] for place in found.as_written()] == ["B", "A", "C"]
    again = read_equation(str(found))
    assert again.names == ("B", "A", "C") and again.coefficients == pytest.approx((-1, 1e6, 4e-6))


def test_a_typed_reaction_is_a_model_of_its_own() -> None:
    tables = typed_tables(read_equation("2 A + B -> 3 C"))
    assert tables.reactions == (TYPED,) and tables.equation(0) == "2 A + B → 3 C"
    assert dict(zip(tables.metabolites, tables.stoich.tolist(), strict=True)) == {"A": -2, "B": -1, "C": 3}
    there = read_equation("A <=> 2 B")
    assert str(there.backwards()) == "2 B <=> A" and there.backwards().backwards() == there


def test_backwards_the_sum_changes_its_sign_and_without_an_activation_nothing_else() -> None:
    """The sign acts twice: written backwards, z is negated and what comes back is the same; an activation in between tells them apart."""
    stoich, x = torch.tensor([-1.0, 2.0]), torch.tensor([[1.0, 0.2], [0.5, 1.0]])
    for activation, same in (("identity", True), ("tanh", True), ("gelu", False), ("relu", False)):
        there, back = (take_apart(s, x, torch.eye(2), gate=0.8, activation=activation) for s in (stoich, -stoich))
        assert_close(there.gated.z, -back.gated.z)
        assert bool((there.gated.h - back.gated.h).abs().max() < 1e-12) == same  # an odd function is no help either


SYMMETRIC = torch.tensor([[1.0, 0.5], [0.5, 1.0], [1.0, 0.5], [0.5, 1.0]])


@pytest.mark.parametrize(
    ("stoich", "how", "verdict"),
    [
        ([-1.0, -1.0, 1.0, 1.0], {"activation": "gelu"}, "cancels"),  # A + B -> C + D: z is rounding
        ([-1.0, -1.0, 1.0, 1.0], {"activation": "relu", "gate": 0.0}, "nothing"),
        ([-0.001, 0.001], {"activation": "gelu"}, "apart"),
        ([-0.001, 0.001], {"activation": "identity"}, "same"),
        ([-1e6, 1e6], {"activation": "tanh"}, "same"),
        ([-1e6, 1e-6], {"activation": "gelu"}, "apart"),
        ([-1.0], {"activation": "relu"}, "apart"),  # h is 0, and yet something is passed
    ],
)
def test_what_the_metabolites_hear_tells_the_direction_or_why_it_cannot(stoich: list[float], how: dict[str, object], verdict: str) -> None:
    given = {"gate": 0.8} | how
    there, back = (take_apart(s, SYMMETRIC[: len(stoich)], torch.eye(2), **given).gated for s in (torch.tensor(stoich), -torch.tensor(stoich)))  # type: ignore[arg-type]
    assert direction_read(there, back) == direction_read(back, there) == verdict
    assert there.cancels == (verdict == "cancels") and (there.passed >= there.z.abs()).all()


@pytest.mark.parametrize(
    ("activation", "gate", "agree"), [("relu", 0.37, True), ("identity", 0.37, True), ("gelu", 0.37, False), ("gelu", 1.0, True)]
)
def test_whether_both_orders_agree_is_not_a_matter_of_rounding(activation: str, gate: float, agree: bool) -> None:
    for scale in (1.0, 1e-6) if activation == "gelu" else (1.0, 1e6, 1e-6):  # of large numbers GELU keeps all
        stoich = scale * torch.tensor([-0.1, 0.7, 0.3, -0.2], dtype=torch.float64)
        assert take_apart(stoich, SYMMETRIC, torch.eye(2), gate=gate, activation=activation).orders_agree == agree


@pytest.mark.parametrize("layer", [0, 3])
def test_a_gine_layer_taken_apart_adds_up_to_the_layer(layer: int) -> None:
    network, _ = load_checkpoint("rna")
    record, ensemble = prepare(next(one.record for one in list_library() if one.id == "hammerhead"), True, None)
    graph = network.graph_of(record, decompose(str(record.structure)), ensemble)
    found = take_gine_apart(network, graph, 10, layer)
    with torch.no_grad():
        _, trace = network(graph.x, graph.edge_index, graph.edge_attr, edge_weight=graph.edge_weight, return_trace=True)
        whole = network.convs[layer](trace.hidden[layer], graph.edge_index, graph.edge_attr, graph.edge_weight.unsqueeze(1))
    assert_close(found.heard, whole[10], rtol=1e-5, atol=1e-5)
    assert (graph.edge_index[1] == 10).sum() == len(found.edges) > 3 and (found.messages >= 0).all()
    by_hand = found.weights.unsqueeze(1) * (found.said + found.related).clamp_min(0)
    assert_close(found.messages, by_hand)
    assert_close(found.messages.norm(dim=1), trace.message[layer][found.edges], rtol=1e-5, atol=1e-6)
    assert_close(found.relation + found.direction + found.bias, found.related)
    turned = take_gine_apart(network, graph, 10, layer, turned=True)
    assert_close(turned.relation, found.relation)
    assert_close(turned.features[:, -2:], found.features[:, [-1, -2]])
    assert_close(turned.related - found.related, (turned.features - found.features) @ network.convs[layer].lin.weight.T, rtol=1e-4, atol=1e-5)
    assert (turned.heard - found.heard).abs().max() > 1e-3
    for how, told in (({"node": 9999}, "no node 9999"), ({"layer": 9}, "no layer 10")):
        with pytest.raises(InputError, match=told):
            take_gine_apart(network, graph, how.get("node", 0), how.get("layer", 0))


def test_a_node_without_edges_hears_itself() -> None:
    network, _ = load_checkpoint("rna_standard")
    record, ensemble = prepare(RnaRecord("one", "A", "."), network.config.ensemble, None)
    found = take_gine_apart(network, network.graph_of(record, decompose("."), ensemble), 0, 0)
    assert len(found.edges) == len(found.messages) == len(found.direction) == 0
    assert not found.total.any() and found.own.any() and found.heard.isfinite().all()


def test_trained_messages_are_those_of_the_layer_to_the_reaction(tabled):
    network, _ = load_checkpoint("core")
    graph = build_hypergraph(tabled("e_coli_core"), medium="acetate")
    found = trained_messages(network, graph, "PFK", 2, 1)
    trace = run_network(network, graph, return_trace=True).traces[1]
    rows = graph.hyperedge_index[1] == graph.tables.reaction_index()["PFK"]
    messages = trace.to_reaction.message[rows, 0].double()
    assert found.table["message"].to_numpy() == pytest.approx(messages.norm(dim=-1).numpy(), rel=1e-5)
    assert found.heard == pytest.approx(float(messages.sum(0).norm()), rel=1e-5) and found.size == "sqrt" and found.attention == "reaction"
    assert found.table["metabolite"].tolist() == [graph.metabolites[v] for v in graph.hyperedge_index[0][rows]]
    with pytest.raises(InputError, match="6 layers of 2 heads"):
        trained_messages(network, graph, "PFK", 7, 1)
    with pytest.raises(InputError, match="no reaction 'XYZ'"):
        trained_messages(network, graph, "XYZ", 1, 1)


@pytest.mark.parametrize("layer", [2, 6])
def test_signed_values_of_a_trained_layer_are_its_own_and_add_up(tabled, layer: int) -> None:
    network, _ = load_checkpoint("core")
    graph = build_hypergraph(tabled("e_coli_core"))
    found = trained_messages(network, graph, "PFK", layer, 2)
    of = found.table
    assert found.signs.tolist() == [math.copysign(1, s) for s in of["coefficient"]]
    factor = torch.from_numpy((of["B"] * of["attention"] * of["size"]).to_numpy()) * found.signs
    assert_close(found.ungated, factor.unsqueeze(1) * found.values, rtol=1e-4, atol=1e-6)
    assert_close(found.messages, torch.from_numpy(of["gate"].to_numpy()).unsqueeze(1) * found.ungated)
    assert_close(found.step.z, found.messages.sum(0), rtol=1e-4, atol=1e-6)
    assert of["ungated"].to_numpy() == pytest.approx(found.ungated.norm(dim=1).numpy()) and (of["ungated"] > of["message"]).all()
    assert of["back"].to_numpy() == pytest.approx(found.replies.norm(dim=1).numpy(), rel=1e-5)
    # What is heard back is the state after the step, in the direction of the coefficient.
    along = found.replies @ found.step.after
    assert (along.sign() == found.signs).all() and (found.step.after - found.step.before).abs().max() > 1e-3
    assert len(found.step.met) == len(found.step.left) == network.config.hidden and not network.layers[layer - 1].conv.lin._forward_hooks


@pytest.mark.parametrize("how", [{"tied": True, "gate": "metabolite"}, {"attention": None, "normalization": "none", "magnitude": "log1p"}])
@pytest.mark.parametrize("layer", [1, 3])
def test_signed_values_of_other_networks(tabled, how: dict[str, Any], layer: int) -> None:
    graph = build_hypergraph(tabled("e_coli_core"))
    torch.manual_seed(0)
    network = ReactionNetwork(NetworkConfig(graph.x.shape[1], graph.u.shape[1], hidden=8, layers=3, **how)).eval()
    found = trained_messages(network, graph, "PFK", layer, 1)
    factors = found.table.drop(columns=["metabolite", "coefficient", "value", "ungated", "message", "back"])
    product = torch.from_numpy(factors.prod(axis=1).to_numpy()) * found.signs
    assert_close(found.messages, product.unsqueeze(1) * found.values, rtol=1e-4, atol=1e-7)
    assert_close(found.step.z, found.messages.sum(0), rtol=1e-4, atol=1e-6)


def test_a_trained_reaction_written_backwards(tabled) -> None:
    network, _ = load_checkpoint("core")
    graph = build_hypergraph(tabled("e_coli_core"))
    there, back = (trained_messages(network, graph, "PFK", 2, 1, backwards=turned) for turned in (False, True))
    assert_close(back.signs, -there.signs)
    assert back.table["coefficient"].tolist() == (-there.table["coefficient"]).tolist()
    assert (there.step.z + back.step.z).abs().max() > 1e-4  # gates see the sign, so z is not simply negated
    assert trained_messages(network, graph, "PFK", 2, 1).table.equals(there.table)
