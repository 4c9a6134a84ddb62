"""Independent pieces of work on a CPU, side by side: many small operations gain more from that than from splitting each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Found = TypeVar("Found")


def side_by_side(work: Callable[[Piece], Found], pieces: Sequence[Piece], device: str = "cpu") -> Iterator[Found]:
    """``work`` of every piece, in the order of the pieces.

    On the CPU as many pieces at a time as PyTorch has threads, each on one thread; on a GPU, or with one thread, one after the other. An exception of
    ``work`` comes out where its piece would have; once it has, or once nobody asks for more, no further piece is begun. Whether gradients are kept is
    said within ``work``: PyTorch knows it for each thread.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(pieces)) if device == "cpu" else 1
    if workers < 2:
        yield from map(work, pieces)
        return
    with ThreadPoolExecutor(workers, initializer=_on_one_thread, initargs=(threads,)) as pool:
        yield from pool.map(work, pieces)


def _on_one_thread(threads: int) -> None:
    """PyTorch takes the number of one thread for the default of all that are started later; another thread puts that back."""
    torch.get_num_threads()  # a thread takes the default when it first asks, also after it was told a number
    torch.set_num_threads(1)
    other = Thread(target=torch.set_num_threads, args=(threads,))
    other.start()
    other.join()
