"""Known RNA motifs, named where a rule finds them in a sequence with its secondary structure.

A rule reads letters, pairs and loops; it does not see the three-dimensional structure a motif is defined by. What that costs, with the shares
measured on Rfam families and on folded shuffles of their members (the table is in ``assets/rna/README.md``):

- Kink-turn, missed: turns with a bulge of other than three bases or without G·A at both places (Kt-11 and Kt-23 of 16S rRNA), turns closed by a
  loop, junctions; found in all U4 and SAM-I members, in 17 of the 26 instances that RMfam lists, in 14 of 25 lysine riboswitches and 198 of 510
  box C/D RNAs, whose consensus gives at most the terminal stem. Over-called: reverse and unbent turns share its letters. By chance below 0.1%.
- Sarcin-ricin motif, missed: pairs drawn out of step, as in Rfam's consensus of 5S rRNA (0 of 12), and strands that other loops part. By chance
  2 of 2,300.
- Bacterial loop E, receptor and hammerhead core ask for eight to eleven letters: exact copies only, none by chance.
- GNRA, UNCG and CUUG: right for what they name, the letters of a loop of four, which any hairpin may have (GNRA in 3.6% of shuffles). Loops with
  an inserted base are missed.
- T-loop and anticodon-like loop: the kind of tRNA only, seven bases. T-loops of other lengths or in junctions are missed (323-330 and
  1315-1322 of 16S rRNA); by chance 0.3 and 0.1%.
- Tandem GA: in 2.5% of shuffles and 0.7% of families' members, as folding programs favour it; the flanks decide whether the pairs are sheared.

Rules allow for what structures leave open: a tetraloop's or motif's closing pair, the NC or C stem of a kink-turn, and pairs written as
brackets that are not canonical. A structure that is wrong around a motif hides it, and folding programs often are: on folded sequences kink-turns
are found in 30 of 119 members of families that have them, sarcin-ricin motifs in 13 of 37.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import InputError
from core.rna import _motif_rules as rules
from core.rna.elements import Elements, walk
from core.rna.records import RnaRecord, parse_pairs

MOTIFS: dict[str, tuple[str, str]] = {
    rules.HAMMERHEAD: (
        "three-way junction: one strand ends in CUGANGA, the next begins with GAA, the third has at most three bases",
        "Forster and Symons 1987; Hertel et al. 1992",
    ),
    rules.RECEPTOR: ("CCUAAG facing UAUGG around an internal loop of three and two bases", "Costa and Michel 1995"),
    rules.LOOP_E: ("GANNNUA facing GANNNUA next to a helix", "Correll et al. 1997; Leontis and Westhof 1998 (RNA)"),
    rules.KINK_TURN: ("C stem, bulge of three bases, tandem G·A and A·G, NC stem", "Klein et al. 2001; Huang and Lilley 2018"),
    rules.SARCIN_RICIN: (
        "AGUA and GAA on the two strands that leave a helix: bulged G, U·A, sheared A·G",
        "Szewczak and Moore 1995; Leontis and Westhof 1998 (J Mol Biol)",
    ),
    rules.GNRA: ("hairpin loop GNRA", "Woese et al. 1990; Heus and Pardi 1991"),
    rules.UNCG: ("hairpin loop UNCG", "Tuerk et al. 1988; Woese et al. 1990"),
    rules.CUUG: ("hairpin loop CUUG closed by G-C", "Woese et al. 1990; Jucker and Pardi 1995"),
    rules.T_LOOP: ("hairpin loop UNNRANN closed by G-C or C-G", "Nagaswamy and Fox 2002; Krasilnikov and Mondragón 2003; Chan et al. 2013"),
    rules.ANTICODON: ("hairpin loop YUNNNRH on five or six stacked pairs", "Quigley and Rich 1976"),
    rules.TANDEM_GA: ("internal loop of GA facing GA", "SantaLucia and Turner 1993; Gautheret et al. 1994"),
}
"""Name of each motif to its rule in short and its references, the most specific rule first."""

_RANK = {name: rank for rank, name in enumerate(MOTIFS)}


@dataclass(frozen=True)
class Motif:
    """A motif in one RNA.

    Attributes:
        name: a key of :data:`MOTIFS`.
        bases: 1-based places, ascending.
        elements: names of the FORGI elements that hold them, in the order of their first base here.
        rule: one sentence on what matched.
        reference: authors and year.
    """

    name: str
    bases: tuple[int, ...]
    elements: tuple[str, ...]
    rule: str
    reference: str


def find_motifs(record: RnaRecord, *, structure: str | None = None, elements: Elements | None = None) -> list[Motif]:
    """The known motifs of an RNA.

    Args:
        record: the RNA; its own structure is used unless another is given.
        structure: dot-bracket in place of the record's, pseudoknots welcome.
        elements: the structure's elements when they are known already.

    Returns:
        Motifs by their first base, then by the order of :data:`MOTIFS`. One base may be in several.

    Raises:
        InputError: no structure, one of another length or not balanced, or elements of another length.
    """
    structure = record.structure if structure is None else structure
    if structure is None:
        raise InputError(f"{record.id} has no structure; fold it first or give one.")
    if len(structure) != record.length:
        raise InputError(f"The structure has {len(structure):,} signs and {record.id} has {record.length:,} bases; give one sign for each base.")
    if elements is not None and len(elements.of_base) != record.length:
        raise InputError(f"The elements are of {len(elements.of_base):,} bases and {record.id} has {record.length:,}; decompose its own structure.")
    fold = rules.Fold.of(record.sequence, parse_pairs(structure))
    matches = sorted((match for rule in rules.RULES for match in rule(fold)), key=lambda match: (match.bases[0], _RANK[match.name]))
    if not matches:
        return []
    of_base = (walk(structure) if elements is None else elements).of_base
    return [
        Motif(
            match.name,
            tuple(base + 1 for base in match.bases),
            tuple(dict.fromkeys(of_base[base] for base in match.bases)),
            match.sentence,
            MOTIFS[match.name][1],
        )
        for match in matches
    ]


def motifs_of_elements(record: RnaRecord, *, structure: str | None = None, elements: Elements | None = None) -> dict[str, str]:
    """The motif that each element of an RNA holds, for elements that hold one: the most specific where there are several.

    A loop takes the name of a motif with any base in it; a stem only where all its bases are the motif's, as with pairs that are not canonical.
    Arguments and errors as in :func:`find_motifs`; keys are in the elements' order.
    """
    motifs = sorted(find_motifs(record, structure=structure, elements=elements), key=lambda motif: _RANK[motif.name])
    if not motifs:
        return {}
    parts = walk(structure or record.structure or "") if elements is None else elements
    named: dict[str, str] = {}
    for motif in motifs:
        for name in motif.elements:
            element = parts.elements[parts.index[name]]
            if element.kind != "stem" or all(base + 1 in motif.bases for base in element.bases):
                named.setdefault(name, motif.name)
    return {element.name: named[element.name] for element in parts.elements if element.name in named}
