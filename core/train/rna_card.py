"""The model card of an RNA network: its figures on held-out synthetic families and on real ones, beside what needs no training."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from core import __version__
from core.explain.ginfinity_scores import PEER, about, ginfinity_motifs, ginfinity_scores
from core.explain.labelled import read_labelled
from core.explain.motif_scores import motif_scores
from core.explain.pairs import LENGTH_MATCH
from core.explain.scoreboard import SOURCES, beside, prepare_all, scoreboard
from core.models.checkpoint import Card
from core.models.rna import RnaGine
from core.storage import digest
from core.train.rna import RnaTrainConfig, load_split
from core.train.rna_evaluate import FIGURES, fingerprint_figures, synthetic_figures, synthetic_pairs
from core.train.rna_families import DISTRIBUTION
from core.train.rna_graphs import FamilyGraphs

if TYPE_CHECKING:
    from core.explain.ginfinity_scores import Opened

RFAM = Path(os.environ.get("GATESCOPE_DEV_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "rna" / "rfam_families_dev.tsv"
"""Where Rfam's seed members are looked for unless a path is given; used to evaluate, never to train."""

Progress = Callable[[str, int, int], None]


def measure(
    networks: Sequence[RnaGine],
    name: str,
    seed: int,
    test: FamilyGraphs,
    rfam: Path | None,
    *,
    executor: Executor,
    ginfinity: Opened | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """``test`` and ``baselines`` of a card, and ``rfam``: the scoreboard of the reporting half, or why it is missing.

    Of an ensemble, ``ensemble``: for each further seed ``test`` and its rows of the scoreboard, ``rfam``.

    Args:
        networks: the seeds of the ensemble; the card is of the first. seed: of the first.
    """
    rounded = {
        score: {figure: _rounded(value) for figure, value in figures.items()}
        for score, figures in {"network": synthetic_figures(networks[0], test), **fingerprint_figures(test.families)}.items()
    }
    pairs = synthetic_pairs(test.families)
    counts = {"families": len(test.families), "pairs": len(pairs)}
    board, of_seeds = _rfam(networks, name, seed, rfam, executor, ginfinity, on_progress)
    found = {"test": {**counts, **rounded.pop("network")}, "baselines": rounded, "rfam": board}
    if len(networks) > 1:
        own = [{figure: _rounded(value) for figure, value in synthetic_figures(one, test).items()} for one in networks[1:]]
        numbered = enumerate(zip(own, of_seeds, strict=True), seed + 1)
        found["ensemble"] = {"seeds": len(networks), "others": [{"seed": n, "test": figures, "rfam": rows} for n, (figures, rows) in numbered]}
    return found


def _rfam(
    networks: Sequence[RnaGine],
    name: str,
    seed: int,
    path: Path | None,
    executor: Executor,
    ginfinity: Opened | None,
    on_progress: Progress | None,
) -> tuple[dict[str, Any], list[list[dict[str, Any]]]]:
    """The scoreboard of the first network, and of each other one its own rows."""
    path = path or RFAM
    if not path.is_file():
        return {"skipped": f"{path.name} was not there; give its path with --data."}, [[] for _ in networks[1:]]
    card = Card(name, "rna", "", {"network": networks[0].config.to_dict()}, "")
    labelled = read_labelled(path).half("reporting")
    peers = {} if ginfinity is None else {PEER: ginfinity_scores(ginfinity)}
    others = {f"{name}, seed {number}": (one, card) for number, one in enumerate(networks[1:], seed + 1)}
    found = scoreboard(labelled, {name: (networks[0], card), **peers, **others}, executor=executor, on_progress=on_progress)
    rows = _plain(found.table)
    of_seeds = [[{k: v for k, v in row.items() if k not in ("score", "kind")} for row in rows if row["score"] == other] for other in others]
    own = [row for row in rows if not row["score"].startswith(tuple(others))] if others else rows
    motifs = []
    for source in SOURCES:
        prepared = prepare_all(labelled, source, executor=executor, on_progress=on_progress)
        motifs += _plain(motif_scores(labelled, prepared, (networks[0], card)).assign(structures=source))
        if ginfinity is not None:
            motifs += _plain(ginfinity_motifs(labelled, prepared, ginfinity).assign(structures=source))
    kept = ("rnas", "families", "groups", "pairs")
    counts = {key: found.manifest[key] for key in kept}
    peer = {} if ginfinity is None else {"peers": {PEER: about(ginfinity[1])}}
    board = {
        "file_sha256": digest(path.read_bytes()),
        **counts,
        **peer,
        "scores": own,
        "motifs": motifs,
        "nearest": _plain(beside(found.nearest, name)),
    }
    return board, of_seeds


def build_card(
    name: str,
    config: RnaTrainConfig,
    networks: Sequence[RnaGine],
    test: FamilyGraphs,
    validation: Mapping[str, float],
    *,
    seconds: float,
    command: str,
    executor: Executor,
    rfam: Path | None = None,
    ginfinity: Opened | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """The content of a model card; test families and the reporting half of Rfam are looked at here for the first time.

    Args:
        networks: the seeds of the ensemble; the card is of the first.
        seconds: of training, all seeds together; command: what makes the network again.
        ginfinity: what :func:`core.rna.ginfinity.open_ginfinity` gave, for its figures on Rfam beside the network's.
    """
    network_config = config.build()
    control = {"control": "shuffled labels"} if config.shuffle_labels else {}
    return control | {
        "name": name,
        "kind": "rna",
        "summary": f"GINE network on the {_ENCODINGS[config.encoding]} graph of an RNA and its ensemble, trained by contrast on synthetic families."
        + (" Control: who is related was dealt out at random, so nothing it shows is knowledge." if config.shuffle_labels else ""),
        "network": network_config.to_dict(),
        "parameters": sum(p.numel() for p in networks[0].parameters()),
        "training": {
            **asdict(config),
            "seconds": round(seconds),
            "command": command,
            "gatescope": __version__,
            "torch": torch.__version__,
        },
        "data": {
            "distribution": DISTRIBUTION,
            "truth": "relatives descend from one ancestor by compensatory pair changes and loop substitutions at each column's own rate, indels, "
            "hairpins gained and lost, stem-length changes, branch moves and flanks, and are folded again with their pair probabilities; "
            "negatives are other families of like length and dinucleotide-preserving shuffles, folded again",
            "readout": f"after training the last linear map is fitted anew without labels, on {config.readout_families:,} training families: "
            f"principal components divided by their standard deviation to the power {config.readout_power:g}",
            "splits": "families of train, validation and test are drawn independently from seeds fixed before training; validation selects, test is "
            "only quoted; Rfam is never trained on: settings were chosen on one half of its development families, the other half is quoted here",
            "length_match": LENGTH_MATCH,
        },
        "validation": {k: round(float(v), 4) for k, v in validation.items()},
        **measure(networks, name, config.seed, test, rfam, executor=executor, ginfinity=ginfinity, on_progress=on_progress),
        "limits": [
            "Trained on synthetic families of 40 to 250 nt only; longer RNAs and RNAs held by proteins or ligands are extrapolation.",
            "Pair probabilities hold no pseudoknots; a structure that comes with an RNA may have them.",
            "Beyond 700 nt pair probabilities take too long: the best structure is taken as certain, and where it is wrong, so is the embedding.",
            "Where along the molecule something stands is part of the embedding: a motif in another place, or a fragment of an RNA, lies far away.",
            f"The pooled nodes have {config.readout_pooled:.0%} of the variance that the places along the sequence have in what makes the vector of "
            "the whole RNA: which nodes the pooling attends to says little about that vector.",
            "Pair AUC says that relatives lie nearer than strangers of the same length; it does not say that a nearest neighbour is homologous.",
        ],
    }


def evaluate(
    networks: Sequence[RnaGine],
    card: Card,
    folder: Path,
    *,
    executor: Executor,
    rfam: Path | None = None,
    ginfinity: Opened | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Makes the card's test families again and recomputes its figures.

    Args:
        ginfinity: as for :func:`build_card`; without it, its rows are not computed again.

    Returns:
        ``test``, ``baselines`` and ``rfam`` as in the card, ``differences``: figures that differ from the card's by more than 1e-3, name to
        (card, now), and ``not_recomputed``: the card's rows that are not among the figures now, such as Rfam's where its file is missing.
    """
    config = RnaTrainConfig(**{k: v for k, v in card.content["training"].items() if k in RnaTrainConfig.__dataclass_fields__})
    test = load_split(config, "test", folder, executor=executor, on_progress=on_progress or (lambda *_: None))
    found = measure(networks, card.name, config.seed, test, rfam, executor=executor, ginfinity=ginfinity, on_progress=on_progress)
    then, now = _flat(card.content), _flat(found)
    compared = [figure for figure in now if figure in then or not figure.startswith("rfam")]
    differences: dict[str, tuple[Any, Any]] = {}
    for figure in compared:
        one, two = then.get(figure), now[figure]
        if (one is None) != (two is None) or (one is not None and abs(one - two) > 1e-3):
            differences[figure] = (one, two)
    left = dict.fromkeys(figure.rpartition("/")[0] for figure in then if figure not in now)
    return {**found, "differences": differences, "not_recomputed": list(left)}


_ENCODINGS = {"forgi": "FORGI", "standard": "base"}


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure of a card by its place."""
    figures = {f"test/{name}": content["test"].get(name) for name in FIGURES}
    figures |= {f"baselines/{score}/{name}": own.get(name) for score, own in content["baselines"].items() for name in FIGURES}
    for one in content.get("ensemble", {}).get("others", ()):
        figures |= {f"seed {one['seed']}/test/{name}": one["test"].get(name) for name in FIGURES}
        figures |= {f"seed {one['seed']}/rfam/{row['structures']}/{n}": v for row in one["rfam"] for n, v in row.items() if n != "structures"}
    for row in content["rfam"].get("scores", ()):
        where = f"rfam/{row['structures']}/{row['score']}"
        figures |= {f"{where}/{name}": value for name, value in row.items() if name not in ("score", "kind", "structures")}
    for row in content["rfam"].get("motifs", ()):
        where = f"rfam/{row['structures']}/{row['level']}/{row['score']}"
        figures |= {f"{where}/{name}": row[name] for name in ("auc", "low", "high", "pairs", "families")}
    return figures


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): _rounded(value) for key, value in row.items()} for row in table.to_dict("records")]


def _rounded(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else round(float(value), 4)
    return value
