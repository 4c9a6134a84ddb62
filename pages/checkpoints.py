"""The trained networks: how each was made, how good it is on held-out conditions, where it fails."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.model_card import draw

st.title("Checkpoints")
draw()
