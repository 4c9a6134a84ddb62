"""The benchmark's table: its ratios follow from its times, and what it compares computes the same thing."""

from __future__ import annotations

import math

import pandas as pd
import pytest
import torch

from core.bench import attributions, cases, format_table, knockouts, main, rna_search, rna_walk, run, run_bench
from core.rna import _forgi
from core.rna.elements import decompose

RNA_ROWS = 2 if _forgi.version() is not None else 0
"""The walk at one length, and building a graph; none where there is no forgi to compare with."""


@pytest.fixture(scope="module")
def measured() -> tuple[pd.DataFrame, list[dict]]:
    seen: list[dict] = []
    small = {"hypergraphs": [cases.random_hypergraph(60), cases.random_hypergraph(200)], "lengths": (60,), "library": 300}
    return run_bench(on_row=seen.append, model="e_coli_core", **small), seen


def test_ratios_are_quotients_of_the_times_reported(measured):
    table, seen = measured
    assert list(table.columns) == list(run.COLUMNS)
    assert len(table) == 1 + 2 * 4 + RNA_ROWS + 2 + 2 + 1 == len(seen)
    assert (table["ours_ms"] > 0).all()
    assert (table["ratio"] == table["peer_ms"] / table["ours_ms"]).all()
    assert (table["ratio_min"] <= table["ratio_max"]).all()
    assert list(table["incidences"][1:9]) == [60] * 4 + [200] * 4
    assert list(table["gate"][1:5]) == ["none", "metabolite", "incidence", "incidence"]


def test_ours_and_the_peer_compute_the_same(measured):
    differences = measured[0]["difference"][1:]
    assert (differences < 1e-5).all()
    pair = cases.ConvPair(cases.random_hypergraph(200), cases.MODES[3])
    assert pair.layer.att.shape == (1, 4, 32)
    assert pair.difference() < 1e-5
    with torch.no_grad():
        pair.layer.lin.weight[0] += 1
    assert pair.difference() > 1e-2


def test_medians_spread_and_bounds(monkeypatch):
    """Turns of 1, 3 and 2 ms against 10, 12 and 20: ratio 12 / 2, single turns 10, 4 and 10. The first turn does not count."""
    clock = iter([0, 50, 0, 50, 0, 1, 0, 10, 0, 3, 0, 12, 0, 2, 0, 20])
    monkeypatch.setattr(run.time, "perf_counter", lambda: next(clock) / 1000)
    row = run._row("t", 150_000, "metabolite", None, "peer", lambda: None, lambda: None, 3)
    assert [round(row[name], 9) for name in ("ours_ms", "peer_ms", "ratio", "ratio_min", "ratio_max")] == [2, 12, 6, 4, 10]
    assert cases.BOUNDS == {(150_000, "metabolite", None): 4, (150_000, "incidence", None): 1.5, (150_000, "incidence", "reaction"): 3}
    line = run.format_row(row | {"bound": 4.0})
    assert line.split() == ["t", "150,000", "2.00", "12.00", "6.0x", "4.0-10.0", ">=", "4", "peer"]


def test_random_hypergraphs_are_distinct_reproducible_and_have_hubs():
    made, again, other = cases.random_hypergraph(5000), cases.random_hypergraph(5000), cases.random_hypergraph(5000, seed=1)
    assert made.hyperedge_index.shape == (2, 5000)
    assert made.hyperedge_index.unique(dim=1).shape == (2, 5000)
    assert torch.equal(made.hyperedge_index, again.hyperedge_index)
    assert not torch.equal(made.hyperedge_index, other.hyperedge_index)
    assert (made.hyperedge_index[1].diff() >= 0).all()
    assert int(made.hyperedge_index[1].max()) < made.edges
    degrees = torch.bincount(made.hyperedge_index[0], minlength=made.nodes).sort(descending=True).values
    assert 0.2 < degrees[:30].sum() / 5000 < 0.6  # 30 hubs carry 44 % of iML1515's incidences
    assert set(made.stoich.tolist()) == {-2.0, -1.0, 1.0, 2.0}


def test_quick_leaves_out_the_largest_size(monkeypatch):
    sizes: list[int] = []
    monkeypatch.setattr(run, "REPETITIONS", ((1000, 1),))
    monkeypatch.setattr(run, "random_hypergraph", lambda n: sizes.append(n) or cases.random_hypergraph(40))
    monkeypatch.setattr(run, "model_hypergraph", lambda name: cases.random_hypergraph(50))
    monkeypatch.setattr(run, "reading_pair", lambda name: (lambda: None, lambda: None))
    lengths: list[int] = []
    monkeypatch.setattr(rna_walk, "rna_cases", lambda asked: lengths.extend(asked) or iter(()))
    monkeypatch.setattr(_forgi, "version", lambda: "2.2.3")
    knocked_out: list[str] = []
    monkeypatch.setattr(run, "_knockout_rows", lambda model: knocked_out.append(model) or iter(()))
    attributed: list[str] = []
    monkeypatch.setattr(run, "_attribution_rows", lambda model: attributed.append(model) or iter(()))
    searched: list[int] = []
    monkeypatch.setattr(run, "_search_rows", lambda library: searched.append(library) or iter(()))
    run_bench(quick=True)
    assert sizes == [150_000]
    assert lengths == [75, 500, 3000]
    run_bench()
    assert sizes == [150_000, 150_000, 1_500_000]
    assert lengths == [75, 500, 3000, 75, 500, 3000, 10_000]
    assert knocked_out == attributed == ["e_coli_core", "iJO1366"]
    assert searched == [100_000, 100_000]
    monkeypatch.setattr(_forgi, "version", lambda: None)
    run_bench(quick=True)
    assert lengths[7:] == []


@pytest.mark.skipif(RNA_ROWS == 0, reason="forgi has no wheel for this platform")
def test_rna_rows_compare_the_same_elements_and_give_bases_per_second(measured):
    walk, graph = measured[0].iloc[9:11].to_dict("records")
    assert (walk["task"], walk["peer"], graph["task"]) == ("RNA elements, 60 nt", "forgi", "RNA graph, 100 nt")
    assert walk["difference"] == graph["difference"] == 0
    assert walk["nt_per_s"] == pytest.approx(1000 * 60 / walk["ours_ms"]) and graph["nt_per_s"] == pytest.approx(1000 * 100 / graph["ours_ms"])
    assert measured[0]["nt_per_s"][:9].isna().all()
    assert f"{walk['nt_per_s']:,.0f}  forgi" in run.format_row(walk)
    assert rna_walk.BOUNDS == {3000: 10}
    assert rna_walk._differing(decompose("((...))"), decompose("(.....)")) == 4


def test_searches_are_scikit_learns_and_a_difference_is_seen(measured):
    one, many = measured[0].iloc[-3:-1].to_dict("records")
    assert (one["task"], many["task"]) == ("search, 1 of 300 x 128, 1 thread", "search, 100 of 300 x 128, 1 thread")
    assert max(one["difference"], many["difference"]) < 1e-6
    pair = rna_search.SearchPair(50, 3)
    pair.ours()
    pair.theirs()
    assert pair.difference() < 1e-6
    distances, rows = pair._theirs
    distances[1, 2] += 0.25
    assert pair.difference() == pytest.approx(0.25, abs=1e-6)
    rows[0, 0] += 1
    assert pair.difference() == math.inf


def test_attributions_are_pygs_and_a_difference_is_seen(measured):
    for place, peer in enumerate(("PyG CaptumExplainer", "PyG CaptumExplainer on our layers")):
        row = measured[0].iloc[9 + RNA_ROWS + place]
        assert (row["task"], row["peer"], row["incidences"]) == ("integrated gradients, 50 points, e_coli_core", peer, 360)
        assert row["difference"] < 1e-5 and math.isnan(row["bound"])
    assert attributions.BOUNDS == {("iJO1366", "PyG's"): 3}
    for layers in ("PyG's", "ours"):
        pair = attributions.AttributionPair("toy", layers)
        pair.ours()
        pair.theirs()
        assert pair.difference() < 1e-5
        assert len(pair._theirs) == len(pair.masked) and abs(pair._ours).max() > 0
        pair._theirs[0] += abs(pair._ours).max()
        assert pair.difference() == pytest.approx(1, abs=1e-5)


def test_knock_outs_are_cobras_and_a_difference_is_seen(measured):
    row = measured[0].iloc[-1]
    assert (row["peer"], row["repetitions"]) == ("COBRApy single_reaction_deletion", 1)
    assert row["task"].startswith("95 knock-outs of e_coli_core, ")
    assert row["difference"] < 1e-6 and math.isnan(row["bound"])
    assert knockouts.BOUNDS == {"iJO1366": 4}
    pair = knockouts.KnockOutPair("toy")
    pair.processes = 1
    pair.ours()
    pair.theirs()
    assert pair.difference() < 1e-6
    pair._theirs.loc[0, "growth"] += 0.5
    assert pair.difference() == pytest.approx(0.5)
    pair._theirs.loc[0, "growth"] = float("nan")
    assert pair.difference() == math.inf


@pytest.mark.parametrize("n", [1, 5, 75, 3000])
def test_random_folds_have_their_length_and_are_reproducible(n):
    fold = rna_walk.random_fold(n)
    assert len(fold) == n and fold == rna_walk.random_fold(n)
    assert n < 20 or 0.5 < len(decompose(fold, method="walk").elements) / (n / 10) < 2
    assert n < 20 or fold != rna_walk.random_fold(n, seed=1)


def test_the_printed_table(measured, monkeypatch, capsys):
    table, _ = measured
    monkeypatch.setattr(run, "run_bench", lambda quick, on_row, ginfinity: table)
    assert main(quick=True) == 0
    out = capsys.readouterr().out
    assert f"{torch.get_num_threads()} threads" in out
    assert torch.__version__.split("+")[0] in out
    assert "torch_geometric 2." in out
    assert format_table(table) in out
    assert "read e_coli_core again" in out
    assert "COBRApy from SBML" in out
    assert "incidence gates, attention 4 heads x 16" in out
    assert math.isnan(table["bound"].max())
    monkeypatch.setattr(run, "run_bench", lambda quick, on_row, ginfinity: table.assign(difference=0.5))
    assert main(quick=True) == 1
