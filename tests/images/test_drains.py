"""What is counted of a service that ends in the middle of calls."""

from __future__ import annotations

import threading
import time
from typing import cast

from images.container import Container
from images.drain import Drained, drain_busy


class Service:
    """Stands for a container: answers calls, and at SIGTERM refuses new ones.

    Args:
        forgets: answers of which it keeps nothing.
        refuses: the call, by its number, that it refuses while it serves.
    """

    def __init__(self, *, forgets: int = 0, refuses: int = -1) -> None:
        self._forgets, self._refuses = forgets, refuses
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.under_way, self.at_sigterm = 0, -1
        self.effects = 0
        self.asked = 0

    def call(self, number: int) -> None:
        with self._lock:
            if self._ending.is_set() or number == self._refuses:
                raise ConnectionError("it takes no more")
            self.under_way += 1
        time.sleep(0.01)
        with self._lock:
            self.under_way -= 1
            self.effects += 1

    def terminate(self) -> None:
        with self._lock:
            self.at_sigterm = self.under_way
            self._ending.set()

    def wait(self) -> int:
        while self.under_way:
            time.sleep(0.01)
        return 0

    def kept(self) -> int:
        self.asked += 1
        return self.effects - self._forgets


def _drained(service: Service) -> Drained:
    return drain_busy(cast("Container", service), service.call, service.kept, 4)


def test_calls_are_under_way_at_sigterm_and_what_is_kept_is_asked_once() -> None:
    service = Service()
    drained = _drained(service)
    assert drained.faults() == []
    assert 0 < drained.in_flight <= 4
    assert service.at_sigterm > 0
    assert service.asked == 1


def test_what_was_answered_and_not_kept_is_lost() -> None:
    service = Service(forgets=2)
    (fault,) = _drained(service).faults()
    assert fault.startswith("2 calls were lost: ")
    assert fault.endswith(f"{service.effects} were answered, {service.effects - 2} are kept")
    assert service.asked == 1


def test_a_call_that_is_refused_before_sigterm_is_lost() -> None:
    (fault,) = _drained(Service(refuses=1_000_000)).faults()
    assert fault == "1 calls were lost: ConnectionError: it takes no more"


def test_a_service_that_refuses_everybody_had_no_call_in_flight() -> None:
    service = Service()
    service.terminate()
    none, lost = _drained(service).faults()
    assert none == "no call was in flight at SIGTERM"
    assert lost.startswith("4 calls were lost: ConnectionError")
