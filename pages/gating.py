"""Does gating help? Networks that differ in one choice, compared over seeds, and a small version of it that runs here."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.gating.page import draw

st.title("Does gating help?")
draw()
