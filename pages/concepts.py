"""What a gate, attention, an attribution and a trial are, in plain words, and a glossary."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.concepts import draw

st.title("In plain words")
draw()
