"""Gene-reaction rules as something to compute with: which genes can stand in for one another, and values of genes as values of reactions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from core.metabolic.rules import parse_rule, reactions_by_gene
from core.metabolic.tables import ModelTables

Alternatives = Literal["max", "sum", "mean"]
"""How values of isozymes (``or``) become one value."""
_JOIN: dict[str, Callable[[list[float]], float]] = {"max": max, "sum": sum, "mean": lambda values: sum(values) / len(values)}


@dataclass(frozen=True, eq=False)
class GeneRules:
    """The rules of a model with E reactions.

    Attributes:
        bodies: E parsed rules, None where there is none.
        genes: E sets of the gene ids in each.
        reactions_of: gene id to the rows of the reactions whose rule names it.
    """

    bodies: tuple[ast.AST | None, ...]
    genes: tuple[frozenset[str], ...]
    reactions_of: Mapping[str, tuple[int, ...]]

    def alternatives(self, reaction: int) -> int:
        """How many enzymes the rule offers: isozymes add up, subunits with alternatives of their own multiply; 0 without a rule."""
        body = self.bodies[reaction]
        return 0 if body is None else _count(body)

    def isozymes(self, reaction: int, gene: str) -> list[str]:
        """The genes that stand beside ``gene`` in an ``or`` of the rule: each belongs to an enzyme, or a subunit, in its place."""
        body = self.bodies[reaction]
        return [] if body is None else sorted(_beside(body, gene) - {gene})

    def combine(self, reaction: int, values: Mapping[str, float], alternatives: Alternatives = "max") -> tuple[float, int]:
        """Values of genes as the value of a reaction: the least over ``and``, ``alternatives`` over ``or``.

        Genes without a value are passed over, so the value is that of the measured part of the rule.

        Returns:
            The value (nan when no gene of the rule has one) and the number of the rule's genes that have one.
        """
        body = self.bodies[reaction]
        known = {g: values[g] for g in self.genes[reaction] if not np.isnan(values.get(g, np.nan))}
        found = None if body is None else _combine(body, known, _JOIN[alternatives])
        return (np.nan if found is None else float(found)), len(known)


@lru_cache(maxsize=8)
def gene_rules(tables: ModelTables) -> GeneRules:
    """The rules of a model."""
    bodies = tuple(parse_rule(rule) for rule in tables.gprs)
    return GeneRules(bodies, tuple(frozenset(_names(body)) for body in bodies), reactions_by_gene(tables))


def counted_reactions(tables: ModelTables) -> np.ndarray:
    """[E] bool: reactions with a gene-reaction rule that are no exchange, no biomass, no objective and not ATP maintenance."""
    named = [f"{r} {n}".lower() for r, n in zip(tables.reactions, tables.reaction_names, strict=True)]
    upkeep = ("biomass", "atp maintenance", "atp_maintenance", "non-growth associated maintenance")
    special = np.array([r.removeprefix("R_").upper() == "ATPM" or any(w in n for w in upkeep) for r, n in zip(tables.reactions, named, strict=True)])
    ruled = np.array([bool(genes) for genes in gene_rules(tables).genes])
    return np.asarray(ruled & ~tables.exchange & ~special & (tables.objective == 0))


def _names(body: ast.AST | None) -> set[str]:
    return set() if body is None else {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}


def _parts(body: ast.AST) -> tuple[bool, list[ast.AST]]:
    """Whether a node is an ``or``, and its parts."""
    if not isinstance(body, ast.BoolOp):
        raise TypeError(f"a gene-reaction rule holds {type(body).__name__}")
    return isinstance(body.op, ast.Or), list(body.values)


def _count(body: ast.AST) -> int:
    if isinstance(body, ast.Name):
        return 1
    either, parts = _parts(body)
    counts = [_count(part) for part in parts]
    return sum(counts) if either else int(np.prod(counts, dtype=object))


def _beside(body: ast.AST, gene: str) -> set[str]:
    if isinstance(body, ast.Name):
        return set()
    either, parts = _parts(body)
    inside = [part for part in parts if gene in _names(part)]
    found = {name for part in inside for name in _beside(part, gene)}
    if either and inside:
        found |= {name for part in parts if part not in inside for name in _names(part)}
    return found


def _combine(body: ast.AST, known: Mapping[str, float], join: Callable[[list[float]], float]) -> float | None:
    if isinstance(body, ast.Name):
        return known.get(body.id)
    either, parts = _parts(body)
    values = [value for part in parts if (value := _combine(part, known, join)) is not None]
    return (join if either else min)(values) if values else None
