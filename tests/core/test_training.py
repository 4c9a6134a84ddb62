"""Sampling and training: the stated distribution, the solver's own truth, the same result after an interruption."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError
from core.metabolic import load_model, load_tables, own_medium
from core.train.arrays import Hyperedges, batch_of, predict_samples, reaction_weights, run_batch
from core.train.command import evaluate_checkpoint, save_ensemble
from core.train.conditions import (
    DISTRIBUTION,
    GENOME,
    biomass_reactions,
    bounds_of,
    internal_reactions,
    is_held_out,
    kept_back,
    knockable_genes,
    sample_conditions,
    solve,
)
from core.train.essentiality import essentiality, gene_associated
from core.train.evaluate import build_card, evaluate
from core.train.metabolic import Run, TrainConfig
from core.train.metrics import flux_r2, r2, report
from core.train.resume import schedule
from core.train.samples import make_samples

TINY = TrainConfig(samples=64, validation=20, test=20, epochs=2, batch=16, seed=5, network={"hidden": 8, "heads": 2, "layers": 2})

PENALTIES = {"plain": {}, "sparse": {"gate_sparsity": 3.0}, "steady": {"steady_state": 1.0}}


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


def test_truth_does_not_depend_on_what_was_solved_before(tables):
    bounds = [bounds_of(tables, c) for c in sample_conditions(tables, 12, 7)]
    low, high = np.array([b.lower for b in bounds]), np.array([b.upper for b in bounds])
    index = tables.reaction_index()
    aims = np.array([int(np.argmax(tables.objective)), index["ATPM"], index["EX_succ_e"]] * 4)
    first = solve("e_coli_core", low, high, aims)
    solve("e_coli_core", low[::-1], high[::-1], np.roll(aims, 1))
    again = solve("e_coli_core", low, high, aims)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_blocks_that_are_on_disk_are_not_solved_again(tables, tmp_path: Path):
    with ThreadPoolExecutor(1) as pool:
        first = make_samples("e_coli_core", tables, 8, 7, tmp_path, executor=pool)
    again = make_samples("e_coli_core", tables, 8, 7, tmp_path, executor=None)  # type: ignore[arg-type] # nothing is left to submit
    assert np.array_equal(first.fluxes, again.fluxes)


def test_features_of_a_batch_are_those_of_each_condition(tables, tmp_path: Path):
    from core.metabolic import build_hypergraph

    with ThreadPoolExecutor(1) as pool:
        samples = make_samples("e_coli_core", tables, 6, 9, tmp_path, executor=pool)
    batch = batch_of(tables, samples, np.arange(6))
    for n, condition in enumerate(sample_conditions(tables, 6, 9)):
        graph = build_hypergraph(tables, medium=condition.medium, knockouts=condition.knockouts)
        assert torch.equal(batch.x[n], graph.x)
        assert torch.equal(batch.u[n], graph.u)
        assert np.array_equal(batch.objective[n].numpy(), graph.bounds.objective)
    assert torch.allclose(torch.sinh(batch.target.double()), torch.from_numpy(samples.fluxes), atol=1e-4, rtol=1e-4)
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


def test_an_organism_that_is_not_there_is_told_before_anything_is_computed(tmp_path: Path):
    with pytest.raises(InputError, match="salmonela"):
        Run(replace(TINY, transfer={"salmonela": 5}), tmp_path)
    assert not list(tmp_path.iterdir())


def test_settings_are_checked():
    with pytest.raises(InputError, match="no training setting 'epoch'"):
        TrainConfig.from_dict({"epoch": 3})
    for wrong, told in (
        ({"samples": "2000"}, "'samples' is '2000'"),
        ({"network": None}, "'network' is None"),
        ({"shuffle_labels": 1}, "'shuffle_labels' is 1"),
        ({"transfer": {"salmonella": "500"}}, "'transfer' names models"),
        ({"test": 1}, "two test samples"),
        ({"network": {"growth": "uptake"}}, "growth is 'uptake'; choose one of flux, uptakes"),
    ):
        with pytest.raises(InputError, match=re.escape(told)):
            TrainConfig.from_dict(wrong)
    with pytest.raises(InputError, match="cannot be built"):
        TrainConfig.from_dict({"network": {"hidden": 9, "heads": 2}})
    assert TrainConfig.from_dict({"network": {"gate": "none"}}).build().gate == "none"


def test_the_card_is_reproduced_by_evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An ensemble with held-out splits and a transfer: every figure of its card comes out again, and a changed one is named."""
    monkeypatch.setattr("core.train.baselines.GROWTH_ROUNDS", 3)
    monkeypatch.setattr("core.train.baselines.FLUX_ROUNDS", 2)
    from core.models import load_members

    config = replace(TINY, split="seen", held_out=12, members=2)
    first, second = config.each_member()
    runs = [Run(first, tmp_path / "run"), Run(second, tmp_path / "run" / "seed-6", data=tmp_path / "run")]
    parts = splits(runs[0])
    networks = [run.fit(parts["train"], parts["validation"], quiet, lambda: False) for run in runs]
    card = build_card("tiny", config, runs[0].tables, networks, parts, seconds=1.0, command="python -m core train metabolic")
    path = save_ensemble(networks, card, [5, 6], tmp_path)
    (loaded, read), (other, about) = load_members(path)
    assert about.content["training"]["data_seed"] == 5  # the seed of the conditions all members saw
    with pytest.raises(InputError, match="is one seed of the ensemble 'tiny'"):
        evaluate_checkpoint(str(tmp_path / "tiny.seed6.safetensors"), tmp_path / "none")
    assert (read.name, about.name, about.content["member_of"]) == ("tiny", "tiny.seed6", "tiny")
    assert all(torch.equal(a, b) for a, b in zip(other.state_dict().values(), networks[1].state_dict().values(), strict=True))
    with ThreadPoolExecutor(1) as pool:
        again = evaluate([loaded, other], read, tmp_path / "again", executor=pool)
    assert again["differences"] == {}
    assert again["test"]["growth_r2"] == card["test"]["growth_r2"]
    assert set(again["held_out"]) == {"nutrient", "gene", "both"}
    assert again["ensemble"]["seeds"] == 2
    mean = np.mean([predict_samples(n, runs[0].tables, parts["gene"])[0] for n in networks], axis=0)
    assert again["ensemble"]["held_out"]["gene"]["growth_r2"] == pytest.approx(r2(parts["gene"].growth, mean), abs=1e-9)
    read.content["held_out"]["both"]["growth_r2"] += 0.01
    with ThreadPoolExecutor(1) as pool:
        told = evaluate([loaded, other], read, tmp_path / "again", executor=pool, with_baselines=False)
    assert list(told["differences"]) == ["held_out/both/growth_r2"]


def test_held_out_conditions_hold_what_training_never_saw(tables):
    seen = sample_conditions(tables, 300, 4, split="seen")
    assert not any(is_held_out(k) for c in seen for k in c.knockouts)
    glucose = "EX_glc__D_e"
    carbon = {r for c in sample_conditions(tables, 500, 4) for r in c.medium} - set(own_medium(tables))
    hidden = {r for r in carbon if is_held_out(r) and r != glucose}
    assert 0 < len(hidden) < 6
    assert not any(hidden & set(c.medium) for c in seen)
    for split, nutrient, gene in (("nutrient", True, False), ("gene", False, True), ("both", True, True)):
        for c in sample_conditions(tables, 60, 4, split=split):
            assert bool(hidden & set(c.medium)) == nutrient, split
            assert any(is_held_out(k) for k in c.knockouts) == gene, split


def test_what_is_kept_back_is_named_and_a_rich_medium_holds_none_of_it(tables):
    assert kept_back(tables, DISTRIBUTION)[0] == ["EX_pyr_e"]
    carbon, genes, (sources, losses) = kept_back(load_tables("iJO1366"), GENOME)
    assert (len(carbon), sources, len(genes), losses) == (37, 181, 265, 1366)
    pyruvate = tables.reaction_index()["EX_pyr_e"]
    lower = tables.lower.copy()
    lower[pyruvate] = -5.0
    rich = replace(tables, lower=lower)
    assert not any("EX_pyr_e" in c.medium for c in sample_conditions(rich, 40, 4, split="seen"))
    assert all("EX_pyr_e" in c.medium for c in sample_conditions(rich, 40, 4, split="all"))
    renamed = replace(tables, reactions=tuple("EX_pyr3_e" if r == "EX_pyr_e" else r for r in tables.reactions))
    assert not is_held_out("EX_pyr3_e")
    with pytest.raises(InputError, match="no nutrient that training keeps back"):
        sample_conditions(renamed, 1, 4, split="nutrient")
    assert len(sample_conditions(renamed, 1, 4, split="seen")) == 1


def test_genome_conditions_follow_the_stated_distribution():
    from core.metabolic.features import parse_formula

    ijo = load_tables("iJO1366")
    drawn = sample_conditions(ijo, 1500, seed=3, distribution=GENOME)
    own = own_medium(ijo)
    core, wild = biomass_reactions(ijo)
    assert abs(np.mean([c.objective == wild for c in drawn]) - 0.15) < 0.03
    assert core == "BIOMASS_Ec_iJO1366_core_53p95M"
    lost = np.array([len(c.knockouts) for c in drawn])
    assert [abs((lost == n).mean() - p) < 0.04 for n, p in enumerate((0.4, 0.3, 0.2, 0.1))] == [True] * 4
    assert {k for c in drawn for k in c.knockouts} <= set(knockable_genes(ijo))
    ammonium = np.array([c.medium.get("EX_nh4_e", 0.0) for c in drawn])
    assert abs((ammonium == 1000).mean() - 0.7) < 0.04
    assert abs((ammonium == 0).mean() - 0.15) < 0.03
    assert all(c.medium["EX_cbl1_e"] >= own["EX_cbl1_e"] for c in drawn)  # a trace in every medium, now and then a carbon source
    atoms = {ijo.reactions[e]: parse_formula(ijo.formulas[v]) or {} for v, e in zip(ijo.rows, ijo.cols, strict=True) if ijo.exchange[e]}
    for c in drawn[:300]:
        extra = {r: b for r, b in c.medium.items() if r not in own and r not in ("EX_glc__D_e", "EX_o2_e", "EX_nh4_e")}
        assert 0 <= len(extra) <= 5
        for r, bound in extra.items():
            assert 1 <= bound <= 20 or 6 <= bound * atoms[r]["C"] <= 120


def test_a_gene_knockout_and_another_objective_reach_the_truth(tables, core_model):
    """Growth of sampled conditions is COBRApy's, with the same genes lost and the same objective."""
    chosen = [c for c in sample_conditions(tables, 40, 8, distribution=GENOME) if c.knockouts][:10]
    chosen.append(replace(chosen[0], objective="ATPM"))
    bounds = [bounds_of(tables, c) for c in chosen]
    aims = np.array([int(np.argmax(b.objective)) for b in bounds])
    growth, fluxes, known = solve("e_coli_core", np.array([b.lower for b in bounds]), np.array([b.upper for b in bounds]), aims)
    assert known.all()
    for n, c in enumerate(chosen):
        with core_model as model:
            model.medium = c.medium
            for gene in c.knockouts:
                model.genes.get_by_id(gene).knock_out()
            if c.objective:
                model.objective = c.objective
            assert growth[n] == pytest.approx(model.slim_optimize(error_value=0.0), abs=1e-6)
        assert fluxes[n, aims[n]] == pytest.approx(growth[n], abs=1e-6)
        assert np.abs(tables.stoichiometric_matrix() @ fluxes[n]).max() < 1e-6


def test_imbalance_is_zero_at_steady_state_and_one_where_nothing_is_used(tables):
    edges = Hyperedges.of(tables, "cpu")
    _, flux, _ = solve("e_coli_core", tables.lower[None], tables.upper[None], np.array([int(np.argmax(tables.objective))]))
    assert float(edges.imbalance(torch.from_numpy(flux))) < 1e-5
    alone = torch.zeros(1, len(tables.reactions))
    alone[0, tables.reactions.index("EX_glc__D_e")] = -10.0
    assert float(edges.imbalance(alone)) == pytest.approx(1.0)


def test_a_batch_in_parts_gives_the_step_of_the_whole(tables, tmp_path: Path):
    whole, parted = (Run(replace(TINY, accumulate=n, epochs=1), tmp_path / str(n)) for n in (1, 4))
    parts = splits(whole)
    a, b = (run.fit(parts["train"], parts["validation"], quiet, lambda: False).state_dict() for run in (whole, parted))
    for name in a:
        assert torch.allclose(a[name], b[name], atol=2e-5), name


def test_penalties_do_what_they_are_for(tmp_path: Path):
    """Gate sparsity closes gates; the steady-state penalty balances fluxes: each against the same run without it, at its last step."""
    from safetensors.torch import load_file

    runs = {name: Run(replace(TINY, epochs=20, learning_rate=0.1, **extra), tmp_path / name, data=tmp_path) for name, extra in PENALTIES.items()}
    parts = splits(runs["plain"])
    tables = runs["plain"].tables
    edges, batch = Hyperedges.of(tables, "cpu"), batch_of(tables, parts["test"], np.arange(20))
    gates, balance = {}, {}
    for name, run in runs.items():
        network = run.fit(parts["train"], parts["validation"], quiet, lambda: False)
        state = load_file(run.folder / "resume.safetensors")
        network.load_state_dict({k.removeprefix("average."): v for k, v in state.items() if k.startswith("average.")})
        with torch.no_grad():
            out = run_batch(network, edges, batch, return_trace=True)
        gates[name] = float(torch.stack([t.gate.mean() for t in out.traces]).mean())
        balance[name] = float(edges.imbalance(torch.sinh(out.raw)).mean())
    assert gates["sparse"] < gates["plain"] / 2
    assert balance["steady"] < balance["plain"] - 0.1


def test_shuffled_labels_are_the_same_labels_of_other_conditions(tmp_path: Path):
    plain, control = (Run(replace(TINY, shuffle_labels=s), tmp_path / str(s), data=tmp_path) for s in (False, True))
    parts = splits(plain)
    network = control.fit(parts["train"], parts["validation"], quiet, lambda: False)
    other = plain.fit(parts["train"], parts["validation"], quiet, lambda: False)
    assert not torch.equal(network.read_out[1].weight, other.read_out[1].weight)
    growth, _ = predict_samples(network, plain.tables, parts["test"])
    assert growth.shape == (20,)


def test_essentiality_is_that_of_cobrapy(tables):
    from cobra.flux_analysis import single_reaction_deletion

    found = essentiality(tables)
    assert list(found.reactions) == gene_associated(tables)
    model = load_model("e_coli_core")
    growth = single_reaction_deletion(model, list(found.reactions), processes=1)
    lost = {next(iter(ids)): not g > 0.01 * model.slim_optimize() for ids, g in zip(growth["ids"], growth["growth"], strict=True)}
    assert [bool(e) for e in found.essential] == [lost[r] for r in found.reactions]
    assert 0.1 < found.essential.mean() < 0.5


def test_figures_by_hand():
    truth, predicted = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])
    assert r2(truth, predicted) == pytest.approx(1 - 1 / 2)
    fluxes = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    scores = flux_r2(fluxes, fluxes + 1)
    assert scores[0] == pytest.approx(1 - 3 / 8)
    assert np.isnan(scores[1])
    assert report(truth, predicted, fluxes, fluxes)["growth_r2_growing"] == pytest.approx(1 - 1 / 0.5)


def test_loss_weights_standardise_above_the_floor():
    weight = reaction_weights(np.array([0.5, 1.0, 0.01, 0.0]), 0.1)
    assert weight[0] / weight[1] == pytest.approx(4.0)
    assert weight[2] / weight[1] == pytest.approx(100.0)
    assert weight[3] == 0
    assert weight.mean() == pytest.approx(1.0)


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth():
    assert schedule(0, 1000) == pytest.approx(1 / 200)
    assert schedule(200, 1000) == pytest.approx(1.0)
    assert schedule(600, 1000) == pytest.approx(0.01 + 0.99 * 0.5)
    assert schedule(1000, 1000) == pytest.approx(0.01)
