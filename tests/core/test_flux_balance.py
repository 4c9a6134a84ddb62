"""Flux balance analysis under a condition, against COBRApy."""

from __future__ import annotations

import numpy as np
import pytest
from cobra.flux_analysis import find_blocked_reactions, flux_variability_analysis, pfba, single_gene_deletion, single_reaction_deletion

from core.errors import Cancelled, InputError
from core.metabolic.condition import own_medium
from core.metabolic.flux_balance import blocked_reactions, fba, missing_nutrients
from core.metabolic.knockouts import gene_knockout_growth, knockout_growth
from core.metabolic.media import named_media
from core.metabolic.variability import flux_variability

CORE_MEDIA = [None, "aerobic glucose", "anaerobic glucose", "acetate", "succinate", "rich"]


def _state(model):
    return [r.bounds for r in model.reactions], str(model.objective.expression), model.objective.direction


def test_growth_on_every_named_medium_is_cobras(parsed, tabled, bundled):
    model, tables = parsed(bundled), tabled(bundled)
    assert fba(model, tables=tables).growth == pytest.approx(model.slim_optimize(), abs=1e-6)
    for name, medium in named_media(tables).items():
        with model:
            model.medium = medium
            expected = model.slim_optimize()
        result = fba(model, medium=name, tables=tables)
        assert result.status == "optimal"
        assert expected > 0.1
        assert result.growth == pytest.approx(expected, abs=1e-6), name


def test_growth_of_e_coli_core_is_the_published_value(core_model):
    assert fba(core_model).growth == pytest.approx(0.8739215, abs=1e-6)
    assert fba(core_model, medium="anaerobic glucose").growth == pytest.approx(0.2116629, abs=1e-6)


def test_fluxes_balance_and_keep_their_bounds(core_model, core_tables):
    result = fba(core_model, medium="succinate")
    fluxes = result.fluxes[list(core_tables.reactions)].to_numpy()
    np.testing.assert_allclose(core_tables.stoichiometric_matrix() @ fluxes, 0.0, atol=1e-6)
    assert result.fluxes["EX_succ_e"] >= -15.0 - 1e-9
    assert result.method == "fba"
    assert result.fluxes["Biomass_Ecoli_core"] == pytest.approx(result.growth)
    assert set(result.shadow_prices.index) == set(core_tables.metabolites)


def test_gene_knock_outs_grow_as_cobras(parsed, core_tables):
    model = parsed("e_coli_core")
    for gene in core_tables.genes[::4]:
        with model:
            model.genes.get_by_id(gene).knock_out()
            expected = model.slim_optimize()
        assert fba(model, knockouts=[gene], tables=core_tables).growth == pytest.approx(expected, abs=1e-6, nan_ok=True), gene


@pytest.mark.parametrize("medium", CORE_MEDIA)
def test_parsimonious_total_flux_is_cobras(core_model, core_tables, medium):
    result = fba(core_model, medium=medium, parsimonious=True, tables=core_tables)
    plain = fba(core_model, medium=medium, tables=core_tables)
    if medium:
        core_model.medium = named_media(core_tables)[medium]
    assert result.fluxes.abs().sum() == pytest.approx(pfba(core_model).fluxes.abs().sum(), rel=1e-6)
    assert result.method == "pfba"
    np.testing.assert_allclose(result.shadow_prices["glc__D_e"], plain.shadow_prices["glc__D_e"], atol=1e-6)
    assert result.growth == pytest.approx(plain.growth, abs=1e-9) == pytest.approx(result.fluxes["Biomass_Ecoli_core"], abs=1e-6)


def test_another_objective(core_model):
    with core_model:
        core_model.objective = "ATPM"
        expected = core_model.slim_optimize()
    assert fba(core_model, objective="ATPM").growth == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(175.0, abs=1e-6)


@pytest.mark.parametrize("parsimonious", [False, True])
def test_an_infeasible_condition_has_a_status_and_no_fluxes(core_model, parsimonious):
    result = fba(core_model, medium={}, parsimonious=parsimonious)
    assert result.status == "infeasible"
    assert np.isnan(result.growth)
    assert result.fluxes.empty


def test_bounds_that_cross_are_infeasible(own_copy):
    own_copy.reactions.EX_glc__D_e.bounds = (-10.0, -5.0)
    assert fba(own_copy, medium={"EX_glc__D_e": 2.0}).status == "infeasible"
    assert blocked_reactions(own_copy, medium={"EX_glc__D_e": 2.0}) == {r.id for r in own_copy.reactions}
    assert own_copy.reactions.EX_glc__D_e.bounds == (-10.0, -5.0)


def test_the_model_is_unchanged_afterwards_also_on_an_exception(parsed):
    model = parsed("e_coli_core")
    before = _state(model)

    def stop(done, total):
        raise Cancelled

    fba(model, medium="acetate", knockouts=["b3916"], objective="ATPM", parsimonious=True)
    missing_nutrients(model, medium={})
    blocked_reactions(model, medium="rich")
    with pytest.raises(Cancelled):
        knockout_growth(model, medium="succinate", on_progress=stop)
    with pytest.raises(InputError):
        fba(model, medium="marmalade")
    assert _state(model) == before


def test_missing_nutrients_restore_growth_and_each_is_needed(core_model, core_tables):
    found = missing_nutrients(core_model, medium={}, tables=core_tables)
    assert found == ["EX_glc__D_e", "EX_nh4_e", "EX_pi_e"]
    opened = dict.fromkeys(found, 1000.0)
    assert fba(core_model, medium=opened).growth > 1e-6
    for exchange in found:
        growth = fba(core_model, medium={r: b for r, b in opened.items() if r != exchange}).growth
        assert np.isnan(growth) or growth <= 1e-6


def test_the_one_nutrient_taken_away_is_the_one_missing(core_model, core_tables):
    for taken in ("EX_glc__D_e", "EX_nh4_e", "EX_pi_e"):
        medium = {r: b for r, b in own_medium(core_tables).items() if r != taken}
        assert missing_nutrients(core_model, medium=medium, tables=core_tables) == [taken]


def test_nothing_is_missing_when_it_grows_or_when_a_knock_out_is_the_cause(core_model):
    assert missing_nutrients(core_model) == []
    assert fba(core_model, knockouts=["Biomass_Ecoli_core"]).growth == pytest.approx(0.0, abs=1e-9)
    assert missing_nutrients(core_model, knockouts=["Biomass_Ecoli_core"]) == []


def test_acetate_without_air_misses_oxygen_rather_than_sugar(core_model, core_tables):
    medium = {r: b for r, b in named_media(core_tables)["acetate"].items() if r != "EX_o2_e"}
    assert missing_nutrients(core_model, medium=medium, tables=core_tables) == ["EX_o2_e"]
    del medium["EX_h_e"]  # acetate enters with a proton
    assert missing_nutrients(core_model, medium=medium, tables=core_tables) == ["EX_h_e", "EX_o2_e"]


def test_missing_nutrient_of_a_genome_scale_model(parsed, tabled):
    tables = tabled("iJO1366")
    medium = {r: b for r, b in own_medium(tables).items() if r not in ("EX_glc__D_e", "EX_pi_e")}
    assert missing_nutrients(parsed("iJO1366"), medium=medium, tables=tables) == ["EX_glc__D_e", "EX_pi_e"]


@pytest.mark.parametrize("medium", CORE_MEDIA)
def test_blocked_reactions_are_cobras(core_model, core_tables, medium):
    found = blocked_reactions(core_model, medium=medium, tables=core_tables)
    if medium:
        core_model.medium = named_media(core_tables)[medium]
    assert found == set(find_blocked_reactions(core_model, open_exchanges=False, processes=1))


def test_blocked_reactions_under_knock_outs_are_cobras(core_model, core_tables):
    found = blocked_reactions(core_model, knockouts=["PFK", "AKGDH"], tables=core_tables)
    for reaction in ("PFK", "AKGDH"):
        core_model.reactions.get_by_id(reaction).knock_out()
    assert {"PFK", "AKGDH"} <= found == set(find_blocked_reactions(core_model, processes=1))


def test_everything_is_blocked_when_nothing_is_feasible(core_model, core_tables):
    assert blocked_reactions(core_model, medium={}, tables=core_tables) == set(core_tables.reactions)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "every"), [("iJO1366", 1), ("salmonella", 100)])
def test_blocked_reactions_of_a_genome_scale_model_are_cobras(parsed, tabled, name, every):
    """COBRApy needs minutes for all of salmonella, so there one reaction in 100 is compared."""
    model = parsed(name)
    compared = list(model.reactions)[::every]
    expected = set(find_blocked_reactions(model, reaction_list=compared, processes=1))
    assert blocked_reactions(model, tables=tabled(name)) & {r.id for r in compared} == expected


def test_knock_outs_and_ranges_of_a_genome_scale_model_are_cobras(parsed, tabled):
    """Every 65th reaction, the objective, and reactions that are essential; iJO1366 is parsed here already."""
    model, tables = parsed("iJO1366"), tabled("iJO1366")
    chosen = [*tables.reactions[::65], "BIOMASS_Ec_iJO1366_core_53p95M", "ATPM", "ENO", "PGI", "DAPDC", "MECDPS"]
    found = knockout_growth(tables, reactions=chosen, cached=False).set_index("reaction")
    _assert_cobras_deletions(found, single_reaction_deletion(model, chosen, processes=1))
    assert (found["ratio"] < 0.01).sum() >= 4 and found["ratio"].between(0.01, 0.999).any()
    genes = list(tables.genes[::40])
    found = gene_knockout_growth(tables, genes=genes, cached=False).set_index("gene")
    _assert_cobras_deletions(found, single_gene_deletion(model, genes, processes=1))
    ranges = flux_variability(tables, reactions=chosen, fraction=0.95, cached=False).set_index("reaction")
    peer = flux_variability_analysis(model, chosen, fraction_of_optimum=0.95, processes=1)
    np.testing.assert_allclose(ranges[["minimum", "maximum"]], peer, atol=1e-6)


@pytest.mark.slow
def test_every_knock_out_of_a_genome_scale_model_is_cobras(parsed, tabled):
    found = knockout_growth(tabled("iJO1366"), cached=False).set_index("reaction")
    assert len(found) == 2583
    _assert_cobras_deletions(found, single_reaction_deletion(parsed("iJO1366")))


def _assert_cobras_deletions(found, peer):
    peer = peer.assign(id=[next(iter(ids)) for ids in peer["ids"]]).set_index("id").loc[found.index]
    np.testing.assert_allclose(found["growth"], peer["growth"].astype(float), atol=1e-6, equal_nan=True)
    assert found["status"].tolist() == peer["status"].tolist()
