"""Two media, knock-outs or networks side by side, many media as a matrix, and whether gates move where fluxes move."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.conditions.page import draw

st.title("Conditions")
draw()
