"""How much of what a network predicts each message, reaction or pathway carries, by Captum's methods, with a ledger that adds up."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.explain.page import draw

st.title("What the prediction rests on")
draw()
