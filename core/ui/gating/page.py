"""The page from top to bottom: what was measured with this release, then what can be measured here."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.train.ablation_report import Ablation, shipped
from core.ui.gating import live, measured
from core.ui.text import plain


def draw() -> None:
    """Draws the page; without a measurement it says how to make one, and the small version works all the same."""
    st.markdown(
        "Networks that differ in one choice, trained on the same conditions of E. coli core with the same number of steps, over several seeds; and "
        "networks of other kinds beside them. Everything is on conditions that neither training nor selection saw."
    )
    found = _shipped()
    if found is not None:
        measured.draw(found)
    st.divider()
    live.draw(found)


def _shipped() -> Ablation | None:
    try:
        found = shipped()
    except InputError as error:
        st.error(plain(str(error)))
        return None
    if found is None:
        st.info(
            "No measurement is installed with this copy. Make one with the command below (about two hours of one processor core; it can be stopped "
            "and goes on when it is started again), then put its core.csv and summary.json into assets/ablation; or run the small version.",
            icon=":material/science:",
        )
        st.code("python -m core train ablation --out DIR", language="bash")
    return found
