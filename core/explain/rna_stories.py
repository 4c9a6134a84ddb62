"""What one expects of a network on the graph of an RNA, asked of the shipped ones: numbers, and whether the network agrees.

As in :mod:`core.explain.stories` an expectation holds where it holds over the seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.stories import Finding, over_seeds

if TYPE_CHECKING:
    from core.explain.rna_masks import Network
    from core.rna.ensemble import PairEnsemble
    from core.rna.records import RnaRecord


def elements_carry(record: RnaRecord, networks: Sequence[Network], elements: Sequence[str], *, device: str = "cpu") -> Finding:
    """Do some elements carry more of the RNA's likeness to itself than their share of its bases? By integrated gradients over bases.

    Args:
        record: with its structure, taken as certain. networks: the seeds of an ensemble, the shown one first. elements: names, such as "h1".

    Raises:
        InputError: the RNA has no such element.
    """
    from core.explain.attribution import attribute
    from core.explain.rna_masks import like_itself, rna_masks
    from core.rna.elements import decompose

    found = decompose(str(record.structure))
    sizes = {element.name: len(element.bases) for element in found.elements if element.bases}
    if missing := [name for name in elements if name not in sizes]:
        raise InputError(f"{record.id} has no element {missing[0]!r} with bases; choose of {', '.join(sizes)}.")
    shares = []
    for network in networks:
        masked = rna_masks(network, record, target=like_itself(network, record, device=device), device=device)
        by_element = attribute(masked).at(masked, "element")
        shares.append({name.removeprefix("elem:"): float(value) for name, value in (by_element / by_element.sum()).items()})
    size = sum(sizes.values())
    expected = sum(sizes[name] for name in elements) / size
    carried = [sum(one[name] for name in elements) for one in shares]
    names = list(sizes)
    table = pd.DataFrame(
        {
            "element": names,
            "bases": [sizes[name] for name in names],
            "share of bases": [sizes[name] / size for name in names],
            "share of attribution": [shares[0].get(name, float("nan")) for name in names],
            "mean over seeds": [float(np.mean([one.get(name, np.nan) for one in shares])) for name in names],
        }
    )
    numbers = {"share of bases": expected, "share of attribution": carried[0], "share of attribution, mean over seeds": float(np.mean(carried))}
    reason = f"{' and '.join(elements)} hold {expected:.0%} of the bases and carry {carried[0]:.0%} of the attribution" + (
        f" ({np.mean(carried):.0%} ± {np.std(carried, ddof=1):.0%} over {len(carried)} seeds)" if len(carried) > 1 else ""
    )
    return Finding(numbers, over_seeds(carried, expected), reason, table.sort_values("share of attribution", ascending=False, ignore_index=True))


def through_elements(record: RnaRecord, networks: Sequence[Network], *, ensemble: PairEnsemble | None = None, device: str = "cpu") -> Finding:
    """Do bases hear each other by way of their elements? The mean length of a message along each kind of edge.

    The network agrees where messages from element to base and back are longer on average than those along base pairs.

    Raises:
        InputError: a network whose graph has no elements.
    """
    from core.explain.bases import base_importance

    kinds, rows = ("element to base", "base to element"), []
    for network in networks:
        if network[0].config.encoding != "forgi":
            raise InputError("The graph of this network has no elements; choose one on the FORGI graph.")
        edges = base_importance(record, network, ensemble=ensemble, device=device).edges
        rows.append(edges.groupby("kind")["message"].agg(["mean", "count"]))
    means = pd.DataFrame([one["mean"] for one in rows]).reset_index(drop=True)
    ratio = [float(one[list(kinds)].mean() / one["pair"]) for _, one in means.iterrows()]
    table = pd.DataFrame(
        {"kind of edge": means.columns, "edges": rows[0]["count"].reindex(means.columns).to_numpy(), "mean |message|": means.iloc[0].to_numpy()}
    )
    if len(networks) > 1:
        table["mean over seeds"], table["sd over seeds"] = means.mean().to_numpy(), means.std(ddof=1).to_numpy()
    numbers = {f"mean |message|, {kind}": float(value) for kind, value in means.iloc[0].items()} | {"ratio to base pairs": ratio[0]}
    spread = f" ({np.mean(ratio):.2f} ± {np.std(ratio, ddof=1):.2f} over {len(ratio)} seeds)" if len(ratio) > 1 else ""
    reason = f"a message between a base and its element is on average {ratio[0]:.2f} times as long as one along a base pair{spread}"
    return Finding(numbers, over_seeds(ratio, 1.0), reason, table)


def found_from_each_other(kind: str, networks: Sequence[Network], *, device: str = "cpu") -> Finding:
    """Do RNAs of one kind find each other in the library sooner by the network than by counting 4-mers? All pairs, both ways.

    The number is the mean logarithm of the place by count over the place by the network: 0 is no difference.

    Args:
        kind: what the ids of the library's RNAs of this kind begin with, such as "hammerhead".

    Raises:
        InputError: fewer than two RNAs are of this kind.
    """
    from core.rna.embedding import embed_levels
    from core.rna.fingerprints import kmer_counts
    from core.rna.library import list_library

    library = list_library()
    mine = [i for i, one in enumerate(library) if one.id.startswith(kind)]
    if len(mine) < 2:
        raise InputError(f"The reference library has no two RNAs whose id begins with {kind!r}.")
    records = [one.record for one in library]
    of_networks = [embed_levels(records, checkpoint=one, levels=("rna",), device=device)["rna"].vectors.astype(np.float64) for one in networks]
    counts = np.stack([kmer_counts(record.sequence) for record in records])
    pairs = [(a, b) for a in mine for b in mine if a != b]
    by_count, *by_network = [_places(vectors, pairs) for vectors in (counts, *of_networks)]
    gains = [float(np.log(by_count / one).mean()) for one in by_network]
    table = pd.DataFrame(
        {
            "from": [library[a].title for a, _ in pairs],
            "to": [library[b].title for _, b in pairs],
            "place, network": by_network[0],
            "place, 4-mers": by_count,
        }
    )
    if len(networks) > 1:
        table["place, median over seeds"] = np.median(by_network, axis=0)
    sooner, later = int((by_network[0] < by_count).sum()), int((by_network[0] > by_count).sum())
    numbers = {
        "pairs": len(pairs),
        "sooner by the network": sooner,
        "later by the network": later,
        "median place, network": float(np.median(by_network[0])),
        "median place, 4-mers": float(np.median(by_count)),
        "mean log ratio": gains[0],
        "mean log ratio, mean over seeds": float(np.mean(gains)),
    }
    spread = f"; the mean log ratio of places is {np.mean(gains):.2f} ± {np.std(gains, ddof=1):.2f} over {len(gains)} seeds" if len(gains) > 1 else ""
    reason = (
        f"of {len(pairs)} ways from one to another among {len(records)} RNAs the network ranks {sooner} sooner than counting 4-mers does and {later} "
        f"later; median place {np.median(by_network[0]):.0f} against {np.median(by_count):.0f}{spread}"
    )
    return Finding(numbers, over_seeds(gains, 0.0), reason, table)


def _places(vectors: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """[P] for each pair the place of the second among all others by nearness (cosine) to the first; 1 is the nearest."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return np.array([1 + int((cosines[a] > cosines[a, b]).sum()) for a, b in pairs])
