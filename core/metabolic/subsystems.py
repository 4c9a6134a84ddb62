"""A subsystem for every reaction, also where the model file names none, and the currency metabolites to hide.

Order of evidence: what the model says; what iJO1366 says of the same reaction (by id, or by the same metabolites moved
and converted); what the reaction's form says (exchange, demand, biomass, pure transport); the pathway most common in
its network community. ``python -m core.metabolic.subsystems`` makes the list from COBRApy's iJO1366 anew.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.metabolic.media import plain_name
from core.metabolic.tables import ModelTables, tables_from_model

REFERENCE = Path(__file__).parents[2] / "assets" / "data" / "iJO1366_subsystems.csv"
MODEL, SAME, FORM, COMMUNITY = "model", "inferred: iJO1366", "inferred: form", "inferred: community"
EXCHANGE, DEMAND, TRANSPORT, BIOMASS = "Exchange", "Demand and sink", "Transport", "Biomass and maintenance functions"

_KEGG = {
    "h": "C00080", "h2o": "C00001", "atp": "C00002", "adp": "C00008", "amp": "C00020", "pi": "C00009", "ppi": "C00013",
    "nad": "C00003", "nadh": "C00004", "nadp": "C00006", "nadph": "C00005", "coa": "C00010", "co2": "C00011", "o2": "C00007",
    "nh4": "C01342", "nh3": "C00014", "fad": "C00016", "fadh2": "C01352", "q8": "C17569", "q8h2": "C00390",
    "gtp": "C00044", "gdp": "C00035", "ACP": "C00229",
}  # fmt: skip
"""Cofactors, carriers and small inorganic molecules: BiGG base id to KEGG compound."""
_ENOUGH_KNOWN = 5


@dataclass(frozen=True)
class Subsystems:
    """Per reaction its subsystem (``names``) and where that comes from (``source``): "model", "inferred: iJO1366",
    "inferred: form" (exchange, demand, biomass, transport, told by the reaction itself) or "inferred: community"."""

    names: tuple[str, ...]
    source: tuple[str, ...]


def assign_subsystems(tables: ModelTables) -> Subsystems:
    """A subsystem for every reaction of a model; deterministic."""
    by_id, by_form = _reference()
    bases = [_base(m) for m in tables.metabolites]
    names, source = list(tables.subsystems), [MODEL if s else "" for s in tables.subsystems]
    members = _members(tables)
    for e, reaction in enumerate(tables.reactions):
        if names[e]:
            continue
        sides = [(bases[v], tables.compartments[v], s) for v, s in members[e]]
        found = next((by_id[i] for i in _spellings(reaction) if i in by_id), "")
        found = found or next((by_form[f] for f in (_form(sides), _form(sides, merged=True)) if f and f in by_form), "")
        if found and not tables.exchange[e]:
            names[e], source[e] = found, SAME
        elif by_shape := _told_by_form(tables, e, sides):
            names[e], source[e] = by_shape, FORM
    if "" in names:
        for e, name in _by_community(tables, names).items():
            names[e], source[e] = name, COMMUNITY
    return Subsystems(tuple(names), tuple(source))


def currency_metabolites(tables: ModelTables, *, top: int = 15) -> list[str]:
    """Metabolite ids to hide or clone in drawings: the ``top`` most connected cofactors, in all their compartments.

    Connected counts incidences over all compartments. Only known cofactors and carriers count, so that pyruvate or
    glutamate stay; where the model's ids and annotations tell fewer than five of them, the degree alone decides.
    """
    degree = np.bincount(tables.rows, minlength=len(tables.metabolites))
    groups: dict[str, list[int]] = {}
    for v, metabolite in enumerate(tables.metabolites):
        groups.setdefault(_base(metabolite), []).append(v)
    ranked = sorted(groups, key=lambda base: (-int(degree[groups[base]].sum()), base))
    known = [base for base in ranked if any(_is_cofactor(tables, v, base) for v in groups[base])]
    chosen = known if len(known) >= _ENOUGH_KNOWN else ranked
    return [tables.metabolites[v] for base in chosen[:top] for v in sorted(groups[base], key=lambda v: (-int(degree[v]), v))]


def extract_reference(tables: ModelTables, path: Path = REFERENCE) -> int:
    """Writes reaction, subsystem and the two forms of every labelled reaction of a model as CSV; returns their number."""
    bases = [_base(m) for m in tables.metabolites]
    rows = []
    for e, members in enumerate(_members(tables)):
        if tables.subsystems[e]:
            sides = [(bases[v], tables.compartments[v], s) for v, s in members]
            rows.append((tables.reactions[e], tables.subsystems[e], _form(sides), _form(sides, merged=True)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("reaction", "subsystem", "form", "merged_form"))
        writer.writerows(sorted(rows))
    return len(rows)


@lru_cache(maxsize=1)
def _reference() -> tuple[dict[str, str], dict[str, str]]:
    """iJO1366's subsystems by reaction id and by form; the first reaction of a form speaks for it."""
    by_id: dict[str, str] = {}
    by_form: dict[str, str] = {}
    with open(REFERENCE, newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            by_id[row["reaction"]] = row["subsystem"]
            for form in (row["form"], row["merged_form"]):
                if form:
                    by_form.setdefault(form, row["subsystem"])
    return by_id, by_form


def _members(tables: ModelTables) -> list[list[tuple[int, float]]]:
    members: list[list[tuple[int, float]]] = [[] for _ in tables.reactions]
    for v, e, s in zip(tables.rows.tolist(), tables.cols.tolist(), tables.stoich.tolist(), strict=True):
        members[e].append((v, s))
    return members


def _base(metabolite: str) -> str:
    """A metabolite id without its compartment: atp_c, M_atp_c, atp[c], cpd00002_c0."""
    return re.sub(r"_[a-z]\d?$|\[\w+\]$|\(\w+\)$", "", metabolite.removeprefix("M_"))


def _spellings(reaction: str) -> list[str]:
    """A reaction id and its likely spellings in iJO1366: copies and numbered twins, and periplasmic transport."""
    plain = re.sub(r"_copy\d$|_\d$", "", reaction.removeprefix("R_"))
    return [reaction.removeprefix("R_"), plain, f"{plain}pp", plain.removesuffix("i") + "ppi", plain.removesuffix("r") + "rpp"]


def _form(sides: list[tuple[str, str, float]], *, merged: bool = False) -> str:
    """What a reaction does, in one direction-free line without protons; ``merged`` takes the periplasm for the outside."""
    left: set[str] = set()
    right: set[str] = set()
    for base, compartment, s in sides:
        if base != "h":
            (left if s < 0 else right).add(f"{base}@{'e' if merged and compartment == 'p' else compartment}")
    if not left or not right or left & right:
        return ""
    return " = ".join(sorted(" + ".join(sorted(side)) for side in (left, right)))


def _told_by_form(tables: ModelTables, reaction: int, sides: list[tuple[str, str, float]]) -> str:
    """Exchange, demand, biomass or pure transport, as the reaction itself tells; "" when it tells none of them."""
    if tables.exchange[reaction]:
        return EXCHANGE
    if len(sides) == 1:
        return DEMAND
    if "biomass" in f"{tables.reactions[reaction]} {tables.reaction_names[reaction]}".lower():
        return BIOMASS
    consumed = sorted(base for base, _, s in sides if s < 0)
    between = {compartment for _, compartment, _ in sides}
    if consumed != sorted(base for base, _, s in sides if s > 0) or len(between) < 2:
        return ""
    return {frozenset("ep"): f"{TRANSPORT}, Outer Membrane", frozenset("pc"): f"{TRANSPORT}, Inner Membrane"}.get(frozenset(between), TRANSPORT)


def _by_community(tables: ModelTables, names: list[str]) -> dict[int, str]:
    """A name for each reaction still without one, from the community it falls into."""
    import networkx as nx

    hidden = set(currency_metabolites(tables))
    degree = np.bincount(tables.rows, minlength=len(tables.metabolites))
    graph = nx.Graph()
    graph.add_nodes_from(range(len(tables.reactions)))
    count = len(tables.reactions)
    for v, e in zip(tables.rows.tolist(), tables.cols.tolist(), strict=True):
        if tables.metabolites[v] not in hidden:
            graph.add_edge(e, count + v, weight=1.0 / float(degree[v]))
    found: dict[int, str] = {}
    for community in nx.community.louvain_communities(graph, seed=0):
        reactions = sorted(n for n in community if n < count)
        unnamed = [e for e in reactions if not names[e]]
        if unnamed:
            found |= dict.fromkeys(unnamed, _community_name(tables, [names[e] for e in reactions], reactions, hidden, degree))
    return found


def _community_name(tables: ModelTables, labels: list[str], reactions: list[int], hidden: set[str], degree: np.ndarray) -> str:
    """The commonest pathway of a community's members, else its most connected metabolite that is no currency."""
    general = (EXCHANGE, DEMAND, TRANSPORT, BIOMASS, "Unassigned")
    pathways = Counter(label for label in labels if label and not label.startswith(general))
    if pathways:
        return min(pathways, key=lambda label: (-pathways[label], label))
    at = np.isin(tables.cols, reactions)
    shared = sorted({int(v) for v in tables.rows[at]}, key=lambda v: (tables.metabolites[v] in hidden, -int(degree[v]), v))
    return f"around {plain_name(tables, shared[0]) or tables.metabolites[shared[0]]}" if shared else "without metabolites"


def _is_cofactor(tables: ModelTables, metabolite: int, base: str) -> bool:
    annotation = tables.metabolite_annotations[metabolite]
    kegg = set(annotation.get("kegg.compound", ()))
    return base in _KEGG or bool(kegg & set(_KEGG.values())) or bool(set(annotation.get("bigg.metabolite", ())) & _KEGG.keys())


if __name__ == "__main__":
    import cobra
    from cobra.io import read_sbml_model

    source = Path(cobra.__file__).parent / "data" / "iJO1366.xml.gz"
    print(f"{extract_reference(tables_from_model(read_sbml_model(str(source))))} reactions written to {REFERENCE}")
