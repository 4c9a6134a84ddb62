"""Measurements: reading them, carrying them through the rules, ranking them, saying where they conflict.

scikit-learn, SciPy and COBRApy are the oracles.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from math import comb
from pathlib import Path

import cobra
import numpy as np
import pandas as pd
import pytest
from cobra.core.gene import GPR
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from core.__main__ import main
from core.errors import Cancelled, InputError
from core.explain import reaction_importance
from core.explain.disagreements import UNKNOWN, disagreements, summary
from core.explain.enrichment import pathway_enrichment
from core.explain.flux_references import LETHAL, References, flux_references, stored_references
from core.explain.gene_rules import counted_reactions, gene_rules
from core.explain.measured_ranking import compare_scores, recall_curves, verdicts
from core.explain.measurement_file import MAX_COLUMNS, Choice, guess, model_names, read_sheet
from core.explain.measurements import escher_data, open_measurement, scores_of_genes, targets, values_of_reactions
from core.explain.network_knockouts import knockouts_over_seeds, network_knockouts
from core.explain.ranking_metrics import auroc_and_precision, draw_counts, evaluate_ranking, precision_recall, spearman_of
from core.metabolic import load_tables
from core.metabolic.tables import ModelTables, tables_from_model
from core.models import load_members, predict
from core.viz.measurement_plots import enrichment_bars, interval_plot, precision_recall_plot, value_scatter
from core.viz.plots import alt_text

MEASURED = Path(__file__).resolve().parents[3] / "shared" / "data" / "metabolic" / "gene_essentiality_ecoli.csv"


def small_model(rules: dict[str, str]) -> ModelTables:
    """A chain of one-to-one conversions, one reaction per rule; the last metabolite is drained as the objective."""
    model = cobra.Model("small")
    names = list(rules)
    metabolites = [cobra.Metabolite(f"m{i}", compartment="e" if i == 0 else "c") for i in range(len(names) + 1)]
    for i, (name, rule) in enumerate(rules.items()):
        reaction = cobra.Reaction(name, upper_bound=10)
        model.add_reactions([reaction])
        reaction.add_metabolites({metabolites[i]: -1, metabolites[i + 1]: 1})
        reaction.gene_reaction_rule = rule
    model.add_boundary(metabolites[0], type="exchange", reaction_id="EX_m0", lb=-10)
    model.add_boundary(metabolites[-1], type="demand", reaction_id="DM")
    model.objective = "DM"
    return tables_from_model(model)


@pytest.fixture(scope="module")
def core() -> ModelTables:
    return load_tables("e_coli_core")


@pytest.fixture(scope="module")
def references(core: ModelTables) -> References:
    return flux_references(core, medium="aerobic glucose")


# Metrics


def ranked(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 8, 60).astype(float) if seed % 2 else generator.normal(size=60)  # with and without ties
    return scores, generator.random(60) < 0.3


@pytest.mark.parametrize("seed", range(4))
def test_every_draw_has_scikit_learns_and_scipys_numbers(seed: int) -> None:
    scores, labels = ranked(seed)
    strength = labels * np.random.default_rng(seed).random(60).round(1)
    counts = draw_counts(labels, 60, 40, seed)
    assert (counts[:, labels].sum(1) == labels.sum()).all() and (counts[:, ~labels].sum(1) == (~labels).sum()).all()
    areas, averages = auroc_and_precision(scores, labels, counts)
    correlations = spearman_of(scores, strength, counts)
    for row, area, average, correlation in zip(counts.astype(int), areas, averages, correlations, strict=True):
        drawn = np.repeat(np.arange(60), row)
        assert area == pytest.approx(roc_auc_score(labels[drawn], scores[drawn]), abs=1e-12)
        assert average == pytest.approx(average_precision_score(labels[drawn], scores[drawn]), abs=1e-12)
        assert correlation == pytest.approx(spearmanr(scores[drawn], strength[drawn]).statistic, abs=1e-12)


def test_intervals_are_percentiles_of_the_draws_and_repeat_with_the_seed() -> None:
    scores, labels = ranked(0)
    found = evaluate_ranking(scores, labels.astype(float), labels, draws=500, seed=3)
    areas, _ = auroc_and_precision(scores, labels, draw_counts(labels, 60, 500, 3))
    assert found.auroc == pytest.approx((roc_auc_score(labels, scores), *np.quantile(areas, [0.025, 0.975])))
    assert evaluate_ranking(scores, labels.astype(float), labels, draws=500, seed=3) == found
    assert evaluate_ranking(scores, labels.astype(float), labels, draws=500, seed=4) != found


def test_the_ends_of_the_scale() -> None:
    labels = np.arange(40) < 10
    perfect = evaluate_ranking(labels * 2.0 + np.linspace(0, 1, 40), labels.astype(float), labels, draws=50)
    assert perfect.auroc == perfect.precision == (1, 1, 1)
    flat = evaluate_ranking(np.ones(40), labels.astype(float), labels, draws=50)
    assert flat.auroc == (0.5, 0.5, 0.5)
    assert flat.precision == (0.25, 0.25, 0.25)  # the share of positives, in every draw
    assert np.isnan(flat.spearman.value)
    one_kind = evaluate_ranking(np.arange(40.0), np.arange(40.0), np.ones(40, dtype=bool), draws=50)
    assert np.isnan(one_kind.auroc.value) and np.isnan(one_kind.precision.value) and one_kind.spearman.value == pytest.approx(1)
    assert np.isnan(evaluate_ranking(np.ones(1), np.ones(1), np.ones(1, dtype=bool)).auroc.value)


def test_the_area_below_the_drawn_steps_is_the_average_precision() -> None:
    scores, labels = ranked(1)
    recall, precision = precision_recall(scores, labels)
    assert recall[0] == 0 and recall[-1] == 1
    assert (np.diff(recall) * precision[1:]).sum() == pytest.approx(average_precision_score(labels, scores))
    figure = precision_recall_plot({"s": (recall, precision, 0.5)}, prevalence=0.3)
    assert figure.data[0].line.shape == "vh"  # each step ends at its point: the precision of a recall not yet reached is not drawn


# Rules


@pytest.mark.parametrize(
    ("rule", "alternatives"),
    [("a", 1), ("a and b", 1), ("a or b", 2), ("(a and b) or c", 2), ("(a or b) and (c or d)", 4), ("a and (b or c or d)", 3), ("", 0)],
)
def test_alternatives_by_hand(rule: str, alternatives: int) -> None:
    assert gene_rules(small_model({"R": rule})).alternatives(0) == alternatives


def test_isozymes_by_hand() -> None:
    rules = gene_rules(small_model({"R": "(a and b) or c", "S": "a and (b or d)", "T": "a and b"}))
    assert [rules.isozymes(0, g) for g in "abc"] == [["c"], ["c"], ["a", "b"]]
    assert [rules.isozymes(1, g) for g in "abd"] == [[], ["d"], ["b"]]
    assert rules.isozymes(2, "a") == []


RULES = st.recursive(
    st.sampled_from("abcde"),
    lambda parts: st.tuples(st.sampled_from(["and", "or"]), st.lists(parts, min_size=2, max_size=3)).map(lambda p: f"({f' {p[0]} '.join(p[1])})"),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(RULES, st.sets(st.sampled_from("abcde")))
def test_present_and_absent_genes_carry_through_a_rule_as_in_cobrapy(rule: str, lost: set[str]) -> None:
    rules = gene_rules(small_model({"R": rule}))
    value, known = rules.combine(0, {g: float(g not in lost) for g in "abcde"}, "max")
    assert value == float(GPR.from_string(rule).eval(lost))
    assert known == len(GPR.from_string(rule).genes)


@pytest.mark.parametrize(
    ("rule", "joined", "value", "known"),
    [
        ("a and b", "max", 1, 2),
        ("a or b", "max", 3, 2),
        ("a or b", "sum", 4, 2),
        ("a or b", "mean", 2, 2),
        ("(a and b) or c", "sum", 1 - 2, 3),
        ("a and x", "max", 1, 1),  # the measured part of the rule
        ("x or y", "max", np.nan, 0),
    ],
)
def test_values_of_genes_carry_to_reactions_by_hand(rule: str, joined: str, value: float, known: int) -> None:
    found = gene_rules(small_model({"R": rule})).combine(0, {"a": 1.0, "b": 3.0, "c": -2.0}, joined)  # type: ignore[arg-type]
    assert found == pytest.approx((value, known), nan_ok=True)


def test_what_counts_leaves_out_exchanges_biomass_maintenance_and_reactions_without_a_gene(core: ModelTables) -> None:
    counted = {r for r, counts in zip(core.reactions, counted_reactions(core), strict=True) if counts}
    ruled = {r for r, rule in zip(core.reactions, core.gprs, strict=True) if rule}
    assert counted == {r for r in ruled if not r.startswith(("EX_", "BIOMASS", "Biomass")) and r != "ATPM"}
    tables = small_model({"ATPM": "a", "R": "b", "BIOMASS_x": "c", "S": ""})
    assert [r for r, counts in zip(tables.reactions, counted_reactions(tables), strict=True) if counts] == ["R"]


def test_a_genes_score_is_the_largest_of_its_reactions_that_count() -> None:
    tables = small_model({"R": "a and b", "S": "a or c", "ATPM": "b"})
    scores = pd.DataFrame({"s": [1.0, 5.0, 9.0, 0.0, 0.0], "t": [np.nan, 2.0, 9.0, 0.0, 0.0]})
    found = scores_of_genes(scores, ["a", "b", "c"], tables)
    assert found["s"].tolist() == [5, 1, 5]
    assert found["t"].tolist() == pytest.approx([2, np.nan, 2], nan_ok=True)


# Files

TWO = small_model({"R": "b0001 and b0002", "S": "b0003"})
TABLE = {"b0001": 0.5, "b0002": 1.5}


@pytest.mark.parametrize(
    "data",
    [
        b"gene,value\nb0001,0.5\nb0002,1.5\n",
        b"gene;value\r\nb0001;0,5\r\nb0002;1,5\r\n",
        b"gene\tvalue\nb0001\t0.5\nb0002\t1.5",
        b"\xef\xbb\xbfgene,value\nb0001,0.5\nb0002,1.5\n",
        "gene,value\nb0001,0.5\nb0002,1.5\n".encode("utf-16"),
        b'"gene","what, it says","value"\n"b0001","a, ""b""",0.5\n"b0002","c\nd",1.5\n',
        b"b0001,0.5\nb0002,1.5\n",
        b"b0001;0,5\nb0002;1,5\n",
        b"value,gene\n5e-1,B0001\n1.5,G_b0002\n",
        b"\n\ngene|value\n\nb0001|.5\nb0002|1.5\n",
        b"gene,value\nb0001,0.5,extra\nb0002,1.5\n,\n",
    ],
)
def test_every_spelling_of_a_table_is_the_same_table(data: bytes) -> None:
    _, found = open_measurement(data, TWO)
    assert dict(zip(found.table["id"], found.table["value"], strict=True)) == TABLE
    assert found.unmatched == ()


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"PK\x03\x04" + bytes(200), "workbook"),
        (b"\x1f\x8b" + bytes(200), "compressed"),
        (bytes(range(256)) * 4, "not a text table"),
        (b"b0001\nb0002\n", "one column only"),
        (b"gene,value\n", "no rows"),
        (b'gene,value\n"b0001,0.5\nb0002,1.5\n', "quotation mark"),
        (b"gene," + b",".join(b"c%d" % i for i in range(3000)) + b"\nb0001," + b",".join(b"1" for _ in range(3000)), f"at most {MAX_COLUMNS}"),
        (b"gene,value\nthrA,0.5\nthrB,1.5\n", "is a gene of small (the first is 'thrA')"),
        (b"gene,value\nb0001,NA\nb0002,\n", "no value that can be used"),
    ],
)
def test_a_bad_file_is_one_sentence(data: bytes, fragment: str) -> None:
    with pytest.raises(InputError) as caught:
        open_measurement(data, TWO)
    said = str(caught.value)
    assert fragment in said
    assert "\n" not in said
    assert said.endswith(".")


def test_ids_that_are_unknown_or_stand_for_several_are_listed() -> None:
    model = cobra.Model("twins")
    reaction = cobra.Reaction("R", upper_bound=10)
    model.add_reactions([reaction])
    reaction.add_metabolites({cobra.Metabolite("m", compartment="c"): -1})
    reaction.gene_reaction_rule = "b1 and b2 and b3"
    for gene, name in (("b1", "twin"), ("b2", "twin"), ("b3", "single")):
        model.genes.get_by_id(gene).name = name
    model.genes.get_by_id("b1").annotation["uniprot"] = "P00001"
    _, found = open_measurement(b"g,essential\ntwin,yes\nSINGLE,no\np00001,yes\nnone,no\nnone,no\n", tables_from_model(model))
    assert dict(zip(found.table["id"], found.table["essential"], strict=True)) == {"b3": 0, "b1": 1}
    assert found.unmatched == ("twin", "none")


def test_rows_of_one_gene_are_joined_and_it_is_said() -> None:
    _, numbers = open_measurement(b"gene,ratio\nb0001,0\nb0001,1\nb0002,1\nb0003,x\n", TWO, Choice("gene", "ratio", kind="cutoff"))
    assert dict(zip(numbers.table["id"], numbers.table["value"], strict=True)) == {"b0001": 0.5, "b0002": 1}
    assert any("1 ids stand in several rows" in n for n in numbers.notices) and any("'x'" in n for n in numbers.notices)
    _, words = open_measurement(b"gene,ess\nb0001,yes\nb0001,no\nb0002,no\nb0002,no\nb0003,yes\n", TWO)
    assert words.table["id"].tolist() == ["b0002", "b0003"]
    assert any("both yes and no (the first is b0001)" in n for n in words.notices)


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("gene,gene2,ess.curated.model,ess.experimental", ["b1,,no,yes", "b2,,yes,no"], ("gene", "ess.experimental", "yes_no", "yes")),
        ("locus,phenotype", ["b1,Essential", "b2,Non-essential", "b3,Non-essential"], ("locus", "phenotype", "yes_no", "Essential")),
        ("locus,call", ["b1,N", "b2,E", "b3,N"], ("locus", "call", "yes_no", "E")),
        ("x,id,essential", ["9,b1,1", "8,b2,0"], ("id", "essential", "yes_no", "1")),
        ("gene,baseMean,log2FoldChange,lfcSE,pvalue,padj", ["b1,9,-1,.1,.01,.02", "b2,99,2,.1,.5,.6"], ("gene", "log2FoldChange", "log_change", "")),
        ("gene,fold change", ["b1,2", "b2,0.5"], ("gene", "fold change", "ratio_change", "")),
        ("gene,growth_ratio", ["b1,0.001", "b2,0.97"], ("gene", "growth_ratio", "cutoff", "")),
        ("gene,TPM", ["b1,120", "b2,3"], ("gene", "TPM", "level", "")),
    ],
)
def test_the_guess_finds_ids_values_and_what_they_mean(header: str, cells: list[str], expected: tuple[str, str, str, str]) -> None:
    tables = small_model({"R": "b1", "S": "b2", "T": "b3"})
    found = guess(read_sheet("\n".join([header, *cells]).encode()), model_names(tables))
    assert (found.ids, found.values, found.kind, found.yes) == expected
    assert found.entity == "gene"


def test_a_cut_off_calls_essential_what_lies_on_its_side() -> None:
    data = b"gene,ratio\nb0001,0.005\nb0002,0.01\nb0003,0.9\n"
    _, below = open_measurement(data, TWO)
    assert below.choice == Choice("gene", "ratio", kind="cutoff", cutoff=0.01, below=True)
    assert below.table["essential"].tolist() == [1, 0, 0]
    _, above = open_measurement(data, TWO, Choice("gene", "ratio", kind="cutoff", cutoff=0.5, below=False))
    assert above.table["essential"].tolist() == [0, 0, 1]
    assert targets(below, TWO).table["strength"].tolist() == [-0.005, -0.01, -0.9]


def test_fold_changes_reach_reactions_and_escher() -> None:
    _, found = open_measurement(b"gene,fold change\nb0001,8\nb0002,2\nb0003,0\n", TWO)
    assert any("have no logarithm" in n for n in found.notices)
    values = values_of_reactions(found, TWO)
    assert values.set_index("reaction").loc["R"].tolist() == [1, 2, 2]  # log2 of 2, the lesser subunit
    assert escher_data(values) == {"R": 1.0}
    kept = targets(found, TWO)
    assert (kept.level, kept.table["id"].tolist(), kept.table["strength"].tolist()) == ("reaction", ["R"], [1.0])


def test_reactions_can_be_measured_too(core: ModelTables) -> None:
    _, found = open_measurement(b"reaction,essential\nPFK,yes\nR_PGI,no\nEX_glc__D_e,yes\n", core)
    assert found.choice.entity == "reaction"
    kept = targets(found, core)
    assert kept.table["id"].tolist() == ["PFK", "PGI"]
    assert kept.left_out == ("EX_glc__D_e",)


# Enrichment


def test_enrichment_by_hand() -> None:
    pathways = ["A"] * 6 + ["B"] * 10 + ["C"] * 4
    scores = np.array([9, 8, 7, 6, 1, 1, 5, *([0] * 9), *([0] * 4)], dtype=float)  # the top 5: four of A, one of B
    found = pathway_enrichment([f"r{i:02}" for i in range(20)], scores, pathways, top=5)
    table = found.table.set_index("pathway")
    by_hand = {"A": sum(comb(6, k) * comb(14, 5 - k) for k in (4, 5)), "B": comb(20, 5) - comb(10, 5), "C": comb(20, 5)}
    p = np.array([by_hand[name] / comb(20, 5) for name in "ABC"])
    assert table.loc[list("ABC"), "p"].to_numpy() == pytest.approx(p)
    assert table.loc[list("ABC"), "q"].to_numpy() == pytest.approx(np.minimum.accumulate((np.sort(p) * 3 / [1, 2, 3])[::-1])[::-1])
    assert table.loc["A", ["in_top", "size", "expected", "fold", "reactions"]].tolist() == [4, 6, 1.5, pytest.approx(4 / 1.5), "r00, r01, r02, r03"]
    assert (found.top, found.background) == (5, 20)
    assert table["q"].to_numpy() == pytest.approx(false_discovery_control(table["p"]))


def test_equal_scores_stand_at_the_top_together() -> None:
    scores = np.array([2, 2, 2, 2, 1, 0, np.nan])
    assert pathway_enrichment("abcdefg", scores, "AABBCCC", top=2).top == 4  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nothing is left"):
        pathway_enrichment("abc", np.ones(3), "AAB", top=1)  # type: ignore[arg-type]


# References, networks and all of it together


def test_references_are_cobrapys_and_are_kept(core: ModelTables, references: References, core_model: cobra.Model) -> None:
    from cobra.flux_analysis import flux_variability_analysis, single_gene_deletion

    core_model.medium = {**core_model.medium, "EX_glc__D_e": 10}
    deleted = single_gene_deletion(core_model, processes=1)
    growth = {next(iter(ids)): g for ids, g in zip(deleted["ids"], deleted["growth"], strict=True)}
    expected = references.genes["gene"].map(growth).fillna(0.0) / references.growth
    assert np.allclose(references.genes["ratio"], expected, atol=1e-6)
    ranges = flux_variability_analysis(core_model, ["GAPD", "PFK", "FUM", "ICL"], fraction_of_optimum=1.0, processes=1)
    forced = references.reactions.set_index("reaction")["forced"]
    assert forced[ranges.index].to_numpy() == pytest.approx(np.maximum(0, np.maximum(ranges["minimum"], -ranges["maximum"])), abs=1e-5)
    kept = stored_references(references.key)
    assert kept is not None and kept.growth == references.growth
    pd.testing.assert_frame_equal(kept.genes, references.genes)
    pd.testing.assert_frame_equal(kept.reactions, references.reactions)


def test_components_lost_are_those_cobrapy_cannot_drain(references: References, core_model: cobra.Model) -> None:
    """Each component of the biomass alone, by a demand of its own."""
    lethal = references.genes[references.genes["ratio"] < LETHAL].set_index("gene")["components_lost"]
    assert len(lethal) == 7
    biomass = core_model.reactions.Biomass_Ecoli_core
    parts = [m for m, s in biomass.metabolites.items() if s < 0]

    def drained(gene: str | None) -> set[str]:
        made = set()
        for part in parts:
            with core_model:
                if gene:
                    core_model.genes.get_by_id(gene).knock_out()
                core_model.objective = core_model.add_boundary(part, type="demand")
                if core_model.slim_optimize(0.0) > 1e-6:
                    made.add(part.id)
        return made

    usual = drained(None)
    for gene in (lethal.index[0], lethal.index[-1]):
        assert set(filter(None, lethal[gene].split(", "))) == usual - drained(gene)


def test_nothing_grows_is_one_sentence_and_cancel_is_heard(core: ModelTables) -> None:
    with pytest.raises(InputError, match="no growth"):
        flux_references(core, medium={"EX_o2_e": 10})
    with pytest.raises(Cancelled):
        flux_references(core, medium="acetate", should_stop=lambda: True)


def test_a_networks_knockouts_are_its_predictions(core: ModelTables) -> None:
    whole = predict(core, "core", medium="aerobic glucose").growth
    genes = ["b0720", "b2975", "b1723", "s0001"]
    left = network_knockouts(core, "core", genes, medium="aerobic glucose")
    expected = [predict(core, "core", medium="aerobic glucose", knockouts=[g]).growth / whole for g in genes]
    assert left.tolist() == pytest.approx(expected, abs=1e-5)
    reactions = network_knockouts(core, "core", ["CS"], level="reaction", medium="aerobic glucose")
    assert reactions["CS"] == pytest.approx(expected[0], abs=1e-5)
    alone, beside = (network_knockouts(core, "core", ["b3870"], medium="aerobic glucose", knockouts=lost)["b3870"] for lost in ([], ["b1297"]))
    both = predict(core, "core", medium="aerobic glucose", knockouts=["b1297", "b3870"]).growth
    assert alone == pytest.approx(1.0)  # its isozyme stands in for it
    assert beside == pytest.approx(both / whole, abs=1e-5) and both < 0.1 * whole
    with pytest.raises(Cancelled):
        network_knockouts(core, "core", should_stop=lambda: True)


def essentiality(references: References, flipped: tuple[str, ...] = ()) -> bytes:
    """FBA's own calls as a file, some of them flipped."""
    calls = {g: (r < LETHAL) != (g in flipped) for g, r in zip(references.genes["gene"], references.genes["ratio"], strict=True)}
    return "\n".join(["gene,essential", *(f"{g},{'yes' if call else 'no'}" for g, call in calls.items())]).encode()


def test_the_table_holds_every_score_and_its_values(core: ModelTables, references: References) -> None:
    _, measured = open_measurement(essentiality(references), core)
    seeds = load_members("core")[:3]
    left = knockouts_over_seeds(core, seeds, medium="aerobic glucose")
    assert left[2].equals(network_knockouts(core, seeds[2], medium="aerobic glucose")) and left.shape[1] == 3
    found = compare_scores(measured, core, checkpoints=["core"], references=references, predicted={"core": left}, medium="aerobic glucose", draws=100)
    networks = [f"core: {score}" for score in ("gate", "|message|", "attention", "predicted knock-out")]
    assert found.labels == ["FBA knock-out", "pFBA |v|", "FVA-forced |v|", *networks, "degree", "1/isozymes"]
    assert found.table.iloc[0][["auroc", "auroc_low", "ap", "ap_low"]].tolist() == [1, 1, 1, 1]
    scores = found.scores.set_index("id")
    importance = reaction_importance(core, "core", medium="aerobic glucose", methods=()).table.set_index("reaction")
    assert scores.loc["b0114", "core: gate"] == pytest.approx(importance.loc[["PDH"], "gate"].max())
    assert scores.loc["b0116", "core: gate"] == pytest.approx(importance.loc[["PDH", "AKGDH"], "gate"].max())
    assert scores.loc["b3916", ["degree", "1/isozymes"]].tolist() == [5, 0.5]
    assert scores.loc["b0720", "core: predicted knock-out"] == pytest.approx(1 - left.loc["b0720", 0])
    for row, name in zip(found.table.itertuples(), found.labels, strict=True):
        assert row.auroc == pytest.approx(roc_auc_score(scores["essential"].astype(bool), scores[name]))
        assert row.auroc_low - 1e-9 <= row.auroc <= row.auroc_high + 1e-9
    every = [reaction_importance(core, seed, medium="aerobic glucose", methods=()) for seed in load_members("core")]
    gates = pd.DataFrame([one.table.set_index("reaction").loc[["PDH", "AKGDH"], "gate"].max() for one in every])[0]
    spreads = found.spreads.set_index(found.scores["id"])
    assert spreads.loc["b0116", "core: gate"] == pytest.approx(gates.std(ddof=1))
    assert list(spreads.columns) == networks
    essential = scores["essential"].astype(bool)
    of_seeds = [roc_auc_score(essential, left.loc[scores.index, k] * -1) for k in left]
    rows = found.table.set_axis(found.labels)
    assert rows.loc["core: predicted knock-out", "auroc_seed_sd"] == pytest.approx(np.std(of_seeds, ddof=1))
    assert rows.loc["core: predicted knock-out", "auroc_seed_mean"] == pytest.approx(np.mean(of_seeds))
    assert rows.loc["degree", ["auroc_seed_sd", "ap_seed_sd"]].isna().all()
    assert found.prevalence == pytest.approx(7 / len(scores))
    assert set(recall_curves(found, found.labels)) == set(found.labels)
    assert len(verdicts(found)) == 4
    clear = []
    for name, sentence in zip(networks, verdicts(found), strict=True):
        mean, sd = rows.loc[name, ["auroc_seed_mean", "auroc_seed_sd"]]
        assert sentence.startswith(name) and f"Over the seeds it is {mean:.2f} ± {sd:.2f}" in sentence
        clear.append(abs(mean - 0.5) > 2 * sd)
        assert sentence.endswith(f"{sd:.2f}." if clear[-1] else "another training may say otherwise.")
    assert {True, False} == set(clear)
    assert json.loads(json.dumps(found.manifest))["model"]["id"] == core.id


def test_conflicts_have_names_and_reasons(core: ModelTables, references: References) -> None:
    flipped = ("b1723", "b0720", "b1136")  # an isozyme of PFK is called essential, CS and ICDH are not
    _, measured = open_measurement(essentiality(references, flipped), core)
    found = compare_scores(measured, core, checkpoints=["core"], references=references, medium="aerobic glucose", draws=20)
    table = disagreements(found, references, core, score="core: gate").set_index("id")
    assert set(flipped) <= set(table.index)
    called = set(found.scores.nlargest(int(found.scores["essential"].sum()), "core: gate")["id"])
    assert set(table.index[table["network"]]) <= called
    assert not ((table["measured"] == table["fba"]) & (table["fba"] == table["network"])).any()
    assert table.loc["b1723", "isozymes"] == "b3916"
    assert table.loc["b1723", "score_seed_sd"] == found.spreads["core: gate"][found.scores["id"] == "b1723"].item() > 0
    assert table.loc["b1723", "reason"] == "isozymes (pfkA (b3916)) keep PFK"
    assert table.loc["b0720", "reason"].startswith("without CS the model cannot make") and "akg_c" not in table.loc["b0720", "function"]
    assert table.loc["b0720", "growth_ratio"] == pytest.approx(0, abs=1e-6)
    assert (table["reason"] != "").all() and set(summary(table.reset_index())["conflict"]) == set(table["conflict"])
    assert summary(table.reset_index())["with_reason"].sum() == (table["reason"] != UNKNOWN).sum()
    with pytest.raises(InputError, match="no score 'x'"):
        disagreements(found, references, core, score="x")


def test_a_gene_lost_before_is_no_isozyme_any_more(core: ModelTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path))
    with ThreadPoolExecutor(1) as pool:
        whole, beside = (flux_references(core, medium="aerobic glucose", knockouts=lost, executor=pool) for lost in ([], ["b1297"]))
    assert whole.key != beside.key
    assert beside.growth == pytest.approx(whole.growth)
    assert flux_references(core, medium="aerobic glucose", knockouts=["b1297"]).lost_genes == ("b1297",)  # read back
    left = [found.genes.set_index("gene").loc["b3870", "ratio"] for found in (whole, beside)]
    assert left == pytest.approx([1.0, 0.0], abs=1e-6)
    _, measured = open_measurement(b"gene,essential\nb3870,no\nb0720,yes\nb1723,no\n", core)
    found = compare_scores(measured, core, checkpoints=["core"], references=beside, medium="aerobic glucose", knockouts=["b1297"], draws=5)
    table = disagreements(found, beside, core, score="core: gate").set_index("id")
    assert table.loc["b3870", "reason"] == "without GLNS the model cannot make gln__L_c, which its biomass needs"
    assert table.loc["b3870", "isozymes"] == ""


@pytest.mark.parametrize(
    ("words", "values", "told"),
    [
        ("Yes No yes NO", [1, 0, 1, 0], None),
        ("essential non-essential uncertain essential", [1, 0, None, 1], "1 values in 'call' are neither yes nor no ('uncertain') and are left out"),
        ("E NE U U", [1, 0, None, None], "2 values in 'call' are neither yes nor no ('u') and are left out"),
        ("lethal fine slow fine", [1, 0, 0, 0], "3 values in 'call' are neither yes nor no ('fine', 'slow') and count as no"),
        ("lethal fine fine fine", [1, 0, 0, 0], None),
    ],
)
def test_yes_and_no_in_any_spelling(core: ModelTables, words: str, values: list[float | None], told: str | None) -> None:
    rows = zip(("b0720", "b1723", "b3916", "b0114"), words.split(), strict=True)
    _, found = open_measurement("\n".join(["gene,call", *(f"{g},{w}" for g, w in rows)]).encode(), core)
    read = dict(zip(found.table["id"], found.table["value"], strict=True))
    got = [read.get(g, np.nan) for g in ("b0720", "b1723", "b3916", "b0114")]
    assert [None if np.isnan(v) else v for v in got] == values
    assert any(told in n for n in found.notices) if told else not any("neither" in n for n in found.notices)


def test_omics_are_compared_without_labels(core: ModelTables, references: References) -> None:
    generator = np.random.default_rng(0)
    data = "\n".join(["gene\tlog2FC", *(f"{g}\t{generator.normal():.3f}" for g in core.genes)]).encode()
    _, measured = open_measurement(data, core)
    found = compare_scores(measured, core, checkpoints=["core"], references=references, draws=50)
    assert found.targets.level == "reaction" and np.isnan(found.prevalence)
    assert found.table["auroc"].isna().all() and found.table["spearman"].notna().all()
    scores = found.scores.set_index("id")
    row = found.table.set_axis(found.labels).loc["core: gate"]
    assert row["spearman"] == pytest.approx(spearmanr(scores["core: gate"], scores["value"].abs()).statistic)
    with pytest.raises(InputError, match="Amounts and changes"):
        disagreements(found, references, core, score="core: gate")


def test_figures_hold_the_numbers(core: ModelTables, references: References) -> None:
    _, measured = open_measurement(essentiality(references), core)
    found = compare_scores(measured, core, checkpoints=["core"], references=references, draws=20)
    intervals = interval_plot(found.table, "auroc", chance=0.5)
    assert list(intervals.data[0].x) == found.table["auroc"].tolist()
    assert np.allclose(np.asarray(intervals.data[0].x) + intervals.data[0].error_x.array, found.table["auroc_high"])
    assert "highest FBA knock-out with 1.000" in alt_text(intervals)
    seeded = found.table[found.table["source"] == "core"]
    assert (
        list(intervals.data[1].x) == seeded["auroc_seed_mean"].tolist() and list(intervals.data[1].error_x.array) == seeded["auroc_seed_sd"].tolist()
    )
    scatter = value_scatter(found.reactions.rename(columns={"reaction": "id", "degree": "value"}), "core: gate", "degree", "gate")
    assert scatter.data[0].customdata[0][0] == f"rxn:{found.reactions['reaction'].iloc[0]}"
    rows = pathway_enrichment(found.reactions["reaction"], found.reactions["degree"].to_numpy(), found.reactions["subsystem"], top=10).table
    bars = enrichment_bars(rows)
    assert np.allclose(bars.data[0].x, -np.log10(rows["q"][rows["in_top"] > 0].head(20)))


def test_the_command_writes_the_table(tmp_path: Path, core: ModelTables, references: References, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "m.csv"
    file.write_bytes(essentiality(references, ("b1723",)))
    assert main(["measurements", "e_coli_core", str(file), "--checkpoint", "core", "--draws", "50", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert "FBA knock-out" in said.out and "average precision" in said.out
    table = pd.read_csv(tmp_path / "out" / "ranking.csv")
    _, measured = open_measurement(file.read_bytes(), core)
    expected = compare_scores(measured, core, checkpoints=["core"], references=references, medium="aerobic glucose", draws=50)
    pd.testing.assert_frame_equal(table, expected.table)
    assert "b1723" in pd.read_csv(tmp_path / "out" / "conflicts.csv")["id"].tolist()
    assert set(pd.read_csv(tmp_path / "out" / "pathways.csv")["score"]) <= {*expected.reactions.columns}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["key"] == expected.manifest["key"] and manifest["condition"]["medium"] == "aerobic glucose"


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["nosuch.csv"], "cannot be read"),
        (["FILE", "--value", "nosuch"], "no column 'nosuch'"),
        (["FILE", "--id", "note", "--value", "essential"], "has a gene-associated reaction"),
        (["FILE", "--medium", "soup"], "no medium called 'soup'"),
        (["FILE", "--checkpoint", "nosuch"], "no checkpoint 'nosuch'"),
        (["FILE", "--id", "essential"], "is a gene of"),
    ],
)
def test_a_command_that_cannot_be_followed_is_one_line(
    arguments: list[str], fragment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "m.csv"
    file.write_text("gene,essential,note\nb0720,yes,EX_o2_e\nb1723,no,ATPM\n")
    given_arguments = [str(file) if a == "FILE" else a for a in arguments]
    assert main(["measurements", "e_coli_core", *given_arguments, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert fragment in said[-1]
    assert [line for line in said if not line.startswith("note: ")] == [said[-1]]


needs_data = pytest.mark.skipif(not MEASURED.exists(), reason=f"the measured essentiality file is not beside the project ({MEASURED.name})")


@needs_data
def test_the_essentiality_file_loads_as_it_is() -> None:
    tables = load_tables("iJO1366")
    _, found = open_measurement(MEASURED.read_bytes(), tables)
    rows = pd.read_csv(MEASURED)
    assert found.choice == Choice("gene", "ess.experimental", yes="yes")
    assert (len(found.table), int(found.table["essential"].sum()), found.unmatched, found.notices) == (1354, 234, (), ())
    assert found.table["essential"].astype(bool).tolist() == (rows["ess.experimental"] == "yes").tolist()
    table = compare_scores(found, tables, checkpoints=["core"], medium="aerobic glucose", draws=20).table.set_index("score")
    assert (table["n"] == 1354).all() and (table["positives"] == 234).all()
    assert 0.5 < table.loc["degree", "auroc"] < 0.6  # structure alone: hardly better than chance


@pytest.mark.slow
@needs_data
def test_the_essentiality_file_against_everything_on_glucose() -> None:
    tables = load_tables("iJO1366")
    _, found = open_measurement(MEASURED.read_bytes(), tables)
    solved = flux_references(tables, medium="aerobic glucose")
    table = compare_scores(found, tables, checkpoints=["core"], references=solved, medium="aerobic glucose").table.set_index("score")
    assert table.loc["FBA knock-out", "auroc_low"] > table.loc["degree", "auroc_high"]
    assert table.loc["FBA knock-out", "auroc"] == pytest.approx(0.829, abs=0.005)
    assert table.loc["FBA knock-out", "ap"] == pytest.approx(0.601, abs=0.005)
