"""A reaction as people type it, "2 A + B -> 3 C"."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from core.errors import InputError

if TYPE_CHECKING:
    from core.metabolic.tables import ModelTables

EXAMPLE = "2 A + B -> 3 C"
TYPED = "typed"
MOST = 12
"""Metabolites a typed reaction may have: a drawing with more cannot be read."""


class Equation(NamedTuple):
    """Names [K] and their stoichiometric ``coefficients`` [K], negative where consumed, in the order they were typed; ``reversible`` by its arrow."""

    names: tuple[str, ...]
    coefficients: tuple[float, ...]
    reversible: bool

    def backwards(self) -> Equation:
        """The same reaction written the other way round."""
        return Equation(self.names, tuple(-c for c in self.coefficients), self.reversible)

    def __str__(self) -> str:
        left, right = ([_term(n, c) for n, c in zip(self.names, self.coefficients, strict=True) if (c > 0) == side] for side in (False, True))
        return f"{' + '.join(left)} {'<=>' if self.reversible else '->'} {' + '.join(right)}".strip()


def read_equation(text: str) -> Equation:
    """A typed reaction, read by COBRApy: ``->``, ``-->``, ``<-``, ``<=>`` and the like; a metabolite on both sides counts with its balance.

    Raises:
        InputError: there is no arrow, nothing beside it, a coefficient that is no number, no metabolite whose balance is not 0, or too many.
    """
    from cobra import Model, Reaction

    reaction = Reaction("typed")
    Model().add_reactions([reaction])
    try:
        reaction.build_reaction_from_string(" ".join(text.split()), verbose=False)
    except (ValueError, AttributeError, KeyError) as error:
        raise InputError(f"{text!r} is not a reaction ({error}); write it like {EXAMPLE}.") from None
    found = {metabolite.id: float(c) for metabolite, c in reaction.metabolites.items() if c}
    if not all(isfinite(c) for c in found.values()):
        raise InputError(f"{text!r} has a coefficient that is no number; write it like {EXAMPLE}.")
    if not found:
        raise InputError(f"{text!r} consumes and makes nothing; write a reaction like {EXAMPLE}.")
    if len(found) > MOST:
        raise InputError(f"{text!r} has {len(found)} metabolites; type a reaction with at most {MOST}.")
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
    return name if abs(coefficient) == 1 else f"{abs(coefficient):g} {name}"
