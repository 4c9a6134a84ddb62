"""Embeddings as files: AnnData, npz and CSV, every vector under its name."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputError
from core.rna.embedding import LEVELS, Embeddings
from core.rna.records import RnaRecord

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from core.rna.projection import Projection

ROWS = 10_000
"""Rows of a table that are text at once."""


def to_anndata(
    embeddings: Embeddings,
    *,
    obs: pd.DataFrame | None = None,
    uns: Mapping[str, Any] | None = None,
    obsm: Mapping[str, Projection] | None = None,
) -> AnnData:
    """Embeddings as AnnData: a row for each vector under its name, a column ``unit 1`` ... for each of its numbers.

    Args:
        embeddings: N vectors; their manifest and notices go into ``uns``.
        obs: N rows in the same order, what each vector is of; its own index is not used. In names of columns ``/``, HDF5's sign of a folder,
            becomes ``_``.
        uns: more about them. What is neither text nor a number is kept as JSON text.
        obsm: maps of them by scanpy's names ("X_pca", "X_umap"): the points, and in ``uns`` under the same name how they were made.

    Raises:
        InputError: two vectors of one name, or another number of rows than of vectors.
    """
    import anndata
    import pandas as pd

    n = len(embeddings.names)
    if len(set(embeddings.names)) < n:
        twice = next(name for name in embeddings.names if embeddings.names.count(name) > 1)
        raise InputError(f"Two vectors are called {twice!r}; give each its own name.")
    _same_length("rows", n if obs is None else len(obs), n)
    about = pd.DataFrame(index=embeddings.names) if obs is None else obs.set_axis(embeddings.names, axis=0)
    about = about.set_axis(_without_folders([str(name) for name in about.columns]), axis=1)
    units = pd.DataFrame(index=[f"unit {number + 1}" for number in range(embeddings.vectors.shape[1])])
    held = anndata.AnnData(embeddings.vectors, obs=about, var=units)
    told: dict[str, Any] = {"level": embeddings.level, "manifest": embeddings.manifest, "notices": list(embeddings.notices), **(uns or {})}
    for name, projection in (obsm or {}).items():
        _same_length("points", len(projection.points), n)
        held.obsm[name] = projection.points
        told[name] = _how(projection)
    held.uns = {key: value if isinstance(value, (str, int, float)) else json.dumps(value) for key, value in told.items()}
    return held


def h5ad(
    embeddings: Embeddings,
    *,
    obs: pd.DataFrame | None = None,
    uns: Mapping[str, Any] | None = None,
    obsm: Mapping[str, Projection] | None = None,
) -> bytes:
    """:func:`to_anndata` as an .h5ad file."""
    with tempfile.TemporaryDirectory(prefix="gatescope-h5ad-") as folder:
        path = Path(folder) / "embeddings.h5ad"
        to_anndata(embeddings, obs=obs, uns=uns, obsm=obsm).write_h5ad(path)
        return path.read_bytes()


def npz(levels: Mapping[str, Embeddings]) -> bytes:
    """An .npz file with ``<level>_names`` [N] and ``<level>_vectors`` [N, D] float32 for each level, loadable without pickle."""
    arrays: dict[str, np.ndarray] = {}
    for level, found in levels.items():
        arrays |= {f"{level}_names": np.array(found.names, dtype=str), f"{level}_vectors": found.vectors}
    held = io.BytesIO()
    np.savez_compressed(held, **arrays)  # type: ignore[arg-type]
    return held.getvalue()


def csv(embeddings: Embeddings, *, obs: pd.DataFrame | None = None, obsm: Mapping[str, Projection] | None = None) -> bytes:
    """A CSV table: name, the columns of ``obs``, the two coordinates of each map ("X_umap 1", ...), then ``unit 1`` ...; as for :func:`to_anndata`.

    Nine digits, so that reading gives the same float32.
    """
    return b"".join(csv_parts(embeddings, obs=obs, obsm=obsm))


def csv_parts(embeddings: Embeddings, *, obs: pd.DataFrame | None = None, obsm: Mapping[str, Projection] | None = None) -> Iterator[bytes]:
    """:func:`csv` in parts of :data:`ROWS` rows: the whole text is several times as large as the vectors."""
    import pandas as pd

    n = len(embeddings.names)
    _same_length("rows", n if obs is None else len(obs), n)
    for projection in (obsm or {}).values():
        _same_length("points", len(projection.points), n)
    for start in range(0, max(n, 1), ROWS):
        part = slice(start, start + ROWS)
        columns: dict[str, Any] = {"name": embeddings.names[part]}
        for name in () if obs is None else obs.columns:
            columns[str(name)] = obs[name].to_numpy()[part]  # type: ignore[index]
        for name, projection in (obsm or {}).items():
            columns |= {f"{name} {axis + 1}": projection.points[part, axis] for axis in range(2)}
        columns |= {f"unit {number + 1}": values for number, values in enumerate(embeddings.vectors[part].T)}
        yield pd.DataFrame(columns).to_csv(index=False, header=start == 0, float_format="%.9g").encode()


def stacked(levels: Mapping[str, Embeddings]) -> Embeddings:
    """RNAs, elements and bases below each other, named "level:name"; a level of fewer numbers is filled up with nan, and that is noticed."""
    given = [levels[level] for level in LEVELS if level in levels]
    width = max(found.vectors.shape[1] for found in given)
    filled = [np.pad(one.vectors, ((0, 0), (0, width - one.vectors.shape[1])), constant_values=np.nan) for one in given]
    widths = {one.level: one.vectors.shape[1] for one in given}
    notices = list(dict.fromkeys(text for one in given for text in one.notices))
    if len(set(widths.values())) > 1:
        told = ", ".join(f"{level} {count}" for level, count in widths.items())
        notices.append(f"The levels have different numbers of units ({told}); the rest of each row is nan.")
    names = [f"{one.level}:{name}" for one in given for name in one.names]
    return Embeddings(names, np.concatenate(filled), "all", tuple(notices), given[0].manifest)


def what_is_embedded(records: Sequence[RnaRecord]) -> pd.DataFrame:
    """What each row of :func:`stacked` is, for RNAs with structures: level, rna, kind, size (bases), sequence, structure."""
    import pandas as pd

    from core.rna.elements import decompose

    rows: list[dict[str, Any]] = [
        {"level": "rna", "rna": r.id, "kind": "rna", "size": r.length, "sequence": r.sequence, "structure": r.structure} for r in records
    ]
    elements = [(record, element) for record in records for element in decompose(str(record.structure)).elements]
    rows += [
        {"level": "element", "rna": r.id, "kind": e.kind, "size": len(e.bases), "sequence": "".join(r.sequence[b] for b in e.bases), "structure": ""}
        for r, e in elements
    ]
    rows += [
        {"level": "base", "rna": r.id, "kind": "base", "size": 1, "sequence": letter, "structure": sign}
        for r in records
        for letter, sign in zip(r.sequence, str(r.structure))
    ]
    return pd.DataFrame(rows)


def _without_folders(names: Sequence[str]) -> list[str]:
    """Names that HDF5 takes as they are, each once."""
    made: list[str] = []
    for name in names:
        kept = "_" if name in (".", "..") else name.replace("/", "_")
        while kept in made or (kept != name and kept in names):
            kept += "_"
        made.append(kept)
    return made


def _how(projection: Projection) -> dict[str, Any]:
    """How a map was made, without its points."""
    names = ("method", "seed", "settings", "explained", "trustworthiness", "judged", "fitted", "notices", "key")
    return {name: getattr(projection, name) for name in names}


def _same_length(what: str, count: int, asked: int) -> None:
    if count != asked:
        raise InputError(f"There are {count:,} {what} for {asked:,} vectors; give one for each.")
