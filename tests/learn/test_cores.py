"""Pieces side by side: the same results in the same order, and BLAS as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from omega_core.vectors import unit
from omega_learn import estimate_prior, on_grid, prior
from omega_learn.cores import spread


@pytest.fixture(autouse=True)
def two_threads_of_blas() -> Iterator[None]:
    """More than pieces get: the run's own limit is one."""
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        yield


def blas_threads() -> list[int]:
    found = ThreadpoolController().select(user_api="blas").info()
    return [int(each["num_threads"]) for each in found]


def test_results_come_in_order_whichever_piece_is_ready_first() -> None:
    later = threading.Event()

    def work(piece: int) -> int:
        if piece:
            later.set()
        else:
            assert later.wait(20)
        return piece**2

    assert list(spread(work, range(5), threads=2)) == [0, 1, 4, 9, 16]


def test_a_product_has_one_thread_meanwhile_and_its_own_again_afterwards() -> None:
    before = blas_threads()
    assert before == [2] * len(before) != []
    assert list(spread(lambda _: blas_threads(), [0, 1], threads=2)) == [[1] * len(before)] * 2
    assert blas_threads() == before


def test_what_a_piece_raises_is_raised_and_leaves_nothing_behind() -> None:
    before = blas_threads()
    with pytest.raises(ZeroDivisionError):
        list(spread(lambda piece: 1 // piece, [1, 0, 2], threads=2))
    assert blas_threads() == before


def test_a_prior_does_not_depend_on_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    titles = on_grid(unit(rng.standard_normal((300, 384)).astype(np.float32)))
    sketches = np.sign(rng.standard_normal((900, 384))).astype(np.float32)
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(prior, "spread", partial(spread, threads=threads))
        found.append(estimate_prior(sketches, titles, 5.0, candidates=40, block=32))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
