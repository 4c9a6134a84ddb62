"""Training runs: start one, follow it, stop it. Runs are processes of their own and go on when this page is closed."""

from core.ui.guard import page

page()

import streamlit as st

from core.runs import list_runs
from core.ui.run_card import draw_runs, training_form

st.title("Training runs")
st.markdown("Each run is a process of its own: it goes on when this tab is closed, and this page finds it again.")

with st.expander("Train a metabolic network", icon=":material/add:", expanded=not list_runs()):
    training_form()

draw_runs()
