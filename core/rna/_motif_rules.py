"""Rules that read known motifs off a sequence and its pairs, one function for each kind of place a motif can be in.

Every rule reads two strings: the sequence, and the sequence with a dash for each paired base, so that one comparison asks for letters and for
no partner at once. Pairs that are not canonical count as none: some structures write the sheared G·A pairs of a motif as brackets, most do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

HAMMERHEAD = "Hammerhead core"
RECEPTOR = "11-nt tetraloop receptor"
LOOP_E = "Bacterial loop E"
KINK_TURN = "Kink-turn"
SARCIN_RICIN = "Sarcin-ricin motif"
GNRA = "GNRA tetraloop"
UNCG = "UNCG tetraloop"
CUUG = "CUUG tetraloop"
T_LOOP = "T-loop"
ANTICODON = "Anticodon-like loop"
TANDEM_GA = "Tandem GA"

CANONICAL = frozenset({"GC", "CG", "AU", "UA", "GU", "UG"})
_WATSON_CRICK_GC = frozenset({"GC", "CG"})
_MARGIN = 8  # dashes around a sequence, so that no rule reads beyond its ends
_IUPAC = {"N": "[ACGUN]", "R": "[AG]", "Y": "[CU]", "H": "[ACU]"}
_HELIX_OF_ANTICODON = (5, 6)  # stacked pairs; folding programs often add the pair 26-44 to the five of the anticodon stem


def _pattern(letters: str) -> re.Pattern[str]:
    return re.compile("".join(_IUPAC.get(letter, letter) for letter in letters))


_GNRA, _UNCG, _T_LOOP, _ANTICODON = _pattern("GNRA"), _pattern("UNCG"), _pattern("UNNRANN"), _pattern("YUNNNRH")
_BULGE, _LOOP_E, _HAMMERHEAD = _pattern("NNNGA"), _pattern("GANNNUA"), _pattern("CUGANGA")
_GNRA_ANYWHERE = re.compile("(?=G[ACGUN][AG]A)")
_G_BULGE, _GA_SIDE = _pattern("NGUA"), _pattern("GAN")


@dataclass(frozen=True)
class Match:
    """What a rule found: the motif's name, 0-based bases 5' to 3', and a sentence on what was read."""

    name: str
    bases: tuple[int, ...]
    sentence: str


@dataclass(frozen=True)
class Fold:
    """A sequence of n bases and its canonical pairs.

    Attributes:
        sequence: n letters of ``ACGUN``.
        partner: [n] 0-based partner of each base, -1 for none; pairs known not to be canonical are left out.
    """

    sequence: str
    partner: Sequence[int]

    @classmethod
    def of(cls, sequence: str, pairs: Sequence[tuple[int, int]]) -> Fold:
        """From all the pairs of a structure; a pair with N may be canonical and stays."""
        partner = [-1] * len(sequence)
        for i, j in pairs:
            letters = sequence[i] + sequence[j]
            if letters in CANONICAL or "N" in letters:
                partner[i], partner[j] = j, i
        return cls(sequence, partner)

    @cached_property
    def padded(self) -> str:
        """The sequence between two margins of dashes."""
        return "-" * _MARGIN + self.sequence + "-" * _MARGIN

    @cached_property
    def padded_open(self) -> str:
        """As ``padded``, with dashes for paired bases as well."""
        return "-" * _MARGIN + "".join(letter if other < 0 else "-" for letter, other in zip(self.sequence, self.partner)) + "-" * _MARGIN

    @cached_property
    def paired(self) -> list[int]:
        """The paired bases, ascending."""
        return [base for base, other in enumerate(self.partner) if other >= 0]

    @cached_property
    def ends(self) -> list[tuple[int, int]]:
        """Both ends of every helix, as (a, b): the loop beyond the pair a·b begins with a + 1 on the strand that leaves the helix
        and ends with b - 1 on the strand that comes back; b < a where the loop lies outside the pair."""
        partner, n = self.partner, len(self.partner)
        return [(a, partner[a]) for a in self.paired if a + 1 == n or partner[a] == 0 or partner[a + 1] != partner[a] - 1]

    @cached_property
    def following(self) -> list[int]:
        """[n] the next paired base after each base, -1 for none."""
        following, last = [-1] * len(self.partner), -1
        for base in range(len(self.partner) - 1, -1, -1):
            following[base] = last
            last = base if self.partner[base] >= 0 else last
        return following

    def open(self, start: int, stop: int) -> str:
        """Letters from ``start`` to before ``stop``, dashes for paired bases and beyond the sequence's ends (by at most ``_MARGIN``)."""
        return self.padded_open[max(start + _MARGIN, 0) : max(stop + _MARGIN, 0)]

    def letters(self, start: int, stop: int) -> str:
        """As ``open``, paired bases included."""
        return self.padded[max(start + _MARGIN, 0) : max(stop + _MARGIN, 0)]

    def is_pair(self, i: int, j: int) -> bool:
        """Whether the structure pairs i with j; False beyond the sequence's ends."""
        return 0 <= i < len(self.partner) and j >= 0 and self.partner[i] == j

    def unpaired(self, bases: Sequence[int], allowed: tuple[int, int]) -> bool:
        """Whether none of the bases has a partner, the pair ``allowed`` aside."""
        return all(self.partner[base] < 0 or (base in allowed and self.partner[base] in allowed) for base in bases)

    def could_pair(self, i: int, j: int) -> bool:
        """Whether i and j are unpaired, complementary, and far enough apart for a hairpin between them."""
        return (i > j or j - i > 3) and self.open(i, i + 1) + self.open(j, j + 1) in CANONICAL

    def could_stack(self, i: int, j: int, count: int) -> bool:
        """Whether ``count`` pairs could stack from i·j on, away from the loop."""
        return all(self.could_pair(i + step, j - step) for step in range(count))

    def helix(self, i: int, j: int) -> int:
        """Stacked pairs from i·j outwards."""
        count = 0
        while self.is_pair(i - count, j + count):
            count += 1
        return count


def hairpins(fold: Fold) -> Iterator[Match]:
    """Motifs of hairpin loops."""
    for i, j in pairwise(fold.paired):
        if fold.partner[i] != j:
            continue
        loop = fold.sequence[i + 1 : j]
        yield from _tetraloops(fold, i, j)
        closing = fold.sequence[i] + fold.sequence[j]
        if len(loop) != 7:
            continue
        bases = tuple(range(i + 1, j))
        if _T_LOOP.fullmatch(loop) and closing in _WATSON_CRICK_GC:
            yield Match(T_LOOP, bases, f"The hairpin loop {loop}, closed by {closing[0]}-{closing[1]}, reads UNNRANN.")
        if _ANTICODON.fullmatch(loop) and fold.helix(i, j) in _HELIX_OF_ANTICODON:
            yield Match(ANTICODON, bases, f"The hairpin loop {loop} on {fold.helix(i, j)} stacked pairs reads YUNNNRH.")


def _tetraloops(fold: Fold, i: int, j: int) -> Iterator[Match]:
    """Of the hairpin closed by i·j; its last pair may be missing in the structure."""
    left_open = j - i - 1 == 6 and fold.could_pair(i + 1, j - 1)
    if left_open:
        i, j = i + 1, j - 1
    if j - i - 1 != 4:
        return
    loop, closing = fold.sequence[i + 1 : j], fold.sequence[i] + fold.sequence[j]
    how = f"closed by {closing[0]}-{closing[1]}" + (", which the structure leaves open," if left_open else ",")
    bases = tuple(range(i + 1, j))
    for name, pattern, letters in ((GNRA, _GNRA, "GNRA"), (UNCG, _UNCG, "UNCG")):
        if pattern.fullmatch(loop):
            yield Match(name, bases, f"The hairpin loop {loop}, {how} reads {letters}.")
    if loop == "CUUG" and closing == "GC":
        yield Match(CUUG, bases, f"The hairpin loop {loop}, {how} reads CUUG.")


def kink_turns(fold: Fold) -> Iterator[Match]:
    """Beyond the C stem: three bases and GA on the strand that leaves it, GA on the one that comes back, then the NC stem."""
    for a, b in fold.ends:
        for c, d in _last_pairs(fold, a, b):
            letters_fit = fold.open(d - 2, d) == "GA" and _BULGE.fullmatch(fold.open(c + 1, c + 6))
            if letters_fit and (a > b or c + 6 < d - 3) and (how := _nc_stem(fold, c + 6, d - 3)):
                yield _kink_turn(fold, c, d, how)
                break
        else:
            yield from _kink_turn_on_nc_stem(fold, a, b)


def _nc_stem(fold: Fold, i: int, j: int) -> str:
    """How the NC stem follows the A·G pair, from the pair 3b·3n (i·j) on; empty where it does not."""
    for more, words in enumerate(("", " after one more pair that is not canonical", " after two more pairs that are not canonical")):
        if fold.is_pair(i + more, j - more):
            return f"an NC stem{words}"
        if more < 2 and fold.could_stack(i + more, j - more, 2):
            return f"an NC stem{words}, of two or more pairs that the structure leaves open"
        if "-" in fold.open(i + more, i + more + 1) + fold.open(j - more, j - more + 1):
            return ""
    return ""


def _kink_turn_on_nc_stem(fold: Fold, a: int, b: int) -> Iterator[Match]:
    """The same from the NC stem's end a·b, where the structure leaves all of a C stem of three or more pairs open."""
    for skipped in (0, 1):
        c, d = b - 6 - skipped, a + 3 + skipped
        ga, bulge = fold.open(a + 1, d), fold.open(c + 1, b)
        if ga[skipped:] == "GA" and _BULGE.fullmatch(bulge[:5]) and "-" not in ga + bulge and (a > b or d <= c) and fold.could_stack(d, c, 3):
            yield _kink_turn(fold, c, d, "an NC stem, its C stem of three or more pairs left open by the structure")
            return


def _kink_turn(fold: Fold, c: int, d: int, how: str) -> Match:
    bulge = fold.sequence[c + 1 : c + 4]
    sentence = f"The bulge {bulge} after a C stem is followed by GA across from GA (tandem G·A and A·G) and by {how}."
    return Match(KINK_TURN, tuple(sorted((*range(c + 1, c + 6), d - 2, d - 1))), sentence)


def _last_pairs(fold: Fold, a: int, b: int) -> Iterator[tuple[int, int]]:
    """The last pair of a helix: the given one and, where complementary bases follow that the structure leaves open, those."""
    yield a, b
    if fold.could_pair(a + 1, b - 1):
        yield a + 1, b - 1


def bulged_g(fold: Fold) -> Iterator[Match]:
    """Beyond a helix: GAA on the strand that leaves it, AGUA on the one that comes back; NGUA and GAN where both ends are balanced.

    The helix may be no more than the closing pair of a GNRA loop that the structure leaves open, as at the end of the sarcin-ricin loop itself.
    The structure may give the U·A pair: its letters are canonical though its edges are not.
    """
    found = set()
    for c, d in chain(*(_last_pairs(fold, a, b) for a, b in fold.ends), _open_gnra(fold)):
        across, bulged = fold.letters(c + 1, c + 4), fold.letters(d - 4, d)
        bases = tuple(sorted((*range(c + 1, c + 4), *range(d - 4, d))))
        if bases in found or not _GA_SIDE.fullmatch(across) or not _G_BULGE.fullmatch(bulged) or c < d <= c + 7:
            continue
        whole = (across, bulged) == ("GAA", "AGUA")
        if fold.unpaired(bases, (c + 2, d - 2)) and (whole or _balanced(fold, c + 4, d - 5)):
            found.add(bases)
            sentence = f"{bulged} and, across from it, {across} leave one helix: a bulged G in {bulged[1:]}, U·A and sheared A·G."
            yield Match(SARCIN_RICIN, bases, sentence)


def _open_gnra(fold: Fold) -> Iterator[tuple[int, int]]:
    """Closing pairs, seen from outside, of GNRA loops within larger loops."""
    for loop in _GNRA_ANYWHERE.finditer(fold.padded_open):
        first = loop.start() - _MARGIN
        if fold.could_pair(first - 1, first + 4):
            yield first + 4, first - 1


def _balanced(fold: Fold, i: int, j: int) -> bool:
    """Whether equally many unpaired bases (at most _MARGIN) lead from i up and from j down to one pair."""
    count = 0
    while count < _MARGIN and "-" not in (fold.open(i + count, i + count + 1), fold.open(j - count, j - count + 1)):
        count += 1
    return fold.is_pair(i + count, j - count) and (i > j or i + count < j - count)


def internal_loops(fold: Fold) -> Iterator[Match]:
    """Motifs of loops between two helices, one seen from the other."""
    for a, b in fold.ends:
        if fold.open(b - 2, b) == "AU" and fold.open(a + 1, a + 4) == "UAA" and fold.is_pair(a - 1, b + 1):
            strands = fold.letters(a - 1, a + 5), fold.letters(b - 3, b + 2)
            closed = fold.is_pair(a + 4, b - 3) or fold.could_pair(a + 4, b - 3)  # G·U: consensus structures leave it open
            if strands == ("CCUAAG", "UAUGG") and closed and (a > b or a + 4 < b - 3):
                bases = tuple(sorted((*range(a - 1, a + 5), *range(b - 3, b + 2))))
                yield Match(RECEPTOR, bases, "The strands CCUAAG and UAUGG face each other around an internal loop of three and two bases.")
        if a > b:  # the two below look the same from either end
            continue
        if fold.open(a + 1, a + 3) == fold.open(b - 2, b) == "GA" and fold.is_pair(a + 3, b - 3) and a + 3 < b - 3:
            yield Match(TANDEM_GA, (a + 1, a + 2, b - 2, b - 1), "GA faces GA in an internal loop of two by two bases.")
        yield from _bacterial_loop_e(fold, a, b)


def _bacterial_loop_e(fold: Fold, a: int, b: int) -> Iterator[Match]:
    """Its strands may pair with each other in the structure, out of step by up to two bases as in consensus structures, but with nothing else."""
    for c, d in _last_pairs(fold, a, b):
        near, far = fold.letters(c + 1, c + 8), fold.letters(d - 7, d)
        if d - c < 20 or not _LOOP_E.fullmatch(near) or not _LOOP_E.fullmatch(far):
            continue
        bases = (*range(c + 1, c + 8), *range(d - 7, d))
        around = {-1, *range(c + 1, c + 10), *range(d - 9, d)}
        if all(fold.partner[base] in around for base in bases):
            yield Match(LOOP_E, bases, f"{near} faces {far}: both read GANNNUA, seven pairs of which none need be canonical.")
            return


def junctions(fold: Fold) -> Iterator[Match]:
    """The core of the hammerhead: three helices joined by a strand that ends in CUGANGA, one that begins with GAA, and at most three bases."""
    if not _HAMMERHEAD.search(fold.padded_open):
        return
    following = fold.following
    for a, _ in fold.ends:
        around, place = [a], following[a]  # the paired bases after which the strands of a loop begin, from a on
        while place >= 0 and fold.partner[place] != a and len(around) < 3:
            around.append(fold.partner[place])
            place = following[around[-1]]
        if place < 0 or fold.partner[place] != a or len(around) != 3:
            continue
        first, second, third = (fold.sequence[start + 1 : following[start]] for start in around)
        if _HAMMERHEAD.fullmatch(first[-7:]) and second.startswith("GAA") and len(second) <= 4 and len(third) <= 3:
            end, start = following[a], around[1] + 1
            bases = tuple(sorted((*range(end - 7, end), *range(start, start + 3))))
            yield Match(
                HAMMERHEAD, bases, f"Three helices are joined by {first}, {second} and {third or 'no base'}: CUGANGA, GAA and at most three bases."
            )


RULES = (hairpins, kink_turns, bulged_g, internal_loops, junctions)
