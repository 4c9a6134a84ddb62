"""A reaction drawn both ways: spokes with their coefficients, and a box with reactants and products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.metabolic.equation import MOST

if TYPE_CHECKING:
    from core.metabolic.tables import ModelTables


def draw(tables: ModelTables, reaction: str, gates: Mapping[str, float], over: str) -> None:
    """Both drawings side by side; a reaction of more metabolites than spokes can be told apart is a box alone.

    Args:
        gates: by metabolite, which colour the spokes. over: which gates these are, for the legend.
    """
    from core.viz.svg import network_svg, reaction_box_svg
    from core.viz.view import pathway_view

    e = tables.reaction_index()[reaction]
    equation, values = tables.equation(e), {(reaction, name): gate for name, gate in gates.items()}
    drawn, alt = reaction_box_svg(tables, values, reaction), f"{equation}: a box with reactants and products, spokes coloured by gate"
    if len(gates) > MOST:
        st.image(drawn, width=640, alt=alt)
        return
    rows = pd.DataFrame({"reaction": reaction, "metabolite": list(gates), "gate": list(gates.values())})
    view = pathway_view(tables, rows, reactions=[reaction], over=over, positions=_star(tables, reaction))
    spokes, box = st.columns(2, vertical_alignment="center")
    spokes.image(network_svg(view, stoich=True), width="stretch", alt=f"{equation}: a spoke to each metabolite, its coefficient on the spoke")
    box.image(drawn, width="stretch", alt=alt)


def _star(tables: ModelTables, reaction: str) -> dict[str, tuple[float, float]]:
    """Reactants to the left of the reaction, products to its right, far enough for the coefficients on the spokes."""
    own = tables.cols == tables.reaction_index()[reaction]
    places = {f"rxn:{reaction}": (0.0, 0.0)}
    for x, side in ((-220.0, own & (tables.stoich < 0)), (220.0, own & (tables.stoich > 0))):
        rows = tables.rows[side].tolist()
        places |= {f"met:{tables.metabolites[v]}": (x, 80.0 * (i - (len(rows) - 1) / 2)) for i, v in enumerate(rows)}
    return places
