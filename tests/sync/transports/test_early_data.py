"""0-RTT over HTTP/3, with a real constellation behind: a replay changes nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from aioquic.quic.logger import QuicLogger
from aioquic.tls import SessionTicket

from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ClientTls, ConstellationClient
from omega_client.connect import SyncConnectClient
from omega_core.clock import ManualClock
from omega_rpc import local_authority
from omega_rpc.config import ServerConfig
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_sync.web.tickets import SingleUseTickets
from omega_testing.fleet import MODEL
from omega_testing.probe import running
from omega_testing.site import SERVICE, write

DAY = timedelta(days=1)


@dataclass
class Answer:
    """What came back on a stream."""

    done: asyncio.Event = field(default_factory=asyncio.Event)
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


class Tv(QuicConnectionProtocol):
    """HTTP/3 by hand, so that what is sent before the handshake is known."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.http = H3Connection(self._quic)
        self.answers: dict[int, Answer] = {}

    def quic_event_received(self, event: QuicEvent) -> None:
        for part in self.http.handle_event(event):
            answer = self.answers.get(getattr(part, "stream_id", -1))
            if answer is None:
                continue
            if isinstance(part, HeadersReceived):
                answer.headers.update(part.headers)
            elif isinstance(part, DataReceived):
                answer.body += part.data
            if getattr(part, "stream_ended", False):
                answer.done.set()

    async def post(self, method: str, body: bytes, fields: dict[str, str]) -> Answer:
        stream_id = self._quic.get_next_available_stream_id()
        answer = self.answers[stream_id] = Answer()
        head = {
            ":method": "POST",
            ":scheme": "https",
            ":authority": "localhost",
            ":path": SERVICE + method,
            "content-type": "application/proto",
            "connect-timeout-ms": "20000",
            **fields,
        }
        pairs = [(name.encode(), value.encode()) for name, value in head.items()]
        self.http.send_headers(stream_id, pairs)
        self.http.send_data(stream_id, body, end_stream=True)
        self.transmit()
        async with asyncio.timeout(20):
            await answer.done.wait()
        return answer


@dataclass
class Gateway:
    """A gateway that takes early data."""

    port: int
    ca: Path
    key: DeviceKey = field(default_factory=DeviceKey.generate)
    token: str = ""
    tickets: list[SessionTicket] = field(default_factory=list)

    def shown(self, method: str) -> dict[str, str]:
        return dict(Prover(self.key, self.token).metadata(SERVICE + method))

    def dial(self, ticket: SessionTicket | None, log: QuicLogger | None = None) -> Any:
        configuration = QuicConfiguration(
            alpn_protocols=H3_ALPN,
            is_client=True,
            server_name="localhost",
            session_ticket=ticket,
            quic_logger=log,
        )
        configuration.load_verify_locations(str(self.ca))
        return connect(
            "127.0.0.1",
            self.port,
            configuration=configuration,
            create_protocol=Tv,
            session_ticket_handler=self.tickets.append,
            wait_connected=ticket is None,
        )

    async def ticket(self) -> SessionTicket:
        """A fresh one, from a whole handshake."""
        self.tickets.clear()
        async with self.dial(None) as tv:
            answer = await tv.post("Sync", push(0).SerializeToString(), self.shown("Sync"))
            assert answer.headers[b":status"] == b"200"
            async with asyncio.timeout(20):
                while not self.tickets:
                    await tv.ping()
        return self.tickets[0]


def push(sketches: int) -> pb.SyncRequest:
    return pb.SyncRequest(
        request_id=str(uuid.uuid4()),
        model_version=MODEL,
        sketches=bytes(48 * sketches),
        classes=bytes(sketches),
    )


@pytest.fixture
def gateway(target: str, key_file: Path, tmp_path: Path) -> Iterator[Gateway]:
    now = datetime.now(UTC)
    servers = local_authority.authority("servers", now, DAY)
    leaf = local_authority.server(servers, ["localhost", "127.0.0.1"], now, DAY)
    config = SyncConfig(
        token_keys=key_file,
        constellation_target=target,
        quic_listen="127.0.0.1:0",
        quic_early_data=True,
        device_sync_burst=1_000,
    )
    server = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=write(tmp_path / "server.pem", leaf.certificate_pem()),
        tls_key=write(tmp_path / "server.key", leaf.key_pem()),
        grace_seconds=0,
    )
    application = build(config, server)
    ca = write(tmp_path / "servers.pem", servers.certificate_pem())
    with ExitStack() as stack:
        stack.enter_context(running(application.server))
        address = application.server.addresses["quic_listen"]
        found = Gateway(int(address.rpartition(":")[2]), ca)
        tv = stack.enter_context(
            SyncConnectClient(f"https://{address}", version="3", tls=ClientTls(ca))
        )
        made = tv.register_device(
            pb.RegisterDeviceRequest(request_id=str(uuid.uuid4())),
            credential=Prover(found.key),
        )
        found.token = made.auth_token
        yield found


def early_frames(log: QuicLogger) -> int:
    """Stream frames that the client sent in 0-RTT packets."""
    return sum(
        frame["frame_type"] == "stream"
        for trace in log.to_dict()["traces"]
        for event in trace["events"]
        if event["name"] == "transport:packet_sent"
        and event["data"]["header"]["packet_type"] == "0RTT"
        for frame in event["data"]["frames"]
    )


def test_a_push_in_the_first_flight_is_stored_once_however_often_it_comes(
    gateway: Gateway, operator: ConstellationClient
) -> None:
    request = push(3)
    before = operator.get_cluster_status()

    async def exchange() -> None:
        first, second = await gateway.ticket(), await gateway.ticket()
        shown = gateway.shown("Sync")
        log = QuicLogger()
        async with gateway.dial(first, log) as tv:
            answer = await tv.post("Sync", request.SerializeToString(), shown)
            assert tv._quic.tls.early_data_accepted
        assert early_frames(log) > 0
        got = pb.SyncResponse.FromString(answer.body)
        assert (got.accepted_sketches, got.duplicate) == (3, False)
        # The very bytes again: the proof is spent.
        async with gateway.dial(second) as tv:
            answer = await tv.post("Sync", request.SerializeToString(), shown)
            assert tv._quic.tls.early_data_accepted
        assert answer.headers[b":status"] == b"401"
        # The same push with a fresh proof: it is known. The first ticket is spent.
        async with gateway.dial(first) as tv:
            answer = await tv.post("Sync", request.SerializeToString(), gateway.shown("Sync"))
            assert not tv._quic.tls.early_data_accepted
            assert not tv._quic.tls.session_resumed
        got = pb.SyncResponse.FromString(answer.body)
        assert (got.accepted_sketches, got.duplicate) == (3, True)

    asyncio.run(exchange())
    after = operator.get_cluster_status()
    assert (after.pushes, after.sketches) == (before.pushes + 1, before.sketches + 3)


def test_what_is_not_idempotent_waits_for_the_handshake(
    gateway: Gateway, operator: ConstellationClient
) -> None:
    before = operator.get_cluster_status().total_devices
    body = pb.RegisterDeviceRequest(request_id=str(uuid.uuid4())).SerializeToString()

    async def register() -> None:
        async with gateway.dial(await gateway.ticket()) as tv:
            early = await tv.post("RegisterDevice", body, gateway.shown("RegisterDevice"))
            assert early.headers[b":status"] == b"425"
            await tv.ping()
            shown = dict(Prover(DeviceKey.generate()).metadata(SERVICE + "RegisterDevice"))
            answer = await tv.post("RegisterDevice", body, shown)
            assert answer.headers[b":status"] == b"200"

    asyncio.run(register())
    assert operator.get_cluster_status().total_devices == before + 1


def test_without_the_setting_there_are_no_tickets(
    gateway: Gateway, target: str, key_file: Path, tmp_path: Path
) -> None:
    config = SyncConfig(token_keys=key_file, constellation_target=target, quic_listen="127.0.0.1:0")
    server = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=tmp_path / "server.pem",
        tls_key=tmp_path / "server.key",
        grace_seconds=0,
    )
    application = build(config, server)
    with running(application.server):
        port = int(application.server.addresses["quic_listen"].rpartition(":")[2])
        other = replace(gateway, port=port, tickets=[])

        async def exchange() -> None:
            async with other.dial(None) as tv:
                answer = await tv.post("Sync", push(0).SerializeToString(), other.shown("Sync"))
                assert answer.headers[b":status"] == b"200"
                await tv.ping()

        asyncio.run(exchange())
    assert other.tickets == []


def test_a_ticket_is_spent_once_and_few_are_kept() -> None:
    now = ManualClock(datetime.now(UTC)).now()

    def ticket(label: bytes) -> SessionTicket:
        return SessionTicket(
            age_add=0,
            cipher_suite=0,  # type: ignore[arg-type]  # never looked at
            not_valid_after=now,
            not_valid_before=now,
            resumption_secret=b"",
            server_name="",
            ticket=label,
        )

    tickets = SingleUseTickets(most=2)
    for label in (b"1", b"2", b"3"):
        tickets.keep(ticket(label))
    assert tickets.spend(b"1") is None
    assert tickets.spend(b"3") == ticket(b"3")
    assert tickets.spend(b"3") is None
    assert tickets.spend(b"2") == ticket(b"2")
