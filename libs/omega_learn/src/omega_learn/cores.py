"""Pieces of work side by side on the processors that the BLAS library may use.

numpy hands over the interpreter while it computes, and so much of a round is not a matrix product
that whole pieces side by side take less time than products on all processors one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")


def spread(
    work: Callable[[T], R], pieces: Sequence[T], *, threads: int | None = None
) -> Iterator[R]:
    """Results of `work` in the order of `pieces`, several of which are worked on at a time.

    Meanwhile a matrix product of this process takes one thread. Of threads that call this at the
    same time the first one sees to that.

    Args:
        work: leaves alone what another piece uses.
        pieces: any number.
        threads: at least 1; None = as many as BLAS takes else (OPENBLAS_NUM_THREADS, or every
            processor).

    Raises:
        Exception: the first, in the order of `pieces`, that `work` raised.
    """
    controller, usual = _blas()
    with controller.limit(limits=1), ThreadPoolExecutor(threads or usual, "omega-learn") as pool:
        yield from pool.map(work, pieces)


@cache
def _blas() -> tuple[ThreadpoolController, int]:
    """What numpy computes with, and how many threads that takes."""
    # Other libraries of this process are left alone.
    controller = ThreadpoolController().select(user_api="blas")
    return controller, max((each["num_threads"] for each in controller.info()), default=1)
