"""A reaction as people type it, "2 A + B -> 3 C"."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.errors import InputError

if TYPE_CHECKING:
    from core.metabolic.tables import ModelTables

EXAMPLE = "2 A + B -> 3 C"
TYPED = "typed"
MOST = 12
"""Metabolites a typed reaction may have: a drawing with more cannot be read."""
LEAST, LARGEST = 1e-6, 1e6
"""Between these a coefficient lies, whatever its sign: products of larger or smaller ones say nothing."""

_JOINED = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]\w*)")


class Equation(NamedTuple):
    """Names [K] and their stoichiometric ``coefficients`` [K], negative where consumed, in the order they were typed; ``reversible`` by its arrow."""

    names: tuple[str, ...]
    coefficients: tuple[float, ...]
    reversible: bool

    def backwards(self) -> Equation:
        """The same reaction written the other way round."""
        return Equation(self.names, tuple(-c for c in self.coefficients), self.reversible)

    def with_coefficient(self, place: int, coefficient: float) -> Equation:
        """The same reaction with another coefficient of the metabolite at ``place``, counted from 0."""
        return self._replace(coefficients=(*self.coefficients[:place], coefficient, *self.coefficients[place + 1 :]))

    def as_written(self) -> list[int]:
        """Places [K] of the metabolites in the order in which the equation names them: reactants, then products."""
        return sorted(range(len(self.names)), key=lambda place: self.coefficients[place] > 0)

    def joined(self) -> list[tuple[str, str, str]]:
        """Names that begin with a number, each with that number and the rest: "2B", "2" and "B". BiGG has such ids (2pg_c), so none is split."""
        found = [(name, _JOINED.fullmatch(name)) for name in self.names]
        return [(name, match[1], match[2]) for name, match in found if match]

    def __str__(self) -> str:
        left, right = ([_term(n, c) for n, c in zip(self.names, self.coefficients, strict=True) if (c > 0) == side] for side in (False, True))
        return f"{' + '.join(left)} {'<=>' if self.reversible else '->'} {' + '.join(right)}".strip()


def read_equation(text: str) -> Equation:
    """A typed reaction, read by COBRApy: ``->``, ``-->``, ``<-``, ``<=>`` and the like; a metabolite on both sides counts with its balance.

    Raises:
        InputError: there is no arrow, nothing beside it, a coefficient that is no number, no metabolite whose balance is not 0, or too many;
            or a coefficient is too large or too small.
    """
    from cobra import Model, Reaction

    reaction = Reaction("typed")
    Model().add_reactions([reaction])
    try:
        reaction.build_reaction_from_string(" ".join(text.split()), verbose=False)
    except (ValueError, AttributeError, KeyError):
        raise InputError(f"{text!r} is not a reaction; write it with one arrow, and + between metabolites, like {EXAMPLE}.") from None
    found = {metabolite.id: float(c) for metabolite, c in reaction.metabolites.items() if c}
    if not all(isfinite(c) for c in found.values()):
        raise InputError(f"{text!r} has a coefficient that is no number; write it like {EXAMPLE}.")
    if not found:
        raise InputError(f"{text!r} consumes and makes nothing; write a reaction like {EXAMPLE}.")
    if len(found) > MOST:
        raise InputError(f"{text!r} has {len(found)} metabolites; type a reaction with at most {MOST}.")
    for name, c in found.items():
        if not LEAST <= abs(c) <= LARGEST:
            raise InputError(f"{text!r} has the coefficient {abs(c):g} at {name}; write one from {_digits(LEAST)} to {_digits(LARGEST)}.")
    sign = -1.0 if reaction.upper_bound <= 0 else 1.0
    return Equation(tuple(found), tuple(sign * c for c in found.values()), reaction.lower_bound < 0 < reaction.upper_bound)


def typed_tables(equation: Equation) -> ModelTables:
    """A model of this one reaction, :data:`TYPED`."""
    from cobra import Metabolite, Model, Reaction

    from core.metabolic.tables import tables_from_model

    reaction = Reaction(TYPED, lower_bound=-1000.0 if equation.reversible else 0.0)
    reaction.add_metabolites({Metabolite(name, compartment="c"): c for name, c in zip(equation.names, equation.coefficients, strict=True)})
    model = Model("typed")
    model.add_reactions([reaction])
    return tables_from_model(model)


def _term(name: str, coefficient: float) -> str:
    return name if abs(coefficient) == 1 else f"{_digits(coefficient)} {name}"


def _digits(coefficient: float) -> str:
    """Size of a coefficient to ten digits, without an exponent: the plus of "1e+06" would split a term."""
    return np.format_float_positional(abs(coefficient), precision=10, fractional=False, trim="-")
