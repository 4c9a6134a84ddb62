"""The page from top to bottom: what is taken apart, then its parts."""

from __future__ import annotations

import streamlit as st

from core.ui.bind import option_row
from core.ui.lab import examples, reaction, rna, trained

PARTS = {"typed": "a reaction", "trained": "a reaction with trained weights", "rna": "a base of an RNA"}


def draw() -> None:
    """Draws the page for the current view."""
    st.markdown(
        "What a gate does to a message, step by step. Every number on this page is computed by the layer that the networks are made of, with the "
        "values set here or with trained weights; none is typed in."
    )
    part = option_row(
        "Take apart",
        PARTS,
        "lab.part",
        words=PARTS.__getitem__,
        help="A reaction you type, one of a model with trained weights, or a base of an RNA.",
    )
    if part == "typed":
        reaction.draw()
        examples.draw()
    elif part == "trained":
        trained.draw()
    else:
        rna.draw()
