"""The first line of every page.

Streamlit treats a ``pages`` folder beside the entry script as its older kind of multipage app until ``st.navigation``
has run once in the process. A link straight to a page of a server just started would then run that page's file without
app.py: no sidebar, no page configuration, no session defaults. The guard notices, switches the older kind off and
runs the request again, through app.py.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

_BOOTED = "booted"


def boot() -> None:
    """Called by app.py before ``st.navigation``: from here on the pages of this session run inside it."""
    st.session_state[_BOOTED] = True


def page() -> None:
    """Called first by every page: runs the request again through app.py when app.py has not run."""
    if PagesManager.uses_pages_directory or _BOOTED not in st.session_state:
        PagesManager.uses_pages_directory = False
        st.rerun()
