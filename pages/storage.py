"""Stored data: what is kept on this computer, how much, and clearing it."""

from core.ui.guard import page

page()

import streamlit as st

from core import storage
from core.ui.storage_view import draw_folder

st.title("Stored data")
st.markdown("Everything Gatescope keeps lies in one folder of this computer. Nothing is sent anywhere.")
st.code(str(storage.home()), language=None, wrap_lines=True)

held = storage.usage()
for name in storage.FOLDERS:
    draw_folder(name, held[name])
