"""Features have known values for known entities, and what is missing is masked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.metabolic.condition import apply_condition
from core.metabolic.features import METABOLITE_FEATURES, REACTION_FEATURES, medium_on_offer, metabolite_features, parse_formula, reaction_features


def _metabolite(tables, metabolite, **condition):
    values = metabolite_features(tables, apply_condition(tables, **condition))[tables.metabolite_index()[metabolite]]
    return dict(zip((f.name for f in METABOLITE_FEATURES), values.tolist(), strict=True))


def _reaction(tables, reaction, **condition):
    values = reaction_features(tables, apply_condition(tables, **condition))[tables.reaction_index()[reaction]]
    return dict(zip((f.name for f in REACTION_FEATURES), values.tolist(), strict=True))


def _scaled(bound):
    return np.arcsinh(bound) / np.arcsinh(1000.0)


def test_glucose_outside_the_cell(core_tables):
    found = _metabolite(core_tables, "glc__D_e")
    expected = {
        **{f"atoms of {e}": np.log1p(n) for e, n in {"C": 6, "H": 12, "N": 0, "O": 6, "P": 0, "S": 0}.items()},
        "atoms of other elements": 0,
        "formula known": 1,
        "charge": 0,
        "charge known": 1,
        "in cytosol": 0,
        "outside the cell": 1,
        "in periplasm": 0,
        "in another compartment": 0,
        "degree": np.log1p(2),
        "exchanged": 1,
        "uptake available": _scaled(10.0),
        "uptake open": 1,
        "open producers": np.log1p(1),  # its exchange, backwards
        "open consumers": np.log1p(2),  # its exchange, forwards, and the transporter
        "live producers": np.log1p(1),
        "live consumers": np.log1p(1),  # nothing but the exchange makes it, so that the exchange cannot use it
    }
    assert found == pytest.approx(expected, abs=1e-6)


def test_uptake_follows_the_medium(core_tables):
    closed, open_ = _metabolite(core_tables, "glc__D_e", medium="acetate"), _metabolite(core_tables, "ac_e", medium="acetate")
    assert (closed["uptake available"], closed["uptake open"], closed["exchanged"]) == (0, 0, 1)
    assert open_["uptake available"] == pytest.approx(_scaled(30.0), abs=1e-6)
    assert open_["uptake open"] == 1
    assert _metabolite(core_tables, "o2_e")["uptake available"] == pytest.approx(1.0, abs=1e-6)
    assert _metabolite(core_tables, "o2_e", medium="anaerobic glucose")["uptake available"] == 0


def test_atp_carries_its_charge_and_place(core_tables):
    found = _metabolite(core_tables, "atp_c")
    charge = core_tables.charges[core_tables.metabolite_index()["atp_c"]]
    assert charge == -4
    assert found["charge"] == pytest.approx(np.arcsinh(-4), abs=1e-6)
    assert found["in cytosol"] == 1
    assert found["degree"] == pytest.approx(np.log1p(13), abs=1e-6)
    assert found["exchanged"] == 0
    assert found["atoms of P"] == pytest.approx(np.log1p(3), abs=1e-6)


def test_pfk(core_tables):
    expected = {
        "lower bound": 0,
        "upper bound": 1,
        "can run forward": 1,
        "can run backward": 0,
        "flux forced": 0,
        "reversible": 0,
        "exchange": 0,
        "objective": 0,
        "substrates": np.log1p(2),
        "products": np.log1p(3),
        "total stoichiometry": np.log1p(5),
        "genes in the rule": np.log1p(2),
        "rule known": 1,
        "knocked out": 0,
        "carbon on offer": _scaled(60),
        "electrons on offer": _scaled(240),
        "nitrogen on offer": 1,
        "oxygen on offer": 1,
    }
    assert _reaction(core_tables, "PFK") == pytest.approx(expected, abs=1e-6)


def test_every_reaction_hears_what_the_medium_offers(core_tables):
    """30 acetate bring the carbon (60) and the electrons (8 each) of 10 glucose (24 each); CO2 brings neither."""
    offered = {m: medium_on_offer(core_tables, apply_condition(core_tables, medium=m)) for m in ("aerobic glucose", "acetate", "anaerobic glucose")}
    assert offered["aerobic glucose"].tolist() == [60, 240, 1000, 1000]
    assert offered["acetate"].tolist() == [60, 240, 1000, 1000]
    assert offered["anaerobic glucose"].tolist() == [60, 240, 1000, 0]
    glutamate = medium_on_offer(core_tables, apply_condition(core_tables, medium={"EX_glu__L_e": 2, "EX_o2_e": 7}))
    assert glutamate.tolist() == [10, 2 * 18, 2, 7]  # C5H8NO4-: 4*5 + 8 - 2*4 - 3 + 1 electrons
    rows = reaction_features(core_tables, apply_condition(core_tables, medium="acetate"))
    assert (rows[:, -4:] == rows[0, -4:]).all()


def test_a_knock_out_takes_a_producer_away(core_tables):
    before, after = (_metabolite(core_tables, "g6p_c", knockouts=k) for k in ((), ("GLCpts",)))
    assert before["open producers"] - after["open producers"] == pytest.approx(np.log1p(3) - np.log1p(2), abs=1e-6)
    assert before["open consumers"] == after["open consumers"]


def test_a_knock_out_closes_and_is_flagged(core_tables):
    found = _reaction(core_tables, "PFK", knockouts=["b3916", "b1723"])
    assert (found["upper bound"], found["can run forward"], found["knocked out"]) == (0, 0, 1)


def test_forced_flux_exchange_and_objective(core_tables):
    assert _reaction(core_tables, "ATPM")["flux forced"] == pytest.approx(_scaled(8.39), abs=1e-6)
    glucose = _reaction(core_tables, "EX_glc__D_e")
    assert (glucose["exchange"], glucose["reversible"]) == (1, 1)
    assert glucose["lower bound"] == pytest.approx(_scaled(-10.0), abs=1e-6)
    assert _reaction(core_tables, "EX_glc__D_e", medium="acetate")["lower bound"] == 0
    assert _reaction(core_tables, "Biomass_Ecoli_core")["objective"] == 1
    assert _reaction(core_tables, "ATPM", objective="ATPM")["objective"] == 1
    assert _reaction(core_tables, "Biomass_Ecoli_core", objective="ATPM")["objective"] == 0


def test_missing_formula_and_charge_are_masked(core_tables):
    index = core_tables.metabolite_index()["atp_c"]
    charges = core_tables.charges.copy()
    charges[index] = np.nan
    formulas = (*core_tables.formulas[:index], "", *core_tables.formulas[index + 1 :])
    bare = replace(core_tables, charges=charges, formulas=formulas)
    found, full = _metabolite(bare, "atp_c"), _metabolite(core_tables, "atp_c")
    assert (found["formula known"], found["charge known"], found["charge"], found["atoms of C"]) == (0, 0, 0, 0)
    assert (full["formula known"], full["charge known"]) == (1, 1)
    features = metabolite_features(bare, apply_condition(bare))
    others = np.arange(len(features)) != index
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(features[others], metabolite_features(core_tables, apply_condition(core_tables))[others])


@pytest.mark.slow
def test_salmonellas_metabolites_without_a_usable_formula_are_masked(tabled):
    tables = tabled("salmonella")
    known = metabolite_features(tables, apply_condition(tables))[:, [f.name for f in METABOLITE_FEATURES].index("formula known")]
    masked = [tables.formulas[i] for i in np.flatnonzero(known == 0)]
    assert masked.count("") == 24
    assert len(masked) == 27
    assert all("charge" in f for f in masked if f)


@pytest.mark.parametrize(
    ("formula", "atoms"),
    [
        ("C6H12O6", {"C": 6, "H": 12, "O": 6}),
        ("H", {"H": 1}),
        ("CHClFe2C", {"C": 2, "H": 1, "Cl": 1, "Fe": 2}),
        ("C1.5H3", {"C": 1.5, "H": 3}),
        ("", None),
        ("(C6H10O5)n", None),
    ],
)
def test_formulas(formula, atoms):
    assert parse_formula(formula) == atoms


def test_every_feature_has_a_name_a_unit_and_a_scaling():
    for specs in (METABOLITE_FEATURES, REACTION_FEATURES):
        assert len({f.name for f in specs}) == len(specs)
        assert all(f.unit and f.scaling for f in specs)
