"""Models in: bundled ones, files in every format COBRApy reads, uploads; parsed tables are cached on disk by content.

A model is first unpacked within limits and checked as bytes, then parsed by COBRApy, then checked as a model. Whatever
fails on the way is one :class:`~core.errors.InputError` sentence. COBRApy is imported only when a file is really parsed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core import storage
from core.errors import InputError
from core.metabolic._archive import FORMATS, MAX_BYTES, MAX_UNPACKED, read_bytes, recognise, shown, unpack
from core.metabolic._checks import MAX_REACTIONS, check_model
from core.metabolic._formats import parse, quiet
from core.metabolic.tables import SCHEMA, ModelTables, load_tables_file, save_tables, tables_from_model
from core.uploads import MAX_UPLOADS, PREFIX, Uploads

if TYPE_CHECKING:
    import cobra

__all__ = [
    "BUNDLED",
    "FORMATS",
    "MAX_BYTES",
    "MAX_CACHE",
    "MAX_REACTIONS",
    "MAX_UNPACKED",
    "MAX_UPLOADS",
    "list_uploads",
    "load_model",
    "load_tables",
    "model_label",
    "store_upload",
]

MAX_CACHE = 500 * 2**20
"""Bytes kept in the cache folder; the least recently used go first."""

BUNDLED: dict[str, str] = {
    "toy": "A → 2B: one uptake, one reaction, one demand; the smallest model with a stoichiometric coefficient other than one",
    "e_coli_core": "Escherichia coli core metabolism: 72 metabolites, 95 reactions",
    "iJO1366": "Escherichia coli K-12 MG1655, genome scale: 1,805 metabolites, 2,583 reactions",
    "salmonella": "Salmonella, genome scale (iYS1720, many strains in one): 2,436 metabolites, 3,357 reactions",
}
"""Name of each bundled model and what it is."""

_LABELS = {"toy": "Toy A → 2B", "e_coli_core": "E. coli core", "iJO1366": "E. coli iJO1366", "salmonella": "Salmonella iYS1720"}
_WHEEL_FILES = {"e_coli_core": "textbook.xml.gz", "iJO1366": "iJO1366.xml.gz", "salmonella": "salmonella.xml.gz"}
SHIPPED = Path(__file__).parents[2] / "assets" / "models"
"""Tables of the bundled models, parsed before: a first look at iJO1366 need not wait for its SBML. ``python -m
core.metabolic.reading`` makes them anew; a file whose key is not that of the installed model is not used."""
_TOY = b"gatescope toy 1"  # stands for the content of the toy, which no file holds

Source = str | Path | bytes
_MODELS = Uploads("", "This uploaded model is no longer stored on this machine; upload the file again.")


class _Content(NamedTuple):
    """Bytes of a model and how to name it to a person; ``data`` is :data:`_TOY` for the toy."""

    data: bytes
    name: str


def load_model(source: Source, *, name: str | None = None, objective: str | None = None) -> cobra.Model:
    """A COBRApy model from a bundled name, a path, an upload (``upload:<sha256>``) or the bytes of a file.

    Args:
        source: SBML (plain or .gz, .bz2, .zip), COBRA JSON, YAML or MATLAB; the format follows from the content.
        name: file name of ``source`` when it is bytes.
        objective: id of the reaction to maximise, for a file that states none or in place of its own.

    Raises:
        MissingObjective: the file states no objective and none is given; it lists reactions to choose from.
        InputError: the source is missing, too large, damaged, no model, or a model that cannot be simulated.
    """
    return _parse(_content(source, name), objective)


def load_tables(source: Source, *, name: str | None = None, objective: str | None = None) -> ModelTables:
    """The tables of a model, from the disk cache when this content was read before. Arguments and errors as in :func:`load_model`."""
    content = _content(source, name)
    key = storage.digest_of(content=storage.digest(content.data), objective=objective, schema=SCHEMA)
    path = storage.folder("cache") / "models" / f"{key}.npz"
    for place in (path, SHIPPED / f"{content.name}.npz"):
        cached = load_tables_file(place)
        if cached is not None and cached.key == key:
            if place == path:
                with suppress(OSError):
                    os.utime(path)  # the cache drops what was used longest ago
            return cached
    model = _parse(content, objective)
    with quiet():
        tables = tables_from_model(model, key=key)
    save_tables(tables, path)
    storage.trim("cache", MAX_CACHE)
    return tables


def store_upload(data: bytes, name: str, *, objective: str | None = None) -> str:
    """Checks an uploaded model by reading it once, keeps its bytes and returns its source id, ``upload:<sha256>``.

    Raises:
        MissingObjective: the model states no objective; call again with one of its candidates, and give the same
            ``objective`` to :func:`load_tables` afterwards.
        InputError: as in :func:`load_model`; nothing is kept then.
    """
    load_tables(data, name=name, objective=objective)
    return _MODELS.keep(data, name)


def list_uploads() -> list[tuple[str, str]]:
    """(source id, file name) of every stored upload, the most recently used first."""
    return _MODELS.listed()


def model_label(source: Source, *, name: str | None = None) -> str:
    """A short display name: of a bundled model its title, else the file name."""
    if isinstance(source, str) and source in _LABELS:
        return _LABELS[source]
    if isinstance(source, str) and source.startswith(PREFIX):
        return _MODELS.label(source)
    return shown(name or "model" if isinstance(source, bytes) else Path(source).name)


def _content(source: Source, name: str | None) -> _Content:
    if isinstance(source, bytes):
        return _Content(source, shown(Path(name or "the file").name))
    if isinstance(source, str):
        if source == "toy":
            return _Content(_TOY, "toy")
        if source in _WHEEL_FILES:
            return _Content(read_bytes(_wheel_folder() / _WHEEL_FILES[source]), source)
        if source.startswith(PREFIX):
            stored = _MODELS.stored(source)
            return _Content(read_bytes(stored), shown(stored.name))
        if not Path(source).suffix and not Path(source).exists():
            raise InputError(f"There is no model or file called {shown(source)!r}; choose one of {', '.join(BUNDLED)}, or give the path of a file.")
    path = Path(source)
    return _Content(read_bytes(path), shown(name or path.name))


def _wheel_folder() -> Path:
    """The folder of the models that COBRApy ships, found without importing COBRApy."""
    spec = find_spec("cobra")
    if spec is None or spec.origin is None:
        raise InputError("The bundled models come with COBRApy, which is not installed; install the requirements again.")
    return Path(spec.origin).parent / "data"


def _parse(content: _Content, objective: str | None) -> cobra.Model:
    if content.data == _TOY:
        model = _toy()
    else:
        unpacked = unpack(content.data, content.name)
        model = parse(unpacked, recognise(unpacked, content.name), content.name)
    with quiet():
        check_model(model, content.name, objective)
    return model


def _toy() -> cobra.Model:
    """A taken up (at most 10 mmol/gDW/h), A → 2B, B drained as the objective: growth 20."""
    from cobra import Metabolite, Model, Reaction

    model = Model("toy", name="A → 2B")
    a = Metabolite("A", name="A", compartment="e")
    b = Metabolite("B", name="B", compartment="c")
    uptake, convert, drain = Reaction("EX_A", name="A exchange"), Reaction("A_to_2B", name="A → 2B"), Reaction("DM_B", name="B demand")
    model.compartments = {"e": "outside", "c": "cell"}
    model.add_reactions([uptake, convert, drain])
    uptake.add_metabolites({a: -1})
    uptake.bounds = (-10, 1000)
    convert.add_metabolites({a: -1, b: 2})
    drain.add_metabolites({b: -1})
    model.objective = drain
    return model


def ship_tables() -> list[Path]:
    """Parses every bundled model and writes its tables to :data:`SHIPPED`."""
    written = []
    for name in BUNDLED:
        content = _content(name, None)
        key = storage.digest_of(content=storage.digest(content.data), objective=None, schema=SCHEMA)
        written.append(save_tables(tables_from_model(_parse(content, None), key=key), SHIPPED / f"{name}.npz"))
    return written


if __name__ == "__main__":
    print(*ship_tables(), sep="\n")
