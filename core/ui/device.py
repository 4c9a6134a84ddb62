"""The device switch. PyTorch takes seconds to import, so nothing here imports it until somebody asks for a device by name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

if TYPE_CHECKING:
    from core.models.device import DeviceChoice

Made = TypeVar("Made")

WISHES = {"auto": "Auto", "cuda": "CUDA", "mps": "MPS", "cpu": "CPU"}

LATER = ("core.explain.stories", "core.explain.rna_masks", "core.explain.rna_stories", "captum.attr", "RNA", "cobra")
"""What both halves import, and with it pandas, SciPy and PyTorch Geometric; forgi comes beside."""
AT_REST = 20.0
"""Seconds after which what the first page asked for is there: imported beside, these would hold it up by 5 s (measured)."""

_WISH, _PAINTED = "device_wish", "device_painted"
_kept: ContextVar[str | None] = ContextVar("device_kept", default=None)
_warming, _resting = threading.Lock(), threading.Lock()
_warm = threading.Event()


def wish() -> str:
    """The device asked for: ``auto``, ``cuda``, ``mps`` or ``cpu``."""
    return _kept.get() or str(st.session_state.get(_WISH) or "auto")


def kept(make: Callable[[], Made]) -> Callable[[], Made]:
    """The same work with this session's wish, for files that are made when they are fetched: then the session cannot be asked."""
    asked = wish()

    def run() -> Made:
        token = _kept.set(asked)
        try:
            return make()
        finally:
            _kept.reset(token)

    return run


def choice() -> DeviceChoice:
    """The device computations run on, for the wish of this session (imports PyTorch)."""
    from core.models.device import resolve_device

    resolved = resolve_device(wish())  # type: ignore[arg-type]
    _warm.set()
    return resolved


def known() -> DeviceChoice | None:
    """The device, when saying so costs no import of PyTorch; else None."""
    return choice() if _warm.is_set() else None


def warm_up() -> None:
    """Imports PyTorch in the background, once per process, so that the first network need not wait for it."""
    if not _warm.is_set() and _warming.acquire(blocking=False):
        threading.Thread(target=_find, name="import-torch", daemon=True).start()


def warm_up_the_rest() -> None:
    """Imports the other large packages, too, once per process and when the first page is at rest: then neither half waits for them later."""
    if _resting.acquire(blocking=False):
        thread = threading.Timer(AT_REST, _import)
        thread.daemon = True
        thread.start()


def switch() -> None:
    """The switch of the sidebar, and what came of the wish."""
    st.session_state.setdefault(_WISH, "auto")
    st.segmented_control(
        "Device",
        list(WISHES),
        format_func=WISHES.__getitem__,
        key=_WISH,
        required=True,
        width="stretch",
        help="Where networks run. Auto takes CUDA, else MPS, else the CPU; what is asked for and missing is said.",
    )
    chosen = known() if wish() == "auto" else choice()
    if chosen is None:
        st.caption("The fastest device found, chosen when a network first runs.")
    elif chosen.message:
        st.warning(chosen.message, icon=":material/memory:")
    else:
        st.caption(f"Computing on {chosen.name}.")


def line() -> None:
    """The device as a line of the front page. Painted first without PyTorch; a moment later PyTorch is there and the name with it."""
    waiting = known() is None

    def draw() -> None:
        chosen = known()
        if chosen is None:
            st.markdown("**Device**  \nlooking for one ...")
            if st.session_state.get(_PAINTED):
                warm_up()
            st.session_state[_PAINTED] = True
            return
        if waiting:
            st.rerun()
        st.markdown(f"**Device**  \n{chosen.name}")

    st.fragment(draw, run_every=1.5 if waiting else None)()


def _find() -> None:
    from core.models.device import resolve_device

    resolve_device("auto")
    _warm.set()


def _import() -> None:
    from core.rna import _forgi

    _find()
    for name in LATER:
        with suppress(ImportError):  # a package that is missing is said where it is needed
            import_module(name)
    with suppress(ImportError):
        _forgi.load()
