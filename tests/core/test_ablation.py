"""The ablation: a tiny grid from end to end, resumed; intervals against SciPy; what is measured on a network against a computation by hand."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import ttest_rel
from torch.testing import assert_close

from core.__main__ import main
from core.errors import Cancelled, InputError
from core.metabolic import load_tables
from core.metabolic.features import METABOLITE_FEATURES, REACTION_FEATURES
from core.models.network import NetworkConfig, ReactionNetwork
from core.train.ablation import ablate, config_of, network_of, plain_iterations, samples_of
from core.train.ablation_inspect import activation_figures, gate_figures
from core.train.ablation_peers import BipartitePeer, BoundsPeer, HypergraphPeer
from core.train.ablation_report import QUESTIONS, RESULT, SUMMARY, TABLE, answers, holm, mean_interval, paired, results, shipped
from core.train.ablation_summary import spoken, summarise, table_bytes
from core.train.ablation_variants import QUICK_VARIANTS, VARIANTS, Budget, jobs_of, variants
from core.train.arrays import Hyperedges, batch_of, predict_samples, run_batch
from core.train.metrics import r2
from core.train.samples import Samples

TINY = Budget("tiny", samples=64, validation=16, test=24, held_out=8, epochs=2, batch=16, hidden=8, layers=2)
TESTED = ("incidence", "none", "primal-dual", "mlp", "boosting")
WIDTHS = NetworkConfig(metabolite_channels=len(METABOLITE_FEATURES), reaction_channels=len(REACTION_FEATURES), hidden=8, heads=2, layers=2)


def quiet(*_: object, **__: float) -> None:
    """Progress nobody watches."""


def never() -> bool:
    return False


def grid(root: Path, names: tuple[str, ...] = TESTED, stop=never, budget: Budget = TINY) -> pd.DataFrame:
    with ThreadPoolExecutor(1) as pool:
        return ablate(root, variants(names), seeds=2, budget=budget, executor=pool, on_progress=quiet, should_stop=stop)


@pytest.fixture(scope="module")
def tables():
    return load_tables("e_coli_core")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory):
    """A finished tiny grid: its folder and its table."""
    root = tmp_path_factory.mktemp("grid")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.train.baselines.GROWTH_ROUNDS", 3)
        patch.setattr("core.train.baselines.FLUX_ROUNDS", 1)
        return root, grid(root)


@pytest.fixture(scope="module")
def parts(done) -> dict[str, Samples]:
    """The conditions all its variants share."""
    with ThreadPoolExecutor(1) as pool:
        return samples_of(TINY, done[0], pool, quiet, never)


def test_the_grid_holds_every_variant_and_seed_with_its_figures(done, parts):
    _, table = done
    expected = [(v, s) for v in TESTED for s in range(1 if v == "boosting" else 2)]
    assert list(zip(table["variant"], table["seed"], strict=True)) == expected
    figures = ["growth_r2", "flux_r2_median", "nutrient_growth_r2", "gene_growth_r2", "both_growth_r2", "essentiality_ap"]
    assert np.isfinite(table[figures].to_numpy(dtype=float)).all()
    gated = table[table["variant"] == "incidence"]
    assert ((gated["gate_closed"] >= 0) & (gated["gate_mean"] < 1) & (gated["selected_epoch"].isin([1, 2]))).all()
    assert table.loc[table["variant"] == "none", "gate_mean"].isna().all()
    assert (table.loc[table["variant"] != "boosting", "steps"] == 8).all()
    assert parts["nutrient"].growth.shape == (8,)


def test_a_stopped_grid_goes_on_and_ends_as_an_unbroken_one(done, tmp_path: Path):
    names = ("none", "mlp")
    asked = iter(range(1_000))
    with pytest.raises(Cancelled):
        grid(tmp_path, names, stop=lambda: next(asked) > 14)
    halfway = results(tmp_path)
    assert 0 < len(halfway) < 4
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob(RESULT)}
    table = grid(tmp_path, names)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    whole = done[1][done[1]["variant"].isin(names)].reset_index(drop=True)
    timed = ["seconds", "seconds_per_step"]
    pd.testing.assert_frame_equal(table.drop(columns=timed), whole[table.columns].drop(columns=timed), check_dtype=False)


def test_a_folder_keeps_to_its_budget(done):
    with pytest.raises(InputError, match="another samples"):
        grid(done[0], budget=Budget("tiny", samples=96))


def test_a_wrong_variant_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["train", "ablation", "--variants", "relu", "gelu", "--out", str(tmp_path)]) == 2
    assert "There is no variant 'gelu'; choose of incidence, metabolite, none" in capsys.readouterr().err


def test_questions_and_variants_name_each_other():
    known = [variant.name for variant in VARIANTS]
    assert len(set(known)) == len(known)
    assert {name for q in QUESTIONS for name in (q.first, q.second)} == set(known)
    assert set(QUICK_VARIANTS) < set(known)
    assert [s for v, s in jobs_of(VARIANTS, 5) if v.name == "relu"] == [0, 1, 2, 3, 4]
    assert [s for _, s in jobs_of(VARIANTS, 5)] == sorted(s for _, s in jobs_of(VARIANTS, 5))


def test_every_variant_is_a_network_that_differs_from_the_reference_and_runs(tables, parts):
    batch, edges = batch_of(tables, parts["test"], np.arange(2)), Hyperedges.of(tables, "cpu")
    fluxes = {}
    for variant in variants():
        if variant.kind == "boosting":
            continue
        torch.manual_seed(0)
        network = network_of(variant, config_of(variant, 0, TINY), tables.shape[1]).requires_grad_(False)
        fluxes[variant.name] = run_batch(network, edges, batch).raw
        assert fluxes[variant.name].shape == (2, tables.shape[1])
    same = {name for name, raw in fluxes.items() if torch.equal(raw, fluxes["incidence"])}
    assert same == {"incidence", "sparse-0.01", "sparse-0.1", "steady"}
    assert config_of(variants(["sparse-0.1"])[0], 0, TINY).gate_sparsity == 0.1
    assert config_of(variants(["steady"])[0], 0, TINY).steady_state == 0.3


def made(**seeds: list[float]) -> pd.DataFrame:
    """A table with one measure."""
    return pd.DataFrame(
        [{"variant": name.replace("_", "-"), "seed": i, "growth_r2": v} for name, values in seeds.items() for i, v in enumerate(values)]
    )


def test_paired_intervals_are_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.8, 0.05, 5), rng.normal(0.75, 0.05, 5)
    found = paired(made(incidence=[*a], none=[*b, 0.3]), "incidence", "none", "growth_r2")
    truth = ttest_rel(a, b)
    assert found is not None
    assert (found.n, found.p) == (5, pytest.approx(truth.pvalue))
    assert (found.low, found.high) == pytest.approx(tuple(truth.confidence_interval(0.95)))
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert paired(made(incidence=[0.8], boosting=[0.5]), "incidence", "boosting", "flux_r2_median") is None
    against = paired(made(incidence=[*a], boosting=[0.5]), "incidence", "boosting", "growth_r2")
    assert against is not None
    assert (against.low, against.high) == pytest.approx(tuple(ttest_rel(a, np.full(5, 0.5)).confidence_interval(0.95)))
    assert mean_interval([0.7]) == (0.7, pytest.approx(np.nan, nan_ok=True), pytest.approx(np.nan, nan_ok=True))


def test_holm_by_hand():
    assert holm([0.01, 0.04, float("nan"), 0.03]) == pytest.approx([0.03, 0.06, np.nan, 0.06], nan_ok=True)


def test_sentences_say_better_worse_no_difference_and_too_few_seeds():
    def said(first: list[float], second: list[float]) -> str:
        (answer,) = answers(made(incidence=first, none=second))
        return answer["sentence"]

    better = said([0.9, 0.91, 0.92, 0.93, 0.94], [0.8, 0.82, 0.81, 0.83, 0.84])
    assert "Growth: better by 0.100 (0.920 against 0.820, 95% interval +0.091 to +0.109)." in better
    assert "worse by 0.100" in said([0.8, 0.82, 0.81, 0.83, 0.84], [0.9, 0.91, 0.92, 0.93, 0.94])
    assert "no difference that three seeds can show (0.800 against 0.790" in said([0.9, 0.8, 0.7], [0.7, 0.79, 0.88])
    assert "one seed cannot tell a difference from chance" in said([0.9], [0.1])


def test_an_interval_that_many_questions_may_bring_about_says_so():
    rng = np.random.default_rng(1)
    noise = {name: [*rng.normal(0.8, 0.05, 5)] for name in ("relu", "tanh", "identity", "metabolite", "mlp")}
    table = made(incidence=[0.80, 0.812, 0.81, 0.82, 0.815], none=[0.79, 0.795, 0.805, 0.81, 0.81], **noise)
    found = next(a for a in answers(table) if a["first"] == "incidence" and a["second"] == "none")
    pair = found["measures"]["growth_r2"]
    assert pair["low"] > 0
    assert pair["p_holm"] > 0.05
    assert "questions may bring about by chance" in found["sentence"]


def test_the_summary_tells_of_what_was_measured(done):
    root, table = done
    rows = plain_iterations(TINY, root)
    assert {row["iterations"] for row in rows} == {10, 30, 100, 300, 1000, 3000}
    summary = summarise(table, TINY, command="python -m core train ablation", iterations=rows)
    text = spoken(table, summary)
    assert [q["text"] for q in summary["questions"]] == [q.text for q in QUESTIONS if {q.first, q.second} <= set(TESTED)]
    assert "Gates without a penalty on gates: mean" in text
    cost = table.groupby("variant")["parameters"].first()
    assert f"cost {cost['incidence'] - cost['none']:,.0f} parameters" in text
    assert "iteration without learning" in text
    json.dumps(summary, allow_nan=False, default=float)


def test_what_is_shipped_is_read_back_and_damage_is_told(done, tmp_path: Path):
    _, table = done
    assert shipped(tmp_path) is None
    summary = summarise(table, TINY, command="made for the test")
    (tmp_path / TABLE).write_bytes(table_bytes(table))
    (tmp_path / SUMMARY).write_text(json.dumps(summary))
    found = shipped(tmp_path)
    assert found is not None
    assert found.summary["questions"] == json.loads(json.dumps(summary["questions"]))
    assert list(found.table["variant"]) == list(table["variant"])
    (tmp_path / TABLE).write_bytes(table_bytes(table.iloc[:2]))
    with pytest.raises(InputError, match="not the one its summary describes"):
        shipped(tmp_path)
    (tmp_path / SUMMARY).write_text("{")
    with pytest.raises(InputError, match="restore it"):
        shipped(tmp_path)


@pytest.mark.parametrize("activation", ["relu", "gelu", "identity"])
def test_the_share_of_zeroed_units_is_that_of_a_computation_by_hand(tables, parts, activation):
    torch.manual_seed(0)
    config = NetworkConfig(**{**WIDTHS.to_dict(), "layers": 1, "activation": activation})
    network, few = ReactionNetwork(config).requires_grad_(False), parts["test"].take(slice(4))
    batch, edges = batch_of(tables, few, np.arange(4)), Hyperedges.of(tables, "cpu")
    (layer,) = network.layers
    x, u = layer.norm_metabolite(network.encode_metabolite(batch.x)), layer.norm_reaction(network.encode_reaction(batch.u))
    _, z = layer.conv(x, edges.index, edges.stoich, u)
    before = layer.reaction.of_news(layer.reaction.norm_news(z)) + layer.reaction.of_state(u)
    after = {"relu": before.clamp_min(0), "gelu": before * torch.special.ndtr(before), "identity": before}[activation]
    found = activation_figures(network, tables, few)
    assert found["zeroed"] == pytest.approx(float((after == 0).double().mean()), abs=1e-3)
    below = before < 0
    assert found["negative_kept"] == pytest.approx(float(after[below].abs().sum() / before[below].abs().sum()), abs=1e-5)
    assert (0.2 < found["zeroed"] < 0.8) == (activation == "relu")
    assert not any(module._forward_hooks for module in network.modules())


def gated(logit: float) -> ReactionNetwork:
    """A network whose gates all stand at the sigmoid of ``logit``."""
    torch.manual_seed(0)
    network = ReactionNetwork(WIDTHS).requires_grad_(False)
    for layer in network.layers:
        for weight in (layer.conv.gate_x.weight, layer.conv.gate_u.weight):
            weight.zero_()
        layer.conv.gate_x.bias.fill_(logit)
    return network


def test_open_gates_cost_nothing_to_keep_and_closed_ones_are_dropped_alike(tables, parts):
    before = r2(parts["test"].growth, predict_samples(gated(3.0), tables, parts["test"])[0])
    found = gate_figures(gated(3.0), tables, parts["validation"], parts["test"])
    assert (found["gate_closed"], found["droppable"]) == (0, 0)
    assert found["gate_mean"] == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-5)
    assert [found[f"growth_r2_{how}"] for how in ("shut", "masked", "deleted")] == pytest.approx([before] * 3, abs=1e-5)
    closed = gate_figures(gated(-20.0), tables, parts["validation"], parts["test"])
    assert (closed["gate_closed"], closed["droppable"]) == (1, tables.shape[2])
    silent = r2(parts["test"].growth, predict_samples(gated(-20.0), tables, parts["test"])[0])
    assert [closed[f"growth_r2_{how}"] for how in ("shut", "masked", "deleted")] == pytest.approx([silent] * 3, abs=1e-4)
    assert gate_figures(ReactionNetwork(NetworkConfig(**{**WIDTHS.to_dict(), "gate": "none"})), tables, parts["validation"], parts["test"]) == {}


@pytest.mark.parametrize("peer", [HypergraphPeer, BipartitePeer, BoundsPeer])
def test_peers_see_each_condition_alone_and_no_stoichiometry(tables, parts, peer):
    torch.manual_seed(0)
    network = (BoundsPeer(tables.shape[1], 8) if peer is BoundsPeer else peer(WIDTHS)).requires_grad_(False)
    batch, edges = batch_of(tables, parts["test"], np.arange(3)), Hyperedges.of(tables, "cpu")

    def told(rows: slice, stoich: torch.Tensor = edges.stoich, u: torch.Tensor = batch.u) -> torch.Tensor:
        bounds = {name: getattr(batch, name)[rows] for name in ("lower", "upper", "objective")}
        return network(batch.x[rows], u[rows], edges.index, stoich, **bounds).raw

    whole = told(slice(None))
    for n in range(3):
        assert_close(told(slice(n, n + 1))[0], whole[n], atol=1e-4, rtol=1e-4)
    assert_close(told(slice(None), stoich=-2 * edges.stoich), whole)
    heard = (told(slice(None), u=batch.u.flip(0)) - whole).abs().max() > 1e-3
    assert heard == (peer is not BoundsPeer)
