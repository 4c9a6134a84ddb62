"""A measurement of genes or reactions beside what a trained network, FBA and the model's structure make of them."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.measurements.page import draw

st.title("Measurements")
draw()
