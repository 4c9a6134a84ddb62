"""An RNA: its structure, its graph, and what a trained network passes along each edge."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.rna.page import draw

st.title("RNA")
draw()
