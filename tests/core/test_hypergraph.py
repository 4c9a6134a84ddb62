"""The hypergraph holds the whole model: counts, stoichiometry, features, key."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cobra.util.array import create_stoichiometric_matrix

from core.errors import InputError
from core.metabolic.features import METABOLITE_FEATURES, REACTION_FEATURES
from core.metabolic.hypergraph import build_hypergraph
from core.metabolic.media import named_media
from core.metabolic.tables import load_tables_file, save_tables

SHAPES = {"e_coli_core": (72, 95, 360), "iJO1366": (1805, 2583, 10183)}


@pytest.mark.parametrize("name", SHAPES)
def test_every_metabolite_reaction_and_incidence_arrives(parsed, tabled, name):
    graph = build_hypergraph(tabled(name))
    vertices, edges, incidences = SHAPES[name]
    assert (len(graph.metabolites), len(graph.reactions)) == (vertices, edges)
    assert graph.hyperedge_index.shape == (2, incidences)
    assert graph.hyperedge_index.dtype == torch.long
    assert graph.stoich.shape == (incidences,)
    assert graph.stoich.dtype == torch.float64
    assert graph.x.shape == (vertices, len(METABOLITE_FEATURES))
    assert graph.u.shape == (edges, len(REACTION_FEATURES))
    assert graph.x.dtype == graph.u.dtype == torch.float32
    assert list(graph.metabolites) == [m.id for m in parsed(name).metabolites]
    assert list(graph.reactions) == [r.id for r in parsed(name).reactions]


def test_s_is_cobras_matrix_exactly(parsed, tabled, bundled):
    graph = build_hypergraph(tabled(bundled))
    matrix = create_stoichiometric_matrix(parsed(bundled))
    np.testing.assert_array_equal(graph.S.numpy(), matrix)
    np.testing.assert_array_equal(tabled(bundled).stoichiometric_matrix(), matrix)
    assert graph.stoich.count_nonzero() == len(graph.stoich) == np.count_nonzero(matrix)


def test_a_model_and_its_tables_give_the_same_hypergraph(core_model, core_tables):
    one, two = build_hypergraph(core_model, medium="acetate"), build_hypergraph(core_tables, medium="acetate")
    assert one.key == two.key
    assert torch.equal(one.x, two.x)
    assert torch.equal(one.u, two.u)


def test_stored_tables_give_the_same_hypergraph(core_tables, tmp_path):
    stored = load_tables_file(save_tables(core_tables, tmp_path / "core.npz"))
    one, two = build_hypergraph(core_tables), build_hypergraph(stored)
    assert one.key == two.key
    assert torch.equal(one.x, two.x)
    assert torch.equal(one.u, two.u)
    assert torch.equal(one.S, two.S)


def test_the_condition_changes_features_and_key_but_never_the_stoichiometry(core_tables):
    own, other = build_hypergraph(core_tables), build_hypergraph(core_tables, medium="anaerobic glucose", knockouts=["b3916"])
    assert torch.equal(own.S, other.S)
    assert torch.equal(own.hyperedge_index, other.hyperedge_index)
    assert not torch.equal(own.x, other.x)
    assert not torch.equal(own.u, other.u)
    assert own.key != other.key


def test_the_key_follows_content_not_spelling(core_tables):
    named = build_hypergraph(core_tables, medium="acetate", knockouts=["PFK", "PGI"])
    spelled = build_hypergraph(core_tables, medium=named_media(core_tables)["acetate"], knockouts=["PGI", "PFK", "PGI"])
    assert named.key == spelled.key
    assert len({build_hypergraph(core_tables, **c).key for c in ({}, {"medium": "acetate"}, {"knockouts": ["PFK"]}, {"objective": "ATPM"})}) == 4


def test_an_unknown_knock_out_is_named(core_tables):
    with pytest.raises(InputError, match="PFKX"):
        build_hypergraph(core_tables, knockouts=["PFKX"])
