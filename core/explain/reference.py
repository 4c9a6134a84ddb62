"""The reference library with its vectors: shipped for the default network, worked out for any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from core.explain.embedded import EmbeddedRnas, Progress, embed_rnas, load_embedded, save_embedded
from core.rna.embedding import open_network
from core.rna.library import LIBRARY, list_library
from core.storage import digest_of

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.rna.embedding import Encoder

NAME = "reference library"


def shipped_path(network: str) -> Path:
    """Where the vectors a shipped network gives the library lie."""
    return LIBRARY.with_name(f"library.{network}.npz")


def open_reference(checkpoint: str | Path | tuple[Encoder, Card] | None = None, *, device: str = "cpu") -> EmbeddedRnas:
    """The library and its vectors by a network: those that are shipped where they are this network's and of these RNAs, else embedded now.

    Raises:
        InputError: no such network.
    """
    network, card = open_network(checkpoint)
    return shipped_reference(card) or embed_reference((network, card), device=device)


def shipped_reference(card: Card) -> EmbeddedRnas | None:
    """The library and its vectors, where those that are shipped are this network's and of these RNAs; else None."""
    found = load_embedded(shipped_path(card.name))
    return found if found is not None and is_of(found, card) else None


def library_key() -> str:
    """sha256 of the library's RNAs with their names and families."""
    return digest_of(library=[[example.record.key, example.id, example.family, example.title] for example in list_library()])


def is_of(found: EmbeddedRnas, card: Card) -> bool:
    """Whether vectors are of a network and of the library as it is now."""
    own = [(example.record.key, example.id) for example in list_library()]
    stored = found.vectors["rna"].manifest.get("checkpoint", {}).get("sha256")
    return stored == card.weights_sha256 and [(r.key, r.id) for r in found.records] == own


def embed_reference(
    checkpoint: str | Path | tuple[Encoder, Card] | None = None,
    *,
    device: str = "cpu",
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> EmbeddedRnas:
    """Embeds the library; every RNA of it has a structure, which is taken as certain. Errors as for :func:`core.explain.embedded.embed_rnas`."""
    library = list_library()
    bare = [example.id for example in library if example.record.structure is None]
    if bare:
        raise InputError(f"{bare[0]} of the reference library has no structure; restore assets/rna/library.json from the release.")
    return embed_rnas(
        NAME,
        [example.record for example in library],
        checkpoint,
        families={example.id: example.family for example in library},
        titles={example.id: example.title for example in library},
        device=device,
        on_progress=on_progress,
        should_stop=should_stop,
    )


def ship_reference(checkpoint: str | Path | tuple[Encoder, Card] | None = None) -> Path:
    """Embeds the library and writes its vectors where :func:`open_reference` looks for them."""
    _, card = open_network(checkpoint)
    return save_embedded(embed_reference(checkpoint), shipped_path(card.name))
