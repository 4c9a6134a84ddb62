"""Trained networks on disk: weights as safetensors, a model card as JSON beside them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputError
from core.storage import digest, write_bytes, write_json

if TYPE_CHECKING:
    from torch import Tensor

    from core.metabolic.hypergraph import MetabolicHypergraph
    from core.models.network import ReactionNetwork
    from core.models.rna import RnaGine

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "checkpoints"
SCHEMA = 1
WIDEST, MOST_LAYERS = 2**16, 64
"""Of a network that is loaded: its largest size of any kind, and its layers."""
_READS = {"metabolic": "metabolic models", "rna": "RNAs"}
SLACK = 0.5
"""How far beyond the bounds seen in training (mmol/gDW/h) a bound may lie without a warning: training draws from open intervals."""


@dataclass(frozen=True)
class Card:
    """A model card.

    Attributes:
        name: the checkpoint's name; kind: "metabolic" or "rna"; summary: one sentence.
        content: the whole card as plain values (network, training, data, figures, baselines, limits, features); every reader of an unchanged
            file is given the same object, so copy before changing it.
        weights_sha256: of the safetensors file; the checkpoint's identity in every key and manifest.
    """

    name: str
    kind: str
    summary: str
    content: dict[str, Any]
    weights_sha256: str

    @property
    def has_attention(self) -> bool:
        """Whether the network computes attention."""
        return self.content["network"].get("attention") is not None

    @property
    def gate(self) -> str:
        """The network's gate mode."""
        return str(self.content["network"].get("gate"))


def list_checkpoints(*, kind: str | None = None, controls: bool = False) -> list[str]:
    """Names of the shipped checkpoints, defaults first; controls and ablations only when asked for. Seeds of an ensemble are one checkpoint."""
    cards = [_read_card(path) for path in sorted(SHIPPED.glob("*.json"))]
    wanted = [c for c in cards if (kind is None or c["kind"] == kind) and (controls or not c.get("control")) and not c.get("member_of")]
    return [c["name"] for c in sorted(wanted, key=lambda c: (c["name"] not in ("core", "genome", "rna"), c["name"]))]


def network_for(reactions: Collection[str]) -> str:
    """The shipped metabolic network whose training model holds most of these reactions; the smaller model where several hold as many."""
    known = {name: load_card(name).content["trained_on"]["bounds"].keys() for name in list_checkpoints(kind="metabolic")}
    return max(known, key=lambda name: (len(known[name] & set(reactions)), -len(known[name])))


def load_card(name_or_path: str | Path) -> Card:
    """The card of a shipped checkpoint, or of the safetensors file (or folder) at a path.

    Raises:
        InputError: no such checkpoint, or its card is damaged or of another version.
    """
    weights, path = _locate(name_or_path)
    content = _read_card(path)
    return Card(content["name"], content["kind"], content["summary"], content, digest(weights.read_bytes()))


def load_checkpoint(name_or_path: str | Path, *, kind: str | None = None) -> tuple[Any, Card]:
    """A trained network on the CPU, in evaluation mode, and its card.

    The card's kind decides the network: a :class:`~core.models.network.ReactionNetwork` for "metabolic", a
    :class:`~core.models.rna.RnaGine` for "rna".

    Args:
        kind: refuses a checkpoint of the other kind.

    Raises:
        InputError: no such checkpoint, one of another kind, a damaged file, or weights that do not match the card.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    card = load_card(name_or_path)
    if kind is not None and card.kind != kind:
        known = ", ".join(list_checkpoints(kind=kind))
        raise InputError(f"Checkpoint {card.name!r} reads {_READS.get(card.kind, card.kind)}, not {_READS[kind]}; choose one of {known}.")
    weights, _ = _locate(name_or_path)
    if card.content.get("weights_sha256") != card.weights_sha256:
        raise InputError(f"The weights of checkpoint {card.name!r} are not those its card describes; restore {weights.name} from the release.")
    try:
        values = load(weights.read_bytes())
        _fits(card, values)
        network = _build(card)
        network.load_state_dict(values)
    except (SafetensorError, RuntimeError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise InputError(f"Checkpoint {card.name!r} cannot be read ({type(error).__name__}); restore {weights.name} from the release.") from None
    return network.eval().requires_grad_(False), card


def load_members(name_or_path: str | Path, *, kind: str | None = None) -> list[tuple[Any, Card]]:
    """Every seed of a checkpoint's ensemble, the checkpoint itself first; only that where it was trained once.

    Args:
        kind: as for :func:`load_checkpoint`.

    Raises:
        InputError: as :func:`load_checkpoint`, for any of them.
    """
    first = load_checkpoint(name_or_path, kind=kind)
    folder = _locate(name_or_path)[0].parent
    return [first, *(load_checkpoint(folder / f"{member}.safetensors") for member in first[1].content.get("members", ()))]


def ensemble_key(name_or_path: str | Path) -> str:
    """sha256 of the weights of every seed of a checkpoint: what anything computed from its ensemble is keyed by.

    Raises:
        InputError: as :func:`load_card`, for any of them.
    """
    first, folder = load_card(name_or_path), _locate(name_or_path)[0].parent
    others = [load_card(folder / f"{member}.safetensors").weights_sha256 for member in first.content.get("members", ())]
    return digest("".join([first.weights_sha256, *others]).encode())


def _fits(card: Card, values: Mapping[str, Tensor]) -> None:
    """That weights are those of a network of the card's sizes, before any memory is taken for it: a card may come from anybody.

    Raises:
        ValueError, or what building a network of impossible choices raises.
    """
    import torch

    sizes = {name: size for name, size in card.content["network"].items() if isinstance(size, int | float)}
    if any(size > (MOST_LAYERS if name == "layers" else WIDEST) for name, size in sizes.items()):
        raise ValueError("no network is as large")
    with torch.device("meta"):
        wanted = {name: value.shape for name, value in _build(card).state_dict().items()}
    if wanted != {name: value.shape for name, value in values.items()}:
        raise ValueError("weights of another network")


def _build(card: Card) -> ReactionNetwork | RnaGine:
    """A network of the card's kind and choices, untrained."""
    if card.kind == "rna":
        from core.models.rna import RnaGine, RnaGineConfig

        return RnaGine(RnaGineConfig(**card.content["network"]))
    if card.kind == "metabolic":
        from core.models.network import NetworkConfig, ReactionNetwork

        return ReactionNetwork(NetworkConfig(**card.content["network"]))
    raise ValueError(f"unknown kind {card.kind!r}")


def save_checkpoint(network: ReactionNetwork | RnaGine, content: dict[str, Any], folder: Path) -> Path:
    """Writes ``<name>.safetensors`` and ``<name>.json`` into a folder; returns the path of the weights."""
    from safetensors.torch import save

    weights = save({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()})
    path = folder / f"{content['name']}.safetensors"
    write_bytes(path, weights)
    write_json(path.with_suffix(".json"), {"schema": SCHEMA, **content, "weights_sha256": digest(weights)})
    return path


def checkpoint_warnings(card: Card, graph: MetabolicHypergraph) -> list[str]:
    """What of a model and condition lies outside what the checkpoint was trained on, one sentence each; empty when nothing does."""
    trained = card.content["trained_on"]
    from core.metabolic.condition import as_networks_read

    warnings = []
    seen: dict[str, list[float]] = trained["bounds"]
    unseen = [r for r in graph.reactions if r not in seen]
    if unseen:
        share = len(unseen) / len(graph.reactions)
        warnings.append(
            f"{card.name!r} was trained on {trained['model']} only: {len(unseen):,} of {len(graph.reactions):,} reactions here ({share:.0%}) "
            "were never seen, so read its gates and predictions as extrapolation."
        )
    outside = []
    given = as_networks_read(graph.tables, graph.bounds)
    for reaction, low, high in zip(graph.reactions, given.lower, given.upper, strict=True):
        least, most, floor, ceiling = seen.get(reaction, [-np.inf, np.inf, -np.inf, np.inf])
        if not (least - SLACK <= low <= most + SLACK and floor - SLACK <= high <= ceiling + SLACK):
            outside.append(f"{reaction} from {low:g} to {high:g}")
    if outside and len(unseen) < len(graph.reactions) / 2:
        warnings.append(
            f"{len(outside)} {'bound lies' if len(outside) == 1 else 'bounds lie'} outside what {card.name!r} was trained on "
            f"({', '.join(outside[:3])}{', ...' if len(outside) > 3 else ''}, mmol/gDW/h); its gates and predictions here are extrapolation."
        )
    aims = {r: float(c) for r, c in zip(graph.reactions, graph.bounds.objective, strict=True) if c}
    known = [trained["objective"], *({aim: 1.0} for aim in trained.get("aims", ()))]
    if not unseen and aims not in known:
        told = ", ".join(dict.fromkeys(r for aim in known for r in aim))
        warnings.append(f"{card.name!r} was trained with the objective {told} only; with another, read it as extrapolation.")
    return warnings


def _locate(name_or_path: str | Path) -> tuple[Path, Path]:
    """Paths of the weights and of the card."""
    weights = SHIPPED / f"{name_or_path}.safetensors"
    if not (isinstance(name_or_path, str) and weights.is_file() and "/" not in name_or_path):
        weights = Path(name_or_path)
        if weights.is_dir():
            found = [p for p in sorted(weights.glob("*.safetensors")) if p.with_suffix(".json").is_file()]
            weights = found[0] if found else weights / "checkpoint.safetensors"
    card = weights.with_suffix(".json")
    if not weights.is_file() or not card.is_file():
        known = ", ".join(list_checkpoints(controls=True)) or "none"
        raise InputError(
            f"There is no checkpoint {str(name_or_path)!r}; choose one of {known}, or give the path of a .safetensors "
            "file with its .json card beside it."
        )
    return weights, card


def _read_card(path: Path) -> dict[str, Any]:
    """The content of a card. Pages ask for cards all the time and a genome-scale one takes milliseconds to parse: once per state of its file."""
    try:
        state = path.stat()
        content = _parsed_card(path, state.st_ino, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError, TypeError, RecursionError):
        raise InputError(f"The model card {path.name} cannot be read; restore it from the release.") from None
    if content.get("schema") != SCHEMA:
        raise InputError(
            f"The model card {path.name} is of version {content.get('schema')}, this Gatescope reads {SCHEMA}; use the release it came with."
        )
    kinds = {"name": str, "kind": str, "summary": str, "network": dict}
    if not all(isinstance(content.get(key), kind) for key, kind in kinds.items()):
        raise InputError(f"The model card {path.name} lacks {', '.join(kinds)}; restore it from the release.")
    return content


@lru_cache(maxsize=128)
def _parsed_card(path: Path, *_state: int) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))
