"""The app as ``streamlit run`` starts it, in a process that can be made to forget that it ever had a visitor.

What a link to a page of a server nobody has talked to yet runs depends on one value that Streamlit keeps for the whole process (see
``core.ui.guard``). On SIGUSR1 it is set back to what it is at the start, which costs nothing; a process of its own for every page costs seconds.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

COLD, BUSY = "no visitor yet", "a visitor is connected"
"""What the process says on its output to SIGUSR1: that it forgot, or that it did not, because a visitor would end the cold again at once."""


def forget(*_: Any) -> None:
    """Sets the process back to its state before the first visitor, unless somebody is connected."""
    from streamlit.runtime import Runtime, RuntimeState
    from streamlit.runtime.pages_manager import PagesManager

    alone = Runtime.instance().state is RuntimeState.NO_SESSIONS_CONNECTED
    if alone:
        PagesManager.uses_pages_directory = None
    print(COLD if alone else BUSY, flush=True)


if __name__ == "__main__":
    from streamlit.web.cli import main

    signal.signal(signal.SIGUSR1, forget)
    sys.exit(main())
