from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ClientTls, SyncClient
from omega_constellation.app import build as build_constellation
from omega_constellation.config import ConstellationConfig
from omega_rpc.config import ServerConfig
from omega_rpc.device_keys import DeviceKey
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.certificates import Certificates
from omega_testing.probe import running
from omega_testing.refusals import Refusal, refused

REQUEST_ID = "00000000-0000-4000-8000-000000000007"


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def gateway(config: SyncConfig, public: Certificates, resources: ExitStack) -> SyncClient:
    """A TV's client of a gateway that speaks TLS."""
    server = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=public.server_certificate,
        tls_key=public.server_key,
        grace_seconds=0,
    )
    application = build(config, server)
    resources.callback(application.close)
    address = resources.enter_context(running(application.server))
    return resources.enter_context(SyncClient(address, tls=ClientTls(public.ca)))


def test_tvs_speak_tls_to_the_gateway_and_it_mutual_tls_to_the_constellation(
    database_url: str, key_file: Path, tmp_path: Path, resources: ExitStack
) -> None:
    public, internal = Certificates(tmp_path / "public"), Certificates(tmp_path / "internal")
    server = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=internal.server_certificate,
        tls_key=internal.server_key,
        tls_client_ca=internal.ca,
        grace_seconds=0,
    )
    constellation = build_constellation(ConstellationConfig(database_url=database_url), server)
    resources.callback(constellation.close)
    target = resources.enter_context(running(constellation.server))
    known = SyncConfig(
        key_file,
        constellation_target=target,
        constellation_tls_ca=internal.ca,
        constellation_tls_certificate=internal.client_certificate,
        constellation_tls_key=internal.client_key,
    )
    request = pb.RegisterDeviceRequest(request_id=REQUEST_ID, csr=DeviceKey.generate().csr())
    made = gateway(known, public, resources).register_device(request)
    assert made.device_id.startswith("tv-")
    unknown = SyncConfig(key_file, constellation_target=target, constellation_tls_ca=internal.ca)
    stranger = gateway(unknown, public, resources)
    assert refused(lambda: stranger.register_device(request)) == Refusal(
        "UNAVAILABLE", "UPSTREAM_UNAVAILABLE", ""
    )
