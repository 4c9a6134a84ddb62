"""A metabolic model as a hypergraph, coloured by what a trained network does with every incidence."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.explorer.page import draw

st.title("Metabolic explorer")
draw()
