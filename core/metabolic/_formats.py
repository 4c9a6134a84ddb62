"""From unpacked bytes to a COBRApy model, one function per format; every failure is one sentence."""

from __future__ import annotations

import io
import json
import logging
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.metabolic._archive import Kind, decode_text, shown
from core.metabolic._checks import check_bounds, check_coefficient, check_count, check_ids, check_matlab, check_sbml, is_finite
from core.metabolic._matlab import read_structs

if TYPE_CHECKING:
    import cobra

MAX_YAML = 30 * 2**20
"""Largest YAML text, bytes: its parser is pure Python, about 0.3 MB a second."""

_DEFAULT_BOUNDS = (0.0, 1000.0)  # COBRApy's for a reaction that states none


def parse(content: bytes, kind: Kind, name: str) -> cobra.Model:
    """The COBRApy model in ``content``.

    Raises:
        InputError: the content is damaged, no model, or a model that COBRApy cannot read.
    """
    reader = {"sbml": _read_sbml, "json": _read_json, "yaml": _read_yaml, "mat": _read_matlab}[kind]
    with quiet():
        return reader(content, name)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps COBRApy's log lines and warnings off the terminal."""
    for library in ("cobra", "optlang"):
        log = logging.getLogger(library)
        log.propagate = False
        if not log.handlers:
            log.addHandler(logging.NullHandler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _read_sbml(content: bytes, name: str) -> cobra.Model:
    text = decode_text(content) or ""
    check_sbml(text, name)
    from cobra.io import read_sbml_model
    from cobra.io.sbml import CobraSBMLError

    # libsbml gets the very text that was checked: without its declaration it takes it as UTF-8
    bare = re.sub(r"^\s*<\?xml.*?\?>", "", text, count=1, flags=re.DOTALL)
    try:
        return read_sbml_model(io.StringIO(bare))
    except (CobraSBMLError, OSError):
        raise InputError(f"{name} is SBML, but COBRApy cannot make a model of it; check it with an SBML validator or export it again.") from None


def _read_json(content: bytes, name: str) -> cobra.Model:
    try:
        return _from_dict(json.loads(decode_text(content) or ""), name)
    except json.JSONDecodeError as error:
        raise InputError(f"{name} is cut off or damaged: its JSON breaks in line {error.lineno}; download or save it again.") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} holds JSON that no model needs (numbers too long or lists too deep); export the model again.") from None


def _read_yaml(content: bytes, name: str) -> cobra.Model:
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError
    from ruamel.yaml.error import YAMLError

    if len(content) > MAX_YAML:
        raise InputError(f"{name} is larger than {MAX_YAML // 2**20} MB, too slow to read as YAML; save the model as SBML or JSON.")
    text = decode_text(content) or ""
    if re.search(r"<<[\"']?\s*:|!!merge", text):
        raise InputError(f"{name} merges YAML mappings (<<:), which is not accepted here; save the model as SBML or JSON.")
    try:
        raw = YAML(typ="safe", pure=True).load(text)
    except DuplicateKeyError:
        raise InputError(f"{name} states one YAML key twice in the same entry; give every entry an id of its own.") from None
    except ConstructorError:
        raise InputError(f"{name} uses a YAML tag (such as !!python/object) that no model needs and that is never run; remove the tag.") from None
    except (YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise InputError(f"{name} is cut off or damaged: its YAML breaks{place}; download or save it again.") from None
    if isinstance(raw, list) and raw and all(isinstance(part, Mapping) for part in raw):
        raw = {key: value for part in raw for key, value in part.items()}
    return _from_dict(raw, name)


def _read_matlab(content: bytes, name: str) -> cobra.Model:
    models = read_structs(content)
    if models is None:
        raise InputError(f"{name} is a MATLAB file that cannot be read; save the model again with the -v7 option.")
    if len(models) != 1:
        what = "more than one model" if models else "no model (a struct with rxns, mets, S, lb and ub)"
        raise InputError(f"{name} is a MATLAB file with {what}; save one COBRA model in it.")
    from cobra.io.mat import from_mat_struct

    ((variable, struct),) = models.items()
    try:
        check_matlab(struct, name)
        return _plain_texts(from_mat_struct(struct, model_id=variable))
    except InputError:
        raise
    except Exception:  # COBRApy fails on unusual structs with TypeError, IndexError and others
        raise InputError(f"{name} holds a MATLAB model that COBRApy cannot read; save the model as SBML or JSON.") from None


def _plain_texts(model: cobra.Model) -> cobra.Model:
    """MATLAB cells may leave arrays where a text belongs."""
    model.name = _text(model.name)
    for reaction in model.reactions:
        reaction.name, reaction.subsystem = _text(reaction.name), _text(reaction.subsystem)
    for item in (*model.metabolites, *model.genes):
        item.name = _text(item.name)
    return model


def _from_dict(raw: Any, name: str) -> cobra.Model:
    """A model from the dict of COBRA JSON or YAML; only the fields COBRApy knows are passed on, each of the type it expects."""
    if isinstance(raw, list) and len(raw) == 2 and all(isinstance(part, Mapping) for part in raw) and "reactions" in raw[1]:
        raise InputError(f"{name} is an Escher map, not a model; give the model itself and the map as the map.")
    if not isinstance(raw, Mapping) or not isinstance(raw.get("reactions"), list):
        raise InputError(f"{name} is not a COBRA model: it has no list of reactions; give a model as SBML, COBRA JSON, YAML or MATLAB.")
    lists = {
        key: _entries(raw.get(key) or [], what, name) for key, what in (("metabolites", "metabolite"), ("reactions", "reaction"), ("genes", "gene"))
    }
    check_count(len(lists["reactions"]), "reactions", name)
    check_count(len(lists["metabolites"]), "metabolites", name)
    known = {m["id"] for m in lists["metabolites"]}
    clean = {
        "id": _text(raw.get("id")) or "model",
        "name": _text(raw.get("name")),
        "compartments": {_text(k): _text(v) for k, v in raw["compartments"].items()} if isinstance(raw.get("compartments"), Mapping) else {},
        "metabolites": [_metabolite(m) for m in lists["metabolites"]],
        "reactions": [_reaction(r, known, name) for r in lists["reactions"]],
        "genes": [_common(g) for g in lists["genes"]],
    }
    from cobra.io import model_from_dict

    try:
        return model_from_dict(clean)
    except Exception:  # COBRApy and its solver interface share no error class
        raise InputError(f"{name} lists reactions and metabolites that COBRApy cannot read; export the model again, best as SBML.") from None


def _entries(raw: Any, what: str, name: str) -> list[dict[str, Any]]:
    """The entries of one list, each a dict with a usable id, no id twice."""
    if not isinstance(raw, list):
        raise InputError(f"{name} is not a COBRA model: its {what}s are no list; export the model again.")
    ids = [_identity(entry) for entry in raw]
    check_ids(ids, what, name)
    return [{**entry, "id": identity} for entry, identity in zip(raw, ids, strict=True)]


def _identity(entry: Any) -> str:
    """The id of an entry, "" when it has none; YAML reads an unquoted gene number as an integer."""
    identity = entry.get("id") if isinstance(entry, Mapping) else None
    return _text(identity) if isinstance(identity, (str, int)) and not isinstance(identity, bool) else ""


def _common(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": entry["id"], "name": _text(entry.get("name")), "annotation": _annotation(entry.get("annotation"))}


def _metabolite(entry: Mapping[str, Any]) -> dict[str, Any]:
    charge, right_hand_side = entry.get("charge"), entry.get("_bound", 0)
    clean = {
        **_common(entry),
        "compartment": _text(entry.get("compartment")) or None,
        "formula": _text(entry.get("formula")) or None,
        "charge": charge if is_finite(charge) else None,
    }
    if is_finite(right_hand_side) and right_hand_side:
        clean["_bound"] = right_hand_side
    return clean


def _reaction(entry: Mapping[str, Any], known: set[str], name: str) -> dict[str, Any]:
    reaction = entry["id"]
    stoichiometry = entry.get("metabolites") or {}
    if not isinstance(stoichiometry, Mapping):
        raise InputError(f"{name}: reaction {shown(reaction)} does not list its metabolites with coefficients; export the model again.")
    coefficients = {str(metabolite): value for metabolite, value in stoichiometry.items()}
    for metabolite, value in coefficients.items():
        check_coefficient(value, reaction, metabolite, name)
        if metabolite not in known:
            raise InputError(f"{name}: reaction {shown(reaction)} uses the metabolite {shown(metabolite)}, which the model does not list; add it.")
    lower, upper = (_bound(entry.get(key), default) for key, default in zip(("lower_bound", "upper_bound"), _DEFAULT_BOUNDS, strict=True))
    check_bounds(lower, upper, reaction, name)
    weight = entry.get("objective_coefficient")
    bounds = {"lower_bound": lower, "upper_bound": upper}
    return {
        **_common(entry),
        "metabolites": coefficients,
        # COBRApy sets one bound after the other and refuses them crossed on the way
        **(bounds if lower <= _DEFAULT_BOUNDS[1] else dict(reversed(bounds.items()))),
        "gene_reaction_rule": _text(entry.get("gene_reaction_rule")),
        "subsystem": _text(entry.get("subsystem")),
        "objective_coefficient": weight if is_finite(weight) else 0,
    }


def _bound(value: Any, default: float) -> float:
    if value is None:
        return default
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _text(value: Any) -> str:
    """A text field as a string that can be encoded; lists (some files give several subsystems) are joined."""
    if isinstance(value, list):
        return "; ".join(_text(v) for v in value if isinstance(v, (str, int, float)))
    if not isinstance(value, (str, int, float)):
        return ""
    return str(value).encode("utf-8", "replace").decode()


def _annotation(value: Any) -> dict[str, list[str]]:
    """Database name to identifiers, from a dict or from the pairs of older files."""
    if isinstance(value, list):
        pairs = [(p[0], p[1]) for p in value if isinstance(p, list) and len(p) == 2]
    else:
        pairs = list(value.items()) if isinstance(value, Mapping) else []
    found: dict[str, list[str]] = {}
    for database, identifiers in pairs:
        several = identifiers if isinstance(identifiers, list) else [identifiers]
        found.setdefault(_text(database), []).extend(t for i in several if (t := _text(i)))
    return found
