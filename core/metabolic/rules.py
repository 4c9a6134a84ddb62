"""Gene-reaction rules without COBRApy: ``(b0001 and b0002) or b0003`` as a syntax tree, and which reactions a loss of genes closes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from core.metabolic.tables import ModelTables

_TOKEN = re.compile(r"[()]|[^\s()]+")
_BINDING = {"or": 1, "and": 2}
_OPERATORS: dict[str, type[ast.boolop]] = {"or": ast.Or, "and": ast.And}


@lru_cache(maxsize=2**15)
def parse_rule(rule: str) -> ast.expr | None:
    """The tree of a rule as :attr:`ModelTables.gprs` holds it: ``ast.Name`` is a gene, ``ast.BoolOp`` joins; None for an empty rule.

    ``and`` binds tighter than ``or``. A rule that is none (a bracket or a gene is missing) is an empty one, as it is to COBRApy.
    """
    values: list[ast.expr] = []
    waiting: list[str] = []

    def join() -> None:
        operator = waiting.pop()
        right, left = values.pop(), values.pop()
        parts = [part for side in (left, right) for part in _parts_of(side, operator)]
        values.append(ast.BoolOp(op=_OPERATORS[operator](), values=parts))

    try:
        for token in _TOKEN.findall(rule):
            if token == "(":
                waiting.append(token)
            elif token == ")":
                while waiting[-1] != "(":
                    join()
                waiting.pop()
            elif token in _BINDING:
                while waiting and _BINDING.get(waiting[-1], 0) >= _BINDING[token]:
                    join()
                waiting.append(token)
            else:
                values.append(ast.Name(id=token, ctx=ast.Load()))
        while waiting:
            join()
    except (IndexError, KeyError):
        return None
    return values[0] if len(values) == 1 else None


def holds(tree: ast.expr | None, lost: frozenset[str]) -> bool:
    """Whether a rule still holds when genes are lost, as COBRApy's ``GPR.eval`` says; True without a rule."""
    if tree is None:
        return True
    if isinstance(tree, ast.BoolOp):
        return (any if isinstance(tree.op, ast.Or) else all)(holds(part, lost) for part in tree.values)
    return not (isinstance(tree, ast.Name) and tree.id in lost)


@lru_cache(maxsize=8)
def reactions_by_gene(tables: ModelTables) -> Mapping[str, tuple[int, ...]]:
    """Gene id to the rows of the reactions whose rule names it."""
    members: dict[str, list[int]] = {}
    for e, rule in enumerate(tables.gprs):
        tree = parse_rule(rule)
        for gene in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} if tree is not None else ():
            members.setdefault(gene, []).append(e)
    return {gene: tuple(rows) for gene, rows in members.items()}


def closed_by(tables: ModelTables, lost: Iterable[str]) -> list[int]:
    """Rows of the reactions whose rule no longer holds when genes are lost, in order."""
    gone = frozenset(lost)
    named = reactions_by_gene(tables)
    candidates = {e for gene in gone for e in named.get(gene, ())}
    return sorted(e for e in candidates if not holds(parse_rule(tables.gprs[e]), gone))


def _parts_of(tree: ast.expr, operator: str) -> list[ast.expr]:
    """The parts of a join by the same operator, so that a long chain is one flat node and no deep tree."""
    return tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, _OPERATORS[operator]) else [tree]
