"""Motifs or whole RNAs as points of a plane, near to each other when a trained network describes them alike."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.library.map import draw

st.title("Motif map")
draw()
