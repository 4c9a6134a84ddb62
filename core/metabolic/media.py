"""Named growth media, made from a model's own medium and only for the nutrients the model exchanges.

A named medium is the model's own medium without its carbon sources (minerals, water, protons, trace cofactors stay),
plus one carbon source. Every single carbon source brings the same :data:`CARBON` mmol of carbon per gDW and hour as
10 mmol glucose, so that growth on two media compares what the cell makes of the carbon: acetate 30, succinate 15,
glycerol 20 mmol/gDW/h.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from core.metabolic.condition import own_medium
from core.metabolic.tables import ModelTables

CARBON = 60.0
"""Carbon that a single carbon source brings, mmol C/gDW/h."""
OXYGEN = 1000.0
"""Oxygen uptake of aerobic media (mmol/gDW/h) where the model's own medium sets none."""
RICH = 10.0
"""Uptake of every carbon source in the rich medium, mmol/gDW/h."""
TRACE = 0.1
"""Carbon-holding uptakes of the own medium at or below this (mmol/gDW/h) are cofactors, such as cobalamin, and stay."""


class _Nutrient(NamedTuple):
    """How a nutrient is found: ids without compartment, KEGG compound, names in lower case; ``carbons`` per molecule."""

    bases: tuple[str, ...]
    kegg: str
    names: tuple[str, ...]
    carbons: int


_NUTRIENTS = {
    "glucose": _Nutrient(("glc_D", "glc", "cpd00027"), "C00031", ("d-glucose", "glucose", "alpha-d-glucose", "beta-d-glucose"), 6),
    "acetate": _Nutrient(("ac", "cpd00029"), "C00033", ("acetate", "acetic acid"), 2),
    "succinate": _Nutrient(("succ", "cpd00036"), "C00042", ("succinate", "succinic acid"), 4),
    "glycerol": _Nutrient(("glyc", "cpd00100"), "C00116", ("glycerol",), 3),
    "oxygen": _Nutrient(("o2", "cpd00007"), "C00007", ("o2", "oxygen", "dioxygen"), 0),
}
_INORGANIC = frozenset({"CO2", "CHO3", "CH2O3", "CO3"})
"""Carbon dioxide, bicarbonate, carbonic acid, carbonate: carbon, but no carbon source."""


def carbon_exchanges(tables: ModelTables) -> list[str]:
    """Exchange reactions whose metabolite's formula holds carbon and is not CO2 (nor bicarbonate), in model order."""
    metabolite = _exchanged(tables)
    return [tables.reactions[e] for e, v in metabolite.items() if _holds_carbon(tables.formulas[v])]


def named_media(tables: ModelTables) -> dict[str, dict[str, float]]:
    """The named media this model supports, each a dict of exchange reaction id to positive uptake bound (mmol/gDW/h).

    A medium is left out when the model lacks an exchange it needs. "rich" opens every carbon source at :data:`RICH`
    (amino acids, sugars, nucleosides, whatever the model exchanges) on top of the own medium.
    """
    own = own_medium(tables)
    carbon = carbon_exchanges(tables)
    minimal = _minimal(own, carbon)
    at = {nutrient: find_exchange(tables, nutrient) for nutrient in _NUTRIENTS}
    oxygen = at["oxygen"]
    air = {} if oxygen is None else {oxygen: own.get(oxygen, OXYGEN)}
    media: dict[str, dict[str, float]] = {}
    for name, nutrient in (
        ("aerobic glucose", "glucose"),
        ("anaerobic glucose", "glucose"),
        ("acetate", "acetate"),
        ("succinate", "succinate"),
        ("glycerol", "glycerol"),
    ):
        exchange, aerobic = at[nutrient], name != "anaerobic glucose"
        if exchange is None or (aerobic and not air):
            continue
        medium = minimal | air | {exchange: CARBON / _NUTRIENTS[nutrient].carbons}
        media[name] = medium if aerobic else {r: bound for r, bound in medium.items() if r != oxygen}
    if carbon:
        media["rich"] = own | air | {r: max(RICH, own.get(r, 0.0)) for r in carbon}
    return media


def carbon_media(tables: ModelTables) -> dict[str, dict[str, float]]:
    """The aerobic minimal medium with each single carbon source in turn, by exchange reaction id; empty for a model without oxygen.

    Each brings :data:`CARBON` mmol of carbon, as the named media do; sources whose formula does not count their carbon are left out.
    """
    own, oxygen = own_medium(tables), find_exchange(tables, "oxygen")
    if oxygen is None:
        return {}
    carbon = carbon_exchanges(tables)
    minimal = _minimal(own, carbon) | {oxygen: own.get(oxygen, OXYGEN)}
    index, metabolite = tables.reaction_index(), _exchanged(tables)
    counted = {r: _carbons(tables.formulas[metabolite[index[r]]]) for r in carbon}
    return {r: minimal | {r: CARBON / carbons} for r, carbons in counted.items() if carbons}


def _minimal(own: dict[str, float], carbon: Iterable[str]) -> dict[str, float]:
    """A medium without its carbon sources."""
    sources = {r for r in carbon if own.get(r, 0.0) > TRACE}
    return {r: bound for r, bound in own.items() if r not in sources}


def find_exchange(tables: ModelTables, nutrient: str) -> str | None:
    """The exchange reaction of "glucose", "acetate", "succinate", "glycerol" or "oxygen", or None.

    Looked for by reaction or metabolite id (BiGG in its spellings, ModelSEED), then by BiGG or KEGG annotation, then by
    name, where a formula that tells otherwise rules the metabolite out.
    """
    wanted = _NUTRIENTS[nutrient]
    found = _exchanged(tables)
    for base in wanted.bases:
        for e, v in found.items():
            if base in (_base(tables.reactions[e]), _base(tables.metabolites[v])):
                return tables.reactions[e]
    for e, v in found.items():
        annotation = tables.metabolite_annotations[v]
        if wanted.kegg in annotation.get("kegg.compound", ()) or set(wanted.bases) & set(map(_base, annotation.get("bigg.metabolite", ()))):
            return tables.reactions[e]
    for e, v in found.items():
        if plain_name(tables, v).lower() in wanted.names and _carbons(tables.formulas[v]) in (None, wanted.carbons):
            return tables.reactions[e]
    return None


def nutrient_name(tables: ModelTables, exchange: str) -> str:
    """What an exchange reaction exchanges, by name ("D-Glucose"); the metabolite id where the model gives no name."""
    index = tables.reaction_index().get(exchange)
    found = _exchanged(tables, () if index is None else (index,))
    if index is None or index not in found:
        return exchange
    return plain_name(tables, found[index]) or tables.metabolites[found[index]]


def _exchanged(tables: ModelTables, reactions: Iterable[int] | None = None) -> dict[int, int]:
    """Row of each exchange reaction (or of those given) to the row of the metabolite it exchanges."""
    chosen = np.flatnonzero(tables.exchange) if reactions is None else np.fromiter(reactions, dtype=np.int64)
    here = np.isin(tables.cols, chosen)
    return {int(e): int(v) for e, v in zip(tables.cols[here], tables.rows[here], strict=True)}


def _base(identifier: str) -> str:
    """An id without its exchange prefix and compartment: EX_glc__D_e, EX_glc(e), R_EX_glc_D_LPAREN_e_RPAREN_, glc-D[e]."""
    text = re.sub(r"^([RM]_)?(EX_)?", "", identifier)
    text = re.sub(r"_LPAREN_\w+?_RPAREN_$|[(\[]\w+[)\]]$|_e0?$|_ex(tra)?$", "", text)
    return re.sub(r"__|-|_DASH_", "_", text)


def plain_name(tables: ModelTables, metabolite: int) -> str:
    """A metabolite's name without the formula that some models append to it ("O2 O2", "Glycolate C2H3O3")."""
    name, formula = tables.metabolite_names[metabolite].strip(), tables.formulas[metabolite]
    return name.removesuffix(f" {formula}") if formula else name


def _holds_carbon(formula: str) -> bool:
    return formula not in _INORGANIC and re.search(r"C(?![a-z])", formula) is not None


def _carbons(formula: str) -> int | None:
    """Carbon atoms of a formula; None where the model gives no formula."""
    if not formula:
        return None
    return sum(int(count or 1) for count in re.findall(r"C(?![a-z])(\d*)", formula))
