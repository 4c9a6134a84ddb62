"""The gate lab: one reaction, or one base of an RNA, taken apart by the layer itself."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.lab.page import draw

st.title("Gate lab")
draw()
