"""An RNA in, its fold, its elements, its graph and its embedding out.

Names load on first use, so that reading a sequence imports neither ViennaRNA nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lazy import exports

if TYPE_CHECKING:
    from core.rna.elements import FORGI_LIMIT, Element, Elements, decompose, walk
    from core.rna.embedding import Embeddings, embed, embed_levels
    from core.rna.ensemble import PairEnsemble, fold_ensemble
    from core.rna.examples import Example, list_examples, load_example
    from core.rna.folding import (
        MFE_LIMIT,
        PARTITION_LIMIT,
        FoldResult,
        boltzmann_samples,
        fold,
        fold_apart,
        fold_windowed,
        given_structure,
        suboptimal,
        too_long,
    )
    from core.rna.ginfinity import embed_ginfinity, open_ginfinity
    from core.rna.graph import EDGE_FEATURES, ENSEMBLE_FEATURES, NODE_FEATURES, batch, build_graph
    from core.rna.libraries import Library, add_library, list_libraries, open_library, remove_library, rename_library
    from core.rna.library import library_records, list_library
    from core.rna.motifs import MOTIFS, Motif, find_motifs, motifs_of_elements
    from core.rna.reading import MAX_BYTES, MAX_LENGTH, MAX_RECORDS, RnaReading, read_report, read_rna
    from core.rna.records import ALPHABET, RnaRecord, dot_bracket, parse_pairs, partners

__all__, __getattr__ = exports(
    __name__,
    {
        "elements": ("FORGI_LIMIT", "Element", "Elements", "decompose", "walk"),
        "embedding": ("Embeddings", "embed", "embed_levels"),
        "ensemble": ("PairEnsemble", "fold_ensemble"),
        "examples": ("Example", "list_examples", "load_example"),
        "folding": (
            "MFE_LIMIT",
            "PARTITION_LIMIT",
            "FoldResult",
            "boltzmann_samples",
            "fold",
            "fold_apart",
            "fold_windowed",
            "given_structure",
            "suboptimal",
            "too_long",
        ),
        "ginfinity": ("embed_ginfinity", "open_ginfinity"),
        "graph": ("EDGE_FEATURES", "ENSEMBLE_FEATURES", "NODE_FEATURES", "batch", "build_graph"),
        "libraries": ("Library", "add_library", "list_libraries", "open_library", "remove_library", "rename_library"),
        "library": ("library_records", "list_library"),
        "motifs": ("MOTIFS", "Motif", "find_motifs", "motifs_of_elements"),
        "reading": ("MAX_BYTES", "MAX_LENGTH", "MAX_RECORDS", "RnaReading", "read_report", "read_rna"),
        "records": ("ALPHABET", "RnaRecord", "dot_bracket", "parse_pairs", "partners"),
    },
)
