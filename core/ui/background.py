"""Work that takes longer than a page may: in a thread, followed by the page with a bar, ended by Cancel.

Work nobody has looked at for :data:`PATIENCE` seconds is given up: its tab was closed.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import streamlit as st

from core.errors import Cancelled, InputError
from core.ui.text import duration, plain

PATIENCE = 60.0
POLL_SECONDS = 0.5
FOLLOWED = "A bar shows how far it is, with Cancel; once this page is left for a minute the work is given up."
"""Help of the buttons that start such work."""
SOON, SHOWS_PACE = 10.0, 0.03
"""Seconds, and share of the work, before which nothing is said of how long the rest takes."""

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


@dataclass
class Job:
    """Work under way, or failed with ``error``."""

    started: float = field(default_factory=time.monotonic)
    seen: float = field(default_factory=time.monotonic)
    message: str = "starting"
    share: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    error: str | None = None
    partial: Any = None
    """What is known so far, of work that tells."""

    def stopped(self) -> bool:
        """Whether Cancel was pressed or the page that followed is gone."""
        return self.stop.is_set() or time.monotonic() - self.seen > PATIENCE

    def told(self, message: str, done: int, total: int) -> None:
        """Notes progress."""
        self.message, self.share = message, done / total if total else 0.0

    def counted(self, message: str, done: int, total: int) -> None:
        """Notes progress of what is worth counting."""
        self.told(f"{message}: {done:,} of {total:,}", done, total)

    def sentence(self) -> str:
        """What is being done, how long it has taken and, once that can be told, how long it will still take."""
        passed = time.monotonic() - self.started
        left = f", about {duration(passed * (1 / self.share - 1))} left" if passed > SOON and SHOWS_PACE <= self.share < 1 else ""
        return f"{self.message[:1].upper() + self.message[1:]}, {duration(passed)} so far{left}"


class Background(Generic[Key, Result]):
    """Results and work under way, by key, for all sessions; the ``kept`` results used last are held."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._done: OrderedDict[Key, Result] = OrderedDict()
        self._jobs: dict[Key, Job] = {}

    def result(self, key: Key) -> Result | None:
        """What is done."""
        with self._lock:
            if key in self._done:
                self._done.move_to_end(key)
            return self._done.get(key)

    def find(self, wanted: Callable[[Key], bool]) -> Result | None:
        """The latest result whose key is wanted, if there is one."""
        with self._lock:
            return next((self._done[key] for key in reversed(self._done) if wanted(key)), None)

    def remember(self, key: Key, result: Result) -> Result:
        """Holds a result."""
        with self._lock:
            self._done[key] = result
            while len(self._done) > self._kept:
                self._done.popitem(last=False)
        return result

    def job(self, key: Key) -> Job | None:
        """What is under way, or failed and was not told yet."""
        with self._lock:
            return self._jobs.get(key)

    def start(self, key: Key, work: Callable[[Job], Result]) -> Job:
        """Starts work unless it is under way. It runs outside any session: what it needs of Streamlit's caches is fetched before.

        Args:
            work: given the job, whose ``told`` and ``stopped`` it hands on.
        """
        with self._lock:
            if key in self._jobs and self._jobs[key].error is None:
                return self._jobs[key]
            job = self._jobs[key] = Job()
        threading.Thread(target=self._run, args=(key, job, work), daemon=True).start()
        return job

    def forget(self, key: Key) -> None:
        """Stops what is under way, or drops what it failed of."""
        with self._lock:
            job = self._jobs.pop(key, None)
        if job is not None:
            job.stop.set()

    def _run(self, key: Key, job: Job, work: Callable[[Job], Result]) -> None:
        try:
            found = work(job)
            if not job.stop.is_set():
                self.remember(key, found)
        except Cancelled:
            pass
        except InputError as error:
            job.error = str(error)
        except Exception as error:
            job.error = f"The computation broke off ({type(error).__name__}: {error}); start it again."
            raise
        finally:
            with self._lock:
                if self._jobs.get(key) is job and job.error is None:
                    del self._jobs[key]
            job.ended.set()


def follow(
    work: Background[Key, Result],
    key: Key,
    name: str,
    on_cancel: Callable[[], None] | None = None,
    on_partial: Callable[[Any], None] | None = None,
) -> None:
    """The bar of what is under way with Cancel, or the sentence of what failed; the page runs again when it has ended.

    Args:
        name: of the widgets, ``<name>_cancel`` and ``<name>_dismiss``.
        on_cancel: called at Cancel, before the work is given up, by pages that keep what is known or must not start it again at once.
        on_partial: draws what is known so far.
    """

    @st.fragment(run_every=POLL_SECONDS)
    def draw() -> None:
        job = work.job(key)
        if job is None:
            st.rerun()
        assert job is not None
        job.seen = time.monotonic()
        if job.error:
            st.error(plain(job.error))
            if st.button("Dismiss", key=f"{name}_dismiss", help="Takes the message away, so that it can be tried again."):
                work.forget(key)
                st.rerun()
            return
        bar, button = st.columns([5, 1], vertical_alignment="center")
        bar.progress(min(1.0, job.share), text=plain(job.sentence()))
        kept = "what is known so far stays on the page" if on_partial is not None else "start it again to have its result"
        if button.button("Cancel", icon=":material/stop:", key=f"{name}_cancel", width="stretch", help=f"Ends the computation; {kept}."):
            if on_cancel is not None:
                on_cancel()
            work.forget(key)
            st.rerun()
        if on_partial is not None and job.partial is not None:
            on_partial(job.partial)

    draw()
