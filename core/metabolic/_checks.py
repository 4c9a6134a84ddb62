"""What a model must satisfy, checked before COBRApy and its solver meet the numbers, and once more on the parsed model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from core.errors import InputError, MissingObjective
from core.metabolic._archive import shown

if TYPE_CHECKING:
    import cobra

MAX_REACTIONS = 50_000
"""Largest number of reactions, and of metabolites, in one model."""
MAX_DEPTH = 200
"""Deepest nesting of XML elements; real SBML stays below 20 and the parsers behind COBRApy recurse."""

MAX_ID = 200
"""Longest id, bytes; GLPK takes 255, and COBRApy appends to them."""

_LIKELY = re.compile(r"biomass|growth|(?:^|_)bof(?:_|$)", re.IGNORECASE)
_CUT_OFF = {
    expat.errors.codes[m]
    for m in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}


def no_duplicates(ids: Sequence[str], what: str, name: str) -> None:
    """Raises InputError when an id occurs twice."""
    if len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    twice = next(i for i in ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
    raise InputError(f"{name} lists the {what} {shown(twice)} twice; give every {what} an id of its own.")


def check_ids(ids: Sequence[str], what: str, name: str) -> None:
    """Raises InputError for an id the solver cannot take: GLPK ends the process on control characters and on long names."""
    for position, identity in enumerate(ids, 1):
        if not identity or re.search(r"[\s\x00-\x1f\x7f]", identity) or len(identity.encode("utf-8", "replace")) > MAX_ID:
            raise InputError(f"{name}: {what} number {position} has no usable id; give it one of at most {MAX_ID} characters and no spaces.")
    no_duplicates(ids, what, name)


def check_count(count: int, what: str, name: str) -> None:
    """Raises InputError when there are none or more than :data:`MAX_REACTIONS` of them."""
    if count == 0:
        raise InputError(f"{name} has no {what}; give a model that lists its {what}.")
    if count > MAX_REACTIONS:
        raise InputError(f"{name} has more than {MAX_REACTIONS:,} {what}, the limit here; give a smaller model.")


def is_finite(value: object) -> bool:
    """Whether a value is a finite number (and neither a truth value nor an integer too long for a float)."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def is_usable(coefficient: object) -> bool:
    """Whether the solver takes a coefficient: GLPK ends the process when its scaling under- or overflows."""
    return is_finite(coefficient) and (coefficient == 0 or 1e-50 < abs(float(coefficient)) < 1e50)  # type: ignore[arg-type]


def check_coefficient(value: object, reaction: str, metabolite: str, name: str) -> None:
    """Raises InputError when a stoichiometric coefficient is not a finite number of a size the solver can take."""
    if not is_usable(value):
        raise InputError(
            f"{name}: the coefficient of {shown(metabolite)} in reaction {shown(reaction)} is {shown(str(value), 20)}; write a finite number there."
        )


def check_bounds(lower: float, upper: float, reaction: str, name: str) -> None:
    """Raises InputError when a flux bound is no number or the two are the wrong way round (infinite bounds are fine)."""
    if math.isnan(lower) or math.isnan(upper):
        raise InputError(f"{name}: a flux bound of reaction {shown(reaction)} is not a number (nan); write a number there.")
    if lower > upper:
        raise InputError(
            f"{name}: the lower bound of reaction {shown(reaction)} ({lower:g}) is above its upper bound ({upper:g}); exchange or correct the two."
        )


def check_sbml(text: str, name: str) -> None:
    """One pass over SBML text that refuses what the XML and SBML libraries must not see.

    Raises:
        InputError: entity or document type declarations, XML that is cut off, not well formed or no SBML, duplicate ids,
            coefficients or bounds that are no numbers, no or too many reactions.
    """
    scan = _SbmlScan(name)
    try:
        scan.run(text)
    except expat.ExpatError as error:
        if error.code in _CUT_OFF:
            raise InputError(f"{name} is cut off: the XML stops in line {error.lineno} before its end; download or save it again.") from None
        if scan.root is None:
            raise InputError(f"{name} is neither SBML nor another model: its text is no valid XML (line {error.lineno}); export it again.") from None
        raise InputError(f"{name} is damaged: the XML is not well formed in line {error.lineno}; download or export it again.") from None
    scan.finish()


class _SbmlScan:
    """Collects from SBML, in one pass and without a tree, the ids and numbers that are checked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root: str | None = None
        self.level = "3"
        self.depth = 0
        self.models = 0
        self.species: list[str] = []
        self.reactions: list[str] = []
        self.parameters: dict[str, float] = {}
        self.bounds: dict[str, dict[str, str | float]] = {}
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._entity
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def run(self, text: str) -> None:
        self.parser.Parse(text, True)

    def finish(self) -> None:
        if not self.models:
            raise InputError(f"{self.name} is SBML without a model in it; export the model again.")
        check_count(len(self.reactions), "reactions", self.name)
        check_count(len(self.species), "metabolites", self.name)
        check_ids([_decoded(i) for i in self.species], "metabolite", self.name)
        check_ids([_decoded(i) for i in self.reactions], "reaction", self.name)
        for reaction, bounds in self.bounds.items():
            lower, upper = (self._value(bounds.get(side), free) for side, free in (("lower", -math.inf), ("upper", math.inf)))
            check_bounds(lower, upper, reaction, self.name)

    def _value(self, bound: str | float | None, free: float) -> float:
        if bound is None:
            return free
        return self.parameters.get(bound, free) if isinstance(bound, str) else bound

    def _doctype(self, doctype: str, *_: object) -> None:
        if doctype.lower() == "html":
            raise InputError(f"{self.name} is a web page, not a model; download the model file itself.")
        raise InputError(f"{self.name} declares a document type or entities (<!DOCTYPE>), which SBML never needs; remove the declaration.")

    def _entity(self, *_: object) -> None:
        raise InputError(f"{self.name} declares XML entities (<!ENTITY>), which SBML never needs; remove the declaration.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, local = tag.rpartition(" ")
        self.depth += 1
        if self.root is None:
            self._open_root(namespace, local, attributes)
        if self.depth > MAX_DEPTH:
            raise InputError(f"{self.name} nests more than {MAX_DEPTH} XML elements, as no model does; export the model again.")
        if namespace != self.root:
            return
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        if local == "model":
            self.models += 1
        elif local == "species" or local == "specie":
            self.species.append(plain.get("id") or plain.get("name", ""))
        elif local == "reaction":
            reaction = plain.get("id") or plain.get("name", "")
            self.reactions.append(reaction)
            found = {side: plain[key] for side, key in (("lower", "lowerFluxBound"), ("upper", "upperFluxBound")) if key in plain}
            self.bounds[reaction] = dict(found)
        elif local in ("parameter", "localParameter"):
            self._parameter(plain)
        elif local == "speciesReference":
            self._coefficient(plain)

    def _end(self, _: str) -> None:
        self.depth -= 1

    def _open_root(self, namespace: str, local: str, attributes: Mapping[str, str]) -> None:
        if local.lower() == "html":
            raise InputError(f"{self.name} is a web page, not a model; download the model file itself.")
        if local != "sbml":
            raise InputError(f"{self.name} is XML but not SBML (it opens with <{shown(local, 30)}>); export the model as SBML.")
        self.root = namespace
        self.level = attributes.get("level", "3")

    def _parameter(self, plain: Mapping[str, str]) -> None:
        value = _number(plain.get("value", "nan"))
        identity = plain.get("id") or plain.get("name", "")
        side = {"LOWER_BOUND": "lower", "UPPER_BOUND": "upper"}.get(identity)
        if self.depth == 4:
            self.parameters[identity] = value
        elif side and self.reactions:
            self.bounds[self.reactions[-1]].setdefault(side, value)  # legacy files keep bounds in the kinetic law

    def _coefficient(self, plain: Mapping[str, str]) -> None:
        default = "missing" if self.level == "3" else "1"
        stated = plain.get("stoichiometry", default)
        value = _number(stated)
        if not is_usable(value):
            check_coefficient(stated, self.reactions[-1] if self.reactions else "?", plain.get("species", "?"), self.name)


def check_matlab(struct: Any, name: str) -> None:
    """Checks the fields of a COBRA Toolbox struct (as SciPy reads it) before a model is made of them.

    Raises:
        InputError: sizes that disagree, duplicate ids, coefficients or bounds that are no numbers.
    """
    import numpy as np
    from scipy import sparse

    metabolites, reactions = (_cell_texts(struct[key][0, 0]) for key in ("mets", "rxns"))
    check_count(len(reactions), "reactions", name)
    check_count(len(metabolites), "metabolites", name)
    check_ids(metabolites, "metabolite", name)
    check_ids(reactions, "reaction", name)
    raw = struct["S"][0, 0]
    if sparse.issparse(raw):
        raw.check_format(full_check=True)  # indices outside the matrix would be followed
    matrix = sparse.coo_matrix(raw)
    lower, upper = (np.asarray(struct[key][0, 0], dtype=float).ravel() for key in ("lb", "ub"))
    if matrix.shape != (len(metabolites), len(reactions)) or not len(lower) == len(upper) == len(reactions):
        raise InputError(f"{name}: the sizes of S, mets, rxns, lb and ub do not agree; save the MATLAB model again.")
    for i in np.flatnonzero([not is_usable(float(value)) for value in matrix.data]):
        check_coefficient(float(matrix.data[i]), reactions[matrix.col[i]], metabolites[matrix.row[i]], name)
    for reaction, low, high in zip(reactions, lower, upper, strict=True):
        check_bounds(float(low), float(high), reaction, name)


def check_model(model: cobra.Model, name: str, objective: str | None) -> None:
    """What every parsed model must satisfy; sets ``objective`` (a reaction id) when one is given.

    Raises:
        MissingObjective: the model states no objective and none is given.
        InputError: an unknown objective, no exchange reactions, or bounds that contradict each other.
    """
    from cobra.util.solver import linear_reaction_coefficients

    check_count(len(model.reactions), "reactions", name)
    for reaction in model.reactions:
        check_bounds(reaction.lower_bound, reaction.upper_bound, reaction.id, name)
        for metabolite, value in reaction.metabolites.items():
            check_coefficient(value, reaction.id, metabolite.id, name)
    nowhere = next((m.id for r in model.boundary for m in r.metabolites if not m.compartment), None)
    if nowhere is not None:
        raise InputError(f"{name}: the exchanged metabolite {shown(nowhere)} has no compartment, so it is not clear what is outside; give it one.")
    exchanges = _exchanges(model)
    if not exchanges:
        raise InputError(
            f"{name} has no exchange reactions, so nothing can enter the cell; add exchanges of metabolites in the outer compartment (named e)."
        )
    if objective is not None:
        if objective not in model.reactions:
            raise InputError(f"{name} has no reaction {shown(objective)} to use as objective; choose a reaction id of the model.")
        model.objective = objective
    if not any(linear_reaction_coefficients(model).values()):
        candidates = _candidates(model, exchanges)
        raise MissingObjective(
            f"{name} states no objective, so it is not clear what the cell maximises; choose a reaction, for example {shown(candidates[0])}.",
            candidates,
        )
    _check_feasible(model, name)


def _check_feasible(model: cobra.Model, name: str) -> None:
    model.solver.configuration.timeout = 60  # seconds; a model that takes longer is not shown to be infeasible
    model.slim_optimize()
    status = model.solver.status
    model.solver.configuration.timeout = None
    if status != "infeasible":
        return
    forced = [shown(r.id, 30) for r in model.reactions if r.lower_bound > 0 or r.upper_bound < 0][:3]
    cause = f"check the reactions forced to carry flux ({', '.join(forced)})" if forced else "check its constraints"
    raise InputError(f"{name} is infeasible: no steady state satisfies all its flux bounds; {cause} and the uptake they need.")


def _exchanges(model: cobra.Model) -> set[str]:
    try:
        return {r.id for r in model.exchanges}
    except RuntimeError:  # COBRApy cannot tell which compartment is outside
        return set()


def _candidates(model: cobra.Model, exchanges: set[str]) -> list[str]:
    """All reaction ids: those that speak of biomass or growth first, exchanges last."""
    return sorted(
        (r.id for r in model.reactions),
        key=lambda i: (not (_LIKELY.search(i) or _LIKELY.search(model.reactions.get_by_id(i).name or "")), i in exchanges),
    )


def _cell_texts(cell: Iterable[Any]) -> list[str]:
    return [str(item[0][0]) if len(item) and len(item[0]) else "" for item in cell]


def _decoded(identity: str) -> str:
    """An SBML id with its character codes (``__45__``) replaced, as COBRApy will do."""
    return re.sub(r"__(\d{1,6})__", lambda code: chr(int(code[1])), identity, flags=re.ASCII)


def _number(text: str) -> float:
    try:
        return float({"INF": "inf", "-INF": "-inf"}.get(text.strip(), text))
    except ValueError:
        return math.nan
