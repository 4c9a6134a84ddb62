"""When the garbage collector runs. Streamlit would run it in full after every run of a page or of a part of it (``runner.postScriptGC``, off in
``.streamlit/config.toml``): with a few models loaded that takes half a second in which no other session moves, twice a second while long work is
followed."""

from __future__ import annotations

import gc
import time

PAUSE, SHARE = 30.0, 0.01
"""Least seconds between two collections, and the most of the time they may take."""
_next = 0.0


def tidy() -> None:
    """Collects garbage after a run of a whole page, unless that was done a short while ago."""
    global _next
    began = time.monotonic()
    if began < _next:
        return
    _next = began + PAUSE  # other sessions do not collect at the same time
    gc.collect()
    ended = time.monotonic()
    _next = ended + max(PAUSE, (ended - began) / SHARE)
