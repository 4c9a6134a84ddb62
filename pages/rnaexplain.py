"""How much of what a network says of an RNA each base, element, pair and edge carries, by Captum's methods, with a ledger that adds up."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.explain.rna_page import draw

st.title("What the network hears in an RNA")
draw()
