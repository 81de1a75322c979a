"""SIGTERM with calls in flight: what was begun is answered, and what was answered is kept."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from images.container import Container
from images.site import Site

from omega_testing.probe import eventually

CALLS = 8
"""Calls at once."""
_HELD_SECONDS = 1.5


@dataclass(frozen=True)
class Drained:
    """How a service ended."""

    in_flight: int
    """Calls that were under way at SIGTERM, as their callers counted them."""
    lost: int
    """Calls without a good answer before SIGTERM or under way at it; answers and effects that are
    not one for one."""
    exit_code: int
    """Of its process."""
    errors: tuple[str, ...] = ()
    """What lost calls were told."""

    def faults(self) -> list[str]:
        """What is not as it must be."""
        return [
            *(["no call was in flight at SIGTERM"] if not self.in_flight else []),
            *([f"{self.lost} calls were lost: {'; '.join(self.errors)}"] if self.lost else []),
            *([f"it ended with {self.exit_code}"] if self.exit_code else []),
        ]


def drain_held(
    site: Site, container: Container, table: str, call: Callable[[int], object], calls: int = CALLS
) -> Drained:
    """Ends a service while calls wait inside of it for a table, which is let go after SIGTERM."""
    with ThreadPoolExecutor(calls) as pool:
        with site.held(table):
            before = site.waiting()
            futures: list[Future[object]] = [pool.submit(call, n) for n in range(calls)]
            eventually(
                site.waiting, lambda n: n > before, what="statements that wait for the table"
            )
            time.sleep(_HELD_SECONDS / 3)
            container.terminate()
            time.sleep(_HELD_SECONDS)
            in_flight = sum(not future.done() for future in futures)
        errors = [future.exception() for future in futures]
    told = tuple(f"{type(e).__name__}: {e}" for e in errors if e is not None)
    return Drained(in_flight, len(told), container.wait(), told)


def drain_busy(
    container: Container, call: Callable[[int], object], kept: Callable[[], int], calls: int = CALLS
) -> Drained:
    """Ends a service in the middle of calls that come without a pause.

    Args:
        container: the service.
        call: has an effect that is kept exactly once, for each number anew.
        kept: how many effects are kept, asked once, after the service has ended.
        calls: threads that call, each until it is refused.

    Raises:
        TimeoutError: a caller gets no answer.
    """
    answered, under_way, refused = [0] * calls, [False] * calls, list[str]()
    at_end = threading.Event()

    def caller(thread: int) -> None:
        for number in itertools.count(thread * 1_000_000):
            if at_end.is_set():
                return
            under_way[thread] = True
            try:
                call(number)
            except Exception as error:  # noqa: BLE001 - a call that is refused ends the caller, whatever it is told
                refused.append(f"{type(error).__name__}: {error}")
                return
            finally:
                under_way[thread] = False
            answered[thread] += 1

    with ThreadPoolExecutor(calls) as pool:
        try:
            for thread in range(calls):
                pool.submit(caller, thread)
            eventually(lambda: min(answered) or len(refused), bool, what="answers to each caller")
            in_flight, _ = eventually(lambda: (sum(under_way), len(refused) == calls), any)
            too_early = tuple(refused)
            container.terminate()
            code = container.wait()
        finally:
            at_end.set()
    stored = kept()
    missed = abs(stored - sum(answered))
    told = (f"{sum(answered)} were answered, {stored} are kept",) if missed else ()
    return Drained(in_flight, missed + len(too_early), code, (*too_early, *told))
