"""Flux variability analysis, against COBRApy's."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest
from cobra.flux_analysis import flux_variability_analysis

from core.errors import Cancelled, InputError
from core.metabolic import variability as module
from core.metabolic.media import named_media
from core.metabolic.programme import FluxProgramme
from core.metabolic.reading import load_model
from core.metabolic.variability import flux_variability, forced_flux


@pytest.mark.parametrize("fraction", [1.0, 0.9, 0.0])
@pytest.mark.parametrize("medium", [None, "anaerobic glucose"])
def test_ranges_are_cobras(core_model, core_tables, medium, fraction):
    table = flux_variability(core_model, medium=medium, fraction=fraction, cached=False)
    if medium:
        core_model.medium = named_media(core_tables)[medium]
    peer = flux_variability_analysis(core_model, fraction_of_optimum=fraction, processes=1).loc[table["reaction"]]
    np.testing.assert_allclose(table["minimum"], peer["minimum"], atol=1e-6)
    np.testing.assert_allclose(table["maximum"], peer["maximum"], atol=1e-6)
    assert set(table["status"]) == {"optimal"}
    assert table["reaction"].tolist() == list(core_tables.reactions)
    assert (table["maximum"] - table["minimum"] > 1).sum() >= (2 if fraction == 1 else 30)


@pytest.mark.parametrize("seed", [0, 1, 2, 5])  # seeds that leave something feasible
def test_whatever_is_closed_forced_or_reversed_ranges_are_cobras(own_copy, seed):
    draw = random.Random(seed)
    for reaction in draw.sample(own_copy.reactions, 8):
        reaction.bounds = draw.choice([(0.0, 1000.0), (-1000.0, 1000.0), (0.0, 5.0), (-5.0, 5.0)])
    own_copy.reactions.get_by_id(draw.choice(["ENO", "EX_etoh_e", "EX_succ_e"])).bounds = (0.3, 20.0)
    for reaction in draw.sample(own_copy.reactions, 10):
        lower, upper = reaction.bounds
        reaction.add_metabolites({m: -(1 + draw.choice([1.0, 0.25])) * s for m, s in reaction.metabolites.items()})
        reaction.bounds = (-upper, -lower)
    table = flux_variability(own_copy, fraction=0.8, cached=False)
    peer = flux_variability_analysis(own_copy, fraction_of_optimum=0.8, processes=1).loc[table["reaction"]]
    np.testing.assert_allclose(table[["minimum", "maximum"]], peer, atol=1e-6)


def test_knock_outs_objective_and_chosen_reactions(core_model, core_tables):
    chosen = ["PGI", "TKT1", "EX_etoh_e"]
    table = flux_variability(core_tables, knockouts=["PFK"], objective="ATPM", fraction=0.5, reactions=chosen, processes=2, cached=False)
    core_model.reactions.PFK.knock_out()
    core_model.objective = "ATPM"
    peer = flux_variability_analysis(core_model, chosen, fraction_of_optimum=0.5, processes=1)
    np.testing.assert_allclose(table[["minimum", "maximum"]], peer, atol=1e-6)
    assert table["reaction"].tolist() == chosen


def test_without_an_optimum_ranges_are_unknown_and_say_why(core_tables):
    table = flux_variability(core_tables, medium={}, reactions=["PFK", "PGI"], cached=False)
    assert table["status"].tolist() == ["infeasible"] * 2
    assert table[["minimum", "maximum"]].isna().all(axis=None)
    assert forced_flux(table).isna().all()


def test_a_flux_that_nothing_bounds_has_an_infinite_range(own_copy):
    """A cycle of two reversible reactions turns as fast as it likes."""
    for reaction in ("FRD7", "SUCDi"):
        own_copy.reactions.get_by_id(reaction).bounds = (-np.inf, np.inf)
    table = flux_variability(own_copy, reactions=["FRD7", "PGI"], cached=False).set_index("reaction")
    assert table.loc["FRD7", ["minimum", "maximum"]].tolist() == [-np.inf, np.inf]
    assert table["status"].tolist() == ["unbounded", "optimal"]
    assert np.isfinite(table.loc["PGI", ["minimum", "maximum"]].astype(float)).all()


def test_a_negative_optimum_may_fall_by_the_fraction_of_its_size():
    toy = load_model("toy")
    toy.reactions.DM_B.lower_bound = 4.0
    toy.objective = {toy.reactions.DM_B: -1.0}
    for fraction, most in ((1.0, 4.0), (0.5, 6.0)):
        table = flux_variability(toy, fraction=fraction, reactions=["DM_B"], cached=False)
        assert table[["minimum", "maximum"]].to_numpy().tolist() == [[pytest.approx(4.0), pytest.approx(most)]]


def test_forced_flux_is_the_least_size_over_the_range():
    ranges = {"always": (2.0, 5.0), "backward": (-4.0, -1.5), "either": (-3.0, 7.0), "from zero": (0.0, 3.0), "unknown": (np.nan, np.nan)}
    table = pd.DataFrame([(name, *ends, "optimal") for name, ends in ranges.items()], columns=["reaction", "minimum", "maximum", "status"])
    assert forced_flux(table).to_dict() == pytest.approx(
        {"always": 2.0, "backward": 1.5, "either": 0.0, "from zero": 0.0, "unknown": np.nan}, nan_ok=True
    )


def test_forced_reactions_of_e_coli_core_carry_their_least_flux(core_model, core_tables):
    forced = forced_flux(flux_variability(core_tables, fraction=1.0, cached=False))
    solved = core_model.optimize().fluxes[list(core_tables.reactions)].abs()
    assert (forced <= solved + 1e-6).all()
    assert forced["Biomass_Ecoli_core"] == pytest.approx(0.8739215, abs=1e-6)
    assert forced["PGI"] > 1 and forced["FRD7"] == 0.0


def test_bounds_reached_on_the_way_are_not_solved_again(core_tables, monkeypatch):
    solves = []
    solve = FluxProgramme.maximise
    monkeypatch.setattr(FluxProgramme, "maximise", lambda self, *given, **more: solves.append(1) or solve(self, *given, **more))
    flux_variability(core_tables, processes=1, cached=False)
    assert 2 < len(solves) < 2 * len(core_tables.reactions) - 30


def test_kept_ranges_are_used_also_for_a_part_and_after_cancelling(core_tables, tmp_path, monkeypatch):
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path))
    first, rest = [], []
    with pytest.raises(Cancelled):
        flux_variability(core_tables, fraction=0.7, processes=1, on_progress=lambda *now: first.append(now), should_stop=lambda: bool(first))
    whole = flux_variability(core_tables, fraction=0.7, on_progress=lambda *now: rest.append(now))
    assert 0 < rest[-1][0] <= 95 - first[-1][0] < 95
    assert whole.drop(columns="status").select_dtypes("number").notna().all(axis=None)
    with monkeypatch.context() as patch:
        patch.setattr(module, "FluxProgramme", None)
        part = flux_variability(core_tables, fraction=0.7, reactions=["PFK", "ENO"])
        assert part.set_index("reaction").equals(whole.set_index("reaction").loc[["PFK", "ENO"]])
        with pytest.raises(TypeError):
            flux_variability(core_tables, fraction=0.71, reactions=["PFK"])


@pytest.mark.parametrize(("given", "named"), [({"fraction": 1.2}, "1.2"), ({"fraction": float("nan")}, "nan"), ({"reactions": ["NOPE"]}, "NOPE")])
def test_what_cannot_be_asked_is_named(core_tables, given, named):
    with pytest.raises(InputError, match=named):
        flux_variability(core_tables, **given)
