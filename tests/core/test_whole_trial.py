"""The whole trial where the answers are known beforehand: planted functions, gates that must or cannot matter, networks that learned nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from core.errors import Cancelled
from core.explain.attribution import INPUT_X_GRADIENT, INTEGRATED_GRADIENTS, SALIENCY
from core.explain.bases import base_importance
from core.explain.controls import attributed, drawn_anew, randomisation, stability
from core.explain.gate_tests import GateTests, gate_tests
from core.explain.masked import Masked
from core.explain.metabolic_masks import incidence_masks
from core.explain.reactions import INSTANT, reaction_importance
from core.explain.rna_masks import like_itself, rna_masks
from core.explain.skill import Skill, family_skill, growth_skill
from core.explain.whole_trial import BASELINE, FAITHFUL, NOT_FAITHFUL, UNTOLD, Trial, bases_on_trial, control_of, reactions_on_trial, whole_trial
from core.metabolic import build_hypergraph
from core.metabolic.tables import ModelTables
from core.models import load_checkpoint
from core.models.network import NetworkConfig, ReactionNetwork
from core.models.rna import RnaGine
from core.rna.embedding import prepare
from core.rna.library import list_library
from core.viz.plots import alt_text
from core.viz.trial_plots import agreement_plot, drawn_anew_plot, methods_map
from tests.core.masked_functions import planted, weighted

COUNT = 60
TRUE = np.array([2.0 ** -(i / 5) for i in range(COUNT)])
NAMES = [f"g{i}" for i in range(COUNT)]
KNOWS, KNOWS_NOT = Skill("likeness", 0.9, 0.5, (0.1, 0.2, 0.0), "all"), Skill("likeness", 0.2, 0.5, (0.1, 0.2, 0.0), "all")


def on_trial(skill: Skill | None = KNOWS, masked: Masked | None = None, **rankings: np.ndarray) -> Trial:
    given = {name: pd.Series(values, index=NAMES) for name, values in rankings.items()}
    return whole_trial(masked or weighted(TRUE.tolist()), (None, None), given, level="group", skill=None if skill is None else lambda _: skill)


def test_planted_importances_get_the_answer_known_beforehand() -> None:
    rng = np.random.default_rng(5)
    trial = on_trial(**{INTEGRATED_GRADIENTS: TRUE, "gate": rng.random(COUNT), "attention": TRUE[::-1].copy(), "degree": rng.random(COUNT)})
    verdicts = {name: trial.judged(name)[0] for name in trial.values}
    assert verdicts == {INTEGRATED_GRADIENTS: FAITHFUL, "gate": NOT_FAITHFUL, "attention": NOT_FAITHFUL, "degree": BASELINE}
    assert trial.sentence().startswith("True of this network: integrated gradients. Not: ")
    table = trial.table.set_index("ranking")
    assert table.loc[INTEGRATED_GRADIENTS, "infidelity"] == pytest.approx(0, abs=1e-12)  # F is linear: a subset's sum is what it does
    assert table.loc[INTEGRATED_GRADIENTS, "correlation"] == pytest.approx(1)
    assert table.loc[INTEGRATED_GRADIENTS, "sensitivity"] == pytest.approx(0.02, rel=0.5)  # A = w m moves as m does
    assert np.isnan(table.loc["gate", "infidelity"]) and np.isnan(table.loc["gate", "sensitivity"])
    top = TRUE[:6].sum() / TRUE.sum()
    assert table.loc[INTEGRATED_GRADIENTS, ["fid_plus", "fid_minus"]].tolist() == pytest.approx([top, 1 - top], rel=1e-5)
    assert table.loc[INTEGRATED_GRADIENTS, "robust_plus"] > 3 * table.loc[INTEGRATED_GRADIENTS, "robust_minus"]
    assert trial.deletion is None and trial.randomisation is None and trial.control == ""
    pair = trial.agreement.set_index(["first", "second"]).loc[(INTEGRATED_GRADIENTS, "attention")]
    assert pair["spearman"] == pytest.approx(-1)
    side = methods_map(trial.values, {}, level="group", prefix="rxn:", most=10)
    drawn = dict(zip(zip(side.data[0].customdata, side.data[0].x, strict=True), side.data[0].marker.color, strict=True))
    assert drawn["rxn:g0", INTEGRATED_GRADIENTS] == 1 and drawn["rxn:g1", INTEGRATED_GRADIENTS] == pytest.approx(2**-0.2)
    assert len(set(side.data[0].customdata)) == 10 and "integrated_gradients g0; " in alt_text(side)
    called = methods_map(trial.values, {}, level="base", prefix="", called={"g0": "G2"}, most=10)
    assert "G2" in called.data[0].y and "g1" in called.data[0].y and "g0" in called.data[0].customdata
    assert "integrated_gradients G2; " in alt_text(called)
    assert "Rank correlation of every pair of 4 rankings" in alt_text(agreement_plot(trial.agreement, {}))


def test_a_network_that_knows_nothing_has_no_faithful_explanation() -> None:
    trial = on_trial(KNOWS_NOT, **{INTEGRATED_GRADIENTS: TRUE})
    assert trial.judged(INTEGRATED_GRADIENTS) == (NOT_FAITHFUL, "the network does not know what it predicts")
    assert trial.sentence().startswith("Not faithful. The network does not know what it predicts: likeness 0.20 over all, 0.10 ± 0.10")
    flat = on_trial(masked=planted(lambda m: 0 * m.sum(1) + 1, NAMES), gate=TRUE)
    assert flat.judged("gate")[0] == UNTOLD and "no effect to explain" in flat.sentence()
    with pytest.raises(Cancelled):
        whole_trial(weighted(TRUE.tolist()), (None, None), {"gate": pd.Series(TRUE, NAMES)}, level="group", should_stop=lambda: True)


def test_slopes_at_a_maximum_cannot_be_told_whatever_their_order() -> None:
    share = torch.tensor(TRUE / TRUE.sum(), dtype=torch.float32)
    peak = planted(lambda m: 1 - (1 - m @ share.to(m.dtype)) ** 2, NAMES)
    tiny = 1e-9 * TRUE  # in the right order, so that curves alone would call it better than chance
    trial = on_trial(masked=peak, **{SALIENCY: tiny, INPUT_X_GRADIENT: tiny, INTEGRATED_GRADIENTS: TRUE, "degree": TRUE})
    assert trial.rankings.verdict(SALIENCY) == "better than chance"
    assert trial.judged(SALIENCY) == (UNTOLD, "its values are rounding errors: with nothing masked the target has no slope")
    assert trial.judged(INTEGRATED_GRADIENTS)[0] == FAITHFUL
    said = trial.sentence()
    assert "True of this network: integrated gradients. Cannot be told of saliency and input x gradient:" in said and "Behind" not in said
    assert on_trial(masked=peak, **{SALIENCY: 1e-3 * TRUE}).judged(SALIENCY)[0] == FAITHFUL
    drawn = pd.DataFrame({"drawn": ["nothing", "all"], SALIENCY: [1.0, 0.0]})
    seeds = pd.DataFrame({"method": [SALIENCY], "seeds": [5], "spearman": [-0.1], "jaccard": [0.1]})
    assert replace(trial, randomisation=drawn, stability=seeds).unlearned == []


def test_what_stays_when_weights_are_drawn_anew_or_does_not_add_up_is_not_faithful() -> None:
    trial = on_trial(**{INTEGRATED_GRADIENTS: TRUE})
    same = replace(trial, randomisation=pd.DataFrame({"drawn": ["nothing", "all"], INTEGRATED_GRADIENTS: [1.0, 0.95]}))
    assert same.judged(INTEGRATED_GRADIENTS) == (NOT_FAITHFUL, "stays the same when all weights are drawn anew (rank correlation 0.95)")
    seeds = pd.DataFrame({"method": [INTEGRATED_GRADIENTS], "seeds": [5], "spearman": [0.7], "jaccard": [0.3]})
    known = replace(same, randomisation=same.randomisation.replace(0.95, 0.3), stability=seeds)  # type: ignore[union-attr]
    assert known.unlearned == [] and "learned nothing" not in known.sentence()
    shuffled = replace(known, control="shuffled", control_alike={INTEGRATED_GRADIENTS: 0.8})
    assert shuffled.unlearned == [INTEGRATED_GRADIENTS] and "integrated gradients is as alike to that of a network which" in shuffled.sentence()
    assert trial.unlearned == replace(same, stability=stability([{INTEGRATED_GRADIENTS: TRUE}])).unlearned == []
    assert replace(trial, completeness=0.2).judged(INTEGRATED_GRADIENTS) == (NOT_FAITHFUL, "does not add up (misses 20%)")
    assert replace(trial, completeness=0.01).judged(INTEGRATED_GRADIENTS)[0] == FAITHFUL


def test_weights_are_drawn_anew_from_the_top_and_the_network_stays(tabled: Callable[[str], ModelTables]) -> None:
    network, card = load_checkpoint("core")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    top = drawn_anew(network, 1, seed=3).state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], top[name])}
    assert changed == {"read_out"}
    one, two, other = (drawn_anew(network, seed=s).state_dict() for s in (3, 3, 4))
    weights = [name for name in before if name.endswith("weight") and "norm" not in name and before[name].dim() > 1]
    assert weights and all(not torch.equal(before[name], one[name]) and not torch.equal(one[name], other[name]) for name in weights)
    assert all(torch.equal(one[name], two[name]) for name in before)
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())
    masked = incidence_masks((network, card), build_hypergraph(tabled("e_coli_core")))
    own = attributed(masked, "reaction")
    found = randomisation(masked, (network, card), "reaction", own)
    assert found["drawn"].tolist() == ["nothing", "read-out", *(f"layer {n}" for n in range(6, 0, -1)), "encoders"]
    assert (found.iloc[0, 1:] == 1).all() and (found.iloc[-1, 1:] < 0.9).all()
    assert "at the end" in alt_text(drawn_anew_plot(found, {}))
    alone = stability([own])
    assert alone["spearman"].isna().all() and set(alone["seeds"]) == {1}
    twice = stability([own, own])
    assert twice["spearman"].tolist() == pytest.approx([1] * 3) and twice["jaccard"].tolist() == pytest.approx([1] * 3)


def test_true_deletion_is_a_graph_without_the_reactions(tabled: Callable[[str], ModelTables]) -> None:
    network, graph = load_checkpoint("core"), build_hypergraph(tabled("e_coli_core"))
    masked = incidence_masks(network, graph)
    assert masked.deleted is not None
    deleted = masked.deleted()
    gone = {"PFK", "ENO"}
    mask = torch.tensor([[0.0 if reaction in gone else 1.0 for reaction in masked.parts["reaction"]]])
    kept = ~np.isin(np.array(graph.reactions)[graph.hyperedge_index[1].numpy()], list(gone))
    without = replace(graph, hyperedge_index=graph.hyperedge_index[:, kept], stoich=graph.stoich[kept])
    other = incidence_masks(network, without)
    assert deleted.of(mask)[0] == pytest.approx(other.ends[0], rel=1e-5)
    assert deleted.ends[0] == pytest.approx(masked.ends[0], rel=1e-5) and deleted.of(mask)[0] != pytest.approx(masked.of(mask)[0], rel=1e-4)
    assert incidence_masks(network, graph, frozen_gates=True).deleted is None


def test_true_deletion_of_bases_is_a_smaller_graph() -> None:
    opened, card = load_checkpoint("rna")
    example = next(one for one in list_library() if one.id == "hammerhead")
    record, ensemble = prepare(example.record, True, None)
    masked = rna_masks((opened, card), record, target=None, ensemble=ensemble)
    assert masked.deleted is not None
    deleted = masked.deleted()
    assert deleted.ends[0] == pytest.approx(masked.ends[0], rel=1e-5)
    mask = torch.ones(2, len(masked))
    mask[0, 3:9] = 0
    found = deleted.of(mask)
    assert found[1] == pytest.approx(masked.ends[0], rel=1e-5) and found[0] != pytest.approx(masked.of(mask)[0], rel=1e-4)
    assert np.isfinite(deleted.of(torch.zeros(1, len(masked)))).all()
    motif = replace(like_itself((opened, card), record, ensemble=ensemble), again=None)
    assert rna_masks((opened, card), record, target=motif, ensemble=ensemble).like is None


def gates_of(network: ReactionNetwork, tables: ModelTables) -> GateTests:
    graph, card = build_hypergraph(tables), load_checkpoint("core")[1]
    masked = incidence_masks((network, card), graph)
    factors = reaction_importance(tables, (network, card), methods=INSTANT)
    own = attributed(masked, "reaction")[SALIENCY]
    beside = {"gate": factors.table.set_index("reaction")["gate"], SALIENCY: pd.Series(own, index=masked.groups("reaction")[1])}
    found = gate_tests(masked, (network, card), graph, target="growth", beside=beside)
    assert found is not None
    return found


def test_gates_that_must_matter_and_gates_that_cannot(tabled: Callable[[str], ModelTables]) -> None:
    tables = tabled("e_coli_core")
    trained, card = load_checkpoint("core")
    shape = NetworkConfig(trained.config.metabolite_channels, trained.config.reaction_channels, hidden=16, layers=2)
    torch.manual_seed(1)
    network = ReactionNetwork(shape).eval()
    with torch.no_grad():
        for layer in network.layers:  # every gate is a half, whatever it reads: exchanging them changes nothing
            for linear in (layer.conv.gate_x, layer.conv.gate_u):
                linear.weight.zero_()
                if linear.bias is not None:
                    linear.bias.zero_()
            layer.conv.gate_sign.zero_()
    cannot = gates_of(network, tables)
    assert cannot.permuted_change == pytest.approx(0, abs=1e-5) and cannot.mean_change == pytest.approx(0, abs=1e-5) and not cannot.matter
    assert cannot.closed == cannot.open == 0 and np.isnan(cannot.correlations[SALIENCY])
    with torch.no_grad():
        for layer in network.layers:  # gates wide open or shut by what they read
            layer.conv.gate_x.weight.normal_(std=20)
    must = gates_of(network, tables)
    assert must.matter and must.permuted_change > 0.05 and must.closed + must.open > 0.8
    table = must.table.set_index("test")
    assert table.loc["gates permuted among incidences, 100 times", "reading"] == "it matters which incidence has which gate"
    assert must.seeds == 1 and np.isnan(must.seeds_spearman)
    ungated = ReactionNetwork(replace(shape, gate="none")).eval()
    graph = build_hypergraph(tables)
    assert gate_tests(incidence_masks((ungated, card), graph), (ungated, card), graph, target="growth", beside={}) is None


def test_trained_networks_know_and_untrained_and_shuffled_ones_do_not(tabled: Callable[[str], ModelTables]) -> None:
    tables = tabled("e_coli_core")
    core, shuffled = load_checkpoint("core"), load_checkpoint("core-shuffled")
    found = growth_skill(core, tables, control=("core-shuffled", shuffled))
    assert found.knows and found.value > 0.9 and len(found.redrawn) == 5 and found.control is not None and abs(found.control[1]) < 0.3
    assert f", {found.control[1]:.2f} by core-shuffled, which learned from labels dealt out at random." in found.sentence
    own = growth_skill(shuffled, tables)
    assert not own.knows and own.value == found.control[1]
    untrained = (drawn_anew(core[0], seed=77), core[1])
    assert not growth_skill(untrained, tables).knows
    rna = load_checkpoint("rna")
    found = family_skill(rna, redrawn=2)
    assert found.knows and found.value > 0.985 > found.floor > 0.97  # the floor: 4-mers by place, which the card has at 0.982 on other families
    assert "0.98 by counting 4-mers by place, which needs no network" in found.sentence
    assert not family_skill((drawn_anew(rna[0], seed=77), rna[1]), redrawn=2).knows
    # shuffled labels teach nothing of who is related, but a last map fitted without labels lifts it far above weights drawn anew
    shuffled = family_skill(load_checkpoint("rna-shuffled"), redrawn=2)
    assert not shuffled.knows and max(shuffled.redrawn) + 0.1 < shuffled.value < shuffled.floor


@pytest.mark.slow
@pytest.mark.parametrize("name", ["untrained", "core-shuffled"])
def test_the_verdict_on_a_network_that_learned_nothing_is_not_faithful(name: str, tabled: Callable[[str], ModelTables]) -> None:
    tables = tabled("e_coli_core")
    core = load_checkpoint("core")
    network = (drawn_anew(core[0], seed=77), core[1]) if name == "untrained" else load_checkpoint(name)
    factors = reaction_importance(tables, network, methods=INSTANT)
    trial = reactions_on_trial(incidence_masks(network, factors.graph), network, factors)
    assert trial.sentence().startswith("Not faithful.")
    assert set(trial.table.loc[trial.table["ranking"] != "degree", "verdict"]) == {NOT_FAITHFUL}
    assert trial.gates is not None and trial.gates.seeds == 1


@pytest.mark.slow
def test_rna_networks_that_learned_nothing_are_not_faithful_and_the_trained_one_is_told_apart() -> None:
    opened, card = load_checkpoint("rna")
    assert isinstance(opened, RnaGine)
    record, ensemble = prepare(next(one for one in list_library() if one.id == "hammerhead").record, True, None)

    def trial(network: RnaGine) -> Trial:
        own = (network, card)
        masked = rna_masks(own, record, target=like_itself(own, record, ensemble=ensemble), ensemble=ensemble)
        return bases_on_trial(masked, own, base_importance(record, own, ensemble=ensemble))

    for knows_not in (drawn_anew(opened, seed=77), load_checkpoint("rna-shuffled")[0]):
        said = trial(knows_not)
        assert said.sentence().startswith("Not faithful.")
        assert set(said.table["verdict"]) <= {NOT_FAITHFUL, BASELINE, UNTOLD}
    found = trial(opened)
    assert found.skill is not None and found.skill.knows and found.deletion is not None and found.randomisation is not None
    assert not found.sentence().startswith("Not faithful.")


def test_controls_are_networks_with_shuffled_labels_of_the_same_model() -> None:
    assert control_of(load_checkpoint("rna")[1]) == "rna-shuffled"
    assert control_of(load_checkpoint("rna_standard")[1]) == control_of(load_checkpoint("rna-shuffled")[1]) == ""
    assert control_of(load_checkpoint("core")[1]) == "core-shuffled"
