"""Both encodings, column by column on structures worked by hand and by property on random ones."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from core.errors import InputError
from core.rna.elements import decompose, walk
from core.rna.graph import EDGE_FEATURES, NODE_FEATURES, batch, build_graph
from core.rna.records import RnaRecord
from tests.core.rna_structures import random_structures


def graph_of(sequence: str, structure: str, encoding: str = "forgi", weight: float = 0.25) -> Data:
    return build_graph(RnaRecord("made up", sequence, structure), encoding=encoding, sequence_weight=weight)


def edges_of(graph: Data) -> dict[tuple[str, str], set[str]]:
    """Names of the set slots, by the names of source and target."""
    features = EDGE_FEATURES["forgi" if graph.num_edge_features == 7 else "standard"]
    rows = graph.edge_attr.tolist()
    named = [(graph.node_names[a], graph.node_names[b]) for a, b in graph.edge_index.T.tolist()]
    assert len(set(named)) == len(named), "an edge stands twice"
    return {ends: {name for name, value in zip(features, row, strict=True) if value} for ends, row in zip(named, rows, strict=True)}


def undirected(graph: Data) -> dict[str, set[str]]:
    """Relations of each edge from the lower to the higher node, written short: ``1-2``, ``1-s0``, ``s0-h0``."""

    def short(name: str) -> str:
        return name.removeprefix("base:").removeprefix("elem:")

    return {f"{short(a)}-{short(b)}": kinds - {"is_forward"} for (a, b), kinds in edges_of(graph).items() if "is_forward" in kinds}


def column(graph: Data, name: str) -> list[float]:
    features = NODE_FEATURES["forgi" if graph.num_node_features == 16 else "standard"]
    return [round(value, 6) for value in graph.x[:, features.index(name)].tolist()]


def backbone(n: int) -> dict[str, set[str]]:
    return {f"{i}-{i + 1}": {"adjacent"} for i in range(1, n)}


def touching(*edges: str) -> dict[str, set[str]]:
    return {edge: {"element_element"} for edge in edges}


def members(**elements: list[int]) -> dict[str, set[str]]:
    return {f"{base}-{name}": {"child_parent"} for name, bases in elements.items() for base in bases}


def test_the_columns_are_those_of_the_specification() -> None:
    assert NODE_FEATURES["standard"] == ("paired", "unpaired", "loop_size", "loop_position", "A", "C", "G", "U")
    kinds = ("hairpin", "stem", "internal", "multiloop", "five_prime", "three_prime", "other")
    assert NODE_FEATURES["forgi"] == (*NODE_FEATURES["standard"], "is_base", *kinds)
    assert EDGE_FEATURES["standard"] == ("adjacent", "base_pair", "is_forward", "is_backward")
    assert EDGE_FEATURES["forgi"] == ("adjacent", "base_pair", "parent_child", "child_parent", "element_element", "is_forward", "is_backward")


def test_hairpin_standard() -> None:
    graph = graph_of("GCANUGC", "((...))", "standard")
    assert graph.x.tolist() == pytest.approx(
        np.array(
            [
                [0.75, 0, 0, 0, 0, 0, 0.25, 0],
                [0.75, 0, 0, 0, 0, 0.25, 0, 0],
                [0, 0.75, 0.1, 0, 0.25, 0, 0, 0],
                [0, 0.75, 0.1, 0.5, 0, 0, 0, 0],
                [0, 0.75, 0.1, 1, 0, 0, 0, 0.25],
                [0.75, 0, 0, 0, 0, 0, 0.25, 0],
                [0.75, 0, 0, 0, 0, 0.25, 0, 0],
            ]
        )
    )
    assert undirected(graph) == backbone(7) | {"1-7": {"base_pair"}, "2-6": {"base_pair"}}
    assert graph.edge_index[:, :2].tolist() == [[0, 1], [1, 0]]
    assert graph.edge_attr[:2].tolist() == [[1, 0, 1, 0], [1, 0, 0, 1]]
    assert graph.edge_attr[-2:].tolist() == [[0, 1, 1, 0], [0, 1, 0, 1]]
    assert graph.node_names == [f"base:{place}" for place in range(1, 8)]
    assert (graph.element_names, graph.name, graph.num_bases) == ([], "made up", 7)


def test_hairpin_forgi() -> None:
    graph = graph_of("GCANUGC", "((...))")
    stem = 4 / 30
    assert graph.x.numpy() == pytest.approx(
        np.array(
            [
                [0.75, 0, stem, 0, 0, 0, 0.25, 0, 1, 0, 0, 0, 0, 0, 0, 0],
                [0.75, 0, stem, 0, 0, 0.25, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
                [0, 0.75, 0.1, 0, 0.25, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
                [0, 0.75, 0.1, 0.5, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
                [0, 0.75, 0.1, 1, 0, 0, 0, 0.25, 1, 0, 0, 0, 0, 0, 0, 0],
                [0.75, 0, stem, 0, 0, 0, 0.25, 0, 1, 0, 0, 0, 0, 0, 0, 0],
                [0.75, 0, stem, 0, 0, 0.25, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
                [0, 0, stem, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
                [0, 0, 0.1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            ]
        )
    )
    pairs = {"1-7": {"base_pair"}, "2-6": {"base_pair"}}
    assert undirected(graph) == backbone(7) | pairs | members(s0=[1, 2, 6, 7], h0=[3, 4, 5]) | touching("s0-h0")
    edges = edges_of(graph)
    assert edges["base:1", "base:2"] == {"adjacent", "is_forward"}
    assert edges["base:7", "base:1"] == {"base_pair", "is_backward"}
    assert edges["base:1", "elem:s0"] == {"child_parent", "is_forward"}
    assert edges["elem:s0", "base:1"] == {"parent_child", "is_backward"}
    assert edges["elem:h0", "elem:s0"] == {"element_element", "is_backward"}
    up = graph.edge_index.T.tolist().index([0, 7])
    assert graph.edge_attr[up : up + 2].tolist() == [[0, 0, 0, 1, 0, 1, 0], [0, 0, 1, 0, 0, 0, 1]]
    assert graph.edge_attr[-2:].tolist() == [[0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 0, 1]]
    assert graph.element_names == ["s0", "h0"]
    assert (graph.node_names[-2:], graph.num_bases) == (["elem:s0", "elem:h0"], 7)
    assert (graph.x.dtype, graph.edge_attr.dtype, graph.edge_index.dtype) == (torch.float32, torch.float32, torch.int64)


def test_internal_loop_counts_through_both_strands() -> None:
    structure = "((.((...))..))"
    graph = graph_of("GGAGGAAACCAACC", structure)
    outer = inner = 4 / 30
    sizes = [outer, outer, 0.1, inner, inner, 0.1, 0.1, 0.1, inner, inner, 0.1, 0.1, outer, outer]
    assert column(graph, "loop_size") == pytest.approx([*sizes, outer, inner, 0.1, 0.1], abs=1e-6)
    assert column(graph, "loop_position") == [0, 0, 0, 0, 0, 0, 0.5, 1, 0, 0, 0.5, 1, 0, 0, *[0] * 4]
    assert graph.element_names == ["s0", "s1", "i0", "h0"]
    assert column(graph, "internal") == [0] * 14 + [0, 0, 1, 0]
    assert {"3-i0", "11-i0", "12-i0", "s0-i0", "s1-i0", "s1-h0"} <= set(undirected(graph))
    assert "s0-s1" not in undirected(graph)
    alone = graph_of("GGAGGAAACCAACC", structure, "standard")
    assert column(alone, "loop_size") == pytest.approx([0, 0, 1 / 30, 0, 0, 0.1, 0.1, 0.1, 0, 0, 2 / 30, 2 / 30, 0, 0], abs=1e-6)
    assert column(alone, "loop_position") == [0, 0, 0.5, 0, 0, 0, 0.5, 1, 0, 0, 0, 1, 0, 0]


def test_multiloop_segments_without_bases_keep_their_nodes() -> None:
    graph = graph_of("GGGAAACGAAACCC", "(((...)(...)))")
    assert graph.element_names == ["s0", "s1", "s2", "m0", "m1", "m2", "h0", "h1"]
    assert column(graph, "multiloop") == [0] * 14 + [0, 0, 0, 1, 1, 1, 0, 0]
    assert column(graph, "loop_size")[14:] == pytest.approx([4 / 30, 2 / 30, 2 / 30, 0, 0, 0, 0.1, 0.1], abs=1e-6)
    assert column(graph, "is_base") == [1] * 14 + [0] * 8
    pairs = {f"{a}-{b}": {"base_pair"} for a, b in ((1, 14), (2, 13), (3, 7), (8, 12))}
    belongs = members(s0=[1, 2, 13, 14], s1=[3, 7], s2=[8, 12], h0=[4, 5, 6], h1=[9, 10, 11])
    loops = touching("s0-m0", "s1-m0", "s1-m1", "s2-m1", "s0-m2", "s2-m2", "s1-h0", "s2-h1")
    assert undirected(graph) == backbone(14) | pairs | belongs | loops


@pytest.mark.parametrize("encoding", ["forgi", "standard"])
def test_a_sharp_hairpin_is_one_edge_with_both_bits(encoding: str) -> None:
    graph = graph_of("GGCC", "(())", encoding)
    expected = backbone(4) | {"2-3": {"adjacent", "base_pair"}, "1-4": {"base_pair"}}
    assert undirected(graph) == (expected | members(s0=[1, 2, 3, 4]) if encoding == "forgi" else expected)
    assert edges_of(graph)["base:3", "base:2"] == {"adjacent", "base_pair", "is_backward"}
    assert column(graph, "loop_position")[:4] == [0] * 4


def test_pseudoknots_are_base_pairs() -> None:
    structure = "((..[[..))..]]"
    pairs = {f"{a}-{b}": {"base_pair"} for a, b in ((1, 10), (2, 9), (5, 14), (6, 13))}
    assert undirected(graph_of("GGAACCAACCAAGG", structure, "standard")) == backbone(14) | pairs
    graph = graph_of("GGAACCAACCAAGG", structure)
    belongs = members(s0=[1, 2, 9, 10], s1=[5, 6, 13, 14], m0=[3, 4], m1=[7, 8], m2=[11, 12])
    loops = touching(*(f"{stem}-{loop}" for stem in ("s0", "s1") for loop in ("m0", "m1", "m2")))
    assert undirected(graph) == backbone(14) | pairs | belongs | loops
    assert column(graph, "unpaired")[:14] == [0, 0, 0.75, 0.75] * 3 + [0, 0]


def test_no_stem_and_a_single_base() -> None:
    graph = graph_of("ACG", "...")
    assert undirected(graph) == backbone(3) | members(f0=[1, 2, 3])
    assert column(graph, "five_prime") == [0, 0, 0, 1]
    assert column(graph, "loop_position") == [0, 0.5, 1, 0]
    one = graph_of("N", ".", "standard")
    assert one.x.numpy() == pytest.approx(np.array([[0, 0.75, 1 / 30, 0.5, 0, 0, 0, 0]]))
    assert one.edge_index.shape == (2, 0)
    assert one.edge_attr.shape == (0, 4)
    assert undirected(graph_of("N", ".")) == members(f0=[1])


def test_sizes_end_at_thirty() -> None:
    sizes = column(graph_of("A" * 45, "(" + "." * 43 + ")"), "loop_size")
    assert sizes[1:44] == [1.0] * 43 and sizes[-1] == 1.0


@pytest.mark.parametrize("encoding", ["forgi", "standard"])
def test_the_ends_of_the_sequence_weight(encoding: str) -> None:
    plain, letters = (graph_of("GCAAAGC", "((...))", encoding, weight).x for weight in (0.0, 1.0))
    assert plain.shape == letters.shape
    assert (plain[:, 4:8] == 0).all() and (plain[:7, :2].sum(dim=1) == 1).all()
    assert (letters[:, :2] == 0).all() and (letters[:7, 4:8].sum(dim=1) == 1).all()
    assert torch.equal(plain[:, 2:4], letters[:, 2:4])


@pytest.mark.parametrize("encoding", ["forgi", "standard"])
def test_properties_of_random_graphs(encoding: str) -> None:
    draw = random.Random(5)
    for number, structure in enumerate(random_structures(1000, seed=21, longest=50)):
        n = len(structure)
        record = RnaRecord(f"r{number}", "".join(draw.choices("ACGUN", k=n)), structure)
        elements = walk(structure) if encoding == "forgi" else None
        graph = build_graph(record, encoding=encoding, sequence_weight=draw.random(), elements=elements)
        x, attr, index = graph.x.numpy(), graph.edge_attr.numpy(), graph.edge_index.numpy()
        assert x.shape == (len(graph.node_names), len(NODE_FEATURES[encoding])) and attr.shape == (index.shape[1], len(EDGE_FEATURES[encoding]))
        assert (x >= 0).all() and (x <= 1).all() and np.isin(attr, (0, 1)).all()
        slots = {name: attr[:, place] for place, name in enumerate(EDGE_FEATURES[encoding])}
        # both directions present: each edge is followed or preceded by its reverse, and none stands twice
        there, back = slice(0, None, 2), slice(1, None, 2)
        assert (index[:, there] == index[::-1, back]).all() and (index[0, there] < index[1, there]).all()
        assert len(np.unique(index, axis=1).T) == index.shape[1]
        assert (slots["is_forward"] == (index[0] < index[1])).all() and (slots["is_backward"] == (index[0] > index[1])).all()
        for name in {"adjacent", "base_pair", "element_element"} & set(slots):
            assert (slots[name][there] == slots[name][back]).all()
        assert slots["adjacent"].sum() == 2 * (n - 1) and slots["base_pair"].sum() == 2 * len(record.pairs)
        if elements is None:
            continue
        assert (slots["parent_child"][there] == slots["child_parent"][back]).all()
        assert (slots["parent_child"][back] == slots["child_parent"][there]).all()
        child = slots["child_parent"] == 1
        assert sorted(index[0, child]) == list(range(n))
        assert [graph.node_names[node] for node in index[1, child][np.argsort(index[0, child])]] == [f"elem:{name}" for name in elements.of_base]
        assert slots["element_element"].sum() == 2 * len(elements.connections)
        assert (x[n:, 9:].sum(axis=1) == 1).all() and (x[:n, 9:] == 0).all()
        assert (x[n:, [0, 1, 3, 4, 5, 6, 7, 8]] == 0).all()


def test_elements_given_or_found_make_the_same_graph() -> None:
    record = RnaRecord("r", "GGGAAACGAAACCCA", "(((...)(...))).")
    found = build_graph(record)
    for method in ("auto", "walk"):
        given = build_graph(record, elements=decompose(record.structure or "", method=method))
        assert torch.equal(found.x, given.x) and torch.equal(found.edge_index, given.edge_index) and torch.equal(found.edge_attr, given.edge_attr)
    with pytest.raises(InputError, match="elements are of 3 bases and r has 15"):
        build_graph(record, elements=walk("..."))


def test_another_structure_takes_the_place_of_the_records_own() -> None:
    record = RnaRecord("r", "GCAAAGC", "((...))")
    open_chain = build_graph(record, structure=".......", encoding="standard")
    assert open_chain.edge_attr[:, 1].sum() == 0
    with pytest.raises(InputError, match=r"3 signs and r has 7 bases"):
        build_graph(record, structure="...")


def test_what_cannot_be_built_is_said() -> None:
    with pytest.raises(InputError, match="r has no structure; fold it first"):
        build_graph(RnaRecord("r", "GCAAAGC"))
    record = RnaRecord("r", "GCAAAGC", "((...))")
    with pytest.raises(InputError, match="Unknown encoding 'dual'"):
        build_graph(record, encoding="dual")
    for weight in (-0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="from 0 to 1"):
            build_graph(record, sequence_weight=weight)


def test_a_batch_keeps_names_as_lists() -> None:
    graphs = [graph_of("GCAAAGC", "((...))"), graph_of("ACG", "..."), graph_of("N", ".")]
    together = batch(graphs)
    assert together.num_graphs == 3
    assert together.name == ["made up"] * 3
    assert together.element_names == [["s0", "h0"], ["f0"], ["f0"]]
    assert [len(names) for names in together.node_names] == [9, 4, 2]
    assert together.num_bases.tolist() == [7, 3, 1]
    assert torch.equal(torch.cat([graph.x for graph in graphs]), together.x)
    assert together.edge_index.max() < 15
    with pytest.raises(InputError, match="at least one"):
        batch([])
    with pytest.raises(InputError, match="different encodings"):
        batch([graphs[0], graph_of("ACG", "...", "standard")])
