"""Growth after the loss of reactions and genes, against COBRApy's deletions."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
from concurrent.futures import ProcessPoolExecutor

import cobra
import numpy as np
import pytest
from cobra.flux_analysis import single_gene_deletion, single_reaction_deletion

from core import storage
from core.errors import Cancelled, InputError
from core.metabolic import knockouts as module
from core.metabolic.flux_balance import fba
from core.metabolic.knockouts import gene_knockout_growth, knockout_growth
from core.metabolic.media import named_media
from core.metabolic.programme import FluxProgramme, Solved
from core.metabolic.reading import load_model, load_tables
from core.metabolic.tables import load_tables_file, save_tables, tables_from_model

MEDIA = [None, "anaerobic glucose", "acetate"]


def _peer(deleted):
    """COBRApy's table by id."""
    return deleted.assign(id=[next(iter(ids)) for ids in deleted["ids"]]).set_index("id")


def _assert_cobras(table, peer, wild_type):
    """The same growth, ratio and status in every row of the first table."""
    expected = peer.loc[table.iloc[:, 0]]
    growth = expected["growth"].to_numpy(dtype=float)
    np.testing.assert_allclose(table["growth"], growth, atol=1e-6, equal_nan=True)
    np.testing.assert_allclose(table["ratio"], growth / wild_type, atol=1e-5, equal_nan=True)
    assert table["status"].tolist() == expected["status"].tolist()


@pytest.mark.parametrize("medium", MEDIA)
def test_reactions_and_genes_grow_as_cobras_single_deletions(core_model, core_tables, medium):
    reactions, genes = knockout_growth(core_model, medium=medium, cached=False), gene_knockout_growth(core_tables, medium=medium, cached=False)
    if medium:
        core_model.medium = named_media(core_tables)[medium]
    wild_type = core_model.slim_optimize()
    _assert_cobras(reactions, _peer(single_reaction_deletion(core_model, processes=1)), wild_type)
    _assert_cobras(genes, _peer(single_gene_deletion(core_model, processes=1)), wild_type)
    assert reactions["reaction"].tolist() == list(core_tables.reactions)
    assert genes["gene"].tolist() == list(core_tables.genes)
    assert {"optimal", "infeasible"} == set(reactions["status"])


def test_reactions_lost_are_those_cobra_closes(core_model, core_tables):
    table = gene_knockout_growth(core_tables, cached=False).set_index("gene")
    for gene in core_model.genes:
        with core_model:
            gene.functional = False
            assert table.loc[gene.id, "reactions_lost"] == sum(not r.functional for r in gene.reactions), gene.id
    assert table["reactions_lost"].max() > 1 and (table["reactions_lost"] == 0).any()


def test_knock_outs_and_an_objective_come_before_what_is_lost(core_model, core_tables):
    """b3916 and b1723 make one isozyme each of PFK: only without the first does the second matter."""
    given = {"knockouts": ["b3916", "AKGDH"], "objective": "ATPM"}
    genes = gene_knockout_growth(core_tables, genes=["b1723", "b3916"], cached=False, **given)
    reactions = knockout_growth(core_tables, reactions=["PFK", "AKGDH"], cached=False, **given)
    core_model.objective = "ATPM"
    core_model.reactions.AKGDH.knock_out()
    without = core_model.slim_optimize()
    core_model.reactions.PFK.knock_out()
    assert genes["growth"].tolist() == pytest.approx([core_model.slim_optimize(), without], abs=1e-6)
    assert genes["reactions_lost"].tolist() == [1, 0]
    assert reactions["growth"].tolist() == pytest.approx(genes["growth"].tolist(), abs=1e-9)
    assert reactions["ratio"].tolist() == pytest.approx([core_model.slim_optimize() / without, 1.0], abs=1e-6)
    assert without - core_model.slim_optimize() > 1


def test_a_minimised_objective_keeps_cobras_sign(own_copy):
    own_copy.objective = {own_copy.reactions.EX_glc__D_e: -1.0}
    own_copy.objective_direction = "min"
    own_copy.reactions.Biomass_Ecoli_core.lower_bound = 0.5
    peer = _peer(single_reaction_deletion(own_copy, ["PFK", "FRD7", "ENO", "O2t"], processes=1))
    _assert_cobras(knockout_growth(own_copy, reactions=["PFK", "FRD7", "ENO", "O2t"], cached=False), peer, own_copy.slim_optimize())
    assert own_copy.slim_optimize() > 1


def test_tables_remember_that_the_objective_is_minimised(own_copy, tmp_path):
    """Computing on tables once turned the sign of a minimised objective."""
    own_copy.objective = {own_copy.reactions.EX_glc__D_e: -1.0}
    own_copy.objective_direction = "min"
    own_copy.reactions.Biomass_Ecoli_core.lower_bound = 0.5
    tables = load_tables_file(save_tables(tables_from_model(own_copy), tmp_path / "minimised.npz"))
    assert tables is not None
    assert fba(tables, parsimonious=True).growth == pytest.approx(own_copy.slim_optimize(), abs=1e-6)
    assert fba(tables, objective="ATPM").growth == pytest.approx(fba(own_copy, objective="ATPM").growth, abs=1e-6)


def test_knock_outs_of_an_infeasible_state_free_it_only_where_flux_is_forced(core_model):
    table = knockout_growth(core_model, medium={}, cached=False).set_index("reaction")
    assert table.loc["ATPM", "status"] == "optimal"
    assert table.loc["ATPM", "growth"] == pytest.approx(0.0, abs=1e-9)
    assert set(table.drop("ATPM")["status"]) == {"infeasible"}
    assert table["ratio"].isna().all() and table.drop("ATPM")["growth"].isna().all()


def test_knock_outs_of_an_unbounded_state_bound_it():
    toy = load_model("toy")
    for reaction, bounds in {"EX_A": (-np.inf, 0), "A_to_2B": (0, np.inf), "DM_B": (0, np.inf)}.items():
        toy.reactions.get_by_id(reaction).bounds = bounds
    toy.add_boundary(toy.metabolites.B, type="sink")
    table = knockout_growth(toy, cached=False).set_index("reaction")
    assert table.loc[["EX_A", "A_to_2B"], "growth"].tolist() == pytest.approx([1000.0, 1000.0])
    assert table.loc["SK_B", "status"] == "unbounded" and np.isnan(table.loc["SK_B", "growth"])
    assert table["ratio"].isna().all()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_closed_forced_or_reversed_reactions_and_genes_grow_as_cobras(own_copy, seed):
    """Chains that hold a forced flux, dead ends that have to flow, reactions written backwards, an objective of two reactions."""
    draw = random.Random(seed)
    for reaction in draw.sample(own_copy.reactions, 12):
        reaction.bounds = draw.choice([(0.0, 0.0), (-1000.0, 1000.0), (0.0, 5.0), (-5.0, 0.0)])
    forced = draw.choice(["ENO", "EX_etoh_e", "PGI", "EX_succ_e", "FRUpts2"])
    own_copy.reactions.get_by_id(forced).bounds = (0.3, 20.0)
    for reaction in draw.sample(own_copy.reactions, 10):
        lower, upper = reaction.bounds
        reaction.add_metabolites({m: -(1 + draw.choice([1.0, 0.25])) * s for m, s in reaction.metabolites.items()})
        reaction.bounds = (-upper, -lower)
    own_copy.objective = {own_copy.reactions.Biomass_Ecoli_core: 1.0, own_copy.reactions.EX_ac_e: 0.02}
    wild_type = own_copy.slim_optimize()
    reactions, genes = knockout_growth(own_copy, cached=False), gene_knockout_growth(own_copy, cached=False)
    deleted = _peer(single_reaction_deletion(own_copy, processes=1))
    _assert_cobras(reactions, deleted, wild_type)
    _assert_cobras(genes, _peer(single_gene_deletion(own_copy, processes=1)), wild_type)


def test_what_is_lost_in_a_chain_with_a_forced_flux_is_infeasible_unless_it_is_that_flux():
    toy = load_model("toy")
    toy.reactions.A_to_2B.lower_bound = 1.0
    table = knockout_growth(toy, cached=False)
    assert table["status"].tolist() == ["infeasible", "optimal", "infeasible"]
    assert table["growth"].tolist() == pytest.approx([np.nan, 0.0, np.nan], nan_ok=True)
    toy.reactions.A_to_2B.lower_bound = 0.0
    toy.add_boundary(cobra.Metabolite("C", compartment="c"), type="demand").lower_bound = 1.0  # nothing makes C
    table = knockout_growth(toy, cached=False)
    assert table["status"].tolist() == ["infeasible"] * 3 + ["optimal"]
    assert table["growth"].tolist()[3] == pytest.approx(20.0)


def test_only_what_flows_is_solved_and_a_chain_once():
    """Of the 2,583 reactions of iJO1366 some 450 have flux at the optimum, many of them in one chain."""
    tables = load_tables("iJO1366")
    seen = []
    table = knockout_growth(tables, on_progress=lambda done, total: seen.append((done, total)), cached=False)
    dones, totals = zip(*seen, strict=True)
    assert set(totals) == {dones[-1]} and 100 < dones[-1] <= 440
    assert list(dones) == sorted(set(dones))
    assert (table["ratio"] < 1e-6).sum() + table["growth"].isna().sum() == 289  # the essential reactions COBRApy finds


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_any_executor_and_any_number_of_workers_give_the_same_numbers(core_tables, where):
    alone = knockout_growth(core_tables, processes=1, cached=False)
    if where == "threads":
        other = knockout_growth(core_tables, processes=3, cached=False)
    else:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            other = knockout_growth(core_tables, executor=pool, cached=False)
    np.testing.assert_allclose(alone["growth"], other["growth"], atol=1e-9, equal_nan=True)
    assert alone["status"].tolist() == other["status"].tolist()


def test_what_a_dead_worker_left_is_solved_here(core_tables):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(os._exit, 1)
        other = knockout_growth(core_tables, executor=pool, cached=False)
    np.testing.assert_allclose(knockout_growth(core_tables, cached=False)["growth"], other["growth"], atol=1e-9, equal_nan=True)


def test_cancel_ends_the_workers_and_keeps_what_was_solved(core_tables):
    medium, solved, rest = {"EX_glc__D_e": 7.5, "EX_o2_e": 9.0, "EX_nh4_e": 50.0, "EX_pi_e": 50.0, "EX_h2o_e": 50.0, "EX_h_e": 50.0}, [], []
    with pytest.raises(Cancelled):
        knockout_growth(
            core_tables, medium=medium, processes=1, on_progress=lambda done, total: solved.append((done, total)), should_stop=lambda: bool(solved)
        )
    assert not [t for t in threading.enumerate() if t.name.startswith("solve")]
    table = knockout_growth(core_tables, medium=medium, on_progress=lambda done, total: rest.append((done, total)))
    assert 0 < solved[-1][0] < solved[-1][1]
    assert 0 < rest[-1][0] == rest[-1][1] <= solved[-1][1] - solved[-1][0]
    np.testing.assert_allclose(table["growth"], knockout_growth(core_tables, medium=medium, cached=False)["growth"], atol=1e-9)


def test_an_exception_in_on_progress_stops_the_work_and_leaves_no_workers(core_tables):
    def left(done, total):
        raise RuntimeError("the page was left")

    with pytest.raises(RuntimeError, match="the page was left"):
        knockout_growth(core_tables, on_progress=left, processes=3, cached=False)
    assert not [t for t in threading.enumerate() if t.name.startswith("solve")]


def test_results_are_kept_by_content_and_a_damaged_file_is_made_anew(core_tables, tmp_path, monkeypatch):
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path))
    first = knockout_growth(core_tables, medium="acetate")
    (file,) = (storage.folder("cache") / "solved").glob("*.npz")
    with monkeypatch.context() as patch:
        patch.setattr(module, "FluxProgramme", None)  # nothing is solved again
        again = knockout_growth(core_tables, medium="acetate", reactions=["PFK", "ENO"], on_progress=lambda *_: pytest.fail("nothing to do"))
        assert again["growth"].tolist() == first.set_index("reaction").loc[["PFK", "ENO"], "growth"].tolist()
        assert again["ratio"].tolist() == first.set_index("reaction").loc[["PFK", "ENO"], "ratio"].tolist()
        same = named_media(core_tables)["acetate"]
        assert knockout_growth(core_tables, medium=same).equals(first)  # what counts is the condition, not its name
        with pytest.raises(TypeError):
            knockout_growth(core_tables, medium="succinate")
    whole = file.read_bytes()
    for damage in (b"", b"PK\x03\x04 nothing", whole[: len(whole) // 2]):
        file.write_bytes(damage)
        assert knockout_growth(core_tables, medium="acetate").equals(first)
        assert file.read_bytes() != damage
    genes = gene_knockout_growth(core_tables, medium="acetate")
    with monkeypatch.context() as patch:
        patch.setattr(module, "FluxProgramme", None)
        assert gene_knockout_growth(core_tables, medium="acetate").equals(genes)


def test_another_model_of_the_same_name_has_results_of_its_own(own_copy, core_tables):
    before = knockout_growth(core_tables, reactions=["PFK"])["growth"][0]
    own_copy.reactions.EX_glc__D_e.lower_bound = -5.0
    after = knockout_growth(tables_from_model(own_copy), reactions=["PFK"])["growth"][0]
    assert after < before - 0.1


def test_a_solve_that_fails_is_nan_with_a_status(core_tables, monkeypatch):
    """The base solve goes through; the knock-outs, which start from it, may take no step."""
    solve = FluxProgramme.maximise

    def hindered(self, lower, upper, objective, *, start=None) -> Solved:
        self._highs.setOptionValue("simplex_iteration_limit", 2**30 if start is None else 0)
        return solve(self, lower, upper, objective, start=start)

    monkeypatch.setattr(FluxProgramme, "maximise", hindered)
    table = knockout_growth(core_tables, reactions=["PFK", "FRD7", "ENO"], cached=False)
    assert table["status"].tolist() == ["iteration limit reached", "optimal", "iteration limit reached"]
    assert table["growth"].isna().tolist() == table["ratio"].isna().tolist() == [True, False, True]


def test_chosen_reactions_keep_their_order_and_unknown_ones_are_named(core_tables):
    seen = []
    table = knockout_growth(core_tables, reactions=["PFK", "ENO", "FRD7"], on_progress=lambda *now: seen.append(now), cached=False)
    assert seen == [(2, 2)]  # FRD7 carries no flux
    assert table["reaction"].tolist() == ["PFK", "ENO", "FRD7"]
    assert table["ratio"].tolist() == pytest.approx([0.704037 / 0.873922, 0.0, 1.0], abs=1e-4)
    with pytest.raises(InputError, match="NOPE"):
        knockout_growth(core_tables, reactions=["NOPE"])
    with pytest.raises(InputError, match="b9999"):
        gene_knockout_growth(core_tables, genes=["b9999"])
    assert knockout_growth(core_tables, reactions=[], cached=False).empty
