"""Model files that must be refused in one sentence, and one good model whose every text is a script."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class HostileCase:
    """A file to refuse; the sentence must hold ``expected_fragment``. ``uploadable`` is False above a browser's upload limit."""

    path: Path
    expected_fragment: str
    uploadable: bool = True


@dataclass(frozen=True)
class Step:
    """One reaction of a small model: its stoichiometry and bounds."""

    id: str
    stoichiometry: Mapping[str, float | str]
    lower: float | str = 0
    upper: float | str = 1000


GROWING = (
    Step("EX_a_e", {"a_e": -1}, -10, 1000),
    Step("UPTAKE", {"a_e": -1, "b_c": 1}),
    Step("BIOMASS", {"b_c": -1}),
)
"""A model that grows at 10 1/h."""

PAYLOADS = (
    "<img src=x onerror=\"window.hostile='img'\">",
    "\"><script>window.hostile='script'</script>",
    "javascript:window.hostile='href'",
    "<a href=\"javascript:window.hostile='link'\">name</a>",
    "</script><svg onload=\"window.hostile='svg'\">",
    "[name](javascript:window.hostile='markdown')",
)
"""Texts that set ``window.hostile`` in a page that does not escape them."""


def sbml(
    steps: Iterable[Step] = GROWING, *, objective: str | None = "BIOMASS", prolog: str = '<?xml version="1.0" encoding="UTF-8"?>', name: str = "m"
) -> str:
    """SBML level 3 with fbc version 2. Coefficients and bounds may be any text, so that broken numbers can be written."""
    steps = tuple(steps)
    metabolites = dict.fromkeys(m for step in steps for m in step.stoichiometry)
    species = "".join(
        f'<species id="M_{m}" compartment="{m[-1]}" constant="false" boundaryCondition="false" hasOnlySubstanceUnits="false"/>' for m in metabolites
    )
    parameters = "".join(
        f'<parameter id="{side}_{i}" value="{value}" constant="true"/>'
        for i, s in enumerate(steps)
        for side, value in (("lb", s.lower), ("ub", s.upper))
    )
    goal = f'<fbc:fluxObjective fbc:reaction="R_{objective}" fbc:coefficient="1"/>' if objective else ""
    objectives = f'<fbc:listOfObjectives fbc:activeObjective="o"><fbc:objective fbc:id="o" fbc:type="maximize"><fbc:listOfFluxObjectives>{goal}'
    objectives += "</fbc:listOfFluxObjectives></fbc:objective></fbc:listOfObjectives>"
    return (
        f'{prolog}\n<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" xmlns:fbc="http://www.sbml.org/sbml/level3/version1/fbc/version2"'
        f' level="3" version="1" fbc:required="false">\n<model id="m" name="{name}" fbc:strict="true">\n'
        '<listOfCompartments><compartment id="e" constant="true"/><compartment id="c" constant="true"/></listOfCompartments>\n'
        f"<listOfSpecies>{species}</listOfSpecies>\n<listOfParameters>{parameters}</listOfParameters>\n"
        f"<listOfReactions>{''.join(_sbml_reaction(i, s) for i, s in enumerate(steps))}</listOfReactions>\n"
        f"{objectives if objective else ''}\n</model>\n</sbml>\n"
    )


def _sbml_reaction(number: int, step: Step) -> str:
    sides: dict[str, str] = {"Reactants": "", "Products": ""}
    for metabolite, value in step.stoichiometry.items():
        side = "Products" if isinstance(value, str) or value > 0 else "Reactants"
        amount = value if isinstance(value, str) else abs(value)
        sides[side] += f'<speciesReference species="M_{metabolite}" stoichiometry="{amount}" constant="true"/>'
    body = "".join(f"<listOf{side}>{text}</listOf{side}>" for side, text in sides.items() if text)
    bounds = f'fbc:lowerFluxBound="lb_{number}" fbc:upperFluxBound="ub_{number}"'
    return f'<reaction id="R_{step.id}" reversible="true" fast="false" {bounds}>{body}</reaction>'


def cobra_dict(steps: Iterable[Step] = GROWING, *, objective: str | None = "BIOMASS") -> dict[str, Any]:
    """The same model as COBRA JSON or YAML holds it."""
    steps = tuple(steps)
    metabolites = dict.fromkeys(m for step in steps for m in step.stoichiometry)
    return {
        "id": "m",
        "metabolites": [{"id": m, "name": m, "compartment": m[-1]} for m in metabolites],
        "reactions": [
            {
                "id": s.id,
                "name": s.id,
                "metabolites": dict(s.stoichiometry),
                "lower_bound": s.lower,
                "upper_bound": s.upper,
                "gene_reaction_rule": "",
                "objective_coefficient": float(s.id == objective),
            }
            for s in steps
        ],
        "genes": [],
        "compartments": {"e": "outside", "c": "cell"},
    }


def yaml_text(model: Mapping[str, Any]) -> str:
    """A COBRA dict as block YAML; each entry is written in flow style, which JSON is."""
    lines = [f"id: {model['id']}"]
    for key in ("metabolites", "reactions", "genes"):
        lines += [f"{key}:" if model[key] else f"{key}: []", *(f"- {json.dumps(entry)}" for entry in model[key])]
    return "\n".join(lines) + "\n"


def mat_bytes(steps: Iterable[Step] = GROWING, *, objective: str | None = "BIOMASS", ids: list[str] | None = None) -> bytes:
    """The same model as a COBRA Toolbox struct."""
    from scipy.io import savemat

    steps = tuple(steps)
    metabolites = list(dict.fromkeys(m for step in steps for m in step.stoichiometry))
    matrix = np.array([[float(s.stoichiometry.get(m, 0)) for s in steps] for m in metabolites])
    struct = {
        "mets": _cell([f"{m[:-2]}[{m[-1]}]" for m in metabolites]),
        "rxns": _cell(ids or [s.id for s in steps]),
        "S": matrix,
        "lb": np.array([[float(s.lower)] for s in steps]),
        "ub": np.array([[float(s.upper)] for s in steps]),
        "c": np.array([[float(s.id == objective)] for s in steps]),
        "genes": _cell([]),
    }
    out = io.BytesIO()
    savemat(out, {"model": struct}, do_compression=True)
    return out.getvalue()


def payload_model(folder: Path) -> Path:
    """A valid COBRA JSON model that grows at 20 1/h and whose names, subsystems, annotations and compartments are all scripts."""
    steps = (
        Step("EX_a_e", {"a_e": -1}, -10, 1000),
        Step("EX_o_e", {"o_e": -1}, -1000, 1000),
        Step("EX_w_e", {"w_e": -1}),
        Step("UPTAKE", {"a_e": -1, "a_c": 1}),
        Step("BURN", {"a_c": -1, "o_e": -2, "b_c": 1, "w_e": 3}),
        Step("BIOMASS", {"b_c": -0.5}),
    )
    model = cobra_dict(steps)
    model["name"] = PAYLOADS[0]
    model["compartments"] = {"e": PAYLOADS[1], "c": PAYLOADS[4]}
    model["genes"] = [{"id": f"g{i}", "name": text, "annotation": {"kegg.genes": [text]}} for i, text in enumerate(PAYLOADS)]
    for i, item in enumerate((*model["metabolites"], *model["reactions"])):
        item["name"] = PAYLOADS[i % len(PAYLOADS)]
        item["annotation"] = {"kegg.compound": [PAYLOADS[2]], "bigg.reaction": [PAYLOADS[1]]}
    for i, reaction in enumerate(model["reactions"]):
        reaction["subsystem"] = PAYLOADS[i // 2]
        reaction["gene_reaction_rule"] = "" if reaction["id"].startswith("EX_") else f"g{i} or g0"
    path = folder / "payload.json"
    path.write_text(json.dumps(model), encoding="utf-8")
    return path


def hostile_files(folder: Path) -> dict[str, HostileCase]:
    """Writes every file that must be refused into ``folder``, by a short name for the case."""
    cases: dict[str, HostileCase] = {}
    for file, (content, fragment) in {**_not_models(), **_broken_text(), **_packed(), **_wrong_numbers()}.items():
        path = folder / file
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        cases[file.replace(".", "_")] = HostileCase(path, fragment)
    large = folder / "too_large.xml"
    with open(large, "wb") as out:
        out.truncate(100 * 2**20 + 1)  # a hole in the file: nothing is written
    cases["too_large_xml"] = HostileCase(large, "larger than 100 MB", uploadable=False)
    return cases


Files = dict[str, tuple[bytes | str, str]]


def _not_models() -> Files:
    noise = random.Random(0).randbytes(2000)
    escher = [{"map_name": "core", "schema": "https://escher.github.io/"}, {"reactions": {}, "nodes": {}, "canvas": {}}]
    return {
        "empty.xml": (b"", "is empty"),
        "blank.json": (b"  \n", "is empty"),
        "picture.xml": (b"\x89PNG\r\n\x1a\n" + noise, "a PNG image"),
        "noise.json": (b"\x93\x00" + noise, "named as COBRA JSON but holds no model: its content is binary data"),
        "page.xml": ("<!DOCTYPE html>\n<html><body>404<br></body></html>", "is a web page"),
        "bare_page.xml": ("<html><body>404</body></html>", "is a web page"),
        "drawing.xml": ('<svg xmlns="http://www.w3.org/2000/svg"/>', "not SBML (it opens with <svg>)"),
        "hollow.xml": ('<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"/>', "SBML without a model"),
        "table.csv": ("reaction,gate\nPFK,0.5\n", "is not a metabolic model: its content is plain text"),
        "notes.txt": ("glucose is good\n", "is not a metabolic model"),
        "table.yml": ("reaction,gate\nPFK,0.5\n", "named as YAML but holds no model"),
        "list.json": ("[1, 2, 3]", "no list of reactions"),
        "map.json": (json.dumps(escher), "is an Escher map, not a model"),
        "other.json": ('{"name": "package", "version": "1.0"}', "no list of reactions"),
        "words.json": ('{"reactions": ["PFK"], "metabolites": []}', "reaction number 1 has no usable id"),
        "array.mat": (_mat_array(), "no model (a struct with"),
        "new.mat": (b"\x89HDF\r\n\x1a\n" + noise, "-v7 option"),
    }


def _broken_text() -> Files:
    text = sbml()
    laughs = '<!DOCTYPE lolz [<!ENTITY lol "lol">' + "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "&lol;" * 10}">' for i in range(9)) + "]>"
    outside = '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    prolog = '<?xml version="1.0" encoding="{}"?>'
    nested = text.replace("<listOfSpecies>", f"<notes>{'<p>' * 5000}{'</p>' * 5000}</notes><listOfSpecies>")
    whole = yaml_text(cobra_dict())
    return {
        "truncated.xml": (text[: len(text) // 2], "is cut off"),
        "malformed.xml": (text.replace("</listOfSpecies>", "</listOfThings>"), "not well formed"),
        "truncated.json": (json.dumps(cobra_dict())[:-40], "JSON breaks in line 1"),
        "truncated.yml": (whole[: whole.index("UPTAKE") + 30], "YAML breaks"),
        "truncated.mat": (mat_bytes()[:-20], "is cut off"),
        "laughs.xml": (sbml(prolog=prolog.format("UTF-8") + laughs, name="&l8;"), "document type"),
        "laughs_utf16.xml": (sbml(prolog=prolog.format("UTF-16") + laughs, name="&l8;").encode("utf-16"), "document type"),
        "laughs_unmarked.xml": (sbml(prolog=prolog.format("UTF-16") + laughs, name="&l8;").encode("utf-16-be"), "document type"),
        "outside.xml": (sbml(prolog=prolog.format("UTF-8") + outside, name="&x;"), "document type"),
        "deep.xml": (nested, "nests more than"),
        "deep.json": ("[" * 100_000, "JSON"),
        "python_tag.yml": (whole.replace("id: m\n", 'id: !!python/object/apply:os.system ["touch owned"]\n', 1), "YAML tag"),
        "merged.yml": ("a: &a {x: 1}\nb:\n  <<: *a\n" + whole, "merges YAML mappings"),
    }


def _packed() -> Files:
    text = sbml().encode()
    zeros = bytes(12 * 2**20)
    bomb = "decompression bomb"
    damaged = bytearray(gzip.compress(text))
    damaged[-6] ^= 0xFF  # a bit of the checksum
    return {
        "cut.xml.gz": (gzip.compress(text)[:-30], "is cut off"),
        "cut.xml.bz2": (bz2.compress(text)[:-30], "is cut off"),
        "cut.xml.zip": (_zip({"m.xml": text})[:-30], "is damaged"),
        "checksum.xml.gz": (bytes(damaged), "is damaged"),
        "hollow.xml.gz": (gzip.compress(b""), "unpacks to an empty file"),
        "bomb.xml.gz": (gzip.compress(zeros), bomb),
        "bomb.xml.bz2": (bz2.compress(zeros), bomb),
        "bomb.xml.zip": (_zip({"m.xml": zeros}), bomb),
        "bomb.mat": (_mat_bomb(zeros), bomb),
        "nested.xml.gz": (gzip.compress(gzip.compress(zeros)), "compressed more than once"),
        "nested.zip": (_zip({"m.xml.gz": gzip.compress(zeros)}), "compressed more than once"),
        "several.zip": (_zip({"a.xml": text, "b.xml": text}), "holds 2 files"),
        "none.zip": (_zip({"folder/": b""}), "holds no files"),
        "escaping.zip": (_zip({"../../m.xml": text}), "leaves the archive"),
        "picture.xml.gz": (gzip.compress(b"\x89PNG\r\n\x1a\n" + text), "a PNG image"),
    }


def _wrong_numbers() -> Files:
    exchange, uptake, biomass = GROWING
    nan_step = (exchange, Step("UPTAKE", {"a_e": -1, "b_c": "NaN"}), biomass)
    twice = (exchange, uptake, uptake, biomass)
    crossed = (exchange, Step("UPTAKE", uptake.stoichiometry, 50, 5), biomass)
    starved = (Step("EX_a_e", {"a_e": -1}, 0, 1000), Step("UPTAKE", uptake.stoichiometry, 50, 1000), biomass)
    no_exchange = (Step("UPTAKE", uptake.stoichiometry), Step("BIOMASS", {"b_c": -1, "a_e": 1}))
    nan_bound, orphan, huge, spaced, adrift = (cobra_dict() for _ in range(5))
    nan_bound["reactions"][1]["upper_bound"] = "nan"
    orphan["reactions"][1]["metabolites"]["ghost_c"] = 1
    huge["reactions"][1]["metabolites"]["b_c"] = 10**400
    spaced["metabolites"][0]["id"] = "a e"
    adrift["metabolites"][0]["compartment"] = ""
    infinite = (exchange, Step("UPTAKE", {"a_e": -1, "b_c": float("inf")}), biomass)
    return {
        "nan.xml": (sbml(nan_step), "coefficient of M_b_c in reaction R_UPTAKE is NaN"),
        "infinite.xml": (sbml((exchange, Step("UPTAKE", {"a_e": -1, "b_c": "INF"}), biomass)), "is INF"),
        "nan.json": (json.dumps(cobra_dict((exchange, Step("UPTAKE", {"a_e": float("nan")}), biomass))), "is nan"),
        "infinite.json": (json.dumps(cobra_dict(infinite)), "is inf"),
        "huge.json": (json.dumps(huge), "coefficient of b_c"),
        "infinite.yml": (yaml_text(cobra_dict(infinite)).replace("Infinity", ".inf"), "is inf"),
        "infinite.mat": (mat_bytes(infinite), "is inf"),
        "nan_bound.json": (json.dumps(nan_bound), "bound of reaction UPTAKE is not a number"),
        "nan_bound.xml": (sbml((exchange, Step("UPTAKE", uptake.stoichiometry, 0, "NaN"), biomass)), "bound of reaction R_UPTAKE is not a number"),
        "crossed.xml": (sbml(crossed), "lower bound of reaction R_UPTAKE (50) is above its upper bound (5)"),
        "crossed.json": (json.dumps(cobra_dict(crossed)), "lower bound of reaction UPTAKE (50) is above"),
        "crossed.mat": (mat_bytes(crossed), "lower bound of reaction UPTAKE (50) is above"),
        "infeasible.xml": (sbml(starved), "is infeasible"),
        "infeasible.json": (json.dumps(cobra_dict(starved)), "forced to carry flux (UPTAKE)"),
        "no_exchange.xml": (sbml(no_exchange), "no exchange reactions"),
        "no_exchange.json": (json.dumps(cobra_dict(no_exchange)), "no exchange reactions"),
        "no_objective.xml": (sbml(objective=None), "states no objective"),
        "no_objective.json": (json.dumps(cobra_dict(objective=None)), "states no objective"),
        "no_objective.mat": (mat_bytes(objective=None), "states no objective"),
        "no_reactions.xml": (sbml(()), "has no reactions"),
        "no_reactions.json": (json.dumps(cobra_dict(())), "has no reactions"),
        "twice.xml": (sbml(twice), "lists the reaction R_UPTAKE twice"),
        "twice.json": (json.dumps(cobra_dict(twice)), "lists the reaction UPTAKE twice"),
        "twice.yml": (yaml_text(cobra_dict(twice)), "lists the reaction UPTAKE twice"),
        "twice.mat": (mat_bytes(ids=["EX_a_e", "BIOMASS", "BIOMASS"]), "lists the reaction BIOMASS twice"),
        "orphan.json": (json.dumps(orphan), "uses the metabolite ghost_c"),
        "bell.xml": (sbml((exchange, Step("UP__7__TAKE", uptake.stoichiometry), biomass)), "reaction number 2 has no usable id"),
        "bell.json": (json.dumps(cobra_dict((exchange, Step("UP\x07TAKE", uptake.stoichiometry), biomass))), "reaction number 2 has no usable id"),
        "long.xml": (sbml((exchange, Step("U" * 300, uptake.stoichiometry), biomass)), "reaction number 2 has no usable id"),
        "bell.mat": (mat_bytes(ids=["EX_a_e", "UP\x07TAKE", "BIOMASS"]), "reaction number 2 has no usable id"),
        "tiny.json": (json.dumps(cobra_dict((exchange, Step("UPTAKE", {"a_e": 1e-320}), biomass))), "coefficient of a_e in reaction UPTAKE"),
        "tiny.xml": (sbml((exchange, Step("UPTAKE", {"a_e": -1, "b_c": "1e-320"}), biomass)), "coefficient of M_b_c in reaction R_UPTAKE"),
        "adrift.json": (json.dumps(adrift), "exchanged metabolite a_e has no compartment"),
        "spaced.json": (json.dumps(spaced), "metabolite number 1 has no usable id"),
    }


def _zip(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _mat_array() -> bytes:
    from scipy.io import savemat

    out = io.BytesIO()
    savemat(out, {"x": np.arange(5.0)})
    return out.getvalue()


def _mat_bomb(zeros: bytes) -> bytes:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    packed = zlib.compress(zeros)
    return header + struct.pack("<II", 15, len(packed)) + packed


def _cell(texts: list[str]) -> np.ndarray:
    cell = np.empty((len(texts), 1), dtype=object)
    cell[:, 0] = texts
    return cell
