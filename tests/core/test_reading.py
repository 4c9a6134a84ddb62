"""Reading models: what arrives equals what COBRApy holds, what is broken is one sentence, what was read once is cached."""

from __future__ import annotations

import bz2
import gzip
import json
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import storage
from core.errors import InputError, MissingObjective
from core.metabolic import _archive, _checks, _formats, _matlab, reading
from core.metabolic.tables import ModelTables
from tests.core.hostile import GROWING, PAYLOADS, HostileCase, Step, cobra_dict, hostile_files, mat_bytes, payload_model, sbml, yaml_text

ROOT = Path(__file__).parents[2]
SHAPES = {"toy": (2, 3, 4), "e_coli_core": (72, 95, 360), "iJO1366": (1805, 2583, 10183), "salmonella": (2436, 3357, 12557)}
HOSTILE_NAMES = """
empty_xml blank_json picture_xml noise_json page_xml bare_page_xml drawing_xml hollow_xml table_csv notes_txt table_yml list_json map_json
other_json words_json array_mat new_mat truncated_xml malformed_xml truncated_json truncated_yml truncated_mat laughs_xml laughs_utf16_xml
laughs_unmarked_xml outside_xml deep_xml deep_json python_tag_yml merged_yml cut_xml_gz cut_xml_bz2 cut_xml_zip checksum_xml_gz
hollow_xml_gz bomb_xml_gz bomb_xml_bz2 bomb_xml_zip bomb_mat nested_xml_gz nested_zip several_zip none_zip escaping_zip picture_xml_gz
nan_xml infinite_xml nan_json infinite_json huge_json infinite_yml infinite_mat nan_bound_json nan_bound_xml crossed_xml crossed_json
crossed_mat infeasible_xml infeasible_json no_exchange_xml no_exchange_json no_objective_xml no_objective_json no_objective_mat
no_reactions_xml no_reactions_json twice_xml twice_json twice_yml twice_mat orphan_json spaced_json adrift_json too_large_xml
bell_xml bell_json bell_mat long_xml tiny_json tiny_xml
""".split()  # noqa: SIM905 - a list would put one name on each line


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, HostileCase]:
    return hostile_files(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def bundled(gatescope_home: Path) -> dict[str, tuple[Any, ModelTables]]:
    """Each bundled model and its tables, read from its file once and put into the cache on the way."""
    parsed: dict[str, tuple[Any, ModelTables]] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in SHAPES:
            model = reading.load_model(name)
            patch.setattr(reading, "_parse", lambda content, objective, model=model: model)
            parsed[name] = (model, reading.load_tables(name))
            patch.undo()
    return parsed


def test_every_bundled_model_has_a_description() -> None:
    assert list(reading.BUNDLED) == list(SHAPES)
    assert reading.model_label("e_coli_core") == "E. coli core"


@pytest.mark.parametrize("name", SHAPES)
def test_tables_rebuild_the_stoichiometric_matrix(bundled: dict[str, tuple[Any, ModelTables]], name: str) -> None:
    from cobra.util.array import create_stoichiometric_matrix

    model, tables = bundled[name]
    assert tables.shape == SHAPES[name]
    assert np.array_equal(tables.stoichiometric_matrix(), create_stoichiometric_matrix(model))
    assert tables.reactions == tuple(r.id for r in model.reactions)
    assert np.array_equal(tables.lower, [r.lower_bound for r in model.reactions])
    assert {r for r, e in zip(tables.reactions, tables.exchange, strict=True) if e} == {r.id for r in model.exchanges}


@pytest.mark.parametrize("name", SHAPES)
def test_the_tables_shipped_are_those_of_the_installed_models(bundled: dict[str, tuple[Any, ModelTables]], name: str) -> None:
    model, tables = bundled[name]
    shipped = reading.load_tables_file(reading.SHIPPED / f"{name}.npz")
    assert shipped is not None
    assert shipped.key == tables.key
    assert_same_tables(shipped, reading.tables_from_model(model, key=tables.key))


def test_toy_is_a_to_two_b(bundled: dict[str, tuple[Any, ModelTables]]) -> None:
    model, tables = bundled["toy"]
    reaction = tables.reaction_index()["A_to_2B"]
    here = tables.cols == reaction
    assert {tables.metabolites[v]: s for v, s in zip(tables.rows[here], tables.stoich[here], strict=True)} == {"A": -1.0, "B": 2.0}
    assert model.slim_optimize() == pytest.approx(20.0)
    assert [r.id for r in model.exchanges] == ["EX_A"]


@pytest.mark.parametrize("name", SHAPES)
def test_second_load_equals_the_first(bundled: dict[str, tuple[Any, ModelTables]], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the file was parsed again")

    monkeypatch.setattr(reading, "_parse", fail)
    assert_same_tables(reading.load_tables(name), bundled[name][1])


def test_second_load_needs_no_cobra(bundled: dict[str, tuple[Any, ModelTables]]) -> None:
    code = "import sys; from core.metabolic.reading import load_tables; t = load_tables('iJO1366');"
    code += "print(t.shape, {'cobra', 'libsbml', 'torch'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), run.stderr) == ("(1805, 2583, 10183) set()", "")


def test_first_load_prints_nothing() -> None:
    code = f"from core.metabolic.reading import load_model; load_model({sbml(objective=None).encode()!r}, name='m.xml', objective='BIOMASS')"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_damaged_cache_is_rebuilt(damage: bytes | None) -> None:
    data = sbml(name="damaged").encode()
    first = reading.load_tables(data, name="m.xml")
    file = storage.folder("cache") / "models" / f"{first.key}.npz"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + bytes(50) + whole[len(whole) // 2 + 50 :] if damage is None else damage)
    assert_same_tables(reading.load_tables(data, name="m.xml"), first)
    assert len(file.read_bytes()) == len(whole)


def test_cache_key_tells_objectives_apart() -> None:
    plain, other = reading.load_tables("e_coli_core"), reading.load_tables("e_coli_core", objective="ATPM")
    assert plain.key != other.key
    assert [r for r, c in zip(other.reactions, other.objective, strict=True) if c] == ["ATPM"]


@pytest.mark.parametrize("file", ["m.xml", "m.sbml", "m.xml.gz", "m.xml.bz2", "m.xml.zip", "m.json", "m.json.gz", "m.yml", "m.mat"])
def test_round_trip(bundled: dict[str, tuple[Any, ModelTables]], file: str, tmp_path: Path) -> None:
    from cobra.util.array import create_stoichiometric_matrix

    model = bundled["e_coli_core"][0]
    path = write(model, tmp_path / file)
    again = reading.load_model(path)
    assert [m.id for m in again.metabolites] == [m.id for m in model.metabolites]
    assert [r.id for r in again.reactions] == [r.id for r in model.reactions]
    assert np.array_equal(create_stoichiometric_matrix(again), create_stoichiometric_matrix(model))
    assert again.slim_optimize() == pytest.approx(model.slim_optimize(), abs=1e-6)
    assert [r.gene_reaction_rule for r in again.reactions] == [r.gene_reaction_rule for r in model.reactions]


def write(model: Any, path: Path) -> Path:
    """Writes a model in the format and packing that the file name asks for."""
    import cobra.io

    plain = path.with_name(path.name.removesuffix(".gz").removesuffix(".bz2").removesuffix(".zip"))
    writers = {
        ".json": cobra.io.save_json_model,
        ".yml": cobra.io.save_yaml_model,
        ".mat": cobra.io.save_matlab_model,
    }
    writers.get(plain.suffix, cobra.io.write_sbml_model)(model, str(plain))
    content = plain.read_bytes()
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content))
    elif path.suffix == ".bz2":
        path.write_bytes(bz2.compress(content))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("__MACOSX/._m.xml", b"clutter")
            archive.writestr("folder/m.xml", content)
    return path


@pytest.mark.parametrize("file", ["mini.json", "mini.mat", "mini.yml", "mini_cobra.xml"])
def test_reads_what_cobra_reads(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """COBRApy's own little model, in each format; it is infeasible as shipped, which has to be said."""
    import cobra.io

    spec = find_spec("cobra")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "data" / file
    readers = {
        ".json": cobra.io.load_json_model,
        ".mat": cobra.io.load_matlab_model,
        ".yml": cobra.io.load_yaml_model,
        ".xml": cobra.io.read_sbml_model,
    }
    with pytest.raises(InputError, match=r"is infeasible: .*forced to carry flux \(ATPM\)"):
        reading.load_model(path)
    monkeypatch.setattr(_checks, "_check_feasible", lambda *_: None)
    theirs, ours = readers[path.suffix](str(path)), reading.load_model(path)
    assert [(r.id, r.name, r.build_reaction_string(), r.bounds, r.gene_reaction_rule, r.subsystem) for r in ours.reactions] == [
        (r.id, r.name, r.build_reaction_string(), r.bounds, r.gene_reaction_rule, r.subsystem) for r in theirs.reactions
    ]
    assert [(m.id, m.name, m.formula, m.charge, m.compartment) for m in ours.metabolites] == [
        (m.id, m.name, m.formula, m.charge, m.compartment) for m in theirs.metabolites
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.xml", sbml().encode()),
        ("utf16.xml", sbml(prolog='<?xml version="1.0" encoding="UTF-16"?>', name="Zürich").encode("utf-16")),
        ("latin.xml", sbml(prolog='<?xml version="1.0" encoding="ISO-8859-1"?>', name="Zürich").encode("latin-1")),
        ("wrong_but_readable.json", sbml().encode()),
        ("no_suffix", json.dumps(cobra_dict()).encode()),
        ("block.yml", yaml_text(cobra_dict()).encode()),
        ("flow.yml", json.dumps(cobra_dict()).encode()),
        ("cell.mat", mat_bytes()),
    ],
)
def test_reads_by_content(name: str, content: bytes) -> None:
    model = reading.load_model(content, name=name)
    assert model.slim_optimize() == pytest.approx(10.0)
    assert "ISO" not in str(content[:60]) or model.name == "Zürich"


def test_bounds_beyond_the_defaults_of_cobra() -> None:
    """COBRApy sets a reaction's bounds one by one and would refuse these on the way."""
    exchange, uptake, _ = GROWING
    steps = (
        Step("EX_a_e", exchange.stoichiometry, -6000, -3000),
        Step("UPTAKE", uptake.stoichiometry, 2000, 5000),
        Step("BIOMASS", {"b_c": -1}, 0, "inf"),
    )
    model = reading.load_model(json.dumps(cobra_dict(steps)).encode(), name="m.json")
    assert [r.bounds for r in model.reactions] == [(-6000, -3000), (2000, 5000), (0, float("inf"))]
    assert model.slim_optimize() == pytest.approx(5000)


def test_every_hostile_file_is_tested(hostile: dict[str, HostileCase]) -> None:
    assert sorted(hostile) == sorted(HOSTILE_NAMES)


@pytest.mark.parametrize("case", HOSTILE_NAMES)
def test_hostile_file_is_one_sentence(hostile: dict[str, HostileCase], case: str) -> None:
    path, fragment = hostile[case].path, hostile[case].expected_fragment
    with pytest.raises(InputError) as refused:
        reading.load_tables(path)
    assert_one_sentence(str(refused.value), path.name, fragment)
    if hostile[case].uploadable:
        with pytest.raises(InputError) as again:
            reading.store_upload(path.read_bytes(), path.name)
        assert str(again.value) == str(refused.value)


def test_hostile_files_leave_nothing_behind(hostile: dict[str, HostileCase]) -> None:
    folder = next(iter(hostile.values())).path.parent
    assert {f.name for f in folder.iterdir()} == {case.path.name for case in hostile.values()}
    assert not (ROOT / "owned").exists()


def test_missing_objective_offers_reactions(hostile: dict[str, HostileCase]) -> None:
    with pytest.raises(MissingObjective) as refused:
        reading.load_model(hostile["no_objective_xml"].path)
    assert refused.value.candidates == ("BIOMASS", "UPTAKE", "EX_a_e")
    model = reading.load_model(hostile["no_objective_xml"].path, objective="BIOMASS")
    assert model.slim_optimize() == pytest.approx(10.0)


def test_unknown_objective_is_named() -> None:
    with pytest.raises(InputError, match="no reaction GROWTH to use as objective"):
        reading.load_model(sbml().encode(), name="m.xml", objective="GROWTH")


@pytest.mark.parametrize(
    ("source", "fragment"),
    [
        ("missing.xml", "There is no file missing.xml"),
        (Path("missing"), "There is no file missing"),
        ("iJO9999", "choose one of toy, e_coli_core, iJO1366, salmonella"),
        ("upload:" + "0" * 64, "upload the file again"),
        ("upload:../../runs", "upload the file again"),
        ("a\0b.xml", "There is no file a?b.xml"),
    ],
)
def test_absent_source(source: str | Path, fragment: str) -> None:
    with pytest.raises(InputError) as refused:
        reading.load_tables(source)
    assert_one_sentence(str(refused.value), "", fragment)


def test_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; name the file inside it"):
        reading.load_model(tmp_path)


def test_sentence_stays_short_for_an_odd_file_name() -> None:
    with pytest.raises(InputError) as refused:
        reading.load_model(b"\x89PNG", name="../" + "very\nlong " * 40 + ".xml")
    assert_one_sentence(str(refused.value), "…", "a PNG image")


@pytest.mark.parametrize("file", ["m.xml.gz", "m.xml.bz2", "m.xml.zip"])
def test_unpacking_stops_at_the_limit(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 64, 3 * 2**20, dtype=np.uint8).tobytes()  # hardly compressible: the ratio is innocent
    path = tmp_path / file
    if file.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("m.xml", noise)
    else:
        path.write_bytes((gzip.compress if file.endswith("gz") else bz2.compress)(noise))
    monkeypatch.setattr(_archive, "MAX_UNPACKED", 2**20)
    with pytest.raises(InputError, match="decompression bomb"):
        reading.load_model(path)


def test_bomb_never_fills_the_memory() -> None:
    bomb = gzip.compress(bytes(2**20)) * 600  # 600 MB in about 600 kB
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="decompression bomb"):
            reading.load_model(bomb, name="m.xml.gz")
        assert tracemalloc.get_traced_memory()[1] < 300 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", [sbml().encode(), json.dumps(cobra_dict()).encode(), yaml_text(cobra_dict()).encode(), mat_bytes()])
def test_too_many_reactions(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_checks, "MAX_REACTIONS", 2)
    with pytest.raises(InputError, match="more than 2 reactions"):
        reading.load_model(content, name="m")


def test_yaml_is_limited_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_formats, "MAX_YAML", 100)
    with pytest.raises(InputError, match="too slow to read as YAML"):
        reading.load_model(yaml_text(cobra_dict()).encode(), name="m.yml")


@pytest.mark.parametrize(
    ("content", "places"), [(sbml().encode(), 40), (json.dumps(cobra_dict()).encode(), 40), (yaml_text(cobra_dict()).encode(), 20), (mat_bytes(), 2)]
)
def test_damage_anywhere_is_a_sentence_or_harmless(content: bytes, places: int) -> None:
    """Cut or garbled at any place, a file is either still a model or one sentence."""
    draw = np.random.default_rng(1)
    for place in draw.integers(0, len(content), places):
        garbled = bytearray(content)
        garbled[place] = draw.integers(256)
        for broken in (content[:place], bytes(garbled)):
            try:
                assert reading.load_model(broken, name="m").reactions
            except InputError as refused:
                assert_one_sentence(str(refused), "", "")


def test_reader_that_crashes_does_not_end_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """SciPy's MATLAB reader dies by a memory fault on some damaged files."""
    monkeypatch.setattr(_matlab.sys, "executable", "/bin/false")
    with pytest.raises(InputError, match=r"m.mat is a MATLAB file that cannot be read; save the model again"):
        reading.load_model(mat_bytes(), name="m.mat")


def test_texts_that_are_scripts_stay_text(tmp_path: Path) -> None:
    path = payload_model(tmp_path)
    tables = reading.load_tables(path)
    assert (tables.name, tables.reaction_names) == (PAYLOADS[0], (PAYLOADS[5], *PAYLOADS[:5]))
    assert set(tables.subsystems) == set(PAYLOADS[:3])
    assert set(tables.gene_names) == set(PAYLOADS)
    assert reading.load_model(path).slim_optimize() == pytest.approx(20.0)


def test_upload_is_kept_and_read_by_id() -> None:
    data = gzip.compress(sbml().encode(), mtime=0)
    source = reading.store_upload(data, "../my <b>model</b>.xml.gz")
    assert source == f"upload:{storage.digest(data)}"
    assert reading.list_uploads()[0] == (source, "b_.xml.gz")
    assert reading.model_label(source) == "b_.xml.gz"
    assert reading.load_tables(source).shape == (2, 3, 4)
    assert reading.load_model(source).slim_optimize() == pytest.approx(10.0)
    assert reading.store_upload(data, "again.xml.gz") == source
    assert [name for identity, name in reading.list_uploads() if identity == source] == ["again.xml.gz"]


def test_uploads_are_listed_newest_first_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    storage.clear("uploads")
    texts = {name: sbml(name=name).encode() for name in ("first", "second", "third")}
    sources = [reading.store_upload(data, f"{name}.xml") for name, data in texts.items()]
    assert [name for _, name in reading.list_uploads()] == ["third.xml", "second.xml", "first.xml"]
    reading.load_tables(sources[0])
    assert reading.list_uploads()[0][1] == "first.xml"
    monkeypatch.setattr("core.uploads.MAX_UPLOADS", 2 * len(texts["first"]) + 50)
    reading.store_upload(sbml(name="fourth").encode(), "fourth.xml")
    assert [name for _, name in reading.list_uploads()] == ["fourth.xml", "first.xml"]


def test_upload_without_objective_is_kept_once_one_is_chosen(hostile: dict[str, HostileCase]) -> None:
    data = hostile["no_objective_xml"].path.read_bytes()
    with pytest.raises(MissingObjective):
        reading.store_upload(data, "m.xml")
    assert f"upload:{storage.digest(data)}" not in dict(reading.list_uploads())
    source = reading.store_upload(data, "m.xml", objective="BIOMASS")
    assert reading.load_tables(source, objective="BIOMASS").objective.sum() == 1.0


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.xml", "a.xml"),
        ("../../etc/passwd", "passwd"),
        ("C:\\models\\a b.xml", "a_b.xml"),
        (".hidden", "hidden"),
        ("…", "_"),
        ("", "model"),
        ("ü" * 300 + ".xml.gz", "ü" * 56 + ".xml.gz"),
    ],
)
def test_safe_name(name: str, safe: str) -> None:
    assert storage.safe_name(name) == safe


def assert_one_sentence(text: str, name: str, fragment: str) -> None:
    assert fragment in text
    assert name in text
    assert len(text) < 300
    assert "\n" not in text
    assert text.endswith(".")
    assert "; " in text  # cause; remedy
    assert "Traceback" not in text
    assert "Error" not in text


def assert_same_tables(one: ModelTables, other: ModelTables) -> None:
    for field in fields(ModelTables):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), field.name
        else:
            assert (type(a), a) == (type(b), b), field.name
