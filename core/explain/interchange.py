"""What other programs read: the hypergraph as HIF JSON and as GraphML, values of reactions and metabolites for Escher.

HIF is the Hypergraph Interchange Format, https://github.com/HIF-org/HIF-standard (schema v0.1.0): reactions are edges, metabolites nodes; what
is consumed is an edge's tail, what is made its head.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core import __version__
from core.errors import InputError

if TYPE_CHECKING:
    from core.explain.reactions import ReactionImportance

TAIL, HEAD = "tail", "head"
QUANTITIES = ("gate", "gate_seed_sd", "attention", "attention_log2", "message", "norm")
"""Columns of an incidence that go along, where they are known."""
OF_REACTIONS = ("subsystem", "lower", "upper", "gate", "gate_seed_sd", "message", "attention", "flux_predicted", "flux_seed_sd")


def to_hif(found: ReactionImportance) -> dict[str, Any]:
    """The hypergraph with what the network does on it, as HIF's JSON object. ``weight`` is |s|; s itself is among the attributes."""
    tables = found.graph.tables
    names = ("name", "formula", "compartment")
    nodes = zip(tables.metabolite_names, tables.formulas, tables.compartments, strict=True)
    rows = found.table.to_dict("records")
    return {
        "network-type": "directed",
        "metadata": {
            "name": tables.name or tables.id,
            "made by": f"Gatescope {__version__}",
            **{key: found.manifest[key] for key in ("key", "condition", "checkpoint")},
            "predicted growth": found.prediction,
        },
        "nodes": [{"node": m, "attrs": _known(dict(zip(names, row, strict=True)))} for m, row in zip(tables.metabolites, nodes, strict=True)],
        "edges": [{"edge": row["reaction"], "attrs": _known({"name": row["name"], **{c: row[c] for c in OF_REACTIONS if c in row}})} for row in rows],
        "incidences": [
            {
                "edge": row["reaction"],
                "node": row["metabolite"],
                "weight": abs(float(row["coefficient"])),
                "direction": TAIL if row["coefficient"] < 0 else HEAD,
                "attrs": _known({"coefficient": row["coefficient"], **{c: row[c] for c in QUANTITIES if c in row}}),
            }
            for row in found.incidences.to_dict("records")
        ],
    }


def read_hif(text: str | bytes) -> pd.DataFrame:
    """The incidences of a HIF file: ``reaction``, ``metabolite``, ``coefficient`` (of the attributes, else the weight with the direction's sign),
    and further attributes as columns.

    Raises:
        InputError: not JSON, or not HIF: the sentence names the place.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"This is no HIF file: it is not JSON ({error}).") from None
    incidences = content.get("incidences") if isinstance(content, dict) else None
    if not isinstance(incidences, list):
        raise InputError("This is no HIF file: it has no list of incidences.")
    rows = []
    for number, one in enumerate(incidences, 1):
        if not isinstance(one, dict) or not all(isinstance(one.get(part), (str, int)) for part in ("edge", "node")):
            raise InputError(f"Incidence {number} of the HIF file has no edge or no node; correct it.")
        attributes = one.get("attrs", {})
        weight, sign = one.get("weight", 1.0), {TAIL: -1.0, HEAD: 1.0}.get(one.get("direction", HEAD))
        if not isinstance(attributes, dict) or isinstance(weight, bool) or not isinstance(weight, (int, float)) or sign is None:
            raise InputError(f"Incidence {number} of the HIF file has a weight, a direction or attributes that are none; correct it.")
        rows.append({"reaction": str(one["edge"]), "metabolite": str(one["node"]), "coefficient": sign * weight, **attributes})
    return pd.DataFrame(rows, columns=None if rows else ["reaction", "metabolite", "coefficient"])


def to_graphml(found: ReactionImportance) -> bytes:
    """The same as a directed graph of two kinds of nodes, ``met:`` and ``rxn:``: from what is consumed to the reaction, and on to what is made."""
    import networkx

    tables = found.graph.tables
    graph = networkx.DiGraph(name=tables.name or tables.id)
    for metabolite, name, compartment in zip(tables.metabolites, tables.metabolite_names, tables.compartments, strict=True):
        graph.add_node(f"met:{metabolite}", **_known({"kind": "metabolite", "label": metabolite, "name": name, "compartment": compartment}))
    for row in found.table.to_dict("records"):
        own = {"kind": "reaction", "label": row["reaction"], "name": row["name"], **{c: row[c] for c in OF_REACTIONS if c in row}}
        graph.add_node(f"rxn:{row['reaction']}", **_known(own))
    for row in found.incidences.to_dict("records"):
        ends = (f"met:{row['metabolite']}", f"rxn:{row['reaction']}")
        attributes = _known({"coefficient": row["coefficient"], **{c: row[c] for c in QUANTITIES if c in row}})
        graph.add_edge(*(ends if row["coefficient"] < 0 else ends[::-1]), **attributes)
    return "\n".join(networkx.generate_graphml(graph)).encode()


def escher_reactions(found: ReactionImportance, quantity: str) -> dict[str, float]:
    """A column of the reaction table by reaction, as Escher loads it (Data, Load reaction data); what is not known is left out."""
    values = zip(found.table["reaction"], found.table[quantity].astype(float), strict=True)
    return {str(reaction): float(value) for reaction, value in values if np.isfinite(value)}


def escher_metabolites(found: ReactionImportance, quantity: str = "gate") -> dict[str, float]:
    """The mean of a quantity over the incidences of each metabolite, as Escher loads it (Data, Load metabolite data)."""
    means = found.incidences.groupby("metabolite")[quantity].mean().dropna()
    return {str(metabolite): float(value) for metabolite, value in means.items()}


def _known(values: dict[str, Any]) -> dict[str, Any]:
    """Plain values; what is not a number, or empty, is left out."""
    found = {}
    for name, value in values.items():
        plain = value.item() if isinstance(value, np.generic) else value
        if plain is None or plain == "" or (isinstance(plain, float) and not math.isfinite(plain)):
            continue
        found[name] = plain
    return found
