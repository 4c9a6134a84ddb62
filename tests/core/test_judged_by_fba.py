"""A network beside FBA: numbers are COBRApy's and a slow loop's, planted answers are found, rankings agree as counted by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable

import cobra
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import rankdata

from core.errors import Cancelled, InputError
from core.explain.flux_references import References, flux_references
from core.explain.gene_rules import counted_reactions
from core.explain.judged_by_fba import (
    BOTH,
    CLOSED,
    FBA,
    MASKED,
    NEITHER,
    ONLY_FBA,
    ONLY_NETWORK,
    UNTOLD,
    Judged,
    agreement_with_knockouts,
    hypotheses,
    judged_by_fba,
    quadrants,
)
from core.explain.masked import Masked
from core.explain.reasons import Reasons
from core.metabolic import build_hypergraph, knockout_growth
from core.metabolic.tables import ModelTables, tables_from_model
from core.models import load_checkpoint, predict
from core.models.prediction import run_network
from core.viz.judge_plots import judge_scatter
from core.viz.plots import alt_text
from tests.core.masked_functions import planted

SEEN = ("PFK", "CS", "O2t", "GLNS", "PGI", "FBP", "ATPM")
LAYOUT = {
    "feed": ({"a_e": 1}, "", 10),
    "take": ({"a_e": -1, "a_c": 1}, "g_take", 1000),
    "way1": ({"a_c": -1, "b_c": 1}, "(g0 and g1) or (g0 and g2)", 6),
    "way2": ({"a_c": -1, "b_c": 1}, "g3", 6),
    "make": ({"b_c": -1, "d_c": 1}, "g4 or g5", 1000),
    "idle": ({"b_c": -1, "a_c": 1}, "g6", 1000),
    "dead": ({"a_c": -1, "x_c": 1}, "g7", 1000),
    "grow": ({"d_c": -1}, "", 1000),
}
"""Two ways of 6 for a feed of 10: growth without one of them is 6 / 10; without "take" or "make" it is none."""
WEIGHTS = {"take": 0.5, "way1": 0.02, "way2": 0.3, "make": 0.01, "idle": 0.2, "dead": 0.15, "grow": 0.0, "feed": 0.02}


@pytest.fixture(scope="module")
def toy() -> ModelTables:
    model = cobra.Model("planted")
    for name, (parts, rule, upper) in LAYOUT.items():
        reaction = cobra.Reaction(name, name=f"{name} it", lower_bound=0, upper_bound=upper)
        model.add_reactions([reaction])
        known = {m: model.metabolites.get_by_id(m) if m in model.metabolites else cobra.Metabolite(m, compartment=m[-1]) for m in parts}
        reaction.add_metabolites({known[m]: s for m, s in parts.items()})
        reaction.gene_reaction_rule = rule
    model.objective = "grow"
    return tables_from_model(model)


def leaning(tables: ModelTables, weights: dict[str, float] = WEIGHTS) -> Masked:
    """Growth that falls by a known number with each reaction, spread evenly over its messages."""
    names = [tables.reactions[e] for e in tables.cols]
    share = torch.tensor([weights[name] / names.count(name) for name in names], dtype=torch.float64)
    function = planted(lambda m: 0.1 + m @ share, names)
    function.parts["reaction"] = names
    return function


@pytest.fixture(scope="module")
def core(tabled: Callable[[str], ModelTables]) -> ModelTables:
    return tabled("e_coli_core")


@pytest.fixture(scope="module")
def whole(core: ModelTables) -> Judged:
    return judged_by_fba(core, "core")


def test_fbas_numbers_are_cobrapys(whole: Judged, core: ModelTables, parsed: Callable[[str], cobra.Model]) -> None:
    counted = [r for r, c in zip(core.reactions, counted_reactions(core), strict=True) if c]
    assert whole.table["reaction"].tolist() == counted
    model = copy.deepcopy(parsed("e_coli_core"))
    growth = model.slim_optimize()
    solved = cobra.flux_analysis.single_reaction_deletion(model, counted, processes=1)
    left = {next(iter(ids)): g for ids, g in zip(solved["ids"], solved["growth"].fillna(0.0), strict=True)}
    rows = whole.table.set_index("reaction")
    assert rows["fba_ratio"].to_dict() == pytest.approx({r: left[r] / growth for r in counted}, abs=1e-6)
    assert rows["fba_lost"].to_dict() == pytest.approx({r: growth - left[r] for r in counted}, abs=1e-6)
    assert whole.growth == pytest.approx(growth) and rows["name"]["PFK"] == "phosphofructokinase"


def test_the_networks_numbers_are_a_slow_loops(core: ModelTables) -> None:
    network, card = load_checkpoint("core")
    found = judged_by_fba(core, (network, card), SEEN, medium="anaerobic glucose", knockouts=["ME1"])
    graph = build_hypergraph(core, medium="anaerobic glucose", knockouts=["ME1"])
    weight = torch.from_numpy(graph.bounds.objective).float()
    whole = predict(core, (network, card), medium="anaerobic glucose", knockouts=["ME1"]).growth

    def growth(mask: torch.Tensor) -> float:
        with torch.no_grad():
            return float((torch.sinh(run_network(network, graph, mask=mask).raw) * weight).sum())

    ends = growth(torch.ones(len(graph.stoich))), growth(torch.zeros(len(graph.stoich)))
    assert found.ends == pytest.approx(ends, abs=1e-5)
    for row in found.table.to_dict("records"):
        lost = ends[0] - growth((graph.hyperedge_index[1] != graph.reactions.index(row["reaction"])).float())
        assert row["ablation"] == pytest.approx(lost, abs=2e-5)
        assert row["ablation_share"] == pytest.approx(lost / (ends[0] - ends[1]), abs=1e-3)
        closed = predict(core, (network, card), medium="anaerobic glucose", knockouts=["ME1", row["reaction"]]).growth
        assert row["network_ratio"] == pytest.approx(closed / whole, abs=1e-4)
    assert found.table["reaction"].tolist() == list(SEEN) and found.table["ablation"].abs().max() > 0.05


def test_planted_answers_and_what_is_said_of_them(toy: ModelTables) -> None:
    told: list[tuple[str, int, int]] = []
    found = judged_by_fba(toy, "core", masked=leaning(toy), on_progress=lambda *step: told.append(step))
    rows = found.table.set_index("reaction")
    assert rows["ablation"].to_dict() == pytest.approx({r: WEIGHTS[r] for r in ("take", "way1", "way2", "make", "idle", "dead")})
    assert rows["ablation_share"]["take"] == pytest.approx(0.5 / 1.2) and found.ends == pytest.approx((1.3, 0.1))
    assert rows["fba_ratio"].to_dict() == pytest.approx({"take": 0, "way1": 0.6, "way2": 0.6, "make": 0, "idle": 1, "dead": 1})
    assert rows["fba_lost"]["way1"] == pytest.approx(4)
    assert rows["quadrant"].to_dict() == {
        "take": BOTH,
        "way1": ONLY_FBA,
        "way2": BOTH,
        "make": ONLY_FBA,
        "idle": ONLY_NETWORK,
        "dead": ONLY_NETWORK,
    }
    assert found.counts.to_dict() == {BOTH: 2, ONLY_FBA: 2, ONLY_NETWORK: 2, NEITHER: 0, UNTOLD: 0}
    assert "Of 6 reactions FBA needs 4 and the network leans on 4; 2 are the same, where chance gives 2.7." in found.sentence()
    assert {what for what, _, _ in told} == {FBA, CLOSED, MASKED} and told[-1] == (MASKED, 6, 6)
    known = found.table.assign(network_ratio=found.table["reaction"].map({"way1": 0.3, "make": 0.98, "idle": 0.5, "dead": 1.0}))
    said = hypotheses(Judged(known, found.growth, found.ends), flux_references(toy), toy).set_index("reaction")["hypothesis"]
    assert list(said.index) == ["make", "idle", "way1", "dead"]  # those that closed bounds do not settle, then the widest apart
    assert said["make"] == (
        "By FBA without make the model cannot make d_c, which its biomass needs, yet masking its messages costs the network 1% and closing its "
        "bounds costs the network 2%: the network may not have learned that make is needed, as isozymes stand in for each of its genes and no "
        "knock-out of one gene closes it in training; check a condition without all of g4, g5."
    )
    assert said["way1"].startswith("By FBA the best flux without way1 keeps only 60% of growth, yet masking its messages costs the network 2% while")
    assert "closing its bounds costs the network 70%: the network may read the loss from the bounds" in said["way1"]
    assert "the model grows without flux through idle" in said["idle"] and "check a medium in which it does." in said["idle"]
    assert "dead can carry no flux in this medium" in said["dead"] and "check which of its single messages counts" in said["dead"]


def test_isozymes_are_blamed_only_where_no_single_gene_closes_the_reaction(toy: ModelTables) -> None:
    references = flux_references(toy)
    why = Reasons(toy, references, gene_level=False)
    assert {r: why.closing_genes(r) for r in ("take", "way1", "make")} == {"take": ["g_take"], "way1": ["g0"], "make": []}
    found = judged_by_fba(toy, "core", ["way1", "make"], masked=leaning(toy))
    kept = Judged(found.table.assign(network_ratio=1.0), found.growth, found.ends)
    said = hypotheses(kept, references, toy).set_index("reaction")["hypothesis"]
    assert "isozymes" in said["make"] and "isozymes" not in said["way1"] and "conditions in which way1 is closed" in said["way1"]


def test_sentences_for_what_was_not_learned_and_what_is_not_known(core: ModelTables, whole: Judged) -> None:
    references = flux_references(core)
    rows = whole.table.set_index("reaction")
    pgi = rows.loc[["PGI"]].assign(quadrant=ONLY_NETWORK, network_ratio=0.5)
    gapd = rows.loc[["GAPD"]].assign(quadrant=ONLY_FBA, network_ratio=1.1, ablation_share=0.0)
    nothing = rows.loc[["CS"]].assign(quadrant=ONLY_FBA, network_ratio=np.nan)

    def said(row: pd.DataFrame, of: References = references) -> str:
        (text,) = hypotheses(Judged(row.reset_index(), 1.0, (1.0, 0.0)), of, core)["hypothesis"]
        return str(text)

    assert "another route beside PGI (growth ratio 0.99)" in said(pgi) and "may not have learned that route" in said(pgi)
    assert "costs the network nothing and closing its bounds brings the network 10%" in said(gapd) and "whether its training held" in said(gapd)
    assert "it predicts no growth here to begin with" in said(nothing)
    agreed = whole.table[whole.table["quadrant"].isin([BOTH, NEITHER])]
    assert hypotheses(Judged(agreed, whole.growth, whole.ends), references, core).empty
    everything = hypotheses(whole, references, core)
    assert set(everything["quadrant"]) == {ONLY_FBA, ONLY_NETWORK}
    assert len(everything) == whole.counts[ONLY_FBA] + whole.counts[ONLY_NETWORK] > 5
    assert everything["hypothesis"].str.fullmatch(r"By FBA .+\.").all() and everything["hypothesis"].is_unique


def test_a_quadrant_is_told_by_a_tenth_either_way() -> None:
    nan = np.nan
    found = quadrants(np.array([0.1, 0.0999, 1.0, 0.0, nan, 0.5]), np.array([0.1, 0.1, 0.0999, -0.5, 1.0, nan]))
    assert found == [BOTH, ONLY_NETWORK, ONLY_FBA, NEITHER, UNTOLD, UNTOLD]


def test_what_cannot_be_judged_is_one_sentence_and_cancel_is_heard(core: ModelTables, toy: ModelTables) -> None:
    with pytest.raises(InputError, match="FBA finds no growth"):
        judged_by_fba(core, "core", ["PFK"], medium={"EX_o2_e": 10})
    with pytest.raises(InputError, match="messages bring no growth here"):
        judged_by_fba(toy, "core", masked=leaning(toy, dict.fromkeys(WEIGHTS, 0.0)))
    with pytest.raises(InputError, match="'XYZ'"):
        judged_by_fba(core, "core", ["XYZ"])
    slowly = leaning(core, dict.fromkeys(core.reactions, 0.1))
    object.__setattr__(slowly, "rows", 1)
    medium = {"EX_glc__D_e": 7, "EX_nh4_e": 20, "EX_pi_e": 5, "EX_o2_e": 9}  # which no other test has solved
    for last in (None, CLOSED, MASKED):
        seen: list[str] = []

        def stop(last: str | None = last, seen: list[str] = seen) -> bool:
            return last is None or last in seen

        with pytest.raises(Cancelled):
            judged_by_fba(
                core,
                "core",
                ["PFK", "CS", "PGI"],
                medium=medium,
                masked=slowly,
                on_progress=lambda what, *_, seen=seen: seen.append(what),
                should_stop=stop,
            )
        assert (seen.count(CLOSED), seen.count(MASKED)) == {None: (0, 0), CLOSED: (1, 0), MASKED: (1, 1)}[last]


def precision_by_hand(sizes: list[float], positive: list[bool]) -> float:
    """Mean over the positives of the share of positives among all with as large a score."""
    return float(
        np.mean([np.mean([p for s, p in zip(sizes, positive, strict=True) if s >= one]) for one, hit in zip(sizes, positive, strict=True) if hit])
    )


def test_agreement_is_what_is_counted_by_hand() -> None:
    left = {"a": 0.0, "b": 0.005, "c": 0.5, "d": 1.0, "e": 1.0 - 1e-12, "f": np.nan, "g": np.nan}
    knockouts = pd.DataFrame({"reaction": list(left), "ratio": left.values(), "status": [*["optimal"] * 5, "infeasible", "time limit"]})
    scores = {
        "signed": pd.Series({"f": 1.0, "a": -9.0, "b": 2.0, "c": 3.0, "d": 0.5, "e": -2.0, "g": 99.0}),
        "flat": pd.Series(1.0, index=list(left)),
        "unknown": pd.Series(dtype=float),
    }
    found = agreement_with_knockouts(scores, knockouts).set_index("score")
    assert (found.loc["signed", ["n", "essential"]] == [6, 3]).all() and found["prevalence"].tolist() == [0.5] * 3
    names = ["a", "b", "c", "d", "e", "f"]
    sizes = scores["signed"].abs()[names].tolist()
    x, y = rankdata(sizes), rankdata([1, 0.995, 0.5, 0, 0, 1])
    assert found["spearman"]["signed"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found["average_precision"]["signed"] == pytest.approx(precision_by_hand(sizes, [True, True, False, False, False, True]))
    assert found["average_precision"]["flat"] == 0.5 and np.isnan(found["spearman"]["flat"])
    assert found["n"]["unknown"] == 0 and np.isnan(found["average_precision"]["unknown"])
    fewer = agreement_with_knockouts({**scores, "short": pd.Series({"a": 1.0, "c": 2.0, "d": 3.0})}, knockouts).set_index("score")
    assert fewer["n"].tolist() == [3, 3, 0, 3] and fewer["spearman"]["short"] == pytest.approx(-1) and fewer["spearman"]["signed"] == pytest.approx(1)
    assert agreement_with_knockouts({}, knockouts).empty


def test_on_a_trained_network_closed_bounds_agree_and_degree_does_not(whole: Judged, core: ModelTables) -> None:
    rows = whole.table.set_index("reaction")
    solved = knockout_growth(core, reactions=rows.index)
    scores = {"occlusion": rows["ablation"], "knockout": 1 - rows["network_ratio"]}
    found = agreement_with_knockouts(scores, solved, tables=core, draws=200).set_index("score")
    assert found.index.tolist() == ["occlusion", "knockout", "degree"]
    assert found["average_precision"]["knockout"] > 0.9 > found["average_precision"]["occlusion"] > found["average_precision"]["degree"]
    essential = (rows["fba_ratio"] < 0.01).tolist()
    degree = np.bincount(core.cols)[[core.reactions.index(r) for r in rows.index]].tolist()
    assert found["average_precision"]["degree"] == pytest.approx(precision_by_hand(degree, essential))
    assert found["prevalence"]["degree"] == pytest.approx(np.mean(essential))
    own = agreement_with_knockouts({"degree": rows["fba_lost"].round(6)}, flux_references(core).reactions, tables=core, draws=10)
    assert len(own) == 1 and own["spearman"][0] == pytest.approx(1)  # a degree that was given is not computed again
    assert (found["spearman_low"] <= found["spearman"]).all() and (found["spearman"] <= found["spearman_high"]).all()


def test_the_scatter_has_a_dot_a_reaction_and_the_lines_of_a_tenth(whole: Judged) -> None:
    figure = judge_scatter(whole.table, selected="PGI")
    dots = [trace for trace in figure.data if trace.name != "selected"]
    assert {trace.name.rpartition(" (")[0]: len(trace.x) for trace in dots} == {q: n for q, n in whole.counts.items() if n}
    places = {custom[0]: (x, y) for trace in dots for custom, x, y in zip(trace.customdata, trace.x, trace.y, strict=True)}
    row = whole.table.set_index("reaction").loc["PGI"]
    assert places["rxn:PGI"] == pytest.approx((100 * (1 - row["fba_ratio"]), 100 * row["ablation_share"]))
    (ring,) = [trace for trace in figure.data if trace.name == "selected"]
    assert (ring.x[0], ring.y[0]) == pytest.approx(places["rxn:PGI"])
    assert sorted((line.x0, line.x1) if line.x0 == line.x1 else (line.y0, line.y1) for line in figure.layout.shapes) == [(10, 10), (10, 10)]
    assert f"{whole.counts[BOTH]} both need it" in alt_text(figure) and all(trace.type == "scatter" for trace in dots)
    many = pd.concat([whole.table] * 20)
    assert all(trace.type == "scattergl" for trace in judge_scatter(many).data)
    unsafe = whole.table.head(1).assign(reaction="<b>", name="a & b")
    assert "&lt;b&gt;: a &amp; b" in judge_scatter(unsafe).data[0].hovertext[0]
