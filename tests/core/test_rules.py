"""Gene-reaction rules, against COBRApy's parser."""

from __future__ import annotations

import random

import pytest
from cobra.core.gene import GPR

from core.metabolic.reading import load_tables
from core.metabolic.rules import closed_by, holds, parse_rule, reactions_by_gene


@pytest.mark.parametrize("name", ["e_coli_core", "iJO1366", "salmonella"])
def test_reactions_closed_by_lost_genes_are_cobras(name):
    tables = load_tables(name)
    peers = [GPR.from_string(rule) for rule in tables.gprs]
    named = reactions_by_gene(tables)
    assert {(gene, e) for gene, rows in named.items() for e in rows} == {(gene, e) for e, peer in enumerate(peers) for gene in peer.genes}
    draw = random.Random(0)
    draws = [draw.sample(tables.genes, count) for count in (1, 2, 5, 30, len(tables.genes) // 3) for _ in range(4)]
    for lost in draws:
        assert closed_by(tables, lost) == [e for e, peer in enumerate(peers) if not peer.eval(set(lost))]
    assert sum(len(closed_by(tables, lost)) for lost in draws) > 30


@pytest.mark.parametrize("rule", ["a", "a and b or c", "a or b and c", "(a or b) and (c or (d and a))", "((a))", "a and b and c or d or a", ""])
def test_every_loss_of_a_rule_is_judged_as_cobra_judges_it(rule):
    peer = GPR.from_string(rule)
    for mask in range(16):
        lost = frozenset(gene for bit, gene in enumerate("abcd") if mask >> bit & 1)
        assert holds(parse_rule(rule), lost) == peer.eval(set(lost)), lost


@pytest.mark.parametrize("rule", ["(a and b", "a and b)", "a b", "and a", "a or", "a and or b", "()", ")("])
def test_what_is_no_rule_is_an_empty_one(rule):
    assert parse_rule(rule) is None
    assert holds(parse_rule(rule), frozenset("ab"))


def test_a_rule_of_very_many_isozymes_is_one_flat_node():
    rule = " or ".join(f"g{i}" for i in range(5000))
    assert len(parse_rule(rule).values) == 5000
    assert holds(parse_rule(rule), frozenset(f"g{i}" for i in range(4999)))
    assert not holds(parse_rule(rule), frozenset(f"g{i}" for i in range(5000)))
