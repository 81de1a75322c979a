"""Searches while another thread adds, replaces and removes; and the lock that makes it safe."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import pytest

from omega_agentdb import ExactIndex, HnswIndex, VectorIndex
from omega_agentdb.locks import FairLock
from omega_core.vectors import FloatArray

MakeVectors = Callable[..., FloatArray]


@pytest.mark.parametrize(
    "make", [lambda: HnswIndex(32, m=8, exact_below=0), lambda: ExactIndex(32)]
)
def test_searches_see_whole_states_while_others_write(
    make: Callable[[], VectorIndex], make_vectors: MakeVectors
) -> None:
    index = make()
    rows = make_vectors(900, dimension=32)
    stable = np.arange(100)
    index.add(stable, rows[:100])
    stop = threading.Event()

    def search() -> int:
        rounds = 0
        while not stop.is_set():
            for number in range(100):
                assert index.search(rows[number], 1).ids.tolist() == [number]
                found = index.search(rows[number], 20, stable).ids
                assert (found.size, found.max() < 100) == (20, True)
            rounds += 1
        return rounds

    def write(first: int) -> None:
        ids = np.arange(first, first + 400)
        for _ in range(3):
            index.add(ids, rows[first : first + 400])
            index.remove(ids[::2])

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(search) for _ in range(2)]
        writers = [pool.submit(write, first) for first in (100, 500)]
        wait(writers)
        stop.set()
    for done in writers:
        done.result()
    assert all(reader.result() for reader in readers)
    assert len(index) == 100 + 400


def test_a_long_add_lets_searches_through(make_vectors: MakeVectors) -> None:
    index = HnswIndex(exact_below=0)
    rows = make_vectors(1_500)
    index.add(np.arange(10), rows[:10])
    writer = threading.Thread(target=index.add, args=(np.arange(1_500), rows))
    writer.start()
    seen = set()
    while writer.is_alive():
        index.search(rows[0], 1)
        seen.add(len(index))
    writer.join()
    # A search that had to wait for the whole add would see nothing between 10 and 1,500.
    assert len(seen) > 2
    assert len(index) == 1_500


def test_readers_share_and_a_writer_is_alone() -> None:
    lock, inside, overlaps = FairLock(), [0, 0], []
    together = threading.Barrier(3)
    guard = threading.Lock()

    def read() -> None:
        with lock.read():
            together.wait(20)  # passes only when three readers are in at once
        for _ in range(200):
            with lock.read():
                with guard:
                    inside[0] += 1
                    overlaps.append(inside[1] > 0)
                with guard:
                    inside[0] -= 1

    def write() -> None:
        for _ in range(200):
            with lock.write():
                with guard:
                    inside[1] += 1
                    overlaps.append(inside != [0, 1])
                with guard:
                    inside[1] -= 1

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    writers = [threading.Thread(target=write) for _ in range(2)]
    for thread in writers:
        thread.start()
    for thread in readers + writers:
        thread.join(40)
        assert not thread.is_alive()
    assert not any(overlaps)
    assert len(overlaps) == 1_000


def test_a_writer_gets_its_turn_among_endless_readers() -> None:
    lock, stop, turns = FairLock(), threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            with lock.read():
                pass

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for turn in range(50):
        with lock.write():
            turns.append(turn)
    stop.set()
    for thread in readers:
        thread.join()
    assert turns == list(range(50))


def test_a_reader_gets_its_turn_among_endless_writers() -> None:
    lock, stop, turns = FairLock(), threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            with lock.write():
                pass

    writers = [threading.Thread(target=write) for _ in range(3)]
    for thread in writers:
        thread.start()
    for turn in range(50):
        with lock.read():
            turns.append(turn)
    stop.set()
    for thread in writers:
        thread.join()
    assert turns == list(range(50))


def test_an_exception_inside_frees_the_lock() -> None:
    lock = FairLock()
    for enter in (lock.read, lock.write, lock.read):
        with pytest.raises(ZeroDivisionError), enter():
            _ = 1 / 0
    with lock.write():
        pass
