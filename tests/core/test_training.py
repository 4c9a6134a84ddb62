"""Sampling and training: the stated distribution, the solver's own truth, the same result after an interruption."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError
from core.metabolic import load_model, load_tables, own_medium
from core.train.conditions import bounds_of, internal_reactions, sample_conditions
from core.train.evaluate import build_card, evaluate
from core.train.metabolic import Run, TrainConfig, reaction_weights, to_arrays
from core.train.metrics import flux_r2, r2, report
from core.train.resume import schedule
from core.train.samples import make_samples

TINY = TrainConfig(samples=64, validation=20, test=20, epochs=2, batch=16, seed=5, network={"hidden": 8, "heads": 2, "layers": 2})


@pytest.fixture(scope="module")
def tables():
    return load_tables("e_coli_core")


def quiet(*_: object, **__: float) -> None:
    """Progress nobody watches."""


def test_conditions_follow_the_stated_distribution(tables):
    drawn = sample_conditions(tables, 4000, seed=3)
    own = own_medium(tables)
    glucose = np.array([c.medium.get("EX_glc__D_e", 0.0) for c in drawn])
    oxygen = np.array([c.medium["EX_o2_e"] for c in drawn])
    lost = np.array([len(c.knockouts) for c in drawn])
    assert abs((oxygen == 0).mean() - 0.2) < 0.02
    assert abs(((oxygen >= 1) & (oxygen <= 40)).mean() - 0.4) < 0.025
    assert set(oxygen[oxygen > 40]) == {1000.0}
    carbon = {"EX_ac_e", "EX_acald_e", "EX_akg_e", "EX_etoh_e", "EX_for_e", "EX_fru_e", "EX_fum_e", "EX_glc__D_e", "EX_gln__L_e"}
    carbon |= {"EX_glu__L_e", "EX_lac__D_e", "EX_mal__L_e", "EX_pyr_e", "EX_succ_e"}
    assert {r for c in drawn for r in c.medium} == carbon | set(own)
    # back with probability 1/2, and drawn among 1 to 3 (2 on average) of the 14 carbon sources
    assert abs((glucose > 0).mean() - (1 - 0.5 * (1 - 2 / 14))) < 0.025
    assert glucose[glucose > 0].min() >= 1
    assert glucose.max() <= 20
    assert all(c.medium["EX_nh4_e"] == own["EX_nh4_e"] for c in drawn)
    assert [abs((lost == n).mean() - 0.25) < 0.03 for n in range(4)] == [True] * 4
    allowed = set(internal_reactions(tables))
    assert {k for c in drawn for k in c.knockouts} == allowed
    assert not allowed & {"ATPM", "Biomass_Ecoli_core", "EX_o2_e"}


def test_the_same_seed_draws_the_same_and_fewer_are_a_prefix(tables):
    assert sample_conditions(tables, 30, seed=1)[:10] == sample_conditions(tables, 10, seed=1)
    assert sample_conditions(tables, 10, seed=1) != sample_conditions(tables, 10, seed=2)


def test_truth_is_cobrapys_own(tables, tmp_path: Path):
    from cobra.flux_analysis import pfba

    with ThreadPoolExecutor(1) as pool:
        samples = make_samples("e_coli_core", tables, 12, 7, tmp_path, executor=pool)
    model = load_model("e_coli_core")
    for n, condition in enumerate(sample_conditions(tables, 12, 7)):
        with model:
            model.medium = condition.medium
            for reaction in condition.knockouts:
                model.reactions.get_by_id(reaction).knock_out()
            assert np.array_equal(samples.lower[n], [r.lower_bound for r in model.reactions])
            growth = model.slim_optimize(error_value=0.0)
            assert samples.growth[n] == pytest.approx(growth, abs=1e-6)
            total = pfba(model).fluxes.abs().sum() if growth > 0 or samples.fluxes[n].any() else 0.0
            assert np.abs(samples.fluxes[n]).sum() == pytest.approx(total, rel=1e-6, abs=1e-6)


def test_blocks_that_are_on_disk_are_not_solved_again(tables, tmp_path: Path):
    with ThreadPoolExecutor(1) as pool:
        first = make_samples("e_coli_core", tables, 8, 7, tmp_path, executor=pool)
    again = make_samples("e_coli_core", tables, 8, 7, tmp_path, executor=None)  # type: ignore[arg-type] # nothing is left to submit
    assert np.array_equal(first.fluxes, again.fluxes)


def test_features_of_a_batch_are_those_of_each_condition(tables, tmp_path: Path):
    from core.metabolic import build_hypergraph

    with ThreadPoolExecutor(1) as pool:
        samples = make_samples("e_coli_core", tables, 6, 9, tmp_path, executor=pool)
    arrays = to_arrays(tables, samples)
    for n, condition in enumerate(sample_conditions(tables, 6, 9)):
        graph = build_hypergraph(tables, medium=condition.medium, knockouts=condition.knockouts)
        assert torch.equal(arrays.x[n], graph.x)
        assert torch.equal(arrays.u[n], graph.u)
    assert torch.allclose(torch.sinh(arrays.target.double()), torch.from_numpy(samples.fluxes), atol=1e-4, rtol=1e-4)
    assert np.array_equal(bounds_of(tables, sample_conditions(tables, 1, 9)[0]).upper, samples.upper[0])


def splits(run: Run):
    with ThreadPoolExecutor(1) as pool:
        return run.samples(pool, quiet, lambda: False)


def test_an_interrupted_run_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path):
    whole = Run(TINY, tmp_path / "whole")
    parts = splits(whole)
    unbroken = whole.fit(parts["train"], parts["validation"], quiet, lambda: False).state_dict()
    calls = iter([False, False, False, True])
    broken = Run(TINY, tmp_path / "broken")
    with pytest.raises(Cancelled, match="step 4 of 8"):
        broken.fit(parts["train"], parts["validation"], quiet, lambda: next(calls))
    resumed = Run(TINY, tmp_path / "broken").fit(parts["train"], parts["validation"], quiet, lambda: False).state_dict()
    for name, value in unbroken.items():
        assert torch.equal(value, resumed[name]), name
    histories = [
        [json.loads(line) | {"seconds": 0} for line in (tmp_path / f / "history.jsonl").read_text().splitlines()] for f in ("whole", "broken")
    ]
    assert histories[0] == histories[1]
    assert [line["epoch"] for line in histories[0]] == [1, 2]


def test_a_folder_keeps_to_its_configuration(tmp_path: Path):
    Run(TINY, tmp_path)
    with pytest.raises(InputError, match="another seed"):
        Run(replace(TINY, seed=6), tmp_path)


def test_settings_are_checked():
    with pytest.raises(InputError, match="no training setting 'epoch'"):
        TrainConfig.from_dict({"epoch": 3})
    with pytest.raises(InputError, match="cannot be built"):
        TrainConfig.from_dict({"network": {"hidden": 9, "heads": 2}})
    assert TrainConfig.from_dict({"network": {"gate": "none"}}).build().gate == "none"


def test_the_card_is_reproduced_by_evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.train.evaluate.GROWTH_ROUNDS", 3)
    monkeypatch.setattr("core.train.evaluate.FLUX_ROUNDS", 2)
    from core.models import load_checkpoint, save_checkpoint

    run = Run(TINY, tmp_path / "run")
    parts = splits(run)
    network = run.fit(parts["train"], parts["validation"], quiet, lambda: False)
    card = build_card("tiny", TINY, run.tables, network, parts, seconds=1.0)
    path = save_checkpoint(network, card, tmp_path)
    loaded, read = load_checkpoint(path)
    assert read.name == "tiny"
    with ThreadPoolExecutor(1) as pool:
        again = evaluate(loaded, read, tmp_path / "again", executor=pool)
    assert again["differences"] == {}
    assert again["test"]["growth_r2"] == card["test"]["growth_r2"]
    read.content["test"]["growth_r2"] += 0.01
    with ThreadPoolExecutor(1) as pool:
        told = evaluate(loaded, read, tmp_path / "again", executor=pool, with_baselines=False)
    assert list(told["differences"]) == ["test/growth_r2"]


def test_figures_by_hand():
    truth, predicted = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])
    assert r2(truth, predicted) == pytest.approx(1 - 1 / 2)
    fluxes = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    scores = flux_r2(fluxes, fluxes + 1)
    assert scores[0] == pytest.approx(1 - 3 / 8)
    assert np.isnan(scores[1])
    assert report(truth, predicted, fluxes, fluxes)["growth_r2_growing"] == pytest.approx(1 - 1 / 0.5)


def test_loss_weights_standardise_and_favour_growth(tables):
    target = torch.zeros(100, 95)
    target[:, 0] = torch.linspace(-1, 1, 100)
    target[:, 1] = torch.linspace(-2, 2, 100)
    objective = int(np.flatnonzero(tables.objective)[0])
    target[:, objective] = torch.linspace(-1, 1, 100)
    weight = reaction_weights(tables, target, 10.0)
    assert weight[0] / weight[1] == pytest.approx(4.0, rel=1e-5)
    assert weight[objective] / weight[0] == pytest.approx(10.0, rel=1e-5)
    assert weight[5] == 0
    assert weight.mean() == pytest.approx(1.0)


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth():
    assert schedule(0, 1000) == pytest.approx(1 / 200)
    assert schedule(200, 1000) == pytest.approx(1.0)
    assert schedule(600, 1000) == pytest.approx(0.01 + 0.99 * 0.5)
    assert schedule(1000, 1000) == pytest.approx(0.01)
