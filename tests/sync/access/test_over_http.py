"""The same door over HTTP: what was shown on one transport is worth nothing on another."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega_testing.site import SERVICE, Device, Site, refusal

Push = Callable[..., pb.SyncRequest]
Build = Callable[..., Site]


@pytest.fixture
def site(build_site: Build) -> Site:
    return build_site(http_listen="127.0.0.1:0")


def trusting(site: Site) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(site.server_ca))


def post(site: Site, method: str, body: bytes, metadata: Any = ()) -> int:
    """Status of a call over HTTP/1.1."""
    request = urllib.request.Request(
        f"https://{site.addresses['http_listen']}{SERVICE}{method}",
        body,
        {
            "content-type": "application/proto",
            "connect-protocol-version": "1",
            "connect-timeout-ms": "20000",
            **dict(metadata),
        },
    )
    try:
        with urllib.request.urlopen(request, context=trusting(site), timeout=20) as answer:  # noqa: S310 - https
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def sync(site: Site, device: Device, request: pb.SyncRequest) -> int:
    shown = device.call("Sync")["metadata"]
    return post(site, "Sync", request.SerializeToString(), shown)


def pushes(site: Site) -> int:
    return site.operator.get_cluster_status().pushes


def test_a_device_pushes_by_its_token_and_a_thief_does_not(site: Site, push: Push) -> None:
    device, thief = site.device(), site.new_device()
    thief.token = device.token
    assert sync(site, device, push()) == 200
    assert sync(site, thief, push()) == 401
    bearer = (("authorization", f"Bearer {device.token}"),)
    for shown in ((), bearer, (("authorization", f"DPoP {device.token}"),)):
        assert post(site, "Sync", push().SerializeToString(), shown) == 401
    assert pushes(site) == 1


def test_a_proof_that_one_transport_took_the_other_refuses(site: Site, push: Push) -> None:
    device = site.device()
    over_grpc, over_http = device.call("Sync"), device.call("Sync")
    tv = site.dial()
    tv.Sync(push(), **over_grpc)
    assert post(site, "Sync", push().SerializeToString(), over_grpc["metadata"]) == 401
    assert post(site, "Sync", push().SerializeToString(), over_http["metadata"]) == 200
    with pytest.raises(grpc.RpcError) as caught:
        tv.Sync(push(), **over_http)
    assert refusal(caught.value).field == "dpop"
    assert pushes(site) == 2


def test_limits_and_revocations_hold_on_every_transport(site: Site, push: Push) -> None:
    device, other = site.device(), site.device()
    for _ in range(5):
        assert sync(site, device, push()) == 200
    assert sync(site, device, push()) == 429
    with pytest.raises(grpc.RpcError) as caught:
        site.dial().Sync(push(), **device.call("Sync"))
    assert refusal(caught.value).reason == "RATE_LIMITED"
    site.admin.revoke_device(other.device_id)
    assert sync(site, other, push()) == 403
    assert pushes(site) == 5


def test_slow_requests_hold_up_nobody(site: Site, push: Push) -> None:
    device = site.device()
    host, _, port = site.addresses["http_listen"].rpartition(":")
    with ExitStack() as stack:
        for said in (b"", b"POST /omega.sync.v1.SyncService/Sync HT", half_a_body()):
            for _ in range(30):
                plain = stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
                spoken = trusting(site).wrap_socket(plain, server_hostname="localhost")
                stack.enter_context(spoken).sendall(said)
        assert sync(site, device, push()) == 200
        assert site.dial().Sync(push(3), **device.call("Sync")).accepted_sketches == 3


def half_a_body() -> bytes:
    lines = (
        f"POST {SERVICE}Sync HTTP/1.1",
        "host: localhost",
        "content-type: application/proto",
        "content-length: 500",
    )
    return "\r\n".join((*lines, "", "")).encode() + bytes(250)
