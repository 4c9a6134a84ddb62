"""The one place that imports forgi.

forgi's ``cytvec`` extension was built for numpy 1 and prints a long traceback when imported under numpy 2. It serves
three-dimensional structures only, which are not used here, so an empty module takes its place beforehand.
"""

from __future__ import annotations

import sys
from importlib import import_module, metadata
from types import ModuleType

_EXTENSION = "forgi.threedee.utilities.cytvec"


def load() -> ModuleType:
    """``forgi.graph.bulge_graph``, imported without a word on standard error.

    Raises:
        ImportError: forgi is not installed (it has no wheels for this platform).
    """
    sys.modules.setdefault(_EXTENSION, ModuleType(_EXTENSION))
    return import_module("forgi.graph.bulge_graph")


def version() -> str | None:
    """forgi's version, None when it is not installed."""
    try:
        return metadata.version("forgi")
    except metadata.PackageNotFoundError:
        return None
