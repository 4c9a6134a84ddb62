"""One metabolite, ATP to begin with, and the gate a trained network gives it in each of its reactions, beside controls."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.metabolite_gates.page import draw

st.title("One metabolite, many gates")
draw()
