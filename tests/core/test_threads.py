"""Pieces of work side by side: in order, each on one thread, and none begun that nobody asks for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from core.models.threads import side_by_side


@pytest.fixture
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_two_threads")
def test_results_come_in_order_from_threads_of_one_thread_each():
    together = threading.Barrier(2)  # the first two pieces are only done when both are under way

    def work(piece: int) -> tuple[int, int]:
        if piece < 2:
            together.wait(60)
        return piece * piece, torch.get_num_threads()

    assert list(side_by_side(work, range(7))) == [(n * n, 1) for n in range(7)]
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as pool:  # a thread that is started later has as many as before
        assert pool.submit(torch.get_num_threads).result() == 2


@pytest.mark.usefixtures("_two_threads")
def test_an_exception_comes_out_in_its_place_and_ends_the_work():
    begun: list[int] = []

    def work(piece: int) -> int:
        begun.append(piece)
        if piece == 3:
            raise RuntimeError("piece 3")
        return piece

    found = []
    with pytest.raises(RuntimeError, match="piece 3"):
        found.extend(iter_into(found, side_by_side(work, range(10_000))))
    assert found == [0, 1, 2] and len(begun) < 10_000


def iter_into(found: list[int], pieces):
    for piece in pieces:
        found.append(piece)
    return ()


@pytest.mark.usefixtures("_two_threads")
def test_nothing_is_begun_once_nobody_asks_for_more():
    begun: list[int] = []
    go = threading.Event()

    def work(piece: int) -> int:
        begun.append(piece)
        if piece > 3:
            go.wait(60)
        return piece

    pieces = side_by_side(work, range(1000))
    assert next(pieces) == 0
    threading.Timer(0.1, go.set).start()
    pieces.close()
    assert len(begun) < 1000


def test_one_thread_or_another_device_means_one_after_the_other():
    here = threading.current_thread()
    assert list(side_by_side(lambda _: threading.current_thread() is here, range(4), "cuda")) == [True] * 4
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert list(side_by_side(lambda _: threading.current_thread() is here, range(4))) == [True] * 4
    finally:
        torch.set_num_threads(before)
