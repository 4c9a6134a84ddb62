"""How well an embedding tells relatives from strangers, beside what needs no training."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.scoreboard.page import draw

st.title("RNA scoreboard")
draw()
