"""A block of work: one transaction, and what there is to tell when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from omega_memory.ports import Transact
from omega_runtime.events import Event, Publish


@contextmanager
def block(transact: Transact, publish: Publish, *, durable: bool = True) -> Iterator[list[Event]]:
    """Runs in a transaction if `durable`; publishes the events of its list when all went well."""
    told: list[Event] = []
    with transact() if durable else nullcontext():
        yield told
    for event in told:
        publish(event)
