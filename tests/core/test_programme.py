"""The linear programme on HiGHS, against COBRApy's GLPK."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cobra.flux_analysis import pfba

from core.metabolic.condition import apply_condition
from core.metabolic.flux_balance import fba
from core.metabolic.media import named_media
from core.metabolic.programme import FluxProgramme
from core.metabolic.reading import load_model, load_tables
from core.metabolic.tables import tables_from_model

CORE_MEDIA = ["aerobic glucose", "anaerobic glucose", "acetate", "succinate", "rich"]

SILENT = """
import sys
from core.metabolic import fba, flux_variability, gene_knockout_growth, knockout_growth, load_tables, missing_nutrients
tables = load_tables("e_coli_core")
for parsimonious in (False, True):
    assert abs(fba(tables, parsimonious=parsimonious).growth - 0.8739215) < 1e-6
assert missing_nutrients(tables, medium={}) == ["EX_glc__D_e", "EX_nh4_e", "EX_pi_e"]
assert len(knockout_growth(tables, cached=False)) == 95
assert len(gene_knockout_growth(tables, cached=False)) == 137
assert len(flux_variability(tables, reactions=["PFK"], cached=False)) == 1
assert "cobra" not in sys.modules
"""


def test_solving_prints_nothing_and_needs_no_cobrapy():
    """HiGHS printed a banner on the first programme of a process although its output was off."""
    done = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_one_programme_follows_media_knock_outs_and_objectives(core_model, core_tables):
    programme = FluxProgramme(core_tables)
    for medium in [*CORE_MEDIA, *reversed(CORE_MEDIA)]:
        for knockouts, objective in (((), None), (("PFK", "AKGDH"), None), ((), "ATPM"), ((), None)):
            bounds = apply_condition(core_tables, medium=medium, knockouts=knockouts, objective=objective)
            with core_model:
                core_model.medium = named_media(core_tables)[medium]
                for reaction in knockouts:
                    core_model.reactions.get_by_id(reaction).knock_out()
                if objective:
                    core_model.objective = objective
                expected = core_model.slim_optimize()
            found = programme.maximise(bounds.lower, bounds.upper, bounds.objective)
            assert found.value == pytest.approx(expected, abs=1e-6, nan_ok=True), (medium, knockouts, objective)
            assert found.status == core_model.solver.status or np.isnan(expected)
            if found.fluxes is not None:
                np.testing.assert_allclose(core_tables.stoichiometric_matrix() @ found.fluxes, 0.0, atol=1e-6)
                assert (found.fluxes >= bounds.lower - 1e-6).all() and (found.fluxes <= bounds.upper + 1e-6).all()


@pytest.mark.parametrize("medium", ["aerobic glucose", "anaerobic glucose", "acetate", "succinate"])
def test_parsimonious_fluxes_are_cobras(core_model, core_tables, medium):
    """On these media the least total flux is reached by one distribution only."""
    programme = FluxProgramme(core_tables, split=True)
    for given in ("rich", medium):
        bounds = apply_condition(core_tables, medium=given)
        found = programme.parsimonious(bounds.lower, bounds.upper, bounds.objective)
    core_model.medium = named_media(core_tables)[medium]
    expected = pfba(core_model)
    assert found.value == pytest.approx(core_model.slim_optimize(), abs=1e-6)
    np.testing.assert_allclose(found.fluxes, expected.fluxes[list(core_tables.reactions)], atol=1e-5)
    assert np.abs(found.fluxes).sum() == pytest.approx(expected.objective_value, rel=1e-6)


@pytest.mark.parametrize("split", [False, True])
def test_shadow_prices_are_cobras_and_finite_differences(core_model, core_tables, split):
    """What a unit of a metabolite that has to be left over does to growth, where leaving a little over or putting a little in agree."""
    bounds = apply_condition(core_tables)
    programme = FluxProgramme(core_tables, split=split)
    solved = (programme.parsimonious if split else programme.maximise)(bounds.lower, bounds.upper, bounds.objective)
    expected = core_model.optimize().shadow_prices[list(core_tables.metabolites)].to_numpy()
    step, compared = 1e-4, []
    for row in range(len(core_tables.metabolites)):
        growth = {left_over: _growth_leaving(core_model, core_tables.metabolites[row], left_over) for left_over in (step, -step)}
        more, less = (growth[step] - solved.value) / step, (solved.value - growth[-step]) / step
        if abs(more - less) < 1e-5:
            compared.append(row)
            assert solved.prices[row] == pytest.approx(more, abs=1e-5), core_tables.metabolites[row]
            assert solved.prices[row] == pytest.approx(expected[row], abs=1e-5)
    assert len(compared) > 30
    assert solved.prices[core_tables.metabolite_index()["glc__D_e"]] < -0.05  # a glucose left over is growth lost


def _growth_leaving(model, metabolite, amount):
    """Growth when so much of a metabolite has to be left over (has to be used up, when negative)."""
    balance = model.constraints[metabolite]
    balance.lb, balance.ub = min(0.0, amount), max(0.0, amount)
    balance.lb = balance.ub = amount
    growth = model.slim_optimize()
    balance.lb, balance.ub = min(0.0, amount), max(0.0, amount)
    balance.lb = balance.ub = 0.0
    return growth


def test_the_same_start_gives_the_same_numbers_whatever_was_solved_between():
    tables = load_tables("iJO1366")
    programme = FluxProgramme(tables)
    assert programme.maximise(tables.lower, tables.upper, tables.objective).value == pytest.approx(0.9823718, abs=1e-6)
    start = programme.end()

    def without(reaction):
        lower, upper = tables.lower.copy(), tables.upper.copy()
        lower[reaction] = upper[reaction] = 0.0
        return programme.maximise(lower, upper, tables.objective, start=start)

    reaction = tables.reaction_index()["PGI"]
    first = without(reaction)
    for other in ("ENO", "PFL", "ATPS4rpp", "BIOMASS_Ec_iJO1366_core_53p95M"):
        without(tables.reaction_index()[other])
    again = without(reaction)
    assert 0.9 < first.value < 0.9823
    assert first.value == again.value
    np.testing.assert_array_equal(first.fluxes, again.fluxes)


def test_what_cannot_be_solved_has_cobras_status(core_tables):
    programme = FluxProgramme(core_tables, split=True)
    starved = apply_condition(core_tables, medium={})
    for solve in (programme.maximise, programme.parsimonious):
        assert solve(starved.lower, starved.upper, starved.objective)[1:] == ("infeasible", None, None)
        crossed = solve(np.ones(95), np.zeros(95), core_tables.objective)
        assert np.isnan(crossed.value) and crossed.status == "infeasible"
    toy = load_model("toy")
    for reaction, bounds in {"EX_A": (-np.inf, 0), "A_to_2B": (0, np.inf), "DM_B": (0, np.inf)}.items():
        toy.reactions.get_by_id(reaction).bounds = bounds
    toy.slim_optimize()
    tables = tables_from_model(toy)
    found = FluxProgramme(tables).maximise(tables.lower, tables.upper, tables.objective)
    assert found.status == toy.solver.status == "unbounded" and np.isnan(found.value)
    assert programme.maximise(core_tables.lower, core_tables.upper, core_tables.objective).value == pytest.approx(0.8739215, abs=1e-6)


def test_a_minimised_objective_is_maximised_with_its_sign_turned(own_copy):
    own_copy.objective = "EX_glc__D_e"  # least uptake that keeps the cell alive
    own_copy.objective_direction = "max"
    own_copy.reactions.Biomass_Ecoli_core.lower_bound = 0.5
    most = own_copy.slim_optimize()
    own_copy.objective = {own_copy.reactions.EX_glc__D_e: -1.0}
    own_copy.objective_direction = "min"
    tables = tables_from_model(own_copy)
    found = FluxProgramme(tables).maximise(tables.lower, tables.upper, tables.objective)
    assert found.value == pytest.approx(-own_copy.slim_optimize(), abs=1e-6) == pytest.approx(most, abs=1e-6)
    assert most < -1
    assert fba(own_copy).growth == pytest.approx(own_copy.slim_optimize(), abs=1e-6)
    prices = own_copy.optimize().shadow_prices
    assert fba(own_copy).shadow_prices["glc__D_e"] == pytest.approx(prices["glc__D_e"], abs=1e-6)
    assert prices["glc__D_e"] == pytest.approx(1.0)


def test_a_held_objective_bounds_what_follows_until_it_is_lifted(core_tables):
    programme = FluxProgramme(core_tables)
    lower, upper, growth = core_tables.lower, core_tables.upper, core_tables.objective
    ethanol = np.zeros(95)
    ethanol[core_tables.reaction_index()["EX_etoh_e"]] = 1.0
    free = programme.maximise(lower, upper, ethanol)
    programme.hold(growth, 0.4)
    held = programme.maximise(lower, upper, ethanol)
    assert growth @ free.fluxes < 0.4 - 1e-6 <= growth @ held.fluxes
    assert held.value < free.value - 1
    programme.hold(growth, -np.inf)
    assert programme.maximise(lower, upper, ethanol).value == pytest.approx(free.value, abs=1e-6)


def test_parsimonious_solves_need_a_split_programme(core_tables):
    with pytest.raises(ValueError, match="split=True"):
        FluxProgramme(core_tables).parsimonious(core_tables.lower, core_tables.upper, core_tables.objective)
    assert FluxProgramme(replace(core_tables, objective=np.zeros(95))).maximise(core_tables.lower, core_tables.upper, np.zeros(95)).value == 0.0
