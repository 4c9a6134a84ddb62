"""The tests of a ranking, on functions whose importances are known: the true ranking passes, a wrong one fails, by the formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.explain.attribution import INTEGRATED_GRADIENTS, attribute
from core.explain.faithfulness import (
    Sized,
    alike,
    area,
    curve,
    curves,
    faithfulness_correlation,
    fidelity,
    infidelity,
    order_of,
    random_subsets,
    robust_fidelity,
    sensitivity_max,
    sparsity,
)
from tests.core.masked_functions import planted, weighted

COUNT = 40
TRUE = np.array([2.0 ** -(i / 4) for i in range(COUNT)])


def test_a_deletion_curve_by_hand() -> None:
    masked = weighted([3.0, 1.0, 0.0, 0.0], ["a", "b", "", ""], constant=1.0)
    sized = Sized.of(masked, "group")
    values = curve(masked, sized, np.array([0, 1]))
    assert values[0] == 1 and values[-1] == 0 and set(np.round(values, 6)) == {1.0, 0.25, 0.0}
    assert curve(masked, sized, np.array([1, 0]), insertion=True)[[0, 10, 20]] == pytest.approx([0, 0.25, 1])
    assert area(np.array([1.0, 0.5, 0.0])) == pytest.approx(0.5)
    part = weighted([3.0, 1.0, 4.0], ["a", "b", ""], constant=0.0)  # the last part stays to the end: F0 is not reached
    assert curve(part, Sized.of(part, "group"), np.array([0, 1]))[-1] == pytest.approx(0.5)


def test_the_true_order_beats_chance_and_the_reverse_loses() -> None:
    masked = weighted(TRUE.tolist())
    rankings = {"truth": TRUE, "reverse": TRUE[::-1].copy(), "flat": np.ones(COUNT)}
    for insertion in (False, True):
        told: list[int] = []
        found = curves(masked, "group", rankings, insertion=insertion, seed=4, on_progress=lambda done, _, told=told: told.append(done))  # type: ignore[misc]
        z = found.areas.set_index("ranking")["z"]
        assert z["truth"] > 3 and z["reverse"] < -3
        assert told == list(range(1, 24))
        best = found.areas.set_index("ranking")["area"]["truth"]
        cumulative = np.concatenate([[0], np.cumsum(TRUE)]) / TRUE.sum()
        exact = cumulative if insertion else 1 - cumulative
        assert best == pytest.approx(np.trapezoid(exact[::2], dx=1 / 20))
        assert (found.band[:, 0] <= found.band[:, 1]).all() and found.band[0].tolist() == found.band[0].tolist()
    nothing = curves(weighted([0.0] * 5), "group", {"any": np.arange(5.0)})
    assert np.isnan(nothing.areas["z"][0])


def test_fidelity_by_its_formula() -> None:
    masked = weighted([4.0, 3.0, 2.0, 1.0], constant=7.0)
    found = fidelity(masked, "group", np.array([4.0, 3.0, 2.0, 1.0]), shares=(0.25, 0.5)).set_index("share")
    assert found.loc[0.5, ["fid_plus", "fid_minus"]].tolist() == pytest.approx([0.7, 0.3])
    assert found.loc[0.5, "characterization"] == pytest.approx(1 / (0.5 / 0.7 + 0.5 / 0.7))
    assert found["groups"].tolist() == [1, 2]
    useless = fidelity(weighted([0.0, 1.0]), "group", np.array([1.0, 0.0]), shares=(0.5,))
    assert useless["fid_plus"][0] == 0 and useless["characterization"][0] == 0


def test_robust_fidelity_of_a_sum_is_its_expectation() -> None:
    masked = weighted([5.0] * 10 + [1.0] * 90, constant=0.0)
    found = robust_fidelity(masked, "group", np.array([5.0] * 10 + [1.0] * 90), draws=4000, seed=1)
    assert found["fid_plus"] == pytest.approx(0.1 * 50 / 140, rel=0.06) and found["fid_minus"] == pytest.approx(0.1 * 90 / 140, rel=0.06)
    assert found["plus_each"] / found["minus_each"] == pytest.approx(5, rel=0.1)


def test_subsets_judge_the_sum_of_a_ranking() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=60)
    masked = weighted(truth.tolist())
    subsets = random_subsets(masked, "group", seed=2)
    assert subsets.gone.sum(1).tolist() == [3] * 100
    assert subsets.drop == pytest.approx(subsets.gone @ truth)
    assert faithfulness_correlation(subsets, truth) == pytest.approx(1)
    assert faithfulness_correlation(subsets, -truth) == pytest.approx(-1)
    assert np.isnan(faithfulness_correlation(subsets, np.ones(60)))
    assert infidelity(subsets, truth)["infidelity"] == pytest.approx(0, abs=1e-20)
    assert infidelity(subsets, np.zeros(60))["relative"] == pytest.approx(1)
    assert infidelity(subsets, 2 * truth)["relative"] == pytest.approx(1)


def test_sensitivity_is_the_largest_change_of_the_explanation() -> None:
    masked = planted(lambda m: (m**2).sum(1), ["a", "b", "c"])

    def slope(mask: torch.Tensor) -> np.ndarray:
        return (2 * mask[0]).numpy()

    found = sensitivity_max(masked, slope, radius=0.02, draws=200)
    assert 0.016 < found <= 0.02 + 1e-12
    assert sensitivity_max(masked, lambda mask: np.ones(3)) == 0


def test_sparsity_and_agreement_by_hand() -> None:
    assert sparsity(np.array([1.0, -1.0, 1.0, 1.0])) == pytest.approx({"gini": 0.0, "effective": 4.0})
    alone = sparsity(np.array([0.0, 0.0, 0.0, 9.0]))
    assert alone == pytest.approx({"gini": 0.75, "effective": 1.0})
    assert np.isnan(sparsity(np.zeros(3))["gini"])
    first, second = np.array([4.0, -3.0, 2.0, 1.0]), np.array([-4.0, -3.0, 2.0, np.nan])
    found = alike(first, second, top=2)
    assert found.spearman == pytest.approx(1) and found.overlap == 1 and found.signs == pytest.approx(2 / 3)
    assert np.isnan(alike(first, np.ones(4)).spearman)
    assert order_of(np.array([1.0, np.nan, -3.0, 1.0])).tolist() == [2, 0, 3, 1]


def test_of_two_switches_in_a_row_the_slope_sees_neither_and_the_integral_both() -> None:
    masked = planted(lambda m: torch.relu(1 - torch.relu(1 - m[:, 0]) - torch.relu(1 - m[:, 1])), ["a", "b"])
    found = attribute(masked, INTEGRATED_GRADIENTS, steps=400)
    assert found.values == pytest.approx([0.5, 0.5], abs=0.02)
