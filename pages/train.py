"""Train: start a training, follow it, stop and resume it, compare what was trained. Runs go on when this page is closed."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.train.page import draw

st.title("Train")
draw()
