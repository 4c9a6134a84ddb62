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


def alike_without_sequence(first: str, second: str, networks: Sequence[Network], *, device: str = "cpu") -> Finding:
    """Are two RNAs of one family near each other though they share hardly a letter? Their cosine, and the second's place among the library's RNAs.

    Args:
        first, second: ids in the reference library.

    Raises:
        InputError: there is no such RNA.
    """
    from core.rna.embedding import embed_levels
    from core.rna.fingerprints import kmer_counts
    from core.rna.library import list_library

    library = list_library()
    ids = [one.id for one in library]
    if missing := [name for name in (first, second) if name not in ids]:
        raise InputError(f"There is no RNA {missing[0]!r} in the reference library.")
    a, b = ids.index(first), ids.index(second)
    records = [one.record for one in library]
    ranks, cosines = [], []
    for network in networks:
        vectors = embed_levels(records, checkpoint=network, levels=("rna",), device=device)["rna"].vectors.astype(np.float64)
        found = _cosines(vectors, a)
        cosines.append(found)
        ranks.append(1 + int((np.delete(found, a) > found[b]).sum()))
    counted = _cosines(np.stack([kmer_counts(record.sequence) for record in records]), a)
    by_count = 1 + int((np.delete(counted, a) > counted[b]).sum())
    nearest = np.argsort(-np.where(np.arange(len(ids)) == a, -np.inf, cosines[0]), kind="stable")[:5]
    table = pd.DataFrame(
        {
            "RNA": [library[i].title for i in nearest],
            "family": [library[i].family for i in nearest],
            "cosine, network": cosines[0][nearest],
            "cosine, 4-mers": counted[nearest],
        }
    )
    numbers = {
        "cosine, network": float(cosines[0][b]),
        "cosine, 4-mers": float(counted[b]),
        "place, network": ranks[0],
        "place, 4-mers": by_count,
        "RNAs": len(ids) - 1,
    }
    reason = (
        f"by the network the second is number {ranks[0]} of {len(ids) - 1} RNAs by nearness to the first (cosine {cosines[0][b]:.2f}"
        + (f"; {', '.join(map(str, ranks[1:]))} by the other seeds" if len(ranks) > 1 else "")
        + f"), by counting 4-mers number {by_count} (cosine {counted[b]:.2f})"
    )
    return Finding(numbers, over_seeds([-float(rank) for rank in ranks], -float(by_count)), reason, table)


def _cosines(vectors: np.ndarray, row: int) -> np.ndarray:
    """[N] of one row with all."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found: np.ndarray = unit @ unit[row]
    return found
