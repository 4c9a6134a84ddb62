"""Guided stories: what one expects of the networks, where to look, the numbers, and whether they agree."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.stories.page import draw

st.title("Stories")
draw()
