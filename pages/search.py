"""What lies nearest to an RNA, or to one of its motifs, among the reference library or own RNAs."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui.library.search import draw

st.title("RNA search")
draw()
