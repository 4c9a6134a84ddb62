"""The ready-made views of the front page: each a link that anyone may copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from core.ui.nav import entry, page_of
from core.ui.view_state import ViewState


@dataclass(frozen=True)
class Start:
    """A card: what it opens and the view it opens it with."""

    key: str
    title: str
    text: str
    link: str
    view: ViewState
    page: str = "explorer"
    extra: Mapping[str, str] = field(default_factory=dict)

    def query(self) -> dict[str, str]:
        """The link's parameters; the model or RNA is always named, so that the link means the same whatever was open before."""
        always = {"rna": {"rna": self.view.rna}, "lab": {}}.get(self.page, {"model": self.view.model})
        return {**always, **self.view.to_query(), **self.extra}


STARTS = (
    Start(
        "core",
        "E. coli core on glucose",
        "95 reactions of central metabolism: glycolysis, the citric acid cycle, respiration and fermentation.",
        "Open E. coli core",
        ViewState(model="e_coli_core", selection="rxn:PFK"),  # with a selection the drawing opens near enough to read its labels
    ),
    Start(
        "rna",
        "Yeast tRNA-Phe",
        "The cloverleaf: its fold, the graph of its elements, and what a trained network passes along every edge.",
        "Open the tRNA",
        ViewState(),
        page="rna",
    ),
    Start(
        "lab",
        "A -> 2B in the gate lab",
        "One reaction taken apart: stoichiometry, sign, gate, weights and activation, each step as formula and number.",
        "Open the gate lab",
        ViewState(),
        page="lab",
    ),
    Start(
        "genome",
        "E. coli, whole genome",
        "iJO1366: 2,583 reactions, shown as pathways first; go from there down to one reaction.",
        "Open the iJO1366 overview",
        ViewState(model="iJO1366", view="overview", checkpoint="genome"),
    ),
    Start(
        "own",
        "Your own model",
        "SBML, COBRA JSON, YAML or MATLAB, packed or not. The file stays on this computer.",
        "Load my own model",
        ViewState(settings={"explorer.upload": True}),
    ),
)


def start_card(start: Start) -> None:
    """One card with its link."""
    with st.container(border=True, height="stretch", key=f"start_{start.key}"):
        st.subheader(start.title, anchor=False)
        st.markdown(start.text)
        page = entry(start.page)
        st.page_link(
            page_of(page),
            label=start.link,
            icon=":material/arrow_forward:",
            query_params=start.query(),
            width="stretch",
            help=f"Leads to the page {page.title}; the address there is a link that can be shared.",
        )
