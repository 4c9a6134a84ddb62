"""Conditions and named media mean what COBRApy's ``model.medium`` and ``knock_out`` mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.metabolic.condition import apply_condition, as_networks_read, demands, own_medium, resolve_medium
from core.metabolic.flux_balance import fba
from core.metabolic.hypergraph import build_hypergraph
from core.metabolic.media import carbon_exchanges, find_exchange, named_media, nutrient_name
from core.metabolic.tables import tables_from_model
from core.models import predict

CORE_MEDIA = ["aerobic glucose", "anaerobic glucose", "acetate", "succinate", "rich"]


def _bounds(model):
    return np.array([r.bounds for r in model.reactions]).T


def _assert_bounds(bounds, model):
    lower, upper = _bounds(model)
    np.testing.assert_array_equal(bounds.lower, lower)
    np.testing.assert_array_equal(bounds.upper, upper)


def test_networks_read_water_and_protons_as_without_limit(core_tables, tabled):
    own = apply_condition(core_tables)
    assert as_networks_read(core_tables, own) is own
    salmonella = tabled("salmonella")
    bounds = apply_condition(salmonella, medium={"EX_h2o_e": 100.0, "EX_h_e": 99.0, "EX_glc__D_e": 100.0})
    given = as_networks_read(salmonella, bounds)
    water, proton, glucose = (salmonella.reactions.index(r) for r in ("EX_h2o_e", "EX_h_e", "EX_glc__D_e"))
    assert given.lower[[water, proton, glucose]].tolist() == [-1000.0, -99.0, -100.0]
    assert given.uptake[[water, proton, glucose]].tolist() == [1000.0, 99.0, 100.0]
    assert bounds.lower[water] == -100.0  # what FBA is given stays
    several = replace(bounds, lower=np.stack([bounds.lower, own_lower := given.lower]), uptake=np.stack([bounds.uptake, given.uptake]))
    np.testing.assert_array_equal(as_networks_read(salmonella, several).lower, np.stack([own_lower] * 2))


@pytest.mark.parametrize("network", ["core", "genome"])
def test_what_a_network_predicts_does_not_depend_on_how_no_limit_is_written(tabled, network):
    salmonella = tabled("salmonella")
    assert own_medium(salmonella)["EX_h2o_e"] == 100.0
    predicted = predict(salmonella, network).fluxes
    assert predicted.abs().max() > 1
    again = predict(salmonella, network, medium=own_medium(salmonella) | {"EX_h2o_e": 1000.0, "EX_h_e": 1000.0})
    np.testing.assert_array_equal(predicted, again.fluxes)


def test_own_medium_is_cobras(parsed, tabled, bundled):
    assert own_medium(tabled(bundled)) == parsed(bundled).medium


def test_every_named_medium_leaves_cobras_bounds(parsed, tabled, bundled):
    tables = tabled(bundled)
    for name, medium in named_media(tables).items():
        with parsed(bundled) as model:
            model.medium = medium
            _assert_bounds(apply_condition(tables, medium=name), model)


def test_an_empty_medium_closes_every_uptake(core_model, core_tables):
    core_model.medium = {}
    bounds = apply_condition(core_tables, medium={})
    _assert_bounds(bounds, core_model)
    assert not bounds.uptake.any()


def test_a_forced_secretion_stays_forced(own_copy):
    own_copy.reactions.EX_co2_e.bounds = (5.0, 1000.0)
    tables = tables_from_model(own_copy)
    own_copy.medium = {"EX_glc__D_e": 3.0}
    _assert_bounds(apply_condition(tables, medium={"EX_glc__D_e": 3.0}), own_copy)


def test_an_exchange_written_backwards_takes_up_with_positive_flux(own_copy):
    glucose = own_copy.reactions.EX_glc__D_e
    glucose.add_metabolites({own_copy.metabolites.glc__D_e: 2.0})
    glucose.bounds = (-1000.0, 10.0)
    tables = tables_from_model(own_copy)
    assert own_medium(tables)["EX_glc__D_e"] == 10.0 == own_copy.medium["EX_glc__D_e"]
    own_copy.medium = {"EX_glc__D_e": 4.0}
    bounds = apply_condition(tables, medium={"EX_glc__D_e": 4.0})
    _assert_bounds(bounds, own_copy)
    assert bounds.uptake[tables.reaction_index()["EX_glc__D_e"]] == 4.0


def test_gene_knock_outs_close_what_cobra_closes(parsed, core_tables):
    for gene in core_tables.genes:
        with parsed("e_coli_core") as model:
            model.genes.get_by_id(gene).knock_out()
            _assert_bounds(apply_condition(core_tables, knockouts=[gene]), model)


def test_two_isozymes_close_a_reaction_only_together(parsed, core_tables):
    pfk = core_tables.reaction_index()["PFK"]
    assert core_tables.gprs[pfk] == "b3916 or b1723"
    assert not apply_condition(core_tables, knockouts=["b3916"]).knocked_out[pfk]
    assert apply_condition(core_tables, knockouts=["b3916", "b1723"]).knocked_out[pfk]
    with parsed("e_coli_core") as model:
        model.genes.b3916.knock_out()
        model.genes.b1723.knock_out()
        _assert_bounds(apply_condition(core_tables, knockouts=["b3916", "b1723"]), model)


def test_reaction_knock_out_and_objective(core_tables):
    bounds = apply_condition(core_tables, knockouts=["PGI"], objective="ATPM")
    index = core_tables.reaction_index()
    assert (bounds.lower[index["PGI"]], bounds.upper[index["PGI"]]) == (0.0, 0.0)
    assert np.flatnonzero(bounds.knocked_out).tolist() == [index["PGI"]]
    assert np.flatnonzero(bounds.objective).tolist() == [index["ATPM"]]
    assert np.flatnonzero(core_tables.objective).tolist() == [index["Biomass_Ecoli_core"]]


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        ({"medium": "marmalade"}, "marmalade"),
        ({"medium": {"PFK": 1.0}}, "PFK"),
        ({"medium": {"EX_nowhere_e": 1.0}}, "EX_nowhere_e"),
        ({"medium": {"EX_glc__D_e": -1.0}}, "-1.0"),
        ({"medium": {"EX_glc__D_e": float("nan")}}, "nan"),
        ({"medium": {"EX_glc__D_e": "ten"}}, "ten"),
        ({"knockouts": ["b9999"]}, "b9999"),
        ({"objective": "growth"}, "growth"),
    ],
)
def test_what_the_model_lacks_is_named(core_tables, condition, word):
    with pytest.raises(InputError, match=word):
        apply_condition(core_tables, **condition)


def test_media_of_e_coli_core(core_tables):
    media = named_media(core_tables)
    assert list(media) == CORE_MEDIA
    assert media["aerobic glucose"] == own_medium(core_tables)
    assert "EX_o2_e" not in media["anaerobic glucose"]
    assert media["anaerobic glucose"]["EX_glc__D_e"] == 10.0
    assert media["acetate"]["EX_ac_e"] == 30.0
    assert media["succinate"]["EX_succ_e"] == 15.0
    assert not any("EX_glc__D_e" in media[name] for name in ("acetate", "succinate"))
    assert media["rich"]["EX_gln__L_e"] == 10.0
    assert len(media["rich"]) == 20
    assert resolve_medium(core_tables, "acetate") == media["acetate"]


def test_media_of_ijo1366_keep_the_trace_cofactor_and_offer_glycerol(tabled):
    tables = tabled("iJO1366")
    media = named_media(tables)
    assert list(media) == [*CORE_MEDIA[:-1], "glycerol", "rich"]
    assert all(medium["EX_cbl1_e"] == 0.01 for name, medium in media.items() if name != "rich")
    assert media["rich"]["EX_cbl1_e"] == 10.0
    assert media["glycerol"]["EX_glyc_e"] == 20.0
    assert nutrient_name(tables, "EX_glyclt_e") == "Glycolate"
    assert nutrient_name(tables, "EX_o2_e") == "O2"


@pytest.mark.slow
def test_salmonellas_own_oxygen_bound_is_kept(tabled):
    assert {m["EX_o2_e"] for n, m in named_media(tabled("salmonella")).items() if n != "anaerobic glucose"} == {18.5}


def test_carbon_exchanges_of_e_coli_core(core_tables):
    carbon = carbon_exchanges(core_tables)
    expected = ["ac", "acald", "akg", "etoh", "for", "fru", "fum", "glc__D", "gln__L", "glu__L", "lac__D", "mal__L", "pyr", "succ"]
    assert sorted(carbon) == sorted(f"EX_{m}_e" for m in expected)
    assert carbon == [r for r in core_tables.reactions if r in carbon]


def test_only_media_the_model_supports(core_tables):
    glucose = core_tables.reaction_index()["EX_glc__D_e"]
    exchange = core_tables.exchange.copy()
    exchange[glucose] = False
    assert list(named_media(replace(core_tables, exchange=exchange))) == ["acetate", "succinate", "rich"]
    assert named_media(replace(core_tables, exchange=np.zeros_like(exchange))) == {}


@pytest.mark.parametrize("spelling", ["EX_glc_e", "EX_glc_D_e", "EX_glc__D(e)", "EX_glc_D_LPAREN_e_RPAREN_", "R_EX_glc__D_e", "EX_glc-D(e)"])
def test_glucose_is_found_in_other_spellings(core_tables, spelling):
    glucose, metabolite = core_tables.reaction_index()["EX_glc__D_e"], core_tables.metabolite_index()["glc__D_e"]
    renamed = replace(
        core_tables,
        reactions=_with(core_tables.reactions, glucose, spelling),
        metabolites=_with(core_tables.metabolites, metabolite, "s_0001"),
        metabolite_annotations=_with(core_tables.metabolite_annotations, metabolite, {}),
        metabolite_names=_with(core_tables.metabolite_names, metabolite, ""),
    )
    assert find_exchange(renamed, "glucose") == spelling
    assert nutrient_name(renamed, spelling) == "s_0001"


@pytest.mark.parametrize(
    ("name", "annotation", "formula", "found"),
    [
        ("", {"kegg.compound": ["C00031"]}, "", True),
        ("", {"bigg.metabolite": ["glc__D"]}, "", True),
        ("D-Glucose", {}, "C6H12O6", True),
        ("D-glucose", {}, "", True),
        ("D-Glucose", {}, "C3H8O3", False),
        ("Sugar", {}, "C6H12O6", False),
    ],
)
def test_glucose_is_found_by_annotation_then_by_name_and_formula(core_tables, name, annotation, formula, found):
    glucose, metabolite = core_tables.reaction_index()["EX_glc__D_e"], core_tables.metabolite_index()["glc__D_e"]
    foreign = replace(
        core_tables,
        reactions=_with(core_tables.reactions, glucose, "r_1714"),
        metabolites=_with(core_tables.metabolites, metabolite, "s_0565"),
        metabolite_names=_with(core_tables.metabolite_names, metabolite, name),
        metabolite_annotations=_with(core_tables.metabolite_annotations, metabolite, annotation),
        formulas=_with(core_tables.formulas, metabolite, formula),
    )
    assert find_exchange(foreign, "glucose") == ("r_1714" if found else None)


def _with(values, index, value):
    return (*values[:index], value, *values[index + 1 :])


def test_a_medium_may_raise_the_demand_of_maintenance(own_copy, core_tables):
    raised = {**own_medium(core_tables), "ATPM": 60.0}
    own_copy.reactions.ATPM.lower_bound = 60.0
    assert fba(core_tables, medium=raised).growth == pytest.approx(own_copy.slim_optimize(), abs=1e-9)
    _assert_bounds(apply_condition(core_tables, medium=raised), own_copy)
    assert demands(core_tables) == {"ATPM": 8.39}
    assert resolve_medium(core_tables, raised)["ATPM"] == 60.0
    assert apply_condition(core_tables, medium=own_medium(core_tables)).lower[core_tables.reaction_index()["ATPM"]] == 8.39  # not named: as it is
    assert apply_condition(core_tables, medium={**raised, "ATPM": 0.0}).lower[core_tables.reaction_index()["ATPM"]] == 0.0
    assert build_hypergraph(core_tables, medium=raised).key != build_hypergraph(core_tables, medium=own_medium(core_tables)).key
    for wrong, told in ((-1.0, "demand of ATPM is -1.0"), (5000.0, "lets it run at 1000 at most")):
        with pytest.raises(InputError, match=told):
            resolve_medium(core_tables, {"ATPM": wrong})
