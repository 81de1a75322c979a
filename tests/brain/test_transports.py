"""Which way to the fleet is tried, when another one is, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega_brain.transports import AGAIN, Transport, Transports, order
from omega_client import ServiceError
from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_persistence import Database, SyncFacts

GRPC, H3, HTTP1 = Transport.GRPC, Transport.H3, Transport.HTTP1


class Line:
    """A transport that the network lets through, or not."""

    def __init__(self, name: Transport) -> None:
        self.name = name
        self.blocked = False
        self.refuses = False
        self.closed = False

    def ask(self) -> Transport:
        if self.blocked:
            raise ServiceError("UNAVAILABLE", message="connection refused")
        if self.refuses:
            raise ServiceError("RESOURCE_EXHAUSTED", reason="RATE_LIMITED")
        return self.name

    def close(self) -> None:
        self.closed = True


class Network:
    """Three lines, and what asks by them."""

    def __init__(self, facts: SyncFacts, clock: ManualClock) -> None:
        self.lines = {name: Line(name) for name in Transport}
        self.asked: list[Transport] = []
        self._facts, self._clock = facts, clock
        self.start()

    def start(self) -> None:
        opened = [(name, lambda line=line: line) for name, line in self.lines.items()]
        self.transports: Transports[Line] = Transports(opened, self._facts, self._clock)

    def block(self, *names: Transport) -> None:
        for name, line in self.lines.items():
            line.blocked = name in names

    def exchange(self) -> Transport | None:
        """An exchange of two calls; the transport that brought both, None = neither came."""
        self.asked.clear()
        self.transports.begin()
        try:
            first = self.transports.call(self._ask)
        except ServiceError:
            return None
        tried = len(self.asked)
        assert self.transports.call(self._ask) is first
        assert len(self.asked) == tried + 1, "the second call takes the way of the first"
        del self.asked[-1]
        return first

    def _ask(self, line: Line, name: Transport) -> Transport:
        self.asked.append(name)
        return line.ask()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def facts(tmp_path: Path, clock: ManualClock) -> Iterator[SyncFacts]:
    database = Database.open(tmp_path / "tv.db", clock=clock)
    yield SyncFacts(database)
    database.close()


@pytest.fixture
def network(facts: SyncFacts, clock: ManualClock) -> Network:
    return Network(facts, clock)


def test_the_preferred_way_is_taken_where_it_works(network: Network, facts: SyncFacts) -> None:
    assert network.exchange() is GRPC
    assert network.asked == [GRPC]
    assert facts.way() is None


def test_where_it_is_blocked_another_one_is_found_and_remembered(
    network: Network, facts: SyncFacts, clock: ManualClock
) -> None:
    network.block(GRPC)
    assert network.exchange() is H3
    assert network.asked == [GRPC, H3]
    clock.advance(timedelta(minutes=10))
    assert network.exchange() is H3
    assert network.asked == [H3], "the blocked one is not tried each time"
    network.start()
    assert network.exchange() is H3
    assert network.asked == [H3], "not after a restart either"
    held = facts.way()
    assert held is not None
    assert held.transport == "h3"


def test_the_last_resort_is_found_by_the_second_exchange(network: Network) -> None:
    """One other at a time: a fleet that is merely slow is asked twice, not three times."""
    network.block(GRPC, H3)
    assert network.exchange() is None
    assert network.asked == [GRPC, H3]
    assert network.exchange() is HTTP1
    assert network.asked == [GRPC, HTTP1]
    assert network.exchange() is HTTP1
    assert network.asked == [HTTP1]


def test_after_six_hours_the_preferred_way_is_tried_again(
    network: Network, facts: SyncFacts, clock: ManualClock
) -> None:
    network.block(GRPC)
    network.exchange()
    clock.advance(AGAIN)
    assert network.exchange() is H3
    assert network.asked == [GRPC, H3]
    assert network.exchange() is H3
    assert network.asked == [H3], "for another six hours"
    clock.advance(AGAIN)
    network.block()
    assert network.exchange() is GRPC
    assert facts.way() is None


def test_a_way_that_stops_working_is_left_for_the_preferred_one_or_another(
    network: Network,
) -> None:
    network.block(GRPC)
    network.exchange()
    network.block(H3)
    found = {network.exchange() for _ in range(3)}
    assert found - {None} <= {GRPC, HTTP1}
    assert network.exchange() in {GRPC, HTTP1}


def test_a_refusal_of_the_fleet_is_an_answer(network: Network) -> None:
    network.lines[GRPC].refuses = True
    network.transports.begin()
    with pytest.raises(ServiceError, match="RATE_LIMITED"):
        network.transports.call(network._ask)
    assert network.asked == [GRPC]


def test_without_a_network_nothing_is_remembered(network: Network, facts: SyncFacts) -> None:
    network.block(*Transport)
    assert [network.exchange() for _ in range(4)] == [None] * 4
    assert facts.way() is None
    network.block()
    assert network.exchange() is GRPC


def test_closing_closes_what_is_open(network: Network) -> None:
    network.block(GRPC)
    network.exchange()
    network.transports.close()
    closed = {name for name, line in network.lines.items() if line.closed}
    assert closed == {GRPC, H3}


def test_a_setting_names_ways_in_order() -> None:
    assert order("http1, grpc") == (HTTP1, GRPC)
    for wrong in ("", "grpc,grpc", "carrier pigeon", "grpc,"):
        with pytest.raises(OmegaError, match="transports"):
            order(wrong)
