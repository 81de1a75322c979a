"""What happened inside the process, told to whoever listens: a bounded bus.

A publisher never waits for a subscriber and never sees its errors. Each subscriber has a queue of
its own; when it does not keep up, its oldest events are dropped and counted.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from omega_core import validate
from omega_core.clock import Clock
from omega_core.closing import Closing

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Something that happened. Subclasses are frozen, hold plain values and have a name."""

    name: ClassVar[str] = "event"
    """Dotted name for logs and filters; unique among the types."""


Publish = Callable[[Event], None]
"""Takes an event at once and raises nothing: `EventBus.publish`, or `unheard`."""


def unheard(_event: Event) -> None:
    """Publishes to nobody."""


@dataclass(frozen=True)
class Published:
    """An event on the bus."""

    sequence: int
    """1 for the first event of the bus, without gaps."""
    at: datetime
    """When it was published, in UTC."""
    event: Event


@dataclass(frozen=True)
class EventBusConfig:
    """Bounds of the bus."""

    recent_events: int = 1_000
    """Latest events kept for whoever asks afterwards, 1 to 100,000."""
    queue_events: int = 256
    """Events that wait for one subscriber before its oldest are dropped, 1 to 100,000."""

    def __post_init__(self) -> None:
        validate.integer("recent_events", self.recent_events, 1, 100_000)
        validate.integer("queue_events", self.queue_events, 1, 100_000)


class Subscription(Closing):
    """A subscriber's queue. Any thread may read it; an event goes to one reader."""

    def __init__(self, bus: EventBus, types: tuple[type[Event], ...], capacity: int) -> None:
        """Made by `EventBus.subscribe`."""
        self._bus = bus
        self._types = types
        self._queue: deque[Published] = deque(maxlen=capacity)
        self._filled = threading.Condition()
        self._dropped = 0
        self._closed = False

    def get(self, timeout: float | None = None) -> Published | None:
        """The oldest event that waits.

        Args:
            timeout: seconds to wait for one; None = until there is one or the queue is closed.

        Returns:
            None after the timeout, or when the queue is closed and empty.
        """
        with self._filled:
            self._filled.wait_for(lambda: self._queue or self._closed, timeout)
            return self._queue.popleft() if self._queue else None

    def drain(self) -> list[Published]:
        """Takes everything that waits, oldest first, without waiting."""
        with self._filled:
            events = list(self._queue)
            self._queue.clear()
            return events

    @property
    def dropped(self) -> int:
        """Events lost because the queue was full."""
        with self._filled:
            return self._dropped

    def close(self) -> None:
        """No further events; those that wait can still be read. May be called twice."""
        self._bus.forget(self)
        with self._filled:
            self._closed = True
            self._filled.notify_all()

    def offer(self, published: Published) -> None:
        """Puts an event in the queue if it is of a type asked for; called by the bus."""
        if not isinstance(published.event, self._types):
            return
        with self._filled:
            self._dropped += len(self._queue) == self._queue.maxlen
            self._queue.append(published)
            self._filled.notify()


class EventBus:
    """Hands each event to every subscriber, in one order for all. Thread-safe."""

    def __init__(self, clock: Clock, config: EventBusConfig | None = None) -> None:
        self._clock = clock
        self._config = config or EventBusConfig()
        self._lock = threading.Lock()
        self._sequence = 0
        self._recent: deque[Published] = deque(maxlen=self._config.recent_events)
        # Replaced, never changed in place: what one publisher walks over stays as it is.
        self._subscriptions: tuple[Subscription, ...] = ()

    def publish(self, event: Event) -> None:
        """Hands `event` on and returns at once."""
        with self._lock:
            self._sequence += 1
            published = Published(self._sequence, self._clock.now(), event)
            self._recent.append(published)
            for subscription in self._subscriptions:
                subscription.offer(published)

    def subscribe(self, *types: type[Event]) -> Subscription:
        """A queue of the events of these types and their subtypes; no type = all events.

        It receives what is published from now until it or the bus is closed.
        """
        subscription = Subscription(self, types or (Event,), self._config.queue_events)
        with self._lock:
            self._subscriptions += (subscription,)
        return subscription

    def handle(self, handler: Callable[[Published], None], *types: type[Event]) -> Subscription:
        """Calls `handler` for each event of these types, in a thread of its own.

        An exception of the handler is logged, and the next event follows. After `close` the
        handler still gets what had been queued.
        """
        subscription = self.subscribe(*types)
        threading.Thread(
            target=_serve, args=(subscription, handler), name="event-handler", daemon=True
        ).start()
        return subscription

    def recent(self, *types: type[Event]) -> tuple[Published, ...]:
        """The latest events of these types (no type = all) that are still kept, oldest first."""
        with self._lock:
            kept = tuple(self._recent)
        return tuple(each for each in kept if isinstance(each.event, types or (Event,)))

    @property
    def published(self) -> int:
        """Events published so far."""
        with self._lock:
            return self._sequence

    def forget(self, subscription: Subscription) -> None:
        """Hands nothing more to `subscription`; called when it is closed."""
        with self._lock:
            self._subscriptions = tuple(
                each for each in self._subscriptions if each is not subscription
            )

    def close(self) -> None:
        """Closes every subscription there is; `publish` and `recent` go on working."""
        with self._lock:
            subscriptions = self._subscriptions
        for subscription in subscriptions:
            subscription.close()


def _serve(subscription: Subscription, handler: Callable[[Published], None]) -> None:
    while (published := subscription.get()) is not None:
        try:
            handler(published)
        except Exception:  # noqa: BLE001 - a handler's error is its own; the next event follows
            _LOG.exception("a handler of %s failed", published.event.name)
