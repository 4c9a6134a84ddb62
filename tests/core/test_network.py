"""ReactionNetwork: direction matters, batches and permutations do not, and a forward pass leaves nothing behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from core.metabolic.condition import apply_condition
from core.models.network import ACTIVATIONS, NetworkConfig, NetworkOutput, ReactionNetwork, limiting_uptakes

V, E, K = 8, 6, 20
CONFIG = NetworkConfig(metabolite_channels=4, reaction_channels=5, hidden=8, heads=2, layers=3)


@pytest.fixture(autouse=True)
def _float64():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def network(config: NetworkConfig = CONFIG) -> ReactionNetwork:
    return ReactionNetwork(config).eval()


def problem() -> dict[str, Tensor]:
    """A random hypergraph with features, bounds (the last reaction fixed at 0) and the objective on reaction 2."""
    cell = torch.randperm(V * E)[:K]
    lower, upper = -torch.rand(E), torch.rand(E)
    lower[0], lower[-1], upper[-1] = 0, 0, 0
    stoich = torch.randn(K)
    x, u = torch.randn(V, 4), torch.randn(E, 5)
    return {
        "x": x,
        "u": u,
        "hyperedge_index": torch.stack([cell // E, cell % E]),
        "stoich": stoich,
        "lower": lower,
        "upper": upper,
        "objective": torch.eye(E)[2],
    }


def run(net: ReactionNetwork, given: dict[str, Tensor], **options) -> NetworkOutput:
    with torch.no_grad():
        return net(**given, **options)


@pytest.mark.parametrize("gate", ["none", "metabolite", "incidence"])
@pytest.mark.parametrize("swap_bounds", [False, True])
def test_reversing_an_irreversible_reaction_changes_the_prediction(gate, swap_bounds):
    given, net = problem(), network(replace(CONFIG, gate=gate, attention=None))
    assert given["lower"][0] == 0 < given["upper"][0]
    flipped = {**given, "stoich": torch.where(given["hyperedge_index"][1] == 0, -given["stoich"], given["stoich"])}
    if swap_bounds:
        first = torch.arange(E) == 0
        flipped |= {"lower": torch.where(first, -given["upper"], given["lower"]), "upper": torch.where(first, -given["lower"], given["upper"])}
    before, after = run(net, given), run(net, flipped)
    assert (before.raw - after.raw).abs().max() > 1e-4
    assert abs(before.raw[0] - after.raw[0]) > 1e-6


@pytest.mark.parametrize("attention", [None, "reaction", "metabolite"])
def test_batched_equals_single(attention):
    net, problems = network(replace(CONFIG, attention=attention)), [problem()]
    for _ in range(3):
        other = problem()
        problems.append({**other, "hyperedge_index": problems[0]["hyperedge_index"], "stoich": problems[0]["stoich"]})
    shared = ("hyperedge_index", "stoich")
    batch = {name: value if name in shared else torch.stack([p[name] for p in problems]) for name, value in problems[0].items()}
    mask = torch.rand(4, K)
    together = run(net, batch, mask=mask)
    assert together.flux.shape == (4, E)
    assert together.growth.shape == (4,)
    for i, one in enumerate(problems):
        alone = run(net, one, mask=mask[i])
        for got, wanted in zip(together[:3], alone[:3], strict=True):
            assert_close(got[i], wanted, rtol=1e-10, atol=1e-10)


def test_permuting_entities_permutes_the_prediction():
    given, net = problem(), network()
    nodes, edges, order = torch.randperm(V), torch.randperm(E), torch.randperm(K)
    index = torch.stack([nodes.argsort()[given["hyperedge_index"][0]], edges.argsort()[given["hyperedge_index"][1]]])[:, order]
    moved = {name: value[edges] for name, value in given.items() if name in ("u", "lower", "upper", "objective")}
    before, after = run(net, given), run(net, {**moved, "x": given["x"][nodes], "hyperedge_index": index, "stoich": given["stoich"][order]})
    assert_close(after.flux, before.flux[edges], rtol=1e-10, atol=1e-10)
    assert_close(after.growth, before.growth, rtol=1e-10, atol=1e-10)


def test_predictions_are_held_within_the_bounds():
    given, net = problem(), network()
    given["u"] *= 30
    out = run(net, given)
    free = torch.sinh(out.raw)
    assert ((free < given["lower"]) | (free > given["upper"])).any()
    assert (out.flux >= given["lower"]).all()
    assert (out.flux <= given["upper"]).all()
    assert out.flux[-1] == 0
    assert_close(out.flux, free.clamp(given["lower"], given["upper"]))
    assert out.growth == out.flux[2]


def test_a_mask_of_ones_is_no_mask():
    given, net = problem(), network()
    assert torch.equal(run(net, given, mask=torch.ones(K)).raw, run(net, given).raw)
    assert not torch.allclose(run(net, given, mask=torch.zeros(K)).raw, run(net, given).raw)


@pytest.mark.parametrize("growth", ["flux", "uptakes"])
@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_some_reactions_are_read_out_as_they_are_among_all(growth, coupled, batch):
    given, net = problem(), network(replace(CONFIG, growth=growth, coupled=coupled))
    masks = {"mask": torch.rand(*batch, K).requires_grad_()}
    whole = net(**given, **masks)
    for rows in ([2], [5, 0], [3, 2, 3], []):
        only = torch.tensor(rows, dtype=torch.long)
        some = net(**given, **masks, only=only)
        for got, wanted in ((some.flux, whole.flux[..., only]), (some.raw, whole.raw[..., only]), (some.growth, whole.growth)):
            assert_close(got, wanted, rtol=1e-12, atol=1e-12)
        asked = (some.raw.sum() + some.growth.sum(), whole.raw[..., only].sum() + whole.growth.sum())
        slopes = [torch.autograd.grad(number, masks["mask"], retain_graph=True)[0] for number in asked]
        assert_close(*slopes, rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="not given together"):
        net(**given, only=torch.tensor([0]), return_trace=True)


def test_what_limits_growth_in_one_condition_of_a_batch_is_read_in_all():
    given, net = problem(), network(replace(CONFIG, growth="uptakes"))
    lower, upper = given["lower"].repeat(E, 1), given["upper"].repeat(E, 1)
    for condition in range(E):  # another reaction is closed in each
        lower[condition, condition] = upper[condition, condition] = 0
    given = given | {"lower": lower, "upper": upper}
    assert_close(run(net, given, only=torch.tensor([1])).growth, run(net, given).growth, rtol=1e-12, atol=1e-12)


def test_gate_override_for_all_layers_or_one_by_one():
    given, net = problem(), network()
    plain, everywhere = run(net, given, return_trace=True), run(net, given, gate_override=0.8, return_trace=True)
    assert len(everywhere.traces) == 3
    assert all((trace.gate == 0.8).all() for trace in everywhere.traces)
    assert not torch.allclose(everywhere.raw, plain.raw)
    own = [trace.gate for trace in plain.traces]
    assert_close(run(net, given, gate_override=own).raw, plain.raw)
    own[1] = torch.full((K, 2), 0.3)
    changed = run(net, given, gate_override=own, return_trace=True)
    assert_close(changed.traces[0].gate, plain.traces[0].gate)
    assert (changed.traces[1].gate == 0.3).all()
    assert not torch.allclose(changed.raw, plain.raw)


def test_a_pass_leaves_no_state_behind():
    """Masks kept on a module stay there when a pass fails half-way, and silently change the next prediction."""
    given, net = problem(), network()
    before, weights = run(net, given).raw, {name: value.clone() for name, value in net.state_dict().items()}
    run(net, given, mask=torch.rand(K), gate_override=0.2, return_trace=True)
    assert torch.equal(run(net, given).raw, before)
    with pytest.raises(RuntimeError):
        run(net, given, mask=torch.rand(K + 1))
    with pytest.raises(IndexError):  # fails in the second layer, the first one has run
        run(net, given, gate_override=[torch.full((K, 2), 0.2)])
    assert torch.equal(run(net, given).raw, before)
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())


def test_threads_share_one_network():
    given, net = problem(), network()
    masks = [torch.rand(K) for _ in range(40)]
    expected = [run(net, given, mask=mask).raw for mask in masks]
    with ThreadPoolExecutor(2) as pool:
        for got, wanted in zip(pool.map(lambda mask: run(net, given, mask=mask).raw, masks), expected, strict=True):
            assert torch.equal(got, wanted)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_trains(activation):
    given, net = problem(), network(replace(CONFIG, activation=activation))
    net(**given).raw.square().sum().backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    # The last layer's metabolites feed no reaction any more, and softmax ignores what all members of a reaction share.
    assert all(name.startswith("layers.2.") or name.endswith("lin_u.weight") for name in without), without


def test_refusals():
    with pytest.raises(ValueError, match=r"hidden \(9\) has to be a multiple of heads \(2\)"):
        network(replace(CONFIG, hidden=9))
    with pytest.raises(ValueError, match="activation is 'sine'; choose one of gelu"):
        network(replace(CONFIG, activation="sine"))
    assert NetworkConfig(**CONFIG.to_dict()) == CONFIG


def test_only_limited_uptakes_and_forced_fluxes_count(core_tables):
    bounds = apply_condition(core_tables)
    found = limiting_uptakes(*_incidences(core_tables), *(torch.from_numpy(b) for b in (bounds.lower, bounds.upper)))
    named = {core_tables.reactions[e]: float(found[e]) for e in found.nonzero().flatten()}
    assert named == pytest.approx({"EX_glc__D_e": 10.0, "ATPM": -8.39})


def test_growth_is_the_worth_of_the_uptakes_and_closed_reactions_lower_it(core_tables):
    index, stoich = _incidences(core_tables)
    conditions = ({"medium": "aerobic glucose"}, {"medium": "acetate"}, {"medium": "acetate", "knockouts": ["PFK", "PGI"]})
    bounds = [apply_condition(core_tables, **c) for c in conditions]
    assert not ((bounds[1].lower == 0) & (bounds[1].upper == 0)).any()
    lower, upper, objective = (torch.from_numpy(np.stack([getattr(b, n) for b in bounds])) for n in ("lower", "upper", "objective"))
    net = network(replace(CONFIG, growth="uptakes"))
    for reader, value in ((net.growth.worth, 1.5), (net.growth.able, -1.0), (net.growth.harm, 3.0 + np.log(np.e - 1))):
        torch.nn.init.zeros_(reader[-1].weight)
        torch.nn.init.constant_(reader[-1].bias, value)
    x, u = torch.randn(3, len(core_tables.metabolites), 4), torch.randn(3, len(core_tables.reactions), 5)
    with torch.no_grad():
        out = net(x, u, index, stoich, lower=lower, upper=upper, objective=objective, return_trace=True)
    expected = 0.5 * np.exp(1.5 - 3.0) * np.array([10.0 - 8.39, 30.0 - 8.39, np.exp(-2.0) * (30.0 - 8.39)])
    np.testing.assert_allclose(out.growth.numpy(), expected, rtol=1e-12)
    biomass = int(objective[0].argmax())
    assert_close(out.flux[:, biomass], out.growth)
    assert_close(out.raw[:, biomass], out.growth.asinh())
    assert_close(out.parts.brought.sum(-1), out.growth)
    glucose, acetate, atpm = (core_tables.reactions.index(r) for r in ("EX_glc__D_e", "EX_ac_e", "ATPM"))
    worth = 0.5 * np.exp(-1.5)
    np.testing.assert_allclose(out.parts.brought[:2, [glucose, acetate, atpm]], worth * np.array([[10, 0, -8.39], [0, 30, -8.39]]), rtol=1e-12)
    lost = {core_tables.reactions[e]: float(v) for e, v in enumerate(out.parts.lost[2]) if v}
    assert lost == pytest.approx({"PFK": 1 - np.exp(-1), "PGI": 1 - np.exp(-1)})


def test_coupled_fluxes_are_their_own_and_what_growth_asks(core_tables):
    index, stoich = _incidences(core_tables)
    bounds = apply_condition(core_tables)
    free = np.full(len(core_tables.reactions), 1000.0)
    lower, upper, objective = torch.from_numpy(-free)[None], torch.from_numpy(free)[None], torch.from_numpy(bounds.objective)[None]
    biomass = int(objective[0].argmax())
    net = network(replace(CONFIG, coupled=True))
    x, u = torch.randn(1, len(core_tables.metabolites), 4), torch.randn(1, len(core_tables.reactions), 5)

    def fluxes(own: float, per_growth: float) -> np.ndarray:
        for reader, value in ((net.read_out, own), (net.per_growth, per_growth)):
            torch.nn.init.zeros_(reader[-1].weight)
            torch.nn.init.constant_(reader[-1].bias, np.arcsinh(value))
        with torch.no_grad():
            out = net(x, u, index, stoich, lower=lower, upper=upper, objective=objective)
        assert_close(out.raw.sinh(), out.flux)
        assert_close(out.growth[0], out.flux[0, biomass])
        return out.flux[0].numpy()

    expected = np.full(len(core_tables.reactions), 0.5 + 0.5 * -3.0)
    expected[biomass] = 0.5
    np.testing.assert_allclose(fluxes(0.5, -3.0), expected, rtol=1e-12)
    np.testing.assert_allclose(fluxes(-0.5, -3.0), -0.5, rtol=1e-12)  # growth below zero asks for nothing


def _incidences(tables):
    return torch.stack([torch.from_numpy(tables.rows), torch.from_numpy(tables.cols)]), torch.from_numpy(tables.stoich)
