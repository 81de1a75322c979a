"""The bus is bounded, keeps one order, and leaves its publishers alone."""

from __future__ import annotations

import dataclasses
import inspect
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_runtime import Event, EventBus, EventBusConfig, Published, event_types
from omega_runtime.event_types import AgentsPruned, MemoryEvicted, SystemPaused, SystemResumed

START = datetime(2026, 5, 1, 20, tzinfo=UTC)
REQUIRED = {
    "system.started",
    "system.shutdown",
    "system.paused",
    "system.resumed",
    "loop.cycle.started",
    "loop.cycle.completed",
    "loop.error",
    "memory.stored",
    "memory.retrieved",
    "memory.consolidated",
    "memory.evicted",
    "intelligence.created",
    "intelligence.evolved",
    "architecture.created",
    "architecture.evolved",
    "architecture.mutated",
    "agent.created",
    "agent.destroyed",
    "agents.pruned",
    "error",
    "metrics.collected",
}


def _bus(queue: int = 256, recent: int = 1_000) -> EventBus:
    return EventBus(ManualClock(START), EventBusConfig(recent_events=recent, queue_events=queue))


def _types() -> list[type[Event]]:
    return [
        each
        for _, each in inspect.getmembers(event_types, inspect.isclass)
        if issubclass(each, Event) and each is not Event
    ]


def test_every_promised_event_has_a_type_with_its_own_name() -> None:
    names = [each.name for each in _types()]
    assert set(names) >= REQUIRED
    assert len(names) == len(set(names))


def test_events_cannot_be_changed() -> None:
    event = AgentsPruned(removed=5, kept=95)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.kept = 0  # type: ignore[misc]  # the point of the test


def test_a_subscriber_gets_the_types_it_asked_for_in_order() -> None:
    bus = _bus()
    everything, some = bus.subscribe(), bus.subscribe(SystemPaused, AgentsPruned)
    events = [SystemPaused("standby"), SystemResumed(), AgentsPruned(1, 2)]
    for event in events:
        bus.publish(event)
    assert [each.event for each in everything.drain()] == events
    got = some.drain()
    assert [each.event for each in got] == [events[0], events[2]]
    assert got[1] == Published(3, START, events[2])


def test_what_is_late_to_subscribe_can_read_what_is_kept() -> None:
    bus = _bus(recent=2)
    for number in range(3):
        bus.publish(AgentsPruned(number, 0))
    bus.publish(SystemResumed())
    assert [each.sequence for each in bus.recent()] == [3, 4]
    assert [each.sequence for each in bus.recent(AgentsPruned)] == [3]
    assert bus.subscribe().drain() == []


@settings(max_examples=150, deadline=None)
@given(
    capacity=st.integers(1, 5),
    steps=st.lists(st.sampled_from(["publish", "get", "drain"]), max_size=60),
)
def test_the_oldest_is_dropped_and_counted(capacity: int, steps: list[str]) -> None:
    bus = _bus(queue=capacity)
    queue = bus.subscribe()
    kept: deque[int] = deque()
    published = dropped = 0
    for step in steps:
        if step == "publish":
            published += 1
            kept.append(published)
            if len(kept) > capacity:
                kept.popleft()
                dropped += 1
            bus.publish(SystemResumed())
        elif step == "get":
            got = queue.get(timeout=0)
            assert (got.sequence if got else None) == (kept.popleft() if kept else None)
        else:
            assert [each.sequence for each in queue.drain()] == list(kept)
            kept.clear()
        assert queue.dropped == dropped
    assert bus.published == published


def test_a_handler_that_hangs_holds_up_nobody() -> None:
    bus = _bus(queue=10)
    released, others = threading.Event(), bus.subscribe()

    def hang(_published: Published) -> None:
        released.wait()

    stuck = bus.handle(hang)
    for _ in range(1_000):
        bus.publish(SystemResumed())
    assert stuck.dropped >= 989
    assert [each.sequence for each in others.drain()] == list(range(991, 1_001))
    released.set()
    bus.close()


def test_a_handler_that_raises_gets_the_next_event() -> None:
    bus = _bus()
    seen: list[int] = []
    all_seen = threading.Event()

    def handler(published: Published) -> None:
        seen.append(published.sequence)
        if len(seen) == 3:
            all_seen.set()
        raise ValueError

    bus.handle(handler)
    for _ in range(3):
        bus.publish(SystemResumed())
    assert all_seen.wait(30)
    assert seen == [1, 2, 3]
    bus.close()


def test_a_handler_may_publish_and_close_itself() -> None:
    bus = _bus()
    replies = bus.subscribe(SystemPaused)

    def once(_published: Published) -> None:
        bus.publish(SystemPaused("asked"))
        pauses.close()

    pauses = bus.handle(once, AgentsPruned)
    bus.publish(AgentsPruned(1, 1))
    got = replies.get(timeout=30)
    assert got is not None
    assert got.event == SystemPaused("asked")


def test_a_closed_queue_can_be_read_to_its_end() -> None:
    bus = _bus()
    with bus.subscribe() as queue:
        bus.publish(SystemResumed())
    bus.publish(SystemResumed())
    first = queue.get()
    assert first is not None
    assert first.sequence == 1
    assert queue.get() is None
    assert bus.published == 2


def test_closing_wakes_a_reader() -> None:
    bus = _bus()
    queue = bus.subscribe()
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(queue.get)
        bus.close()
        assert reader.result(30) is None


def test_many_publishers_make_one_order_without_gaps() -> None:
    bus = _bus(queue=10_000)
    first, second = bus.subscribe(), bus.subscribe()

    def publish() -> None:
        for number in range(250):
            bus.publish(MemoryEvicted("session", number, "age"))

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(publish) for _ in range(8)]:
            done.result()
    events = first.drain()
    assert [each.sequence for each in events] == list(range(1, 2_001))
    assert second.drain() == events


def test_bounds_of_the_bus_are_named() -> None:
    with pytest.raises(OmegaError, match="recent_events"):
        EventBusConfig(recent_events=0)
    with pytest.raises(OmegaError, match="queue_events"):
        EventBusConfig(queue_events=100_001)
