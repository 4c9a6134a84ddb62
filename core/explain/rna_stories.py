"""What one expects of a network on the graph of an RNA, asked of the shipped ones: numbers, and whether the network agrees.

The rules of agreement are in :mod:`core.explain.outcomes`: over the seeds, and one network alone cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.outcomes import FEWEST, RARE, Finding, Stop, all_of, alone, go_on, over_seeds, place, sd, side, spread, stands_out

if TYPE_CHECKING:
    from core.explain.rna_masks import Network
    from core.rna.ensemble import PairEnsemble
    from core.rna.examples import Example
    from core.rna.fingerprints import Score
    from core.rna.records import RnaRecord

MEMBERSHIP = ("element to base", "base to element")
"""Kinds of edges between a base and its element."""
DRAWS = 100
"""Sets of other edges that are masked to compare with."""
BASELINES = ("4-mers", "element counts", "dot-bracket 6-mers", "pair-probability profile", "profile + 4-mers")
"""What needs no network: the sequence alone, the structure alone three times, and both."""
_NOTHING, _TIE = 1e-6, 1e-9
"""A change of a cosine below the first is rounding; scores that differ by less than the second are equal."""


def elements_carry(
    record: RnaRecord, networks: Sequence[Network], groups: Mapping[str, Sequence[str]], *, device: str = "cpu", should_stop: Stop | None = None
) -> Finding:
    """Do parts of an RNA carry more of its likeness to itself than other places of their size? By integrated gradients over bases.

    A part is compared with the same set of bases moved along the chain, round its ends, to everywhere it shares no base with itself: neighbours
    carry alike, so that bases drawn one by one would make any part look special. It stands out where at most :data:`~core.explain.outcomes.RARE`
    of those carry as much, in every seed.

    Args:
        record: with its structure, taken as certain. networks: the seeds of an ensemble, the shown one first.
        groups: each part's name and its elements, such as {"the T-arm": ("s3", "h2")}.

    Raises:
        InputError: the RNA has no such element.
        Cancelled: ``should_stop`` said so.
    """
    from core.explain.attribution import attribute
    from core.explain.rna_masks import like_itself, rna_masks
    from core.rna.elements import decompose

    bases = {element.name: np.array(element.bases) for element in decompose(str(record.structure)).elements if element.bases}
    if missing := [name for names in groups.values() for name in names if name not in bases]:
        raise InputError(f"{record.id} has no element {missing[0]!r} with bases; choose of {', '.join(bases)}.")
    shares = np.zeros((len(networks), record.length))
    for row, network in enumerate(networks):
        go_on(should_stop)
        masked = rna_masks(network, record, target=like_itself(network, record, device=device), device=device)
        values = attribute(masked, should_stop=should_stop).values
        go_on(should_stop)
        shares[row] = values / values.sum()
    carried = {name: shares[:, own].sum(1) for name, own in bases.items()}
    table = pd.DataFrame(
        {
            "element": list(bases),
            "bases": [len(own) for own in bases.values()],
            "share of bases": [len(own) / record.length for own in bases.values()],
            "share of attribution": [float(one[0]) for one in carried.values()],
            "mean over seeds": [float(one.mean()) for one in carried.values()],
            "sd over seeds": [sd(one) for one in carried.values()],
        }
    )
    numbers: dict[str, float] = {}
    outcomes, told = [], []
    for name, names in groups.items():
        own = np.concatenate([bases[element] for element in names])
        outcome, sentence, found = _part(name, own, shares)
        numbers |= found
        outcomes.append(outcome)
        told.append(sentence)
    reason = f"{'; '.join(told)}; a part stands out where at most {RARE:.0%} of such places carry as much, in every seed" + alone(len(networks))
    return Finding(numbers, all_of(outcomes), reason, table.sort_values("share of attribution", ascending=False, ignore_index=True))


def _part(name: str, own: np.ndarray, shares: np.ndarray) -> tuple[str, str, dict[str, float]]:
    """Outcome, sentence and numbers of a set of bases, whose attribution is a share [S, n] of the whole."""
    elsewhere = moved_along(own, shares.shape[1])
    carried, others = shares[:, own].sum(1), shares[:, elsewhere].sum(2)
    ranks = [place(one, rest) for one, rest in zip(carried, others, strict=True)]
    sides = [max(0, side(one, rest)) for one, rest in zip(carried, others, strict=True)]
    numbers = {
        f"{name}: share of bases": len(own) / shares.shape[1],
        f"{name}: share of attribution": float(carried[0]),
        f"{name}: share of attribution, mean over seeds": float(carried.mean()),
        f"{name}: places to compare with": len(elsewhere),
        f"{name}: share of places that carry less": ranks[0],
        f"{name}: seeds in which it stands out": sum(sides),
    }
    few = f" (too few to tell: under {FEWEST})" if len(elsewhere) < FEWEST else ""
    sentence = (
        f"{name} is {len(own) / shares.shape[1]:.0%} of the bases and carries {spread(carried, '.0%')} of the attribution, more than "
        f"{spread(ranks, '.0%')} of the {len(elsewhere)} other places of its size along the chain{few}, and stands out in {sum(sides)} "
        f"of {len(sides)} networks"
    )
    return stands_out(sides, len(elsewhere)), sentence, numbers


def moved_along(bases: np.ndarray, n: int) -> np.ndarray:
    """[M, k] a set of k bases moved along a chain of n, round its ends, to everywhere it shares no base with itself."""
    moved = (np.asarray(bases) + np.arange(1, n)[:, None]) % n
    return moved[~np.isin(moved, bases).any(1)]


def through_elements(
    record: RnaRecord, networks: Sequence[Network], *, ensemble: PairEnsemble | None = None, device: str = "cpu", should_stop: Stop | None = None
) -> Finding:
    """Does what bases and their elements tell each other count for as much as other messages? What the RNA loses of its likeness to itself without.

    The messages of all edges between a base and its element are masked, both ways, and beside them :data:`DRAWS` random sets of as many other
    edges. The network agrees where the first changes the RNA more than the second do on average.

    Raises:
        InputError: a network whose graph has no elements, or an RNA with fewer other edges.
        Cancelled: ``should_stop`` said so.
    """
    from core.explain.rna_masks import like_itself, rna_masks

    changes: list[list[float]] = []
    counts: dict[str, int] = {}
    rows: list[str] = []
    for network in networks:
        go_on(should_stop)
        if network[0].config.encoding != "forgi":
            raise InputError("The graph of this network has no elements; choose one on the FORGI graph.")
        target = like_itself(network, record, ensemble=ensemble, device=device)
        masked = rna_masks(network, record, over="edges", target=target, ensemble=ensemble, device=device)
        kind = np.array([name.rpartition(", ")[0] for name in masked.parts["kind"]])
        masks, rows, counts = _without(kind)
        values = masked.of(np.concatenate([np.ones((1, len(kind)), dtype=np.float32), masks]), should_stop=should_stop)
        lost = values[0] - values[1:]
        changes.append([*lost[: len(rows) - 1], lost[len(rows) - 1 :].mean()])
    found = np.array(changes)
    ratios = np.maximum(found[:, -2], _NOTHING) / np.maximum(found[:, -1], _NOTHING)
    table = pd.DataFrame({"without": rows, "edges": [counts[row] for row in rows], "change": found[0]})
    if len(networks) > 1:
        table["mean over seeds"], table["sd over seeds"] = found.mean(0), found.std(0, ddof=1)
    numbers = {f"change without {name}": float(value) for name, value in zip(rows, found[0], strict=True)}
    numbers |= {"ratio to other edges": float(ratios[0]), "mean log ratio, over seeds": float(np.log(ratios).mean())}
    reason = (
        f"without the {counts[rows[-2]]} messages between bases and their elements the RNA's likeness to itself falls by "
        f"{spread(found[:, -2], '.3f')}, without as many others (mean of {DRAWS} sets) by {spread(found[:, -1], '.3f')}: "
        f"{spread(ratios, '.2f')} times as much"
    )
    return Finding(numbers, over_seeds(np.log(ratios), 0.0), reason + alone(len(networks)), table)


def _without(kind: np.ndarray) -> tuple[np.ndarray, list[str], dict[str, int]]:
    """Masks [kinds + 1 + DRAWS, E]: without each kind of edge, without all membership edges, and without random sets of as many others.

    Returns:
        The masks, the rows' names (the random sets are one row), and how many edges each is without.
    """
    member = np.isin(kind, MEMBERSHIP)
    others, many = np.flatnonzero(~member), int(member.sum())
    if len(others) < many:
        raise InputError("The RNA has fewer other edges than there are between its bases and elements; choose one with base pairs.")
    kinds = list(dict.fromkeys(kind.tolist()))
    masks = np.ones((len(kinds) + 1 + DRAWS, len(kind)), dtype=np.float32)
    for row, name in enumerate(kinds):
        masks[row, kind == name] = 0
    masks[len(kinds), member] = 0
    draw = np.random.default_rng(0)
    for row in range(len(kinds) + 1, len(masks)):
        masks[row, draw.choice(others, many, replace=False)] = 0
    both, rest = "both between base and element", "as many others"
    return masks, [*kinds, both, rest], {**{name: int((kind == name).sum()) for name in kinds}, both: many, rest: many}


def found_across(families: tuple[str, str], networks: Sequence[Network], *, device: str = "cpu", should_stop: Stop | None = None) -> Finding:
    """Do RNAs of two families find each other in the library sooner by the network than by what needs no training? All pairs across, both ways.

    The network reads the structures that come with the RNAs. So it is compared not with the sequence alone but also with the structure alone and
    with both, and has to be ahead of each of :data:`BASELINES`: the mean logarithm of the place by it over the place by the network, 0 being no
    difference.

    Args:
        families: two families as the library names them.

    Raises:
        InputError: a family without an RNA in the library.
        Cancelled: ``should_stop`` said so.
    """
    from core.rna.embedding import embed_levels
    from core.rna.fingerprints import Score
    from core.rna.library import list_library

    library = list_library()
    mine = [[i for i, one in enumerate(library) if one.family == family] for family in families]
    if empty := [family for family, rows in zip(families, mine, strict=True) if not rows]:
        raise InputError(f"The reference library has no RNA of {empty[0]!r}.")
    pairs = [pair for a in mine[0] for b in mine[1] for pair in ((a, b), (b, a))]
    records, by_network = [one.record for one in library], []
    for network in networks:
        go_on(should_stop)
        vectors = embed_levels(records, checkpoint=network, levels=("rna",), device=device, should_stop=should_stop)["rna"].vectors
        by_network.append(places(Score(vectors.astype(np.float64)), pairs))
    untrained = {name: places(score, pairs) for name, score in _untrained(library).items()}
    return _across(library, pairs, by_network, untrained)


def _untrained(library: Sequence[Example]) -> dict[str, Score]:
    """Scores of :data:`BASELINES` on the library's RNAs with the structures that come with them."""
    from core.rna.ensemble import PairEnsemble
    from core.rna.fingerprints import FINGERPRINTS, FoldedRnas

    records = [one.record for one in library]
    structures = [str(record.structure) for record in records]
    rnas = FoldedRnas([record.sequence for record in records], structures, [PairEnsemble.certain(structure) for structure in structures])
    return {name: FINGERPRINTS[name](rnas) for name in BASELINES}


def _across(
    library: Sequence[Example], pairs: Sequence[tuple[int, int]], by_network: Sequence[np.ndarray], untrained: Mapping[str, np.ndarray]
) -> Finding:
    """The finding of places [P] of pairs by each network and by what needs none."""
    gains = {name: np.array([float(np.log(found / one).mean()) for one in by_network]) for name, found in untrained.items()}
    hardest = min(gains, key=lambda name: float(gains[name].mean()))
    table = pd.DataFrame(
        {
            "from": [library[a].title for a, _ in pairs],
            "to": [library[b].title for _, b in pairs],
            "longest stretch in common, nt": [longest_in_common(library[a].record.sequence, library[b].record.sequence) for a, b in pairs],
            "place, network": by_network[0],
            **({"place, network, median over seeds": np.median(by_network, axis=0)} if len(by_network) > 1 else {}),
            **{f"place, {name}": found for name, found in untrained.items()},
        }
    )
    medians = {"network": float(np.median(by_network[0])), **{name: float(np.median(found)) for name, found in untrained.items()}}
    numbers: dict[str, float] = {"pairs": len(pairs), **{f"median place, {name}": value for name, value in medians.items()}}
    numbers |= {f"mean log ratio to {name}": float(one[0]) for name, one in gains.items()}
    numbers |= {f"mean log ratio to {name}, mean over seeds": float(one.mean()) for name, one in gains.items()}
    outcome = all_of([over_seeds(one, 0.0) for one in gains.values()])
    reason = (
        f"over {len(pairs)} ways between the two families among {len(library)} RNAs the median place is {medians['network']:g} by the network and "
        f"{', '.join(f'{medians[name]:g} by {name}' for name in untrained)}; the network is to be ahead of all of them, and the hardest to beat is "
        f"{hardest}: the mean log ratio of places to it is {spread(gains[hardest], '.2f')}, above 0 where the network is ahead"
    )
    return Finding(numbers, outcome, reason + alone(len(by_network)), table)


def longest_in_common(first: str, second: str) -> int:
    """Length (nt) of the longest run of letters both sequences have."""
    return SequenceMatcher(None, first, second, autojunk=False).find_longest_match().size


def places(score: Score, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """[P] for each pair the place of the second among all others by likeness to the first, from 1; equal ones share the middle of theirs."""
    found = []
    for a, b in pairs:
        row = np.delete(score.of_row(a), a)
        own = score.of_row(a)[b]
        found.append(1 + float((row > own + _TIE).sum()) + (float((np.abs(row - own) <= _TIE).sum()) - 1) / 2)
    return np.array(found)
