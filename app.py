"""Gatescope's entry point: ``streamlit run app.py``. A router: page configuration, session defaults, sidebar, then the page."""

import sys

import streamlit as st

if not (3, 11) <= sys.version_info[:2] <= (3, 12):
    st.error(f"Gatescope needs Python 3.11 or 3.12 and this is Python {sys.version_info[0]}.{sys.version_info[1]}; run it with one of those.")
    st.stop()

from core.ui import device, guard, memory, nav, sidebar, state, theme

guard.boot()
page = st.navigation(nav.pages(), position="hidden")
st.set_page_config(page_title=nav.title_of(page), page_icon=str(nav.ROOT / "assets" / "icon.svg"), layout="wide")
state.restore(page.url_path)
theme.apply()
with st.sidebar:
    nav.links(page)
    sidebar.history_buttons()
    sidebar.session_box(page)
    device.switch()
    theme.larger_text_switch()
sidebar.link_notices()
device.warm_up_the_rest()
page.run()
memory.tidy()
