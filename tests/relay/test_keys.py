"""The relay's copy of the gateway's keys: the same for all, and not told longer than it is good."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from omega.threshold.v1 import keys_pb2, relay_service_pb2_grpc
from omega.threshold.v1 import relay_service_pb2 as pb
from omega_client import RelayClient, ServiceError
from omega_core.errors import ErrorCode, OmegaError
from omega_core.shared_clock import VARIABLE, MovedClock
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing.fleet import NOW
from omega_testing.processes import ServiceProcess, free_port
from omega_threshold import Schedule

SCHEDULE = Schedule()
EPOCH = SCHEDULE.at(NOW)
AGE = 600


def keys(*epochs: int, **changed: int) -> keys_pb2.ReportingKeys:
    """Made-up keys; each call makes others."""
    told = keys_pb2.ReportingKeys(threshold=5, epoch_days=28, grace_hours=48)
    for epoch in epochs or (EPOCH,):
        told.epochs.add(
            epoch=epoch,
            gateway=os.urandom(41),
            tokens=os.urandom(32),
            randomness=os.urandom(32),
        )
    for name, value in changed.items():
        setattr(told, name, value)
    return told


@dataclass
class Teller(relay_service_pb2_grpc.GatewayServiceServicer):
    """A gateway that tells keys, and can go away."""

    target: str
    told: keys_pb2.ReportingKeys | OmegaError = field(default_factory=keys)
    asked: list[dict[str, str | bytes]] = field(default_factory=list)
    server: Server | None = None

    def Handle(  # noqa: N802 - named by the contract
        self, request: pb.HandleRequest, context: grpc.ServicerContext
    ) -> pb.HandleResponse:
        raise NotImplementedError  # nothing is handed on here: tests/relay/test_service.py

    def GetReportingKeys(  # noqa: N802 - named by the contract
        self, request: pb.GatewayServiceGetReportingKeysRequest, context: grpc.ServicerContext
    ) -> pb.GatewayServiceGetReportingKeysResponse:
        del request
        self.asked.append(dict(context.invocation_metadata()))
        if isinstance(self.told, OmegaError):
            raise self.told
        return pb.GatewayServiceGetReportingKeysResponse(keys=self.told)

    def come(self) -> None:
        name, add = "omega.threshold.v1.GatewayService", relay_service_pb2_grpc
        binding = Binding(name, add.add_GatewayServiceServicer_to_server, self)
        self.server = Server(ServerConfig(listen=self.target, grace_seconds=0), [binding])
        self.server.start()

    def go(self) -> None:
        if self.server:
            self.server.stop()
        self.server = None


@pytest.fixture
def gateway() -> Iterator[Teller]:
    teller = Teller(f"127.0.0.1:{free_port()}")
    teller.come()
    yield teller
    teller.go()


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[MovedClock]:
    with MovedClock(tmp_path / "clock", NOW) as moved:
        yield moved


@pytest.fixture
def relay(gateway: Teller, clock: MovedClock, tmp_path: Path) -> Iterator[RelayClient]:
    del clock
    settings = {
        "OMEGA_RELAY_LISTEN": "127.0.0.1:0",
        "OMEGA_RELAY_GATEWAY_TARGET": gateway.target,
        "OMEGA_RELAY_KEYS_SECONDS": str(AGE),
        "OMEGA_RELAY_CALL_TIMEOUT_SECONDS": "2",
        VARIABLE: str(tmp_path / "clock"),
    }
    with (
        ServiceProcess(["omega-relay"], settings) as process,
        RelayClient(process.address) as client,
    ):
        yield client


def refused(relay: RelayClient) -> ServiceError:
    with pytest.raises(ServiceError) as found:
        relay.get_reporting_keys()
    return found.value


def test_all_are_told_the_same_bytes_and_the_gateway_is_asked_once(
    relay: RelayClient, gateway: Teller, clock: MovedClock
) -> None:
    told = gateway.told
    answers = set[bytes]()
    for _ in range(4):
        gateway.told = keys()
        if not answers:
            gateway.told = told
        answers.add(relay.get_reporting_keys().keys.SerializeToString())
        clock.advance(timedelta(seconds=AGE / 5))
    assert isinstance(told, keys_pb2.ReportingKeys)
    assert answers == {told.SerializeToString()}
    assert len(gateway.asked) == 1
    assert set(gateway.asked[0]) <= {"user-agent"}
    clock.advance(timedelta(seconds=AGE))
    assert relay.get_reporting_keys().keys == gateway.told


def test_an_old_copy_is_told_while_the_gateway_is_away_until_its_epoch_closes(
    relay: RelayClient, gateway: Teller, clock: MovedClock
) -> None:
    told = relay.get_reporting_keys().keys
    gateway.go()
    for later in (SCHEDULE.ends(EPOCH) - timedelta(1), SCHEDULE.closes(EPOCH) - timedelta(hours=1)):
        clock.move_to(later)
        assert relay.get_reporting_keys().keys == told
    clock.move_to(SCHEDULE.closes(EPOCH))
    assert refused(relay).reason == ErrorCode.UPSTREAM_UNAVAILABLE
    gateway.told = keys(EPOCH + 1)
    gateway.come()
    clock.advance(timedelta(minutes=1))
    assert relay.get_reporting_keys().keys == gateway.told


def test_an_epoch_that_begins_is_asked_for_at_once(
    relay: RelayClient, gateway: Teller, clock: MovedClock
) -> None:
    clock.move_to(SCHEDULE.ends(EPOCH) - timedelta(seconds=5))
    relay.get_reporting_keys()
    gateway.told = keys(EPOCH, EPOCH + 1)
    clock.move_to(SCHEDULE.ends(EPOCH))
    assert relay.get_reporting_keys().keys == gateway.told


def test_without_a_copy_it_says_that_the_gateway_is_away(
    relay: RelayClient, gateway: Teller, clock: MovedClock
) -> None:
    gateway.go()
    assert refused(relay).status == "UNAVAILABLE"
    gateway.come()
    clock.advance(timedelta(minutes=1))
    assert relay.get_reporting_keys().keys == gateway.told


def test_where_no_reports_are_taken_callers_are_told(
    relay: RelayClient, gateway: Teller, clock: MovedClock
) -> None:
    relay.get_reporting_keys()
    gateway.told = OmegaError(ErrorCode.REPORTS_NOT_TAKEN)
    clock.advance(timedelta(seconds=AGE))
    found = refused(relay)
    assert (found.status, found.reason) == ("FAILED_PRECONDITION", ErrorCode.REPORTS_NOT_TAKEN)


@pytest.mark.parametrize(
    "wrong",
    [
        keys(threshold=1),
        keys(epoch_days=0),
        keys(grace_hours=721),
        keys(*range(EPOCH - 32, EPOCH + 1)),
        keys_pb2.ReportingKeys(threshold=5, epoch_days=28),
        keys_pb2.ReportingKeys(
            threshold=5, epoch_days=28, epochs=[keys_pb2.EpochKeys(epoch=EPOCH, tokens=b"short")]
        ),
    ],
    ids=["threshold", "days", "grace", "too many", "none", "short"],
)
def test_keys_out_of_bounds_are_not_handed_on(
    relay: RelayClient, gateway: Teller, clock: MovedClock, wrong: keys_pb2.ReportingKeys
) -> None:
    told, gateway.told = gateway.told, wrong
    assert refused(relay).reason == ErrorCode.UPSTREAM_UNAVAILABLE
    gateway.told = told
    clock.advance(timedelta(minutes=1))
    good = relay.get_reporting_keys().keys
    gateway.told = wrong
    clock.advance(timedelta(seconds=AGE))
    assert relay.get_reporting_keys().keys == good
