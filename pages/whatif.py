"""An RNA edited: another base, another pair, an element less; folded again, and how far a trained network's embedding moves."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.what_if.page import draw

st.title("What if")
draw()
