"""The structural elements of an RNA, as forgi names them: stems, hairpins, interior loops, multiloop segments and the two ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from core.errors import InputError
from core.rna import _forgi
from core.rna._walk import Parts, walk_parts
from core.rna.records import UNPAIRED, parse_pairs

Kind = Literal["hairpin", "stem", "internal", "multiloop", "five-prime", "three-prime", "other"]
Method = Literal["auto", "forgi", "walk"]

KINDS: tuple[Kind, ...] = ("hairpin", "stem", "internal", "multiloop", "five-prime", "three-prime", "other")
"""Kinds of elements, in the order of the one-hot columns of the FORGI encoding."""

FORGI_LIMIT = 1000
"""Longest structure, in nt, that ``decompose`` gives to forgi of itself: its time grows with the square of the number of stems."""

_KIND_OF: dict[str, Kind] = {"h": "hairpin", "s": "stem", "i": "internal", "m": "multiloop", "f": "five-prime", "t": "three-prime"}
_AS_DOTS = str.maketrans(dict.fromkeys(UNPAIRED, "."))


@dataclass(frozen=True)
class Element:
    """One structural element.

    Attributes:
        name: forgi's: a letter for the kind (s, h, i, m, f, t) and a number.
        kind: the kind in words; ``other`` for a letter that is none of the six.
        bases: 0-based positions, ascending; empty for a multiloop segment of length zero.
    """

    name: str
    kind: Kind
    bases: tuple[int, ...]


@dataclass(frozen=True)
class Elements:
    """A structure taken apart.

    Attributes:
        elements: in forgi's order of naming: f0, t0, then s, i, m and h by number.
        connections: the pairs of names that touch along the backbone (each pair sorted, then all), every one with one stem.
        of_base: [n] the name of each base's element.
        method: who did it, ``forgi`` or ``walk``; both give the same elements.
    """

    elements: tuple[Element, ...]
    connections: tuple[tuple[str, str], ...]
    of_base: tuple[str, ...]
    method: Literal["forgi", "walk"]

    @cached_property
    def index(self) -> dict[str, int]:
        """Place of each element in ``elements``, by name."""
        return {element.name: place for place, element in enumerate(self.elements)}

    @cached_property
    def index_of_base(self) -> np.ndarray:
        """[n] int64: place of each base's element in ``elements``."""
        return np.fromiter(map(self.index.__getitem__, self.of_base), dtype=np.int64, count=len(self.of_base))


def decompose(structure: str, *, method: Method = "auto") -> Elements:
    """The elements of a structure.

    Pseudoknots are stems like any other; the segments between exterior stems are multiloop segments; a structure
    without pairs is one ``f0``; a hairpin without a base is no element, though it uses up a number.

    Args:
        structure: dot-bracket, any bracket types.
        method: ``forgi`` (its bulge graph), ``walk`` (the same in linear time), or ``auto``: forgi up to :data:`FORGI_LIMIT` nt
            where it is installed, the walk otherwise.

    Raises:
        InputError: the structure is empty, not balanced or holds an unknown sign; an unknown method; forgi asked for where it is not installed.

    References:
        Thiel, Beckmann, Kerpedjiev, Hofacker (2019) 3D based on 2D: calculating helix angles and stacking patterns using
        forgi 2.0. F1000Research 8:287.
    """
    if method not in ("auto", "forgi", "walk"):
        raise InputError(f"Unknown method {method!r} for the elements; use auto, forgi or walk.")
    if method == "walk" or (method == "auto" and (len(structure) > FORGI_LIMIT or _forgi.version() is None)):
        return walk(structure)
    partner = _partner_list(structure)
    if _forgi.version() is None:
        raise InputError("forgi is not installed here; use method 'walk', which gives the same elements.")
    return _elements(_forgi_parts(structure), len(partner), "forgi")


def walk(structure: str) -> Elements:
    """The same elements as forgi's, in time linear in the length. Errors as in :func:`decompose`."""
    partner = _partner_list(structure)
    return _elements(walk_parts(partner), len(partner), "walk")


def _partner_list(structure: str) -> list[int]:
    """[n] 0-based partner of each base, -1 for none: a list, which is quicker to step through than an array."""
    if not structure:
        raise InputError("The structure is empty; give one sign for each base.")
    partner = [-1] * len(structure)
    for i, j in parse_pairs(structure):
        partner[i], partner[j] = j, i
    return partner


def _forgi_parts(structure: str) -> Parts:
    graph = _forgi.load().BulgeGraph.from_dotbracket(structure.translate(_AS_DOTS))
    found = [(str(name), tuple(base - 1 for a, b in zip(ends[::2], ends[1::2]) for base in range(a, b + 1))) for name, ends in graph.defines.items()]
    touching = [(str(stem), str(other)) for stem in graph.defines if stem[0] == "s" for other in graph.edges[stem]]
    return found, touching


def _elements(parts: Parts, n: int, method: Literal["forgi", "walk"]) -> Elements:
    found, touching = parts
    of_base = [""] * n
    for name, bases in found:
        for base in bases:
            of_base[base] = name
    elements = tuple(Element(name, _KIND_OF.get(name[0], "other"), bases) for name, bases in found)
    connections = tuple(sorted((a, b) if a < b else (b, a) for a, b in touching))
    return Elements(elements, connections, tuple(of_base), method)
