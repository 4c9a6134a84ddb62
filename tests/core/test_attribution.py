"""Attributions against functions whose importances are known, against Captum's own, and against slow loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from core.errors import InputError
from core.explain.attribution import (
    ADDS_UP,
    INPUT_X_GRADIENT,
    INTEGRATED_GRADIENTS,
    METHODS,
    NOISE_TUNNEL,
    OCCLUSION,
    SALIENCY,
    SHAPLEY,
    attribute,
    attributions,
    judged,
)
from core.explain.masked import Masked
from tests.core.masked_functions import planted, weighted

WEIGHTS = [2.0, -1.0, 0.0, 0.25]


@pytest.mark.parametrize("method", METHODS)
def test_of_a_weighted_sum_every_method_gives_the_weights(method: str) -> None:
    masked = weighted(WEIGHTS, ["a", "a", "b", ""])
    found = attribute(masked, method, orders=3)
    expected = np.abs(WEIGHTS) if method == SALIENCY else np.array(WEIGHTS)
    assert found.values == pytest.approx(expected, abs=1e-12) and found.whole and found.names == ["p0", "p1", "p2", "p3"]
    assert (found.completeness is not None) == (method in ADDS_UP)
    if found.completeness:
        assert found.completeness["change"] == pytest.approx(1.25) and abs(found.completeness["delta"]) < 1e-9
        assert judged(found.completeness) == "good"
    if method not in (OCCLUSION, SHAPLEY):
        assert found.at(masked, "group").to_dict() == pytest.approx({"a": expected[0] + expected[1], "b": 0.0})


def test_an_interaction_is_shared_by_those_that_make_it() -> None:
    masked = planted(lambda m: m[:, 0] * m[:, 1] + 2 * m[:, 2] + m[:, 3], ["a", "b", "c", ""])
    assert attribute(masked, INTEGRATED_GRADIENTS).values == pytest.approx([0.5, 0.5, 2, 1])
    shapley = attribute(masked, SHAPLEY, level="group", orders=2000, seed=1)
    assert shapley.names == ["a", "b", "c"] and shapley.values[2] == pytest.approx(2)
    assert shapley.values[0] == pytest.approx(0.5, abs=0.04) and shapley.values[:2].sum() == pytest.approx(1)
    assert attribute(masked, OCCLUSION, level="group").values == pytest.approx([1, 1, 2])
    assert attribute(masked, INPUT_X_GRADIENT).values == pytest.approx([1, 1, 2, 1])
    noisy = attribute(masked, NOISE_TUNNEL, draws=400, noise=0.1, seed=3)
    assert noisy.values[:2] == pytest.approx([1, 1], abs=0.05) and noisy.values[2] == pytest.approx(2, abs=0.05)


def curved(count: int = 7, seed: int = 0) -> Masked:
    weights = torch.randn(count, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return planted(lambda m: torch.nn.functional.gelu(m @ weights).sum(1) ** 2, [f"g{i // 2}" for i in range(count)])


def test_integrated_gradients_are_captums_and_the_slow_loops() -> None:
    masked = curved()
    found = attribute(masked, INTEGRATED_GRADIENTS, steps=37)
    captum = IntegratedGradients(masked.value).attribute(masked.full_mask(), n_steps=37)[0].detach().numpy()
    assert found.values == pytest.approx(captum, abs=1e-7)  # Captum holds its points in single precision
    nodes, sizes = np.polynomial.legendre.leggauss(37)
    slow = np.zeros(7)
    for node, size in zip(nodes, sizes, strict=True):
        mask = torch.full((1, 7), (1 + node) / 2, dtype=torch.float64, requires_grad=True)
        masked.value(mask).sum().backward()
        assert mask.grad is not None
        slow += size / 2 * mask.grad[0].numpy()
    assert found.values == pytest.approx(slow, abs=1e-10)
    assert found.values.sum() == pytest.approx(masked.effect, rel=1e-6)


def kinked() -> Masked:
    """Flat but for a steep piece of a hundredth of the way, which evenly spread points meet by chance."""
    w = torch.tensor([3.0, -1.0, 2.0], dtype=torch.float64)
    return planted(lambda m: 50 * torch.relu((m @ w) / 4 - 0.301) - 50 * torch.relu((m @ w) / 4 - 0.311), ["a", "b", "c"])


def test_points_go_where_the_way_has_kinks() -> None:
    masked = kinked()
    even = attribute(masked, INTEGRATED_GRADIENTS, steps=50)
    chosen = attribute(masked, INTEGRATED_GRADIENTS)
    assert even.completeness is not None and chosen.completeness is not None
    assert even.completeness["relative"] > 0.3 and chosen.completeness["relative"] < 0.005 and chosen.completeness["on_the_way"] < 0.03
    assert chosen.values == pytest.approx(0.5 * np.array([0.75, -0.25, 0.5]), rel=0.005)
    assert chosen.whole and chosen.settings["steps"] <= 80 and chosen.total == chosen.done
    smooth = curved()
    assert attribute(smooth, INTEGRATED_GRADIENTS).values == pytest.approx(attribute(smooth, INTEGRATED_GRADIENTS, steps=200).values, rel=0.02)
    partial = list(attributions(masked, INTEGRATED_GRADIENTS))
    assert [one.whole for one in partial] == [False] * (len(partial) - 1) + [True]
    calls = 0

    def later() -> bool:
        nonlocal calls
        calls += 1
        return calls > 14

    stopped = attribute(masked, INTEGRATED_GRADIENTS, should_stop=later)
    assert not stopped.whole and stopped.done >= 16 and np.isfinite(stopped.values).all()


def test_what_is_known_so_far_comes_nearer_and_a_stop_keeps_it() -> None:
    masked = curved()
    whole = attribute(masked, INTEGRATED_GRADIENTS, steps=48)
    partial = list(attributions(masked, INTEGRATED_GRADIENTS, steps=48))
    errors = [np.abs(one.values - whole.values).max() for one in partial]
    assert [one.done for one in partial] == list(range(3, 49, 3)) and errors[-1] == 0
    assert errors[7] < 0.1 * np.abs(whole.values).max()  # half way, spread over the whole way
    calls = 0

    def soon() -> bool:
        nonlocal calls
        calls += 1
        return calls > 2

    stopped = attribute(masked, INTEGRATED_GRADIENTS, steps=48, should_stop=soon)
    assert (stopped.done, stopped.whole) == (6, False) and stopped.values == pytest.approx(partial[1].values)
    never = attribute(masked, INTEGRATED_GRADIENTS, should_stop=lambda: True)
    assert never.done == 0 and np.isnan(never.values).all()
    occluded = list(attributions(masked, OCCLUSION))
    assert np.isnan(occluded[1].values).tolist() == [False] * 3 + [True] * 4
    assert [np.isnan(one.values).any() for one in occluded] == [True, True, True, False]
    for method in (SALIENCY, NOISE_TUNNEL, SHAPLEY):
        assert np.isnan(attribute(masked, method, should_stop=lambda: True).values).all()


def test_progress_is_told_and_randomness_leaves_the_sessions_alone() -> None:
    masked = curved()
    told: list[tuple[str, int, int]] = []
    attribute(masked, SHAPLEY, level="group", orders=3, on_progress=lambda *step: told.append(step))
    assert told == [(SHAPLEY, 1, 3), (SHAPLEY, 2, 3), (SHAPLEY, 3, 3)]
    torch.manual_seed(5)
    before = torch.rand(1).item()
    torch.manual_seed(5)
    first = attribute(masked, NOISE_TUNNEL, seed=2).values
    assert torch.rand(1).item() == before
    assert np.array_equal(first, attribute(masked, NOISE_TUNNEL, seed=2).values)
    assert not np.array_equal(first, attribute(masked, NOISE_TUNNEL, seed=3).values)


def test_what_is_not_known_is_said() -> None:
    masked = weighted(WEIGHTS, ["a", "a", "b", ""])
    with pytest.raises(InputError, match="no method 'guess'"):
        attribute(masked, "guess")
    with pytest.raises(InputError, match="'gene' is not a level here; choose of part, group"):
        attribute(masked, OCCLUSION, level="gene")
    with pytest.raises(InputError, match="was asked about group"):
        attribute(masked, OCCLUSION, level="group").at(masked, "part")
    flat = attribute(weighted([1.0, -1.0]), INTEGRATED_GRADIENTS)
    assert judged(flat.completeness) == "no effect to explain"
    assert judged({"delta": 1, "relative": 0.03, "change": 1}) == "fair"
    assert judged({"delta": 1, "relative": 0.3, "change": 1}).startswith("poor")
