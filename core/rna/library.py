"""The reference library: well-known RNAs of many families, each with its accession, its sources and the check of its sequence.

The bundled examples come first; the others lie in ``assets/rna/library.json``, which :mod:`core.rna.library_build` puts together.
"""

from __future__ import annotations

from functools import lru_cache

from core.rna.examples import SHIPPED, Example, list_examples, read_examples
from core.rna.records import RnaRecord

LIBRARY = SHIPPED.with_name("library.json")


@lru_cache(maxsize=1)
def list_library() -> tuple[Example, ...]:
    """All RNAs of the reference library: the bundled examples, then the others by family."""
    return (*list_examples(), *sorted(read_examples(LIBRARY), key=lambda example: example.family))


def library_records() -> list[RnaRecord]:
    """The sequences and structures of :func:`list_library`, in its order; a record's id is the RNA's."""
    return [example.record for example in list_library()]
