"""The primal-dual iteration: the textbook's, converging to COBRApy's optimum; the unrolled network untrained is that iteration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from core.metabolic import load_model, load_tables
from core.models.network import NetworkOutput
from core.models.primal_dual import PrimalDualConfig, PrimalDualNetwork, pdhg, step_sizes

CONFIG = PrimalDualConfig(metabolite_channels=3, reaction_channels=4, hidden=8, heads=2, channels=2, iterations=5)


@pytest.fixture(autouse=True)
def _float64():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def problem(count: int = 3) -> dict[str, Tensor]:
    """A random programme of 4 metabolites and 6 reactions under ``count`` conditions."""
    matrix = torch.randn(4, 6) * (torch.rand(4, 6) < 0.6)
    index = matrix.nonzero().T
    return {
        "x": torch.randn(count, 4, 3),
        "u": torch.randn(count, 6, 4),
        "hyperedge_index": index,
        "stoich": matrix[index[0], index[1]],
        "lower": -torch.rand(count, 6),
        "upper": torch.rand(count, 6),
        "objective": torch.eye(6)[2].expand(count, 6),
    }


def run(network: PrimalDualNetwork, given: dict[str, Tensor], **options: object) -> NetworkOutput:
    with torch.no_grad():
        return network(**given, **options)


def matrix_of(given: dict[str, Tensor]) -> Tensor:
    matrix = torch.zeros(given["x"].shape[-2], given["u"].shape[-2])
    matrix[given["hyperedge_index"][0], given["hyperedge_index"][1]] = given["stoich"]
    return matrix


def bounds_of(given: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    return given["lower"], given["upper"], given["objective"]


def test_the_iteration_is_the_textbooks():
    given = problem(1)
    matrix, (lower, upper, objective) = matrix_of(given).numpy(), (part[0].numpy() for part in bounds_of(given))
    v, y = np.zeros(6), np.zeros(4)
    for _ in range(4):
        moved = np.minimum(np.maximum(v - 0.3 * (matrix.T @ y - objective), lower), upper)
        y = y + 0.2 * matrix @ (2 * moved - v)
        v = moved
    assert_close(pdhg(matrix_of(given), *bounds_of(given), 0.3, 0.2, [1, 4])[4][0], torch.from_numpy(v))


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_it_converges_to_cobrapys_optimum(weight: float):
    tables, model = load_tables("toy"), load_model("toy")
    index = torch.stack([torch.from_numpy(tables.rows), torch.from_numpy(tables.cols)])
    tau, sigma = step_sizes(index, torch.from_numpy(tables.stoich), *tables.shape[:2])
    bounds = (torch.from_numpy(part)[None] for part in (tables.lower, tables.upper, tables.objective))
    found = pdhg(torch.from_numpy(tables.stoichiometric_matrix()), *bounds, tau / weight, sigma * weight, [20_000])[20_000][0].numpy()
    assert found @ tables.objective == pytest.approx(model.slim_optimize(), abs=1e-6)
    assert np.abs(tables.stoichiometric_matrix() @ found).max() < 1e-6


def test_the_step_sizes_are_those_that_make_any_matrix_converge():
    tables = load_tables("e_coli_core")
    index = torch.stack([torch.from_numpy(tables.rows), torch.from_numpy(tables.cols)])
    tau, sigma = step_sizes(index, torch.from_numpy(tables.stoich), *tables.shape[:2])
    scaled = sigma.sqrt()[:, None] * torch.from_numpy(tables.stoichiometric_matrix()) * tau.sqrt()
    assert torch.linalg.matrix_norm(scaled, 2) <= 1 + 1e-12


@pytest.mark.parametrize("gate", ["none", "incidence"])
def test_the_untrained_network_is_the_plain_method_in_every_channel(gate):
    given, network = problem(), PrimalDualNetwork(replace(CONFIG, gate=gate))
    (trace,) = run(network, given, gate_override=1.0, return_trace=True).traces or ()
    tau, sigma = step_sizes(given["hyperedge_index"], given["stoich"], 4, 6)
    weights = network.weight.detach().exp()
    assert weights[0] > weights[-1]
    for channel, weight in enumerate(weights):
        plain = pdhg(matrix_of(given), *bounds_of(given), tau / weight, sigma * weight, [CONFIG.iterations - 1, CONFIG.iterations])
        extrapolated = 2 * plain[CONFIG.iterations] - plain[CONFIG.iterations - 1]
        message = trace.to_metabolite.message[..., channel // CONFIG.channels, channel % CONFIG.channels]
        assert_close(message, given["stoich"] * extrapolated[:, given["hyperedge_index"][1]])


def trained() -> PrimalDualNetwork:
    """A network in which nothing is at its silent start."""
    network = PrimalDualNetwork(CONFIG)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network


def test_conditions_of_a_batch_do_not_mix_and_fluxes_keep_to_the_bounds():
    given, network = problem(), trained()
    whole = run(network, given)
    shared = ("hyperedge_index", "stoich")
    for n in range(3):
        alone = run(network, {k: v if k in shared else v[n] for k, v in given.items()})
        assert_close(whole.flux[n], alone.flux)
        assert_close(whole.growth[n], alone.growth)
    assert (whole.flux <= given["upper"]).all()
    assert (whole.flux >= given["lower"]).all()


def test_permuting_the_incidences_changes_nothing_and_writing_a_reaction_backwards_does():
    given, network = problem(), trained()
    order = torch.randperm(len(given["stoich"]))
    shuffled = {**given, "hyperedge_index": given["hyperedge_index"][:, order], "stoich": given["stoich"][order]}
    assert_close(run(network, given).raw, run(network, shuffled).raw)
    backwards = {**given, "stoich": torch.where(given["hyperedge_index"][1] == 0, -given["stoich"], given["stoich"])}
    assert (run(network, given).raw - run(network, backwards).raw).abs().max() > 1e-6


def test_gates_lie_between_0_and_1_and_a_closed_one_is_a_masked_one():
    given, network = problem(), trained()
    (trace,) = run(network, given, return_trace=True).traces or ()
    assert ((trace.gate > 0) & (trace.gate < 1)).all()
    closed = trace.gate.clone()
    closed[..., 0, :] = 0
    mask = torch.ones(len(given["stoich"]))
    mask[0] = 0
    assert_close(run(network, given, gate_override=[closed]).raw, run(network, given, mask=mask).raw)


def test_every_weight_is_reached_by_the_gradient():
    given, network = problem(), trained()
    network(**given).raw.square().sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all() or not p.grad.any()] == []
