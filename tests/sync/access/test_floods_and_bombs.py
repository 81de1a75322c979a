"""What a gateway does with too much: calls, bytes, and connections that never get on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import grpc
import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_client.errors import service_error
from omega_core import limits
from omega_rpc.tls import client_credentials
from omega_testing.refusals import Refusal
from omega_testing.site import Device, Site, Stub, refusal

Push = Callable[..., pb.SyncRequest]
Build = Callable[..., Site]
OF_DEVICE = Refusal("RESOURCE_EXHAUSTED", "RATE_LIMITED", "device")
OF_NETWORK = Refusal("RESOURCE_EXHAUSTED", "RATE_LIMITED", "network")


def denied(call: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def sync(tv: Stub, device: Device, request: pb.SyncRequest) -> pb.SyncResponse:
    return tv.Sync(request, **device.call("Sync"))


def pushes(site: Site) -> int:
    return site.operator.get_cluster_status().pushes


@pytest.mark.parametrize("form", ["certificate", "token"])
def test_a_device_syncs_once_a_minute_after_a_small_burst(
    site: Site, push: Push, form: str
) -> None:
    device, other = site.device(), site.device()
    tv, call = site.speaking(device, form)
    for _ in range(5):
        tv.Sync(push(), **call("Sync"))
    error = denied(lambda: tv.Sync(push(), **call("Sync")))
    assert refusal(error) == OF_DEVICE
    assert 0 < retry_after(error) <= 60
    half = pb.PushPatternsRequest(
        request_id=push().request_id, model_version="m", sketches=bytes(48), classes=b"\0"
    )
    assert refusal(denied(lambda: tv.PushPatterns(half, **call("PushPatterns")))) == OF_DEVICE
    assert pushes(site) == 5
    # A pull alone stores nothing, and others are not held up.
    tv.PullPatterns(pb.PullPatternsRequest(), **call("PullPatterns"))
    site.dial().Sync(push(), **other.call("Sync"))
    site.seconds.now += retry_after(error)
    tv.Sync(push(), **call("Sync"))
    assert refusal(denied(lambda: tv.Sync(push(), **call("Sync")))) == OF_DEVICE


def test_exchanges_on_a_stream_are_counted_with_the_others(site: Site, push: Push) -> None:
    device = site.device()
    tv = site.dial()
    for _ in range(3):
        sync(tv, device, push())
    said = [pb.StreamSyncRequest(exchange=push()) for _ in range(4)]
    answers = [
        answer.WhichOneof("message")
        for answer in tv.StreamSync(iter(said), **device.call("StreamSync"))
    ]
    assert answers == ["answer", "answer", "refusal", "refusal"]


def test_a_flood_of_one_device_is_cut_off(build_site: Build, push: Push) -> None:
    site = build_site(device_call_burst=10)
    device, other = site.device(), site.device()
    tv = site.dial()
    pull = pb.PullPatternsRequest()
    for _ in range(10):
        tv.PullPatterns(pull, **device.call("PullPatterns"))
    for _ in range(20):
        call = device.call("PullPatterns")
        assert refusal(denied(partial(tv.PullPatterns, pull, **call))) == OF_DEVICE
    sync(tv, other, push())
    site.seconds.now += 60
    tv.PullPatterns(pull, **device.call("PullPatterns"))


def test_a_flood_of_one_network_is_cut_off_before_anything_is_looked_at(
    build_site: Build, push: Push
) -> None:
    site = build_site(network_call_burst=20, network_calls_per_minute=60)
    tv = site.dial()
    for _ in range(20):
        assert refusal(denied(lambda: tv.Sync(push(), timeout=20))).reason == "UNAUTHENTICATED"
    for ask in (
        lambda: tv.Sync(push(), timeout=20),
        lambda: tv.RegisterDevice(site.new_device().registration(), timeout=20),
    ):
        error = denied(ask)
        assert refusal(error) == OF_NETWORK
        assert 0 < retry_after(error) <= 1
    site.seconds.now += 2
    assert site.device().device_id


@pytest.mark.parametrize("size", [limits.MAX_GATEWAY_REQUEST + 1, 1_000_000])
def test_a_message_above_the_cap_is_not_read(site: Site, push: Push, size: int) -> None:
    request = push(request_id="x" * size)
    error = denied(lambda: site.dial().Sync(request, timeout=20))
    assert refusal(error) == Refusal("RESOURCE_EXHAUSTED", "", "")


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_bomb_is_not_unpacked(site: Site, push: Push, compression: grpc.Compression) -> None:
    bomb = push(request_id="x" * 8_000_000)
    channel = grpc.secure_channel(
        site.address,
        client_credentials(site.tls()),
        options=[("grpc.max_send_message_length", -1)],
        compression=compression,
    )
    with channel:
        tv = sync_service_pb2_grpc.SyncServiceStub(channel)
        error = denied(lambda: tv.Sync(bomb, timeout=20))
        assert refusal(error) == Refusal("RESOURCE_EXHAUSTED", "", "")
        # Compression by itself is welcome.
        device = site.device()
        assert tv.Sync(push(2), **device.call("Sync")).accepted_sketches == 2


def test_metadata_without_end_are_refused(site: Site, push: Push) -> None:
    device = site.device()
    call = device.call("Sync")
    call["metadata"] = (*call["metadata"], ("x-more", "x" * 100_000))
    assert refusal(denied(lambda: site.dial().Sync(push(), **call))).status in {
        "RESOURCE_EXHAUSTED",
        "UNAVAILABLE",
    }
    assert sync(site.dial(), device, push()).accepted_sketches == 2


def test_many_slow_connections_hold_up_nobody(site: Site, push: Push) -> None:
    device = site.device()
    with ExitStack() as stack:
        for open_one in (silent, halfway, begun):
            for _ in range(30):
                open_one(site, stack)
        for _ in range(3):
            assert sync(site.dial(), device, push()).accepted_sketches == 2
        assert site.mutual(device).Sync(push(1), timeout=20).accepted_sketches == 1


def silent(site: Site, stack: ExitStack) -> None:
    """Says nothing at all, on either listener."""
    for address in (site.address, site.mutual_address):
        connected(address, stack)


def halfway(site: Site, stack: ExitStack) -> None:
    """Begins a TLS handshake and leaves it there."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = trusting(site).wrap_bio(down, up, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    hello = up.read()
    connected(site.address, stack).sendall(hello[: len(hello) // 2])


def begun(site: Site, stack: ExitStack) -> None:
    """Begins an HTTP/2 request and never ends its header block."""
    spoken = stack.enter_context(
        trusting(site).wrap_socket(connected(site.address, stack), server_hostname="localhost")
    )
    spoken.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
    # HEADERS without END_HEADERS: the server is to wait for a CONTINUATION.
    spoken.sendall(frame(1, 0, 1, b"\x83"))


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def connected(address: str, stack: ExitStack) -> socket.socket:
    host, _, port = address.rpartition(":")
    return stack.enter_context(socket.create_connection((host, int(port)), timeout=20))


def trusting(site: Site) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(site.server_ca))
    context.set_alpn_protocols(["h2"])
    return context


def retry_after(error: grpc.RpcError) -> float:
    return service_error(error).retry_after
