"""The model card: held-out figures, baselines on the same samples, seeds, where the network fails; and all of it again on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import __version__
from core.metabolic.tables import ModelTables
from core.models.checkpoint import Card
from core.models.network import ReactionNetwork
from core.train.arrays import Hyperedges, predict_samples
from core.train.baselines import baselines, transfer_baselines
from core.train.conditions import DISTRIBUTION, kept_back
from core.train.essentiality import essentiality
from core.train.kinetics import with_kinetics
from core.train.metabolic import TrainConfig, solved_split
from core.train.metrics import GROWS, flux_r2, r2, report
from core.train.samples import Samples

Progress = Callable[..., None]
FEW = 5
"""So many carbon sources kept back are named."""


def build_card(
    name: str,
    config: TrainConfig,
    tables: ModelTables,
    networks: Sequence[ReactionNetwork],
    splits: dict[str, Samples],
    *,
    seconds: float,
    command: str,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """The content of a model card; the test splits are looked at here for the first time.

    Args:
        networks: the shipped network first, then the other seeds of its ensemble.
        splits: every set of :meth:`TrainConfig.splits`.
        seconds: of training, all seeds together. command: what makes it again.
    """
    built = config.build()
    how = {"none": "ungated", "metabolite": "metabolite-gated", "incidence": "incidence-gated"}[built.gate]
    content: dict[str, Any] = {
        "name": name,
        "kind": "metabolic",
        "summary": f"{how.capitalize()} stoichiometric hypergraph network trained on flux balance analysis of {tables.id}."
        + (f" Tested on {' and '.join(config.transfer)} too, which it never saw." if config.transfer else "")
        + (" Control: its labels were dealt out at random, so nothing it shows is knowledge." if config.shuffle_labels else ""),
        "network": built.to_dict(),
        "parameters": sum(p.numel() for p in networks[0].parameters()),
        "training": {
            **asdict(config),
            "seconds": round(seconds),
            "command": command,
            "gatescope": __version__,
            "torch": torch.__version__,
        },
        "data": {
            "distribution": config.distribution,
            "truth": "growth by FBA, fluxes by pFBA (HiGHS); an infeasible condition has growth 0 and no flux",
            "splits": _splits_in_words(config, tables),
            "infeasible_or_no_growth": {split: round(float((s.growth <= GROWS).mean()), 4) for split, s in splits.items()},
        },
        "trained_on": {
            "model": tables.id,
            "model_sha256": tables.key,
            "bounds": _bounds_seen(tables, splits["train"]),
            "objective": {tables.reactions[e]: float(tables.objective[e]) for e in np.flatnonzero(tables.objective)},
            "aims": [tables.reactions[e] for e in np.unique(splits["train"].objective)],
        },
        **quoted(config, tables, networks, splits, on_progress),
        "limits": limits(config),
    }
    if config.shuffle_labels or not built.layers:
        content["control"] = "shuffled labels" if config.shuffle_labels else "no messages"
    return dict(_without_nan(content))


def quoted(
    config: TrainConfig,
    tables: ModelTables,
    networks: Sequence[ReactionNetwork],
    splits: dict[str, Samples],
    on_progress: Progress | None = None,
    *,
    with_baselines: bool = True,
) -> dict[str, Any]:
    """Everything a card quotes that is computed from samples."""
    from core.metabolic import load_tables

    plain = list(networks)
    networks = [with_kinetics(one, tables, config.kinetics) for one in networks]
    network = networks[0]
    held_out = [s for s in ("nutrient", "gene", "both") if s in splits]
    found: dict[str, Any] = {
        "test": figures(tables, network, splits["test"]),
        "validation": report_on(tables, network, splits["validation"]),
        "essentiality": essentiality(tables).figures(network, tables),
    }
    if held_out:
        found["held_out"] = {s: {"samples": len(splits[s]), **report_on(tables, network, splits[s])} for s in held_out}
    if len(networks) > 1:
        found["ensemble"] = ensemble_figures(tables, networks, splits["test"])
        harder = {s: mean_of(tables, networks, splits[s]) for s in held_out}
        found["ensemble"] |= {"held_out": harder} if harder else {}
    if with_baselines:
        peers = baselines(splits["train"], {s: splits[s] for s in ("test", *held_out)}, on_progress)
        found["baselines"] = {peer: by_split.pop("test") | ({"held_out": by_split} if by_split else {}) for peer, by_split in peers.items()}
    for model in config.transfer:
        found.setdefault("transfer", {})[model] = transferred(tables, model, plain[0], splits, with_baselines=with_baselines)
        if len(plain) > 1:
            found["ensemble"].setdefault("transfer", {})[model] = mean_of(load_tables(model), plain, splits[model])
    return found


def transferred(
    tables: ModelTables, model: str, network: ReactionNetwork, splits: dict[str, Samples], *, with_baselines: bool = True
) -> dict[str, Any]:
    """A network on a sister species it never saw: figures, baselines and how much the two models share."""
    from core.metabolic import load_tables

    other = load_tables(model)
    common = set(tables.reactions) & set(other.reactions)
    found: dict[str, Any] = {
        "samples": len(splits[model]),
        "common_reactions": len(common),
        "share_common": len(common) / len(other.reactions),
        **report_on(other, network, splits[model]),
        "essentiality": essentiality(other).figures(network, other),
    }
    if with_baselines:
        found["baselines"] = transfer_baselines(splits["train"], tables, splits[model], other)
    return found


def figures(tables: ModelTables, network: ReactionNetwork, samples: Samples) -> dict[str, Any]:
    """Held-out figures in all, by kind of condition, and per reaction."""
    growth, fluxes = predict_samples(network, tables, samples)
    scores = flux_r2(samples.fluxes, fluxes)
    edges = Hyperedges.of(tables, "cpu")
    grown = samples.growth > GROWS
    return {
        "samples": len(samples),
        **report(samples.growth, growth, samples.fluxes, fluxes),
        "imbalance": float(edges.imbalance(torch.from_numpy(fluxes[grown])).mean()) if grown.any() else float("nan"),
        "by_condition": {
            n: {"samples": int(m.sum()), **report(samples.growth[m], growth[m], samples.fluxes[m], None)}
            for n, m in kinds(tables, samples).items()
            if m.any()
        },
        "growth_called_where_none": float((growth[~grown] > 0.05).mean()) if (~grown).any() else float("nan"),
        "worst_reactions": {tables.reactions[e]: round(float(scores[e]), 3) for e in np.argsort(np.where(np.isnan(scores), np.inf, scores))[:10]},
        "flux_r2_by_reaction": {r: None if np.isnan(s) else round(float(s), 4) for r, s in zip(tables.reactions, scores, strict=True)},
    }


def kinds(tables: ModelTables, samples: Samples) -> dict[str, np.ndarray]:
    """[N] bool by kind of condition."""
    from core.metabolic.media import find_exchange

    exchange = find_exchange(tables, "oxygen")
    oxygen = samples.uptake[:, tables.reactions.index(exchange)] if exchange else np.zeros(len(samples))
    lost = samples.knocked_out.sum(1)
    own = samples.objective == int(np.argmax(tables.objective))
    found = {
        "anaerobic": oxygen == 0,
        "limited oxygen": (oxygen > 0) & (oxygen < 1000),
        "unlimited oxygen": oxygen >= 1000,
        "no reaction lost": lost == 0,
        "1 reaction lost": lost == 1,
        "2 or more reactions lost": lost >= 2,
    }
    return found if own.all() else found | {"another biomass reaction as objective": ~own}


def report_on(tables: ModelTables, network: ReactionNetwork, samples: Samples) -> dict[str, float]:
    """The figures every card quotes, on some samples."""
    growth, fluxes = predict_samples(network, tables, samples)
    return report(samples.growth, growth, samples.fluxes, fluxes)


def ensemble_figures(tables: ModelTables, networks: Sequence[ReactionNetwork], samples: Samples) -> dict[str, Any]:
    """Each seed and their mean on the test conditions; whether the spread over seeds tells where the mean is wrong."""
    predicted = [predict_samples(n, tables, samples) for n in networks]
    growth, fluxes = np.stack([g for g, _ in predicted]), np.stack([f for _, f in predicted])
    error, spread = np.abs(growth.mean(0) - samples.growth), growth.std(0, ddof=1)
    each = [report(samples.growth, g, samples.fluxes, f) for g, f in predicted]
    return {
        "seeds": len(networks),
        "mean": report(samples.growth, growth.mean(0), samples.fluxes, fluxes.mean(0)),
        "each": [{k: e[k] for k in ("growth_r2", "growth_r2_growing", "flux_r2_median", "flux_r2_median_growing")} for e in each],
        "shown_within_two_deviations": float((np.abs(growth[0] - samples.growth) <= 2 * spread + 1e-3).mean()),
        "within_two_deviations": float((error <= 2 * spread + 1e-3).mean()),
        "error_against_spread": _spearman(error, spread),
        "growth_agreement": r2(growth[0], growth[1:].mean(0)),
    }


def mean_of(tables: ModelTables, networks: Sequence[ReactionNetwork], samples: Samples) -> dict[str, float]:
    """The figures of the seeds' mean."""
    predicted = [predict_samples(n, tables, samples) for n in networks]
    growth, fluxes = (np.mean([p[i] for p in predicted], axis=0) for i in range(2))
    return report(samples.growth, growth, samples.fluxes, fluxes)


def limits(config: TrainConfig) -> list[str]:
    """Where a network of this kind fails, as sentences."""
    found = [
        "Trained on one model; on any other its gates and predictions are extrapolation, and the app says so.",
        "Flux balance labels hold no regulation or expression: a gate cannot show that a reaction is a control point of the cell.",
        "pFBA fluxes are one optimum among many; a low flux R2 of a reaction can mean that its flux is not determined.",
        "Weighting by stoichiometry does not enforce mass balance; predicted fluxes are not a steady state.",
    ]
    if config.split == "seen":
        found.append("Nutrients and genes it never met in training are harder than new mixtures of known ones: see the held-out splits.")
    return found


def evaluate(
    networks: Sequence[ReactionNetwork],
    card: Card,
    folder: Path,
    *,
    executor: Executor,
    with_baselines: bool = True,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Draws and solves the card's conditions again and recomputes its figures.

    Returns:
        What :func:`quoted` gives, and ``differences``: figures that differ from the card's by more
        than 1e-3, name to (card, now).
    """
    from core.metabolic import load_tables

    config = TrainConfig(**{k: v for k, v in card.content["training"].items() if k in TrainConfig.__dataclass_fields__})
    tables = load_tables(config.model)
    told = on_progress or (lambda *_, **__: None)
    chosen = {n: s for n, s in config.splits().items() if with_baselines or n != "train"}
    splits = {name: solved_split(config, name, *split, folder, executor, told) for name, split in chosen.items()}
    found = dict(_without_nan(quoted(config, tables, networks, splits, told, with_baselines=with_baselines)))
    found["differences"] = _differences({k: card.content.get(k) for k in found}, found, with_baselines=with_baselines)
    return found


def _differences(card: Any, now: Any, path: str = "", *, with_baselines: bool = True) -> dict[str, tuple[Any, Any]]:
    if isinstance(card, dict) and isinstance(now, dict):
        keys = [k for k in card.keys() | now.keys() if with_baselines or k != "baselines"]
        return {k: v for key in keys for k, v in _differences(card.get(key), now.get(key), f"{path}/{key}", with_baselines=with_baselines).items()}
    if isinstance(card, list) and isinstance(now, list) and len(card) == len(now):
        pairs = enumerate(zip(card, now, strict=True))
        return {k: v for i, (a, b) in pairs for k, v in _differences(a, b, f"{path}/{i}", with_baselines=with_baselines).items()}
    same = abs(card - now) <= 1e-3 if isinstance(card, (int, float)) and isinstance(now, (int, float)) else card == now
    return {} if same else {path.lstrip("/"): (card, now)}


def _splits_in_words(config: TrainConfig, tables: ModelTables) -> str:
    said = "train, validation and test are drawn independently from seeds fixed before training; validation selects, test is only quoted"
    if config.split == "seen":
        carbon, lost, (sources, losses) = kept_back(tables, config.distribution)
        what = "reactions" if config.distribution == DISTRIBUTION else "genes"
        named = f" ({', '.join(carbon)})" if len(carbon) <= FEW else ""
        said += (
            f"; {len(carbon)} of {sources} carbon sources{named} and {len(lost):,} of {losses:,} {what}, chosen by the hash of their ids, never "
            "occur in any of them, only in the held-out splits"
        )
    return said


def _bounds_seen(tables: ModelTables, samples: Samples) -> dict[str, list[float]]:
    """For each reaction the least and greatest lower bound and upper bound of the training conditions."""
    seen = np.stack([samples.lower.min(0), samples.lower.max(0), samples.upper.min(0), samples.upper.max(0)], axis=1)
    return {reaction: [round(float(b), 4) for b in row] for reaction, row in zip(tables.reactions, seen, strict=True)}


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; nan where one of both does not vary."""
    from scipy.stats import spearmanr

    if not (np.ptp(a) and np.ptp(b)):
        return float("nan")
    return float(spearmanr(a, b).statistic)


def _without_nan(value: Any) -> Any:
    """JSON knows no nan: a figure that is not defined (R2 of a constant) becomes None."""
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and np.isnan(value) else value
