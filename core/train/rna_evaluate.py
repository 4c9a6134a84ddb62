"""How near related RNAs lie: pair AUC on held-out synthetic families and on Rfam, beside baselines, for a model card and on request.

A pair is two members of one family (positive) or one member and an RNA of another family (negative), both of like length; the AUC is the
probability that a positive scores higher than a negative. Folding is the larger part of the problem, so each figure says where its
structures came from: folded by ViennaRNA, or given (designed with the family, or Rfam's consensus).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from core import __version__
from core.models.checkpoint import Card
from core.models.rna import RnaGine
from core.storage import digest
from core.train.rna import LENGTH_MATCH, RnaTrainConfig, Split, load_split
from core.train.rna_families import DISTRIBUTION, RELATIVES, SHUFFLES, Families, fold_mfe
from core.train.rna_graphs import PER_FAMILY, PackedGraphs, embed_packed, pack

RFAM = Path(os.environ.get("GATESCOPE_DEV_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "rna" / "rfam_families_dev.tsv"
"""Where Rfam's seed members are looked for unless a path is given; used to evaluate, never to train."""
RFAM_FAMILIES, RFAM_MEMBERS, RFAM_SEED = 150, 6, 7
SHORTEST, LONGEST = 40, 250
"""Lengths (nt) of the Rfam members that are looked at."""
DISTANT = 0.6
"""Members whose rows of the seed alignment agree in fewer columns than this share are distant."""
FIGURES = ("folded", "given", "shuffles", "rfam_folded", "rfam_folded_distant", "rfam_given", "rfam_given_distant")
"""Every figure is an AUC; the network and each baseline have all of them."""

Progress = Callable[[str, int, int], None]


class Pairs(NamedTuple):
    """Rows ``a`` and ``b`` of members, and whether they are of one family."""

    a: np.ndarray
    b: np.ndarray
    related: np.ndarray


@dataclass(frozen=True, eq=False)
class RfamMembers:
    """Members of Rfam families: ids, families, sequences, consensus structures projected onto them, rows of the seed alignment."""

    ids: tuple[str, ...]
    families: np.ndarray
    sequences: tuple[str, ...]
    structures: tuple[str, ...]
    aligned: tuple[str, ...]
    sha256: str


def matched_pairs(lengths: np.ndarray, families: np.ndarray, seed: int) -> Pairs:
    """All pairs within families whose lengths differ by at most :data:`LENGTH_MATCH`, and for each a negative: its first member
    with a random one of another family that matches it in length as well."""
    rng = np.random.default_rng(seed)
    first, second, other = [], [], []
    for family in np.unique(families):
        for a, b in combinations(np.flatnonzero(families == family), 2):
            if not _alike(lengths[a], lengths[b]):
                continue
            candidates = np.flatnonzero((families != family) & _alike(lengths[a], lengths))
            if len(candidates):
                first.append(a)
                second.append(b)
                other.append(rng.choice(candidates))
    related = np.repeat([True, False], len(first))
    return Pairs(np.array([*first, *first], dtype=np.int64), np.array([*second, *other], dtype=np.int64), related)


def auc(scores: np.ndarray, related: np.ndarray) -> float:
    """Probability that a related pair scores higher than an unrelated one, ties counted half; nan without either."""
    from scipy.stats import rankdata

    positives, negatives = int(related.sum()), int((~related).sum())
    if not positives or not negatives:
        return float("nan")
    return float((rankdata(scores)[related].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def cosine(vectors: np.ndarray, pairs: Pairs) -> np.ndarray:
    """[P] cosines of pairs of rows."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return np.einsum("pd,pd->p", unit[pairs.a], unit[pairs.b])


def element_histogram(structure: str) -> np.ndarray:
    """[14] log1p of the number of elements and of their bases, for each of seven kinds."""
    from core.rna.elements import KINDS, decompose

    counts = dict.fromkeys(KINDS, 0)
    bases = dict.fromkeys(KINDS, 0)
    for element in decompose(structure, method="walk").elements:
        counts[element.kind] += 1
        bases[element.kind] += len(element.bases)
    return np.log1p(np.array([*counts.values(), *bases.values()], dtype=float))


def kmer_counts(sequence: str, k: int = 4) -> np.ndarray:
    """[4^k] counts of the k-mers of A, C, G and U."""
    place = {"".join(kmer): i for i, kmer in enumerate(product("ACGU", repeat=k))}
    counts = np.zeros(len(place))
    for start in range(len(sequence) - k + 1):
        at = place.get(sequence[start : start + k])
        if at is not None:
            counts[at] += 1
    return counts


Score = Callable[[Pairs], np.ndarray]


def baseline_scores(sequences: Sequence[str], structures: Sequence[str]) -> dict[str, Score]:
    """What a network has to beat: the difference in length, the 14-count element histogram (L1), and cosines of 4-mer counts."""
    lengths = np.array([len(s) for s in sequences], dtype=float)
    histograms = np.stack([element_histogram(s) for s in structures])
    kmers = np.stack([kmer_counts(s) for s in sequences])
    return {
        "length difference": lambda p: -np.abs(lengths[p.a] - lengths[p.b]) / np.maximum(lengths[p.a], lengths[p.b]),
        "element histogram (14 counts)": lambda p: -np.abs(histograms[p.a] - histograms[p.b]).sum(1),
        "4-mer cosine (sequence only)": lambda p: cosine(kmers, p),
    }


def synthetic_pairs(families: Families) -> tuple[Pairs, Pairs]:
    """Pairs of graph rows of packed families: relatives against other families, and relatives against the family's own shuffles."""
    rows = np.arange(len(families))[:, None] * PER_FAMILY + np.arange(RELATIVES)
    lengths = np.char.str_len(families.sequences)
    found = matched_pairs(lengths[:, :RELATIVES].ravel(), np.repeat(np.arange(len(families)), RELATIVES), seed=0)
    others = Pairs(rows.ravel()[found.a], rows.ravel()[found.b], found.related)
    # a shuffle has its relative's length: pairs of relatives against pairs of the first of them and a shuffle of the second
    choices = product(range(len(families)), range(RELATIVES), range(SHUFFLES))
    near = [(f, a, b) for f, a, b in choices if a != b and _alike(*lengths[f, [a, b]])]
    f, a, b = np.array(near, dtype=np.int64).reshape(-1, 3).T
    base = f * PER_FAMILY
    return others, Pairs(np.tile(base + a, 2), np.concatenate([base + b, base + RELATIVES + b]), np.repeat([True, False], len(f)))


def synthetic_figures(vectors: np.ndarray, families: Families) -> dict[str, float]:
    """AUC of cosines of packed families' embeddings: "folded" and "given" against other families, "shuffles" against own shuffles."""
    return _synthetic(lambda pairs: cosine(vectors, pairs), families)


def _synthetic(score: Score, families: Families) -> dict[str, float]:
    others, shuffles = synthetic_pairs(families)
    shift = RELATIVES + SHUFFLES
    given = Pairs(others.a + shift, others.b + shift, others.related)
    return {name: auc(score(pairs), pairs.related) for name, pairs in (("folded", others), ("given", given), ("shuffles", shuffles))}


def synthetic_report(network: RnaGine, split: Split) -> dict[str, dict[str, float]]:
    """The synthetic figures of the network and of each baseline on a split."""
    families = split.families
    sequences = np.concatenate([families.sequences, families.sequences[:, :RELATIVES]], axis=1).astype(str).ravel().tolist()
    structures = np.concatenate([families.folded, families.designed], axis=1).astype(str).ravel().tolist()
    report = {"network": synthetic_figures(embed_packed(network, split.graphs), families)}
    return report | {name: _synthetic(score, families) for name, score in baseline_scores(sequences, structures).items()}


def read_rfam(path: Path) -> RfamMembers:
    """A seeded choice of :data:`RFAM_FAMILIES` families and :data:`RFAM_MEMBERS` members of each, :data:`SHORTEST` to :data:`LONGEST` nt."""
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if SHORTEST <= len(row["sequence"]) <= LONGEST]
    rng = np.random.default_rng(RFAM_SEED)
    by_family: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_family.setdefault(row["family"], []).append(row)
    large = sorted(f for f, members in by_family.items() if len(members) >= 2)
    chosen = rng.permutation(large)[:RFAM_FAMILIES]
    members = [by_family[f][i] for f in chosen for i in sorted(rng.permutation(len(by_family[f]))[:RFAM_MEMBERS])]
    columns = {name: tuple(row[name] for row in members) for name in ("accession", "sequence", "structure", "aligned_sequence")}
    columns["sequence"] = tuple("".join(b if b in "ACGU" else "N" for b in s.upper().replace("T", "U")) for s in columns["sequence"])
    families, sha256 = np.array([row["family"] for row in members]), digest(path.read_bytes())
    return RfamMembers(columns["accession"], families, columns["sequence"], columns["structure"], columns["aligned_sequence"], sha256)


def identity(one: str, other: str) -> float:
    """Share of alignment columns in which two rows agree, columns that are gaps in both left out."""
    columns = [(a, b) for a, b in zip(one, other, strict=True) if a not in "-." or b not in "-."]
    return sum(a == b for a, b in columns) / max(1, len(columns))


def rfam_report(
    network: RnaGine, members: RfamMembers, *, executor: Executor, on_progress: Progress | None = None
) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Rfam figures of the network and of each baseline, and what they were measured on."""
    folded = []
    for structure in executor.map(fold_mfe, members.sequences, chunksize=20):
        folded.append(structure)
        if on_progress:
            on_progress("folding Rfam members", len(folded), len(members.sequences))
    pairs = matched_pairs(np.array([len(s) for s in members.sequences]), members.families, RFAM_SEED)
    alike = np.array([identity(members.aligned[a], members.aligned[b]) if r else 0.0 for a, b, r in zip(*pairs, strict=True)])
    distant = alike < DISTANT  # every negative, and the positives that are far apart
    config = network.config
    report: dict[str, dict[str, float]] = {}
    for source, structures in (("folded", folded), ("given", members.structures)):
        graphs = PackedGraphs.join([pack(members.sequences, structures, config.encoding, config.sequence_weight)])
        vectors = embed_packed(network, graphs)
        scores: dict[str, Score] = {"network": lambda p, v=vectors: cosine(v, p), **baseline_scores(members.sequences, structures)}  # type: ignore[misc]
        for name, score in scores.items():
            values = score(pairs)
            figures = report.setdefault(name, {})
            figures[f"rfam_{source}"] = auc(values, pairs.related)
            figures[f"rfam_{source}_distant"] = auc(values[distant], pairs.related[distant])
    measured = {
        "file_sha256": members.sha256,
        "families": len(set(members.families)),
        "members": len(members.sequences),
        "pairs": int(pairs.related.sum()),
        "distant_pairs": int((distant & pairs.related).sum()),
    }
    return report, measured


def measure(network: RnaGine, test: Split, rfam: Path | None, *, executor: Executor, on_progress: Progress | None = None) -> dict[str, Any]:
    """``test`` and ``baselines`` of a card, and ``rfam``: what its figures were measured on, or why they are missing."""
    report = synthetic_report(network, test)
    others, shuffles = synthetic_pairs(test.families)
    path = rfam or RFAM
    if path.is_file():
        found, measured = rfam_report(network, read_rfam(path), executor=executor, on_progress=on_progress)
        report = {name: report[name] | found[name] for name in report}
    else:
        measured = {"skipped": f"{path.name} was not there; give its path with --data."}
    rounded = {name: {f: None if np.isnan(v := figures.get(f, np.nan)) else round(v, 4) for f in FIGURES} for name, figures in report.items()}
    counts = {"families": len(test.families), "pairs": int(others.related.sum()), "shuffle_pairs": int(shuffles.related.sum())}
    return {"test": {**counts, **rounded.pop("network")}, "baselines": rounded, "rfam": measured}


def build_card(
    name: str,
    config: RnaTrainConfig,
    network: RnaGine,
    test: Split,
    validation: Mapping[str, float],
    *,
    seconds: float,
    executor: Executor,
    rfam: Path | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """The content of a model card; test families and Rfam are looked at here for the first time."""
    default = RnaTrainConfig()
    changed = [k for k in ("encoding", "families", "epochs", "seed") if getattr(config, k) != getattr(default, k)]
    command = f"python -m core train rna --name {name}" + "".join(f" --{key} {getattr(config, key)}" for key in changed)
    network_config = config.build()
    return {
        "name": name,
        "kind": "rna",
        "summary": f"GINE network on the {_ENCODINGS[config.encoding]} graph of an RNA, trained by contrast on synthetic families.",
        "network": network_config.to_dict(),
        "parameters": sum(p.numel() for p in network.parameters()),
        "training": {
            **asdict(config),
            "seconds": round(seconds),
            "command": f"{command} --out DIR",
            "gatescope": __version__,
            "torch": torch.__version__,
        },
        "data": {
            "distribution": DISTRIBUTION,
            "truth": "relatives descend from one ancestor by compensatory pair changes, loop substitutions and indels, stem-length changes and "
            "branch moves, and are folded again; negatives are other families of like length and dinucleotide-preserving shuffles, folded again",
            "splits": "families of train, validation and test are drawn independently from seeds fixed before training; validation selects, test is "
            "only quoted; Rfam is never trained on",
            "length_match": LENGTH_MATCH,
        },
        "validation": {k: round(float(v), 4) for k, v in validation.items()},
        **measure(network, test, rfam, executor=executor, on_progress=on_progress),
        "limits": [
            "Trained on synthetic families of 40 to 200 nt only; longer RNAs and RNAs held by proteins or ligands are extrapolation.",
            "It sees one structure: where the minimum free energy fold is wrong, its embedding is of the wrong structure.",
            "Synthetic relatives keep their ancestor's fold more often than distant members of a real family do.",
            "Pair AUC says that relatives lie nearer than strangers of the same length; it does not say that a nearest neighbour is homologous.",
        ],
    }


def evaluate(
    network: RnaGine, card: Card, folder: Path, *, executor: Executor, rfam: Path | None = None, on_progress: Progress | None = None
) -> dict[str, Any]:
    """Makes the card's test families again and recomputes its figures.

    Returns:
        ``test``, ``baselines`` and ``rfam`` as in the card, and ``differences``: figures that differ from the card's by more than 1e-3,
        name to (card, now). Rfam's are left out where its file is missing.
    """
    config = RnaTrainConfig(**{k: v for k, v in card.content["training"].items() if k in RnaTrainConfig.__dataclass_fields__})
    test = load_split(config, "test", folder, executor=executor, on_progress=on_progress or (lambda *_: None))
    found = measure(network, test, rfam, executor=executor, on_progress=on_progress)
    compared = [f for f in FIGURES if "skipped" not in found["rfam"] or not f.startswith("rfam")]
    differences: dict[str, tuple[Any, Any]] = {}
    for where in ("test", *(f"baselines/{name}" for name in found["baselines"])):
        then, now = (_at(content, where.split("/")) for content in (card.content, found))
        for figure in compared:
            one, two = then.get(figure), now.get(figure)
            if one is None or two is None or abs(one - two) > 1e-3:
                differences |= {} if one is two else {f"{where}/{figure}": (one, two)}
    return {**found, "differences": differences}


_ENCODINGS = {"forgi": "FORGI", "standard": "base"}


def _at(content: Any, path: Iterable[str]) -> Any:
    for key in path:
        content = content.get(key, {})
    return content


def _alike(one: Any, other: Any) -> Any:
    return np.abs(one - other) <= LENGTH_MATCH * np.maximum(one, other)
