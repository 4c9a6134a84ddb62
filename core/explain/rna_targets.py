"""What of an RNA is explained, as a choice that can be written down: its target is made of it by a network, also another time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from core.errors import InputError
from core.explain.rna_masks import Network, RnaTarget, like_itself, like_motif, like_rnas
from core.rna.embedding import embed_levels
from core.rna.ensemble import PairEnsemble
from core.rna.records import RnaRecord
from core.storage import digest_of

OF = ("length", "itself", "rnas", "motif")


@dataclass(frozen=True)
class TargetRecipe:
    """A choice of what is explained.

    Attributes:
        of: "length" of the embedding, likeness to "itself" or to other "rnas" (their mean), or of an element to the "motif" of another RNA.
        words: what the likeness is to, for legends.
        rnas: the others; one without a structure is folded at 37 °C.
        element: the RNA's own element, for a motif; motif: that of the other RNA.
    """

    of: Literal["length", "itself", "rnas", "motif"] = "itself"
    words: str = ""
    rnas: tuple[RnaRecord, ...] = ()
    element: str = ""
    motif: str = ""

    def made(self, network: Network, record: RnaRecord, *, ensemble: PairEnsemble | None = None, device: str = "cpu") -> RnaTarget:
        """The target, whose directions are this network's.

        Raises:
            InputError: no other RNA is given, or it has no such element.
        """
        if self.of == "length":
            return RnaTarget()
        if self.of == "itself":
            return like_itself(network, record, ensemble=ensemble, device=device)
        if self.of == "rnas":
            return like_rnas(network, self.rnas, f"likeness to {self.words}", device=device)
        found = like_motif(self.element, self._vector(network, device), f"likeness of {self.element} to {self.words}")
        return replace(found, again=lambda other: self.made(other, record, ensemble=ensemble, device=device))

    @property
    def key(self) -> str:
        """sha256 of it."""
        return digest_of(recipe=self.told())

    def _vector(self, network: Network, device: str) -> np.ndarray:
        if len(self.rnas) != 1:
            raise InputError("A motif is of one RNA; choose one.")
        other = replace(self.rnas[0], id="other")
        found = embed_levels([other], checkpoint=network, levels=("element",), device=device)["element"]
        vectors = dict(zip((name.rpartition("/")[2] for name in found.names), found.vectors, strict=True))
        if self.motif not in vectors:
            raise InputError(f"{self.rnas[0].id} has no element {self.motif!r}; choose of {', '.join(vectors)}.")
        vector: np.ndarray = vectors[self.motif]
        return vector

    def told(self) -> dict[str, Any]:
        """All of it as plain values."""
        rnas = [{"id": rna.id, "sequence": rna.sequence, "structure": rna.structure} for rna in self.rnas]
        return {"of": self.of, "words": self.words, "rnas": rnas, "element": self.element, "motif": self.motif}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> TargetRecipe:
        """What :meth:`told` gave.

        Raises:
            InputError: it is none of that.
        """
        try:
            rnas = [(rna["id"], rna["sequence"], rna["structure"]) for rna in told["rnas"]]
            texts = [told[name] for name in ("of", "words", "element", "motif")]
        except (KeyError, TypeError):
            texts, rnas = [], []
        known = [*texts, *(text for rna in rnas for text in rna if text is not None)]
        if not texts or texts[0] not in OF or not all(isinstance(text, str) and text.isprintable() for text in known):
            raise InputError("The manifest's target is none that is known for RNAs; use a manifest as Gatescope wrote it.")
        return cls(texts[0], texts[1], tuple(RnaRecord(*rna) for rna in rnas), *texts[2:])
