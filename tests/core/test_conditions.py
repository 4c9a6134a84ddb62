"""Comparing conditions: A - B are two separate explanations subtracted, and the agreement is SciPy's."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.stats import hypergeom, spearmanr

from core.__main__ import main
from core.errors import Cancelled, InputError
from core.explain import compare, matrix, reaction_importance
from core.explain.agreement import agreement, bootstrap, short
from core.explain.conditions import MOVED, QUANTITIES, SURE
from core.metabolic import carbon_media, fba, knockout_growth, load_model, load_tables, named_media
from core.metabolic.condition import Condition
from core.models import ReactionNetwork, load_checkpoint

AIR, NONE = Condition("aerobic glucose"), Condition("anaerobic glucose", ("GLUDy",))


@pytest.fixture(scope="module")
def tables():
    return load_tables("e_coli_core")


@pytest.fixture(scope="module")
def core():
    return load_checkpoint("core")


@pytest.fixture(scope="module")
def other(core):
    """A second seed: the same network with its weights shaken."""
    network = ReactionNetwork(core[0].config).eval()
    torch.manual_seed(1)
    network.load_state_dict({name: value + 0.05 * torch.randn_like(value) for name, value in core[0].state_dict().items()})
    return network, replace(core[1], weights_sha256="shaken")


@pytest.fixture(scope="module")
def found(tables, core):
    model = load_model("e_coli_core")
    lost = tuple(knockout_growth(tables, medium=c.medium, knockouts=c.knockouts) for c in (AIR, NONE))
    return compare(model, core, AIR, core, NONE, knockouts=lost)


def test_differences_are_two_separate_explanations_subtracted(found, tables, core):
    a, b = (reaction_importance(tables, core, methods=(), medium=c.medium, knockouts=c.knockouts) for c in (AIR, NONE))
    assert found.reactions["reaction"].tolist() == list(tables.reactions)
    for name in QUANTITIES:
        assert np.array_equal(found.reactions[f"{name}_a"], a.table[name])
        assert np.array_equal(found.reactions[f"{name}_b"], b.table[name])
        difference = (a.table[name] - b.table[name]).to_numpy()
        assert np.allclose(found.reactions[f"{name}_difference"], difference, atol=2e-6)
        moved = found.reactions[found.reactions[f"{name}_difference"] != 0]
        assert moved.loc[moved[f"rank_{name}"] == 1, f"{name}_difference"].abs().max() == pytest.approx(np.abs(difference).max())
    assert np.allclose(found.incidences["gate_difference"], a.incidences["gate"] - b.incidences["gate"], atol=2e-6)
    assert np.allclose(found.incidences["attention_log2_b"], b.incidences["attention_log2"])
    assert found.growth["predicted"].tolist() == [a.prediction, b.prediction]
    assert found.moved == int((np.abs(a.table["gate"] - b.table["gate"]) >= MOVED).sum()) > 5
    assert found.seeds == 1 and "steady" not in found.reactions


def test_truth_stands_beside_them(found):
    model = load_model("e_coli_core")
    solved = [fba(model, medium=c.medium, knockouts=c.knockouts, parsimonious=True) for c in (AIR, NONE)]
    table = found.reactions.set_index("reaction")
    for side, one in zip("ab", solved, strict=True):
        assert np.allclose(table[f"flux_fba_{side}"], one.fluxes.loc[table.index], atol=1e-6)
    assert found.growth["fba"].tolist() == pytest.approx([one.growth for one in solved])
    assert table.loc["GAPD", "ratio_a"] == pytest.approx(0, abs=1e-6)
    assert set(table.index[table["bounds_changed"]]) == {"EX_o2_e", "GLUDy"}
    assert not table["ratio_a"].isna().any()  # a knock-out without any feasible flux grows 0


def test_the_agreement_is_that_of_the_tables_own_columns(found):
    table = found.reactions
    for one in found.agreements:
        rows = table if one.population == "all reactions" else table[~table["bounds_changed"]]
        x, y = rows[f"{one.quantity}_difference"].abs(), rows[f"{one.truth}_difference"].abs()
        assert one.spearman == pytest.approx(spearmanr(x, y).statistic)
        assert one.low <= one.spearman <= one.high
        largest = [set(values.sort_values(ascending=False, kind="stable").index[: one.top]) for values in (x, y)]
        assert one.overlap == len(largest[0] & largest[1])
        assert one.expected == pytest.approx(one.top**2 / len(rows))
        assert one.chance == pytest.approx(hypergeom.sf(one.overlap - 1, len(rows), one.top, one.top))
        assert f"Spearman {short(one.spearman)} [{short(one.low)}, {short(one.high)}] over {len(rows)} reactions" in one.sentence
    assert [(a.quantity, a.truth) for a in found.agreements if a.population == "all reactions"] == [
        (q, t) for t in ("flux_fba", "ratio") for q in QUANTITIES
    ]
    assert found.headline is not None and found.headline.sentence == found.agreement_table["sentence"].iloc[0]


def test_bootstrap_ranks_each_draw_anew():
    generator = np.random.default_rng(3)
    x, y = generator.integers(0, 5, 40).astype(float), generator.integers(0, 4, 40).astype(float)
    draws = bootstrap(x, y, 20, seed=7)
    counts = np.random.default_rng(7).multinomial(40, np.full(40, 1 / 40), size=20)
    expected = [spearmanr(np.repeat(x, c), np.repeat(y, c)).statistic for c in counts]
    assert np.allclose(draws, expected)
    assert np.array_equal(draws, bootstrap(x, y, 20, seed=7))


@pytest.mark.parametrize(
    ("moved", "truth", "words"),
    [
        (lambda g: g.random(900), lambda g, x: g.random(900), "are not those whose FBA flux moved: Spearman"),
        (lambda g: g.random(60), lambda g, x: x + 0.1 * g.random(60), "are largely those whose FBA flux moved"),
        (lambda g: g.random(60), lambda g, x: 1 - x, "are rather those whose FBA flux stayed"),
        (lambda g: g.random(12), lambda g, x: g.random(12), "cannot be told"),
        (lambda g: np.zeros(60), lambda g, x: g.random(60), "No gate moved between A and B"),
        (lambda g: g.random(60), lambda g, x: np.zeros(60), "No FBA flux moved between A and B"),
        (lambda g: g.random(3), lambda g, x: g.random(3), "Only 3 reactions have both"),
        (lambda g: g.random(60), lambda g, x: np.full(60, np.nan), "Only 0 reactions have both"),
    ],
    ids=["null", "same", "opposite", "few", "still gate", "still flux", "three", "unknown"],
)
def test_the_sentence_says_what_was_found(moved, truth, words):
    generator = np.random.default_rng(0)
    x = moved(generator)
    assert words in agreement(x, truth(generator, x)).sentence


def test_a_condition_beside_itself_has_no_differences(tables, core):
    same = compare(tables, core, Condition(), core, Condition("aerobic glucose"))  # the model's own medium under its other name
    assert same.same and "A and B are the same condition" in same.notes[0]
    assert not same.reactions.filter(like="_difference").to_numpy().any()
    assert same.reactions["rank_gate"].isna().all()
    assert same.moved == 0 and {one.sentence for one in same.agreements if one.quantity == "gate"} == {
        "No gate moved between A and B, so there is nothing that could agree with the FBA flux."
    }


@pytest.mark.parametrize("gate", ["none", "metabolite"])
def test_gates_that_do_not_hear_of_the_medium_are_reported_as_such(gate, core):
    torch.manual_seed(0)
    network = ReactionNetwork(replace(core[0].config, gate=gate, hidden=8, heads=1, layers=1)).eval()
    if gate == "metabolite":
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if "gate" in name and parameter.dim() > 1:
                    parameter.zero_()
    model = load_model("e_coli_core")
    found = compare(model, (network, core[1]), AIR, (network, core[1]), Condition("anaerobic glucose"))
    assert not found.reactions["gate_difference"].any()
    assert found.headline is not None and np.isnan(found.headline.spearman)
    assert found.headline.sentence == "No gate moved between A and B, so there is nothing that could agree with the FBA flux."
    assert json.loads(json.dumps(found.manifest, allow_nan=False))["agreement"][0]["spearman"] is None


def test_seeds_give_the_spread_of_the_same_change(tables, core, other):
    pair = [core, other]
    found = compare(tables, pair, AIR, pair, NONE)
    gates = np.array(
        [[reaction_importance(tables, seed, methods=(), medium=c.medium, knockouts=c.knockouts).table["gate"] for seed in pair] for c in (AIR, NONE)]
    )
    change = gates[0] - gates[1]
    table = found.reactions
    assert found.seeds == 2
    assert np.allclose(table["gate_sd_a"], gates[0].std(axis=0, ddof=1))
    assert np.allclose(table["gate_difference_mean"], change.mean(axis=0))
    assert np.allclose(table["gate_difference_sd"], change.std(axis=0, ddof=1))
    assert np.allclose(table["gate_difference"], change[0], atol=2e-6)  # the first is the one that is shown
    steady = np.abs(change.mean(axis=0)) > SURE * change.std(axis=0, ddof=1)
    assert table["steady"].tolist() == steady.tolist()
    assert found.steady == int((steady & (table["gate_difference"].abs() >= MOVED)).sum()) < found.moved
    assert found.growth["predicted_sd"].notna().all()
    given = [{"medium": c.medium, "knockouts": c.knockouts, "methods": ()} for c in (AIR, NONE)]
    flux = np.array([[reaction_importance(tables, seed, **one).table["flux_predicted"] for seed in pair] for one in given])
    assert np.allclose(table["flux_predicted_sd_b"], flux[1].std(axis=0, ddof=1), atol=1e-5)
    assert np.allclose(table["flux_predicted_difference_sd"], (flux[0] - flux[1]).std(axis=0, ddof=1), atol=1e-5)
    alone = compare(tables, core, AIR, other, AIR)
    assert alone.seeds == 1 and not alone.same


def test_two_ensembles_are_independent_and_a_single_network_has_no_spread(tables, core, other):
    found = compare(tables, [core, other], AIR, [other, core], AIR)
    table = found.reactions
    assert np.allclose(table["gate_difference_sd"], np.hypot(table["gate_sd_a"], table["gate_sd_b"]))
    assert np.allclose(table["gate_difference_mean"], 0, atol=1e-7) and not table["steady"].any()
    half = compare(tables, [core, other], AIR, core, NONE)
    assert np.allclose(half.reactions["gate_sd_a"], table["gate_sd_a"]) and half.reactions["gate_sd_b"].isna().all()
    assert half.seeds == 1 and "gate_difference_sd" not in half.reactions
    assert half.growth["predicted_sd"].notna().tolist() == [True, False]


def test_subsystems_average_gates_seed_by_seed(tables, core, other):
    pair = [core, other]
    found = compare(tables, pair, AIR, pair, NONE)
    inside = (found.reactions["subsystem"] == "Glycolysis/Gluconeogenesis").to_numpy()
    row = found.by_subsystem().loc["Glycolysis/Gluconeogenesis"]
    means = np.array([found.a.spread.gate[:, inside].mean(axis=1), found.b.spread.gate[:, inside].mean(axis=1)])
    assert row["gate_a"] == pytest.approx(found.reactions.loc[inside, "gate_a"].mean())
    assert row["gate_sd_b"] == pytest.approx(means[1].std(ddof=1))
    assert row["gate_difference_sd"] == pytest.approx((means[0] - means[1]).std(ddof=1))


def test_a_condition_without_any_flux_is_said(core):
    found = compare(load_model("e_coli_core"), core, AIR, core, Condition({"EX_nh4_e": 10}))
    assert "FBA finds no flux distribution in B (infeasible)" in found.notes[0]
    assert found.reactions["flux_fba_b"].isna().all() and found.agreements == ()
    assert found.reactions["gate_difference"].abs().max() > MOVED


def test_two_models_are_refused(tables, core):
    from core.explain.conditions import compare_seen, observe

    with pytest.raises(InputError, match="different models"):
        compare_seen(observe(tables, core, Condition()), observe(load_tables("toy"), core, Condition()))
    with pytest.raises(InputError, match="no medium called 'soup'"):
        compare(tables, core, AIR, core, Condition("soup"))


@pytest.fixture(scope="module")
def media(tables):
    return {**named_media(tables), "fructose": carbon_media(tables)["EX_fru_e"], "formate": carbon_media(tables)["EX_for_e"]}


@pytest.fixture(scope="module")
def by_medium(tables, core, media):
    return matrix(tables, core, media, ["PGI"])


def test_the_matrix_holds_the_gates_and_growth_of_each_medium(by_medium, tables, core, media):
    assert by_medium.gates.columns.tolist() == list(media)
    model = load_model("e_coli_core")
    for name in ("acetate", "fructose", "formate"):
        alone = reaction_importance(tables, core, methods=(), medium=media[name], knockouts=["PGI"])
        assert np.array_equal(by_medium.gates[name], alone.table["gate"])
        assert by_medium.growth.loc[name, "predicted"] == alone.prediction
        solved = fba(model, medium=media[name], knockouts=["PGI"])
        assert by_medium.growth.loc[name, "status"] == solved.status
        assert by_medium.growth.loc[name, "fba"] == pytest.approx(solved.growth, abs=1e-6, nan_ok=True)
    assert by_medium.growth.loc["formate", "status"] == "infeasible"
    assert by_medium.gate_sd is None


def test_clustering_is_that_of_scipy_and_always_the_same(by_medium, tables, core, media):
    shown = by_medium.clustered(30)
    widest = by_medium.spread.sort_values(ascending=False, kind="stable").index[:30]
    assert set(shown.gates.index) == set(widest) and len(shown.gates) == 30
    assert f"The 30 whose gate varies most over the media of {len(tables.reactions)} reactions" in shown.sentence
    pattern = by_medium.gates.loc[widest].to_numpy()
    pattern = pattern - pattern.mean(axis=1, keepdims=True)
    order = leaves_list(linkage(pattern, "average", optimal_ordering=True))
    assert shown.gates.index.tolist() == widest[order].tolist()
    assert shown.rows is not None and shown.rows.place.shape == (29, 4) and shown.rows.place.min() >= 0 and shown.rows.place.max() <= 29
    again = matrix(tables, core, media, ["PGI"])
    pd.testing.assert_frame_equal(again.clustered(30).gates, shown.gates)
    assert again.manifest["key"] == by_medium.manifest["key"]
    glycolysis = by_medium.clustered(30, "Glycolysis/Gluconeogenesis")
    assert set(by_medium.subsystems[glycolysis.gates.index]) == {"Glycolysis/Gluconeogenesis"}


def test_one_medium_and_one_reaction_need_no_tree(tables, core, other):
    one = matrix(tables, [core, other], {"own": None})
    shown = one.clustered(1)
    assert shown.gates.shape == (1, 1) and shown.rows is None and shown.columns is None
    assert "No gate of these" in shown.sentence
    assert one.gate_sd is not None and one.gate_sd["own"].max() > 0


def test_matrices_are_bounded_and_can_be_stopped(tables, core):
    with pytest.raises(InputError, match="1 to 12 media and 13 were given"):
        matrix(tables, core, {str(i): None for i in range(13)})
    with pytest.raises(Cancelled):
        matrix(tables, core, {"own": None}, should_stop=lambda: True)
    seen: list[tuple[int, int]] = []
    matrix(tables, core, {"a": None, "b": "acetate"}, on_progress=lambda i, n: seen.append((i, n)))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_single_carbon_sources_bring_the_carbon_of_the_named_media(tables):
    found, named = carbon_media(tables), named_media(tables)
    assert found["EX_ac_e"] == named["acetate"] and found["EX_succ_e"] == named["succinate"] and found["EX_glc__D_e"] == named["aerobic glucose"]
    assert carbon_media(load_tables("toy")) == {}


def test_the_command_writes_what_core_computes(found, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = [
        "compare",
        "e_coli_core",
        "--medium",
        "aerobic glucose",
        "--medium-b",
        "anaerobic glucose",
        "--knockout-b",
        "GLUDy",
        "--essentiality",
    ]
    assert main([*arguments, "--out", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["agreement.json", "comparison.csv", "incidences.csv"]
    table = pd.read_csv(out / "comparison.csv")
    assert table["reaction"].tolist() == found.reactions["reaction"].tolist()
    for column in ("gate_difference", "flux_fba_b", "ratio_difference", "rank_gate"):
        assert np.allclose(table[column], found.reactions[column].astype(float), atol=1e-6, equal_nan=True), column
    assert np.allclose(pd.read_csv(out / "incidences.csv")["gate_a"], found.incidences["gate_a"])
    summary = json.loads((out / "agreement.json").read_text())
    assert summary["agreement"][0]["spearman"] == pytest.approx(found.headline.spearman)
    assert summary["B"]["condition"]["knockouts"] == ["GLUDy"] and summary["moved"] == found.moved
    assert found.headline.sentence in capsys.readouterr().err
    assert main(["compare", "e_coli_core", "--medium-b", "soup", "--out", str(out)]) == 2
    assert re.fullmatch(r"gatescope: .*no medium called 'soup'.*\n", capsys.readouterr().err)
