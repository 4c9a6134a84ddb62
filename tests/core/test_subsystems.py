"""Subsystems from the model, from iJO1366, from a reaction's form and from its community."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import cobra
import pytest

from core.metabolic.subsystems import REFERENCE, assign_subsystems, currency_metabolites, extract_reference
from core.metabolic.tables import tables_from_model

SOURCES = {"model", "inferred: iJO1366", "inferred: form", "inferred: community"}


def test_e_coli_core_is_filled_from_ijo1366(core_tables):
    found = assign_subsystems(core_tables)
    named = dict(zip(core_tables.reactions, found.names, strict=True))
    assert Counter(found.source) == {"inferred: iJO1366": 74, "inferred: form": 21}
    assert named["PFK"] == named["PYK"] == "Glycolysis/Gluconeogenesis"
    assert named["CS"] == "Citric Acid Cycle"
    assert named["Biomass_Ecoli_core"] == named["ATPM"] == "Biomass and maintenance functions"
    assert {named[r] for r, is_exchange in zip(core_tables.reactions, core_tables.exchange, strict=True) if is_exchange} == {"Exchange"}


@pytest.mark.parametrize(
    ("reaction", "subsystem"),
    [
        ("D_LACt2", "Transport, Inner Membrane"),
        ("NADH16", "Oxidative Phosphorylation"),
        ("FRD7", "Oxidative Phosphorylation"),
        ("ETOHt2r", "Transport, Inner Membrane"),
        ("PIt2r", "Inorganic Ion Transport and Metabolism"),
    ],
)
def test_reactions_with_another_id_in_ijo1366_are_recognised(core_tables, reaction, subsystem):
    assert assign_subsystems(core_tables).names[core_tables.reaction_index()[reaction]] == subsystem


def test_what_the_model_says_comes_first(tabled):
    tables = tabled("iJO1366")
    found = assign_subsystems(tables)
    said = [(n, s) for n, s, given in zip(found.names, found.source, tables.subsystems, strict=True) if given]
    assert [n for n, _ in said] == [s for s in tables.subsystems if s]
    assert {s for _, s in said} == {"model"}
    assert len(set(tables.subsystems) - {""}) == 37
    formed = Counter(n for n, s in zip(found.names, found.source, strict=True) if s == "inferred: form")
    assert formed == {"Exchange": 324, "Demand and sink": 6, "Biomass and maintenance functions": 2}


def test_the_shipped_list_is_what_ijo1366_says(tabled, tmp_path):
    made = tmp_path / "made.csv"
    assert extract_reference(tabled("iJO1366"), made) == 2251
    assert made.read_bytes() == REFERENCE.read_bytes()


@pytest.mark.slow
def test_every_reaction_of_salmonella_has_a_subsystem(tabled):
    tables = tabled("salmonella")
    found = assign_subsystems(tables)
    assert all(found.names)
    assert set(found.source) <= SOURCES - {"model"}
    assert Counter(found.source)["inferred: iJO1366"] == 2008
    assert found == assign_subsystems(tables)


def _foreign(tables):
    """E. coli core with ids that iJO1366 does not know."""
    return replace(
        tables,
        reactions=tuple(f"r_{i:04d}" for i in range(len(tables.reactions))),
        metabolites=tuple(f"s_{i:04d}" for i in range(len(tables.metabolites))),
        metabolite_annotations=({},) * len(tables.metabolites),
    )


def test_unknown_ids_fall_into_communities_named_by_their_members(core_tables):
    index = core_tables.reaction_index()
    said = list(core_tables.subsystems)
    for reaction in ("PGI", "FBA", "TPI", "GAPD", "PGK"):
        said[index[reaction]] = "Sugar burning"
    tables = replace(_foreign(core_tables), subsystems=tuple(said))
    found = assign_subsystems(tables)
    assert found.names[index["PFK"]] == "Sugar burning"
    assert found.source[index["PFK"]] == "inferred: community"
    assert found.source[index["PGI"]] == "model"
    assert found == assign_subsystems(tables)
    assert all(found.names)


def test_a_community_without_labels_is_named_for_its_hub(core_tables):
    found = assign_subsystems(_foreign(core_tables))
    internal = {n for n, s in zip(found.names, found.source, strict=True) if s == "inferred: community"}
    assert len(internal) > 3
    assert all(n.startswith("around ") for n in internal)


def test_currency_metabolites_of_e_coli_core(core_tables):
    found = currency_metabolites(core_tables)
    assert found[:2] == ["h_c", "h_e"]
    bases = list(dict.fromkeys(m.rsplit("_", 1)[0] for m in found))
    assert bases == ["h", "h2o", "pi", "atp", "adp", "nad", "nadh", "co2", "coa", "nadp", "nadph", "nh4", "o2", "q8", "q8h2"]
    assert not {"pyr_c", "glu__L_c", "pep_c", "accoa_c", "g6p_c"} & set(found)
    assert currency_metabolites(core_tables, top=1) == ["h_c", "h_e"]


def test_currency_metabolites_of_unknown_ids_are_the_most_connected(core_tables):
    foreign = _foreign(core_tables)
    degree = Counter(core_tables.rows.tolist())
    assert currency_metabolites(foreign, top=5) == [foreign.metabolites[v] for v, _ in sorted(degree.items(), key=lambda p: (-p[1], p[0]))[:5]]


def test_a_toy_model_gets_names_too():
    model = cobra.Model("toy")
    a, b = cobra.Metabolite("A", compartment="c"), cobra.Metabolite("B", compartment="c")
    reaction = cobra.Reaction("R1")
    reaction.add_metabolites({a: -1, b: 2})
    model.add_reactions([reaction])
    found = assign_subsystems(tables_from_model(model))
    assert found.names == ("around A",)
    assert found.source == ("inferred: community",)
