"""Viewers who never stop: lists asked for and viewings told, whatever becomes of the brain."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc

from omega.brain.v1 import brain_service_pb2 as pb
from omega.brain.v1 import brain_service_pb2_grpc
from omega.common.v1 import context_pb2
from omega_client import ServiceError
from omega_client.errors import service_error
from omega_core.content import Content
from omega_core.errors import ErrorCode
from omega_rpc.channel import connect
from omega_testing.chaos_ledger import Ledger

_CALL_SECONDS = 20.0
"""Patience of a call: a busy machine is no failure of the brain."""
_NO_ROOM = {ErrorCode.STORAGE_FULL, ErrorCode.STORAGE_UNAVAILABLE}
MOST_FAILURES = 50
"""Failures that are kept word by word."""


@dataclass
class Tally:
    """What became of everything. Safe for threads."""

    counts: Counter[str] = field(default_factory=Counter)
    """Occurrences by name."""
    failures: list[str] = field(default_factory=list)
    """What must not have happened."""
    micros: list[int] = field(default_factory=list)
    """Time inside the brain of each answered list."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, number: int = 1) -> None:
        """Counts."""
        with self._lock:
            self.counts[name] += number

    def fail(self, text: str) -> None:
        """Something happened that must not."""
        with self._lock:
            self.counts["failures"] += 1
            if len(self.failures) < MOST_FAILURES:
                self.failures.append(text)

    def took(self, micros: int) -> None:
        """A list took so long."""
        with self._lock:
            self.micros.append(micros)


class Serving:
    """Whether the brain must answer just now. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._life = 0
        self._alive = False

    def begin(self) -> None:
        """Its health says so."""
        with self._lock:
            self._life += 1
            self._alive = True

    def forgets(self) -> None:
        """Its household is being erased: what was shown before means nothing now."""
        with self._lock:
            self._life += 1

    def end(self) -> None:
        """It is about to be killed or stopped."""
        with self._lock:
            self._alive = False

    def now(self) -> int:
        """Which life it is in; 0 = none that must answer."""
        with self._lock:
            return self._life if self._alive else 0


class Stub:
    """Calls of one thread, each sent once: a repeat would hide a failure."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._channel: grpc.Channel | None = None

    def get(self) -> brain_service_pb2_grpc.BrainServiceStub:
        """A stub over an open channel."""
        if self._channel is None:
            self._channel = connect(self._address, retries=False)
        return brain_service_pb2_grpc.BrainServiceStub(self._channel)

    def drop(self) -> None:
        """A channel that failed would wait longer and longer before it dials again."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None


class Readers:
    """Threads that ask for lists all the time."""

    def __init__(
        self, address: str, titles: Sequence[Content], serving: Serving, tally: Tally, seed: int
    ) -> None:
        self._address = address
        self._titles = titles
        self._serving = serving
        self._tally = tally
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(random.Random(seed + n),), daemon=True)  # noqa: S311 - chooses what to ask
            for n in range(2)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends them."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, rng: random.Random) -> None:
        stub, page, born = Stub(self._address), "", 0
        while not self._stopping.is_set():
            life = self._serving.now()
            if life != born:
                page, born = "", life
            request = self._request(rng, page)
            try:
                answer = stub.get().GetRecommendations(request, timeout=_CALL_SECONDS)
            except grpc.RpcError as raised:
                page = ""
                self._judge(service_error(raised), request, life)
                stub.drop()
                self._stopping.wait(0.03)
                continue
            page = answer.recommendation_id
            self._tally.add("answered")
            self._tally.add("mode " + pb.Mode.Name(answer.mode).removeprefix("MODE_").lower())
            self._tally.took(answer.latency_us)
            self._stopping.wait(0.01)
        stub.drop()

    def _judge(self, error: ServiceError, request: pb.GetRecommendationsRequest, life: int) -> None:
        """A call that the brain of one life took must have been answered."""
        if life and life == self._serving.now():
            self._tally.fail(f"GetRecommendations({str(request).split()}): {error}")
        elif error.reason == ErrorCode.UNKNOWN_RECOMMENDATION:
            self._tally.add("cursor of a brain that died")
        elif error.status in {"UNAVAILABLE", "CANCELLED"} and not error.reason:
            self._tally.add("refused: no brain was serving")
        else:
            self._tally.fail(f"GetRecommendations while the brain went down: {error}")

    def _request(self, rng: random.Random, page: str) -> pb.GetRecommendationsRequest:
        kind = rng.randrange(6)
        if kind == 0:
            return pb.GetRecommendationsRequest(limit=20, query_text=rng.choice(self._titles).title)
        if kind == 1:
            return pb.GetRecommendationsRequest(limit=5, query_text=f"night {rng.random()}")
        if kind == 2 and page:  # noqa: PLR2004 - one kind of six
            return pb.GetRecommendationsRequest(limit=10, cursor=page)
        if kind == 3:  # noqa: PLR2004 - one kind of six
            context = context_pb2.ViewingContext(mood=context_pb2.MOOD_RELAXED)
            return pb.GetRecommendationsRequest(limit=20, context=context)
        return pb.GetRecommendationsRequest(limit=20, diversity=rng.random())


class Writer:
    """A thread that tells viewings, one by one and in streams, until it is stopped."""

    def __init__(
        self,
        address: str,
        titles: Sequence[Content],
        ledger: Ledger,
        serving: Serving,
        tally: Tally,
        prefix: str,
        *,
        room: bool = True,
    ) -> None:
        self._stub = Stub(address)
        self._titles = titles
        self._ledger = ledger
        self._serving = serving
        self._tally = tally
        self._prefix = prefix
        self._room = room
        self._number = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it after the call under way."""
        self._stopping.set()
        self._thread.join()
        self._stub.drop()

    def _write(self) -> None:
        rng = random.Random(self._prefix)  # noqa: S311 - chooses what was watched
        while not self._stopping.is_set():
            several = rng.random() < 0.2  # noqa: PLR2004 - one call of five is a stream
            events = [self._event(rng) for _ in range(rng.randrange(2, 12) if several else 1)]
            ids = [event.event_id for event in events]
            life = self._serving.now()
            age = self._ledger.sent(ids)
            try:
                if several:
                    self._stream(events)
                else:
                    self._stub.get().ObserveEvent(events[0], timeout=_CALL_SECONDS)
            except grpc.RpcError as raised:
                self._refused(service_error(raised), ids, life)
            else:
                self._ledger.stored(ids, age)
            self._stopping.wait(0.004)

    def _stream(self, events: Sequence[pb.ObserveEventRequest]) -> None:
        answer = self._stub.get().ObserveEvents(
            (pb.ObserveEventsRequest(event=event) for event in events), timeout=_CALL_SECONDS
        )
        if answer.recorded != len(events):
            self._tally.fail(f"of {len(events)} new events were recorded {answer.recorded}")

    def _refused(self, error: ServiceError, ids: Sequence[str], life: int) -> None:
        if not self._room and error.reason in _NO_ROOM:
            self._tally.add("events refused: no room", len(ids))
            self._stopping.wait(0.02)
        elif life and life == self._serving.now():
            self._tally.fail(f"an event was refused: {error}")
        self._stub.drop()

    def _event(self, rng: random.Random) -> pb.ObserveEventRequest:
        self._number += 1
        return event(f"{self._prefix}-{self._number}", self._titles, rng.random())


def event(event_id: str, titles: Sequence[Content], watched: float = 0.9) -> pb.ObserveEventRequest:
    """A viewing whose title follows from its id."""
    title = titles[sum(event_id.encode()) % len(titles)]
    return pb.ObserveEventRequest(
        event_id=event_id, content_id=title.content_id, watch_percentage=watched
    )
