"""What HTTP lets in that gRPC does not: other protocols, bombs, slow requests, early data."""

from __future__ import annotations

import asyncio
import gzip
import queue
import socket
import ssl
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from connectrpc.errors import ConnectError
from pyqwest import HTTPVersion, SyncHTTPTransport
from pyqwest import SyncClient as HttpClient
from tests.sync.transports.conftest import Place

from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1.sync_service_connect import SyncServiceClientSync
from omega_core import limits
from omega_sync.web.guard import Guard, Message, Scope
from omega_testing.stand_in import StandIn

SYNC = "/omega.sync.v1.SyncService/Sync"
BODY = pb.SyncRequest(request_id=str(uuid.UUID(int=7)), model_version="m")
VERSIONS = {
    "HTTP/1.1": (HTTPVersion.HTTP1, "http_listen"),
    "HTTP/2": (HTTPVersion.HTTP2, "http_listen"),
    "HTTP/3": (HTTPVersion.HTTP3, "quic_listen"),
}


class Web:
    """Bare HTTP to the gateway."""

    def __init__(self, place: Place, name: str) -> None:
        version, listener = VERSIONS[name]
        self.place = place
        self.url = f"https://{place.at(listener)}"
        self.transport = SyncHTTPTransport(
            tls_ca_cert=place.ca.read_bytes(), http_version=version, enable_otel=False
        )
        self.client = HttpClient(self.transport)

    def post(self, path: str = SYNC, body: bytes = b"", **fields: str) -> tuple[int, bytes]:
        given = {
            "content-type": "application/proto",
            "connect-timeout-ms": "20000",
            **dict(self.place.shown(path.rpartition("/")[2])),
            **{name.replace("_", "-"): value for name, value in fields.items()},
        }
        answer = self.client.post(self.url + path, headers=given, content=body, timeout=20)
        return answer.status, answer.content


@pytest.fixture(params=VERSIONS)
def web(request: pytest.FixtureRequest, place: Place) -> Iterator[Web]:
    found = Web(place, request.param)
    yield found
    found.transport.close()


def test_a_good_request_passes(web: Web, upstream: StandIn) -> None:
    status, body = web.post(body=BODY.SerializeToString())
    assert (status, pb.SyncResponse.FromString(body).state_version) == (200, 9)
    assert len(upstream.asked) >= 1


def test_gzip_is_read_within_bounds_and_no_other_coding(web: Web, upstream: StandIn) -> None:
    packed = gzip.compress(BODY.SerializeToString())
    assert web.post(body=packed, content_encoding="gzip")[0] == 200
    upstream.asked.clear()
    bomb = gzip.compress(bytes(64 << 20))
    assert len(bomb) < 2 * limits.MAX_GATEWAY_REQUEST
    assert web.post(body=bomb[: limits.MAX_GATEWAY_REQUEST], content_encoding="gzip")[0] == 429
    for coding in ("zstd", "br", "deflate"):
        status, said = web.post(body=BODY.SerializeToString(), content_encoding=coding)
        assert status == 501
        assert b"unknown compression" in said
    assert not upstream.asked


def test_answers_are_not_packed_again(web: Web) -> None:
    status, body = web.post(body=BODY.SerializeToString(), accept_encoding="gzip")
    assert (status, pb.SyncResponse.FromString(body).state_version) == (200, 9)


@pytest.mark.parametrize(
    "kind", ["application/grpc", "application/grpc-web+proto", "text/html", "application/x", ""]
)
def test_other_protocols_are_not_spoken(web: Web, upstream: StandIn, kind: str) -> None:
    assert web.post(body=BODY.SerializeToString(), content_type=kind)[0] == 415
    assert not upstream.asked


def test_what_is_no_message_is_refused(web: Web, upstream: StandIn) -> None:
    status, said = web.post(body=b"\xff" * 40)
    assert (status, b"invalid_argument" in said) == (400, True)
    assert web.post("/omega.sync.v1.SyncService/Nothing")[0] == 404
    assert not upstream.asked


@pytest.mark.parametrize("name", ["HTTP/2", "HTTP/3"])
def test_a_stream_speaks_both_ways_at_once(place: Place, upstream: StandIn, name: str) -> None:
    web = Web(place, name)
    said: queue.SimpleQueue[pb.StreamSyncRequest | None] = queue.SimpleQueue()
    tv = SyncServiceClientSync(web.url, http_client=web.client, send_compression=None)
    heard = tv.stream_sync(
        iter(said.get, None), headers=dict(place.shown("StreamSync")), timeout_ms=20_000
    )
    said.put(pb.StreamSyncRequest(exchange=pb.SyncRequest(**_fields(), state_version=9)))
    assert next(heard).answer.delta == b""
    upstream.state_version = 10
    news = next(heard)
    assert (news.request_id, news.answer.state_version) == ("", 10)
    said.put(pb.StreamSyncRequest(acknowledgement=pb.StreamAcknowledgement(state_version=10)))
    said.put(pb.StreamSyncRequest(exchange=pb.SyncRequest(**_fields(), state_version=10)))
    assert next(heard).answer.state_version == 10
    said.put(None)
    assert list(heard) == []
    web.transport.close()


def test_a_stream_is_not_offered_where_one_way_excludes_the_other(place: Place) -> None:
    web = Web(place, "HTTP/1.1")
    tv = SyncServiceClientSync(web.url, http_client=web.client, send_compression=None)
    heard = tv.stream_sync(
        iter([pb.StreamSyncRequest()]), headers=dict(place.shown("StreamSync")), timeout_ms=20_000
    )
    with pytest.raises(ConnectError):
        list(heard)


def _fields() -> dict[str, Any]:
    return {"request_id": str(uuid.uuid4()), "model_version": "m"}


def test_http_speaks_tls_1_3_alone(place: Place) -> None:
    host, port = place.at("http_listen").split(":")
    context = ssl.create_default_context(cafile=place.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((host, int(port))) as bare, pytest.raises(ssl.SSLError):
        context.wrap_socket(bare, server_hostname="localhost")


def test_a_body_that_never_ends_is_a_caller_that_hung_up() -> None:
    heard: list[Message] = []

    async def application(scope: Scope, receive: object, send: object) -> None:
        del scope, send
        while True:
            message = await receive()  # type: ignore[operator]  # an ASGI callable
            heard.append(message)
            if not message.get("more_body", False):
                return

    async def trickle() -> Message:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def ignore(message: Message) -> None:
        del message

    scope = {
        "type": "http",
        "path": SYNC,
        "http_version": "1.1",
        "headers": [(b"content-type", b"application/proto")],
    }
    asyncio.run(Guard(application, body_seconds=0.05)(scope, trickle, ignore))
    assert heard[-1] == {"type": "http.disconnect"}
    assert len(heard) > 1
