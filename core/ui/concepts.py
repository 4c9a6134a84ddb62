"""The documents of docs/ as a page: they are written once, and read in the app or beside the code."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.ui.bind import option_row

DOCS = Path(__file__).resolve().parents[2] / "docs"
CONCEPTS = {
    "gate": "Gate",
    "attention": "Attention",
    "attribution": "Attribution",
    "trial": "Trial",
    "networks": "The networks",
    "glossary": "Glossary",
}


def draw() -> None:
    """The document that is chosen, without its title, which the row above says."""
    chosen = option_row(
        "About",
        CONCEPTS,
        "concepts.about",
        words=CONCEPTS.__getitem__,
        unnamed=True,
        help="What is explained in plain words; the same texts lie in docs.",
    )
    st.markdown(body(chosen))


def body(concept: str) -> str:
    """A document's text below its title."""
    return (DOCS / f"{concept}.md").read_text(encoding="utf-8").partition("\n")[2].strip()
