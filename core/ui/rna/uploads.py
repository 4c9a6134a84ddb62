"""Texts a person pasted or loaded on the RNA page, kept beside metabolic models: those that hold RNAs and those that hold numbers for bases."""

from __future__ import annotations

from core import storage
from core.uploads import PREFIX, Uploads

__all__ = ["PREFIX", "keep", "label", "listed", "stored"]

_TEXTS = Uploads("rna-", "This text is no longer stored on this computer; paste it or load its file again.")
_SEQUENCES = ".seq"
"""Ends the names of texts that hold RNAs; the others hold numbers for bases."""

stored = _TEXTS.stored


def keep(data: bytes, name: str, *, sequences: bool = True) -> str:
    """Stores a text and returns its id, ``upload:<sha256>``; the same content again takes the new name."""
    return _TEXTS.keep(data, storage.safe_name(name) + (_SEQUENCES if sequences else ""))


def label(source: str) -> str:
    """The name an upload was given."""
    return _TEXTS.label(source).removesuffix(_SEQUENCES)


def listed() -> list[str]:
    """The ids of every stored text with RNAs, the most recently used first."""
    return [source for source, name in _TEXTS.listed() if name.endswith(_SEQUENCES)]
